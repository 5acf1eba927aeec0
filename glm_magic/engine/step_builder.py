"""The events of one reply -> a step, at any moment of its stream.

How the two texts of a reply grew, in few enough points to be kept with it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from ..catalogue.schema import Offer
from ..core.errors import GlmError
from ..core.events import (
    ContentDelta,
    ContentWasReasoning,
    Event,
    Finish,
    ReasoningDelta,
    Started,
    StreamError,
    ToolCallDelta,
    ToolFinished,
    ToolStarted,
    UsageReport,
    WebResults,
)
from ..core.messages import ToolCall, ToolRun, WebLink
from ..core.price import Cost
from ..core.turn import Cause, Notice, Sample, Status, Step, Timing
from ..core.usage import TokenEstimate, Usage

STEP_S = 0.05
"""Growth within this time makes one point: a reader sees no finer."""

MOST_BEATS = 400
"""A longer reply is kept in coarser steps."""


class Rhythm:
    """Notes the growth of reasoning and answer.

    Times are those of the turn's clock; counts are of characters.
    """

    def __init__(self) -> None:
        self._beats: list[Sample] = []
        self._step_s = STEP_S

    def note(self, at_s: float, reasoning: int = 0, answer: int = 0) -> None:
        """Add so many characters that came at `at_s`."""
        last = self._beats[-1] if self._beats else Sample(at_s, 0, 0)
        grown = Sample(at_s, last.reasoning + reasoning, last.answer + answer)
        before = self._beats[-2].at_s if len(self._beats) > 1 else None
        if before is not None and at_s - before < self._step_s:
            self._beats[-1] = grown
        else:
            self._beats.append(grown)
        if len(self._beats) > MOST_BEATS:
            self._beats = [*self._beats[:-1:2], self._beats[-1]]
            self._step_s *= 2

    def all_was_reasoning(self) -> None:
        """Count the answer so far as reasoning."""
        self._beats = [Sample(b.at_s, b.reasoning + b.answer, 0) for b in self._beats]

    def beats(self, began_s: float) -> tuple[Sample, ...]:
        """Return the points, in seconds after `began_s`."""
        return tuple(Sample(b.at_s - began_s, b.reasoning, b.answer) for b in self._beats)


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


class StepBuilder:
    """Fold the events of one reply, and give its step at any moment.

    Parameters
    ----------
    offer : Offer
        What was asked, where; gives the price.
    notices : list of Notice
        The turn's notices, to which this reply adds its own.
    cause : Cause
        Why the request was made.
    number : int
        Place of the step in its turn, from 0.
    began_s : float
        When the request was sent, on the turn's clock, on which all times here are given.
    size : Size, optional
        About how large the request is; without it nothing is estimated that was not reported.
    request : Mapping, optional
        The body that was sent.
    """

    def __init__(
        self,
        offer: Offer,
        notices: list[Notice],
        *,
        cause: Cause = "prompt",
        number: int = 0,
        began_s: float = 0.0,
        size: TokenEstimate | None = None,
        request: Mapping[str, Any] | None = None,
    ) -> None:
        self._offer = offer
        self._notices = notices
        self._cause: Cause = cause
        self._number = number
        self._began_s = began_s
        self._size = size
        self._request = request
        self._reasoning = _Text()
        self._content = _Text()
        self._rhythm = Rhythm()
        self._calls: dict[int, _Call] = {}
        self._runs: dict[str, ToolRun] = {}
        self._links: dict[str, WebLink] = {}
        self._usage: Usage | None = None
        self._started = Started()
        self._finish_reason: str | None = None
        self._times: dict[str, float] = {}
        self.status: Status = "streaming"
        """How the reply ended, or ``streaming``."""
        self.error: GlmError | None = None
        """What the reply failed with, if it did."""
        self.started_at: float | None = None
        """Wall clock of the request; ``None`` before it is sent."""

    def fold(self, event: Event, at_s: float) -> None:
        """Take in one event that arrived at `at_s`."""
        match event:
            case ReasoningDelta(text):
                self._times.setdefault("reasoning", at_s)
                self._reasoning.add(text)
                self._rhythm.note(at_s, reasoning=len(text))
            case ContentDelta(text):
                if "content" not in self._times and not text.isspace():
                    self._times["content"] = at_s
                self._content.add(text)
                self._rhythm.note(at_s, answer=len(text))
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
                self._note(event, at_s)
            case ContentWasReasoning():
                self._reasoning.add(self._content.take())
                self._rhythm.all_was_reasoning()
                if "content" in self._times:
                    self._times.setdefault("reasoning", self._times.pop("content"))
            case Finish(reason):
                self._finish_reason = reason
                self._end(_status_of(reason), at_s)
            case StreamError(error):
                self.error = error
                self._end("failed", at_s)
            case WebResults(links):
                self._links.update((link.url, link) for link in links)
            case ToolStarted(call_id):
                self._runs[call_id] = ToolRun(call_id, "running", began_s=at_s)
            case ToolFinished(run):
                self._runs[run.call_id] = run

    def _note(self, notice: Notice, at_s: float) -> None:
        if notice not in self._notices:  # each step of a replayed turn says the same
            self._notices.append(notice)
        if notice.wait_s is not None:
            self._times["resumes"] = at_s + notice.wait_s

    def _call(self, delta: ToolCallDelta) -> None:
        call = self._calls.setdefault(delta.index, _Call())
        call.id = delta.id or call.id
        call.name = delta.name or call.name
        call.arguments.add(delta.arguments)

    @property
    def has_answer(self) -> bool:
        """Whether the answer has begun, or a call."""
        return "content" in self._times

    @property
    def has_calls(self) -> bool:
        """Whether the model asked for functions."""
        return bool(self._calls)

    def interrupt(self, at_s: float) -> None:
        """Mark the reply as stopped by the user, with whatever function runs for it."""
        self._end("interrupted", at_s)
        for run in self._runs.values():
            if run.status == "running":
                self._runs[run.call_id] = replace(_until(run, at_s), status="interrupted")

    def break_off(self, error: GlmError, at_s: float) -> None:
        """Mark the reply as ended by a failure outside of itself."""
        has_text = bool(str(self._content) or str(self._reasoning))
        self.error = error
        self._end("incomplete" if has_text else "failed", at_s)

    def _end(self, status: Status, at_s: float) -> None:
        if self.status == "streaming":
            self.status = status
            self._times["end"] = at_s

    def step(self, now_s: float) -> Step:
        """Return the step as it stands at `now_s`."""
        reasoning, content = str(self._reasoning), str(self._content)
        estimate = self._estimate(reasoning, content)
        return Step(
            reasoning=reasoning,
            content=content,
            tool_calls=self._tool_calls() if self._calls else (),
            usage=self._usage,
            estimate=estimate,
            cost=self._cost(estimate),
            finish_reason=self._finish_reason,
            response_id=self._started.id,
            resolved_model=self._started.model,
            timing=self._timing(now_s),
            status=self.status,
            cause=self._cause,
            began_s=self._began_s,
            request=self._request,
            rhythm=self._rhythm.beats(self._began_s) if self.status != "streaming" else (),
            links=tuple(self._links.values()),
            runs=tuple(_until(run, now_s) for run in self._runs.values()),
        )

    def _estimate(self, reasoning: str, content: str) -> Usage | None:
        """Return about what an ended reply used whose provider did not say, as when it was cut."""
        over = self.status != "streaming"
        if not over or self._usage is not None or self._size is None:
            return None
        calls = "".join(str(call.arguments) for call in self._calls.values())
        arrived = reasoning or content or calls
        return self._size.usage(reasoning, content + calls) if arrived else None

    def _cost(self, estimate: Usage | None) -> Cost | None:
        price = None if self.status == "streaming" else self._offer.price
        cost = price.cost(self._usage or estimate) if price else None
        return replace(cost, estimated=True) if cost and estimate else cost

    def _timing(self, now_s: float) -> Timing:
        times, began_s = self._times, self._began_s
        end_s = times.get("end", now_s)
        reasoning_s, answer_s = times.get("reasoning"), times.get("content")
        thought_to_s = end_s if answer_s is None else answer_s
        return Timing(
            started_at=self.started_at,
            first_byte_s=_since(began_s, times.get("first byte")),
            first_reasoning_s=_since(began_s, reasoning_s),
            first_answer_s=_since(began_s, answer_s),
            thinking_s=None if reasoning_s is None else max(0.0, thought_to_s - reasoning_s),
            total_s=end_s - began_s,
            resumes_s=_since(began_s, times.get("resumes")),
        )

    def _tool_calls(self) -> tuple[ToolCall, ...]:
        """Return the calls, each with an id of its own even where the server sent none."""
        prefix = f"call_{self._number}_" if self._number else "call_"
        calls: dict[str, ToolCall] = {}
        for index, call in sorted(self._calls.items()):
            own = call.id or f"{prefix}{index}"
            own = f"{own}_{index}" if own in calls else own
            calls[own] = ToolCall(own, call.name, str(call.arguments))
        return tuple(calls.values())


def _status_of(reason: str | None) -> Status:
    if reason is None:
        return "incomplete"
    return "failed" if reason in WITHDRAWN else "complete"


def _since(began_s: float, at_s: float | None) -> float | None:
    return None if at_s is None else at_s - began_s


def _until(run: ToolRun, now_s: float) -> ToolRun:
    """Return a call that still runs with the time that it has taken so far."""
    if run.status != "running":
        return run
    return replace(run, elapsed_s=max(0.0, now_s - run.began_s))
