"""What is asked of a model, in no provider's spelling."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from .messages import Message

Thinking = bool | str | None
"""``None`` or ``"auto"``: the provider's default; True; False; or an effort level (``"high"``)."""

EFFORT_LEVELS = ("minimal", "low", "medium", "high", "xhigh", "max")
"""Every effort level that any of the providers knows, weakest first."""


@dataclass(frozen=True, slots=True)
class Request:
    """One call, planned and checked, not yet spelled for a provider."""

    model: str
    """Our name of the model."""
    messages: tuple[Message, ...]
    thinking: Thinking = None
    parameters: Mapping[str, Any] = field(default_factory=dict)
    """Sampling and other body parameters; holds exactly what the user set, nothing else."""
    tools: tuple[Mapping[str, Any], ...] = ()
    """Function schemas in the OpenAI form, sent unchanged."""
    preserve: bool | None = None
    """Whether reasoning of earlier turns goes back; ``None``: the provider's default."""


def forces_call(parameters: Mapping[str, Any]) -> bool:
    """Whether a request leaves the model no choice but to call a function."""
    choice = parameters.get("tool_choice")
    return choice == "required" or isinstance(choice, Mapping)
