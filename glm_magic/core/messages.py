"""Messages, tool calls and requests, before a dialect spells them for a provider."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from .attachments import Attachment
from .spelled import SpelledMessage
from .thinking import Thinking

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
    attachments: tuple[Attachment, ...] = ()
    """Pictures that it returned."""


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
    attachments: tuple[Attachment, ...] = ()
    """Pictures and files, each with its place in `content`."""
    spelled: dict[str, SpelledMessage] = field(
        default_factory=dict, init=False, repr=False, compare=False
    )
    """How dialects spelled it before, by what their spellings depend on: a message is sent again
    with every prompt that follows."""


@dataclass(frozen=True, slots=True)
class Beginning:
    """Reasoning with which a reply begins: the model goes on where it ends."""

    reasoning: str
    is_ended: bool = False
    """Whether the thought is over, so that the answer follows at once."""


PRESETS = (
    "stream_options",
    "incremental_output",
    "result_format",
    "thinking",
    "enable_thinking",
    "reasoning",
    "reasoning_effort",
    "chat_template_kwargs",
    "clear_thinking",
    "response_format",
    "tool_stream",
    "tool_choice",
)
"""Body keys that are set here without being asked for; ``null`` as the value leaves one out."""


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
    beginning: Beginning | None = None
    """What the reply begins with; ``None``: the model begins by itself."""


def forces_call(parameters: Mapping[str, Any]) -> bool:
    """Whether a request leaves the model no choice but to call a function."""
    choice = parameters.get("tool_choice")
    return choice == "required" or isinstance(choice, Mapping)
