"""The messages of a conversation, in no provider's spelling."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Role = Literal["system", "user", "assistant", "tool"]
ROLES: tuple[Role, ...] = ("system", "user", "assistant", "tool")


@dataclass(frozen=True, slots=True)
class ToolCall:
    """A function that the model asks to have called."""

    id: str
    name: str
    arguments: str
    """JSON text, exactly as the model wrote it; it need not be valid."""


@dataclass(frozen=True, slots=True)
class Message:
    """One message of the context."""

    role: Role
    content: str = ""
    reasoning: str = ""
    """Reasoning of an assistant message, apart from `content` and never trimmed."""
    reasoning_from: str | None = None
    """Provider that produced `reasoning`, to which alone it goes back; ``None``: the caller wrote
    the message, so it is sent as it stands."""
    tool_calls: tuple[ToolCall, ...] = ()
    tool_call_id: str | None = None
    """The call that a ``tool`` message answers."""
