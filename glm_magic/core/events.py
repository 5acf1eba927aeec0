"""What a stream says, whatever the provider: a closed set of frozen events.

A decoder turns each wire record into any number of these, in the order of the record. One record
may carry reasoning, text, tool arguments and usage together.
"""

from __future__ import annotations

from dataclasses import dataclass

from .errors import GlmError
from .messages import ToolRun, WebLink
from .tokens import Token
from .turn import Cause, Notice
from .usage import Usage


@dataclass(frozen=True, slots=True)
class Started:
    """The server began its reply."""

    id: str | None = None
    """The provider's id of the reply."""
    model: str | None = None
    """The model that the server says it ran."""


@dataclass(frozen=True, slots=True)
class ReasoningDelta:
    """More of the reasoning."""

    text: str


@dataclass(frozen=True, slots=True)
class ContentDelta:
    """More of the answer."""

    text: str


@dataclass(frozen=True, slots=True)
class ContentWasReasoning:
    """All content so far was reasoning.

    Sent when a lone ``</think>`` shows that the prompt template had opened the reasoning, so that
    the text before the tag arrived unmarked.
    """


@dataclass(frozen=True, slots=True)
class ToolCallDelta:
    """A part of a tool call; parts with the same `index` belong together, in order."""

    index: int
    arguments: str = ""
    """The next characters of the JSON arguments."""
    id: str | None = None
    name: str | None = None


@dataclass(frozen=True, slots=True)
class UsageReport:
    """Counts of this reply so far; it replaces any earlier report of the same reply."""

    usage: Usage


@dataclass(frozen=True, slots=True)
class TokenReport:
    """How probable tokens were that the model wrote, where that was asked for.

    They need not be those of the text in the events beside it.
    """

    tokens: tuple[Token, ...]


@dataclass(frozen=True, slots=True)
class WebResults:
    """What the provider's own web search found for this reply."""

    links: tuple[WebLink, ...]


@dataclass(frozen=True, slots=True)
class StepStarted:
    """The turn goes on with one more request; the events of its reply follow.

    A turn's first request has no such event.
    """

    cause: Cause
    """Why there is another request."""


@dataclass(frozen=True, slots=True)
class ToolStarted:
    """A function that the model asked for is being called."""

    call_id: str


@dataclass(frozen=True, slots=True)
class ToolFinished:
    """A function that the model asked for returned, or did not."""

    run: ToolRun


@dataclass(frozen=True, slots=True)
class Finish:
    """The reply to one request ended; a turn of several steps has one for each."""

    reason: str | None = None
    """The provider's own word (``stop``, ``length``, …); ``None`` when it gave none."""


@dataclass(frozen=True, slots=True)
class StreamError:
    """The reply ended in an error; what came before stays valid."""

    error: GlmError
    finish_reason: str | None = None
    """The provider's own word, where it is this word that says that the reply failed."""


Event = (
    Started
    | ReasoningDelta
    | ContentDelta
    | ContentWasReasoning
    | ToolCallDelta
    | UsageReport
    | TokenReport
    | Notice
    | WebResults
    | StepStarted
    | ToolStarted
    | ToolFinished
    | Finish
    | StreamError
)


@dataclass(frozen=True, slots=True)
class TimedEvent:
    """An event and when it arrived."""

    at_s: float
    """Seconds since the turn's first request was sent."""
    event: Event
