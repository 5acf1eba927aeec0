"""What a turn does after a reply, beyond showing it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from ...tools.shape import Shape
from ...tools.tool import Tool

MAX_ROUNDS = 8
"""Rounds of tool calls in one turn, unless the user says otherwise."""
TOOL_TIMEOUT_S = 300.0
"""How long one function may take; the model is then told that there is no result."""

Approve = Callable[[str, Mapping[str, Any]], bool]
"""Takes a function's name and arguments; says whether it may be called."""


@dataclass(frozen=True, slots=True)
class Follow:
    """The functions that a turn may call and how, and the shape of its answer."""

    tools: Mapping[str, Tool] = field(default_factory=dict)
    """Only what the user named, by name."""
    max_rounds: int = MAX_ROUNDS
    approve: Approve | None = None
    """``None``: every call is made."""
    parallel: bool = False
    """Make the calls of one round at the same time, each in a thread of its own."""
    timeout_s: float = TOOL_TIMEOUT_S
    shape: Shape | None = None
    """What the answer has to look like; ``None``: anything."""
