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


RunStatus = Literal["running", "done", "failed", "refused", "interrupted"]
"""
``running``: the function has not returned. ``done``: it returned. ``failed``: it raised, took too
long, or could not be called as the model asked. ``refused``: the user did not approve the call.
``interrupted``: the turn was stopped first.
"""


@dataclass(frozen=True, slots=True)
class ToolRun:
    """What became of one tool call."""

    call_id: str
    """Id of the `ToolCall`."""
    status: RunStatus
    content: str = ""
    """What the model is told: the result, or what went wrong."""
    began_s: float = 0.0
    """When the function was called, in seconds after the turn's first request."""
    elapsed_s: float = 0.0
    """How long it took, or has taken so far."""


@dataclass(frozen=True, slots=True)
class WebLink:
    """A page that the provider's own web search found."""

    url: str
    title: str = ""
    site: str = ""
    """Who published it, as the provider says."""
    date: str = ""
    """When it was published, as the provider writes it."""
    text: str = ""
    """What the model was given of it."""


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
