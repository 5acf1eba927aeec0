"""Events -> a turn, at any moment of its stream."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from ..catalogue.schema import Offer
from ..core.errors import GlmError
from ..core.estimate import Size
from ..core.events import (
    ContentDelta,
    ContentWasReasoning,
    Event,
    Finish,
    Notice,
    ReasoningDelta,
    Started,
    StreamError,
    ToolCallDelta,
    UsageReport,
)
from ..core.messages import ToolCall
from ..core.price import Cost
from ..core.turn import Status, Step, Timing, Turn
from ..core.usage import Usage

WITHDRAWN = frozenset(
    {
        "sensitive",
        "content_filter",
        "network_error",
        "model_context_window_exceeded",
        "error",
        "abort",
    }
)
"""Finish reasons that mean the provider failed or took the reply back."""


class _Text:
    """A text that grows; joined only when somebody looks."""

    __slots__ = ("_parts",)

    def __init__(self) -> None:
        self._parts: list[str] = []

    def add(self, text: str) -> None:
        self._parts.append(text)

    def take(self) -> str:
        text = str(self)
        self._parts = []
        return text

    def __str__(self) -> str:
        if len(self._parts) > 1:
            self._parts = ["".join(self._parts)]
        return self._parts[0] if self._parts else ""


@dataclass(slots=True)
class _Call:
    id: str = ""
    name: str = ""
    arguments: _Text = field(default_factory=_Text)


class Accumulator:
    """Fold the events of one reply, and give its turn at any moment.

    Parameters
    ----------
    prompt : str
        The user's text.
    offer : Offer
        What was asked, where; gives the price.
    notices : iterable of Notice
        What was already worth saying before anything was sent.
    size : Size, optional
        About how large the request is; without it nothing is estimated that was not reported.
    """

    def __init__(
        self,
        prompt: str,
        offer: Offer,
        notices: Iterable[Notice] = (),
        size: Size | None = None,
    ) -> None:
        self._prompt = prompt
        self._offer = offer
        self._size = size
        self._notices = list(notices)
        self._reasoning = _Text()
        self._content = _Text()
        self._calls: dict[int, _Call] = {}
        self._usage: Usage | None = None
        self._started = Started()
        self._finish_reason: str | None = None
        self._error: GlmError | None = None
        self._status: Status = "streaming"
        self._times: dict[str, float] = {}
        self.started_at: float | None = None
        """Wall clock of the request; ``None`` before it is sent."""

    def fold(self, event: Event, at_s: float) -> None:
        """Take in one event that arrived `at_s` seconds after the request was sent."""
        match event:
            case ReasoningDelta(text):
                self._times.setdefault("reasoning", at_s)
                self._reasoning.add(text)
            case ContentDelta(text):
                if "content" not in self._times and not text.isspace():
                    self._times["content"] = at_s
                self._content.add(text)
            case UsageReport(usage):
                self._usage = usage
            case ToolCallDelta():
                self._times.setdefault("content", at_s)
                self._call(event)
            case Started():
                self._times.setdefault("first byte", at_s)
                self._started = event
            case _:
                self._rare(event, at_s)

    def _rare(self, event: Event, at_s: float) -> None:
        match event:
            case Notice():
                self._notices.append(event)
                if event.wait_s is not None:
                    self._times["resumes"] = at_s + event.wait_s
            case ContentWasReasoning():
                self._reasoning.add(self._content.take())
                if "content" in self._times:
                    self._times.setdefault("reasoning", self._times.pop("content"))
            case Finish(reason):
                self._finish_reason = reason
                self._end(_status_of(reason), at_s)
            case StreamError(error):
                self._error = error
                self._end("failed", at_s)

    def _call(self, delta: ToolCallDelta) -> None:
        call = self._calls.setdefault(delta.index, _Call())
        call.id = delta.id or call.id
        call.name = delta.name or call.name
        call.arguments.add(delta.arguments)

    def interrupt(self, at_s: float) -> None:
        """Mark the turn as stopped by the user."""
        self._end("interrupted", at_s)

    def break_off(self, error: GlmError, at_s: float) -> None:
        """Mark the turn as ended by a failure outside of the reply itself."""
        self._error = error
        has_text = bool(str(self._content) or str(self._reasoning))
        self._end("incomplete" if has_text else "failed", at_s)

    def _end(self, status: Status, at_s: float) -> None:
        if self._status == "streaming":
            self._status = status
            self._times["end"] = at_s

    def turn(self, now_s: float) -> Turn:
        """Return the turn as it stands `now_s` seconds after the request was sent."""
        return Turn(
            prompt=self._prompt,
            provider=self._offer.provider.name,
            model=self._offer.model.id,
            steps=(self._step(now_s),),
            status=self._status,
            notices=tuple(self._notices),
            error=self._error.message if self._error else None,
        )

    def _step(self, now_s: float) -> Step:
        reasoning, content = str(self._reasoning), str(self._content)
        estimate = self._estimate(reasoning, content)
        return Step(
            reasoning=reasoning,
            content=content,
            tool_calls=_calls(self._calls),
            usage=self._usage,
            estimate=estimate,
            cost=self._cost(estimate),
            finish_reason=self._finish_reason,
            response_id=self._started.id,
            resolved_model=self._started.model,
            timing=self._timing(now_s),
        )

    def _estimate(self, reasoning: str, content: str) -> Usage | None:
        """Return about what an ended reply used whose provider did not say, as when it was cut."""
        over = self._status != "streaming"
        if not over or self._usage is not None or self._size is None:
            return None
        calls = "".join(str(call.arguments) for call in self._calls.values())
        arrived = reasoning or content or calls
        return self._size.usage(reasoning, content + calls) if arrived else None

    def _cost(self, estimate: Usage | None) -> Cost | None:
        price = None if self._status == "streaming" else self._offer.price
        cost = price.cost(self._usage or estimate) if price else None
        return replace(cost, estimated=True) if cost and estimate else cost

    def _timing(self, now_s: float) -> Timing:
        times = self._times
        end_s = times.get("end", now_s)
        reasoning_s, answer_s = times.get("reasoning"), times.get("content")
        thought_to_s = end_s if answer_s is None else answer_s
        return Timing(
            started_at=self.started_at,
            first_byte_s=times.get("first byte"),
            first_reasoning_s=reasoning_s,
            first_answer_s=answer_s,
            thinking_s=None if reasoning_s is None else max(0.0, thought_to_s - reasoning_s),
            total_s=end_s,
            resumes_s=times.get("resumes"),
        )


def _status_of(reason: str | None) -> Status:
    if reason is None:
        return "incomplete"
    return "failed" if reason in WITHDRAWN else "complete"


def _calls(calls: Mapping[int, _Call]) -> tuple[ToolCall, ...]:
    return tuple(
        ToolCall(call.id or f"call_{index}", call.name, str(call.arguments))
        for index, call in sorted(calls.items())
    )
