"""What shall become of the batches of a server, and what became of them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from tests.servers.script import Failure

STATES = ("validating", "in_progress", "finalizing")


@dataclass
class Job:
    """One batch of the server."""

    id: str
    vendor: str
    lines: list[dict[str, Any]]
    about: dict[str, Any]
    states: list[str]
    """What it still goes through; the last one stays."""
    answered: int | None = None
    """How many lines are answered when it ends; ``None``: all."""
    problem: dict[str, Any] | None = None
    cancelled: bool = False

    @property
    def state(self) -> str:
        return self.states[0]

    @property
    def has_ended(self) -> bool:
        return self.state in ("completed", "failed", "expired", "cancelled")


@dataclass
class Plan:
    """What shall become of the next batches."""

    states: tuple[str, ...] = (*STATES, "completed")
    answered: int | None = None
    refusal: Failure | None = None
    """Answered in place of making a batch."""
    breaks: str = ""
    """``before`` or ``after`` making the batch the connection is reset; ``stall``: after it, no
    answer comes; ``upload``: the connection is reset while the file is sent."""


@dataclass
class Counters:
    made: int = 0
    cancels: int = 0
    files: dict[str, bytes] = field(default_factory=dict)
