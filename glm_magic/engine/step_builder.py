"""The events of one reply -> a `Step`, at any moment of its stream.

Times are seconds on the turn's clock. A `Finish` comes once for each request; a body that ends
without a finish reason makes the step ``incomplete``, as does a connection that breaks after some
text. `RhythmRecorder` notes how the two texts grew, in few enough points to be saved with the step
and played again.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from ..core.events import (
    ContentDelta,
    ContentWasReasoning,
    Event,
    Finish,
    ReasoningDelta,
    Started,
    StreamError,
    TokenReport,
    ToolCallDelta,
    ToolFinished,
    ToolStarted,
    UsageReport,
    WebResults,
)
from ..core.messages import ToolCall, ToolRun, WebLink
from ..core.price import Cost
from ..core.tokens import Token, TokenFigures, figures_of
from ..core.turn import Cause, Notice, Sample, Status, Step, Timing
from ..core.usage import Usage
from .prepared import PreparedRequest

SAMPLE_S = 0.05
"""Growth within this time makes one sample; a reader sees no finer."""
MAX_SAMPLES = 400
"""A reply that has more is saved in coarser steps."""


_SIMPLE = frozenset((ReasoningDelta, ContentDelta, TokenReport, UsageReport))
"""Events of which nearly all of a stream consists."""

GROWTH = 1.2
"""The tokens of a growing reply are looked at again when there are so many times as many."""
FEW_TOKENS = 10


class RhythmRecorder:
    """Samples how many characters of reasoning and answer there were, and when."""

    def __init__(self) -> None:
        self._samples: list[Sample] = []
        self._interval_s = SAMPLE_S

    def add(self, at_s: float, reasoning: int = 0, answer: int = 0) -> None:
        """Count the characters that arrived at `at_s`."""
        last = self._samples[-1] if self._samples else Sample(at_s, 0, 0)
        sample = Sample(at_s, last.reasoning + reasoning, last.answer + answer)
        before_s = self._samples[-2].at_s if len(self._samples) > 1 else None
        if before_s is not None and at_s - before_s < self._interval_s:
            self._samples[-1] = sample
        else:
            self._samples.append(sample)
        if len(self._samples) > MAX_SAMPLES:
            self._samples = [*self._samples[:-1:2], self._samples[-1]]
            self._interval_s *= 2

    def count_as_reasoning(self) -> None:
        """Move the answer so far to the reasoning."""
        self._samples = [Sample(s.at_s, s.reasoning + s.answer, 0) for s in self._samples]

    def samples(self, began_s: float) -> tuple[Sample, ...]:
        """Return the samples, their times in seconds after `began_s`."""
        return tuple(Sample(s.at_s - began_s, s.reasoning, s.answer) for s in self._samples)


class _Text:
    """A text that grows; joined only when it is read."""

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
    """Adds up the events of one reply.

    Parameters
    ----------
    request : PreparedRequest
        What was sent; its size estimates what the provider does not report, its offer gives the
        price.
    notices : list of Notice
        The turn's notices, to which this reply adds its own.
    cause : Cause
        Why the request was made.
    number : int
        Position of the step in its turn, from 0.
    began_s : float
        When the request was sent.
    """

    def __init__(
        self,
        request: PreparedRequest,
        notices: list[Notice],
        *,
        cause: Cause = "prompt",
        number: int = 0,
        began_s: float = 0.0,
    ) -> None:
        self.request = request
        """What is sent for it."""
        self._notices = notices
        self._cause: Cause = cause
        self._number = number
        self._began_s = began_s
        self._reasoning = _Text()
        self._content = _Text()
        self._rhythm = RhythmRecorder()
        if request.given_text:
            self._reasoning.add(request.given_text)
            self._rhythm.add(began_s, reasoning=len(request.given_text))
        self._calls: dict[int, _Call] = {}
        self._runs: dict[str, ToolRun] = {}
        self._links: dict[str, WebLink] = {}
        self._tokens: list[Token] = []
        self._figures: dict[str, TokenFigures] = {}
        """By the name of the step's field."""
        self._laid, self._is_laid = FEW_TOKENS, False
        """How many tokens had figures when they were last laid along the text; whether all."""
        self._usage: Usage | None = None
        self._started = Started()
        self._finish_reason: str | None = None
        self._times: dict[str, float] = {}
        self.status: Status = "streaming"
        """How the reply ended, or ``streaming``."""
        self.started_at: float | None = None
        """Wall clock of the request; ``None`` before it is sent."""

    def add(self, events: Sequence[Event], at_s: float) -> None:
        """Take in events that arrived together, at `at_s`."""
        if len(events) > 1 and not _SIMPLE.issuperset(map(type, events)):
            for event in events:
                self.add([event], at_s)
            return
        # No order matters among these: each adds to a text or to the tokens, or replaces the usage.
        self._add_thought("".join([e.text for e in events if isinstance(e, ReasoningDelta)]), at_s)
        self._add_answer("".join([e.text for e in events if isinstance(e, ContentDelta)]), at_s)
        for event in events:
            if not isinstance(event, (ReasoningDelta, ContentDelta)):
                self._add_other(event, at_s)

    def _add_thought(self, text: str, at_s: float) -> None:
        if text:
            self._times.setdefault("reasoning", at_s)
            self._reasoning.add(text)
            self._rhythm.add(at_s, reasoning=len(text))

    def _add_answer(self, text: str, at_s: float) -> None:
        if text:
            if "content" not in self._times and not text.isspace():
                self._times["content"] = at_s
            self._content.add(text)
            self._rhythm.add(at_s, answer=len(text))

    def _add_other(self, event: Event, at_s: float) -> None:
        match event:
            case TokenReport(tokens):
                self._tokens += tokens
            case UsageReport(usage):
                self._usage = usage
            case ToolCallDelta():
                self._times.setdefault("content", at_s)
                self._call(event)
            case Started():  # once more where the request was sent again
                self._times["first byte"] = at_s
                self._started = event
            case _:
                self._rare(event, at_s)

    def _rare(self, event: Event, at_s: float) -> None:
        match event:
            case Notice():
                self._note(event, at_s)
            case ContentWasReasoning():
                self._reasoning.add(self._content.take())
                self._rhythm.count_as_reasoning()
                if "content" in self._times:
                    self._times.setdefault("reasoning", self._times.pop("content"))
            case Finish(reason):
                self._finish_reason = reason
                self._end("incomplete" if reason is None else "complete", at_s)
            case StreamError(_, reason):
                self._finish_reason = reason or self._finish_reason
                self._end("failed", at_s)
            case WebResults(links):
                self._links.update((link.url, link) for link in links)
            case ToolStarted(call_id):
                self._runs[call_id] = ToolRun(call_id, "running", began_s=at_s)
            case ToolFinished(run):
                self._runs[run.call_id] = run

    def _note(self, notice: Notice, at_s: float) -> None:
        if notice not in self._notices:  # each step of a replayed turn brings the same one
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
        """Whether the answer or a tool call has begun."""
        return "content" in self._times

    @property
    def has_calls(self) -> bool:
        """Whether the model asks for functions to be called."""
        return bool(self._calls)

    def interrupt(self, at_s: float) -> None:
        """End a reply that still streams, and the functions that run for it."""
        self._end("interrupted", at_s)
        for run in self._runs.values():
            if run.status == "running":
                self._runs[run.call_id] = replace(_until(run, at_s), status="interrupted")

    def break_off(self, at_s: float) -> None:
        """End a reply by a failure that it did not report itself; the text so far stays."""
        has_text = bool(str(self._content) or len(str(self._reasoning)) > self._given)
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
            request=self.request.wire.body,
            rhythm=self._rhythm.samples(self._began_s) if self.status != "streaming" else (),
            links=tuple(self._links.values()),
            runs=tuple(_until(run, now_s) for run in self._runs.values()),
            given=self.request.given,
            **self._figures_of(reasoning, content),
        )

    @property
    def _given(self) -> int:
        """Characters of the reasoning that the model did not write."""
        return len(self.request.given_text)

    def _figures_of(self, reasoning: str, content: str) -> dict[str, TokenFigures]:
        """Return the figures of the tokens; while text comes, those of a moment ago.

        They are laid along the text again when there are a fifth more of them, and at the end. So a
        stream that is looked at all the time takes no more than a few times as long for it.
        """
        count, has_ended = len(self._tokens), self.status != "streaming"
        if (has_ended and not self._is_laid) or count > self._laid * GROWTH:
            figures = figures_of(
                self._tokens, reasoning=reasoning, answer=content, given=self._given
            )
            self._figures = {f"{part}_figures": of for part, of in figures.items()}
            self._laid, self._is_laid = count, has_ended
        return self._figures

    def _estimate(self, reasoning: str, content: str) -> Usage | None:
        """Return approximate usage once a reply has ended that reported none, as a cut one does."""
        if self.status == "streaming" or self._usage is not None:
            return None
        calls = "".join(str(call.arguments) for call in self._calls.values())
        reasoning = reasoning[self._given :]
        has_output = bool(reasoning or content or calls)
        return self.request.size.usage(reasoning, content + calls) if has_output else None

    def _cost(self, estimate: Usage | None) -> Cost | None:
        price = None if self.status == "streaming" else self.request.offer.price
        cost = price.cost(self._usage or estimate) if price else None
        return replace(cost, estimated=True) if cost and estimate else cost

    def _timing(self, now_s: float) -> Timing:
        times, began_s = self._times, self._began_s
        end_s = times.get("end", now_s)
        reasoning_s, answer_s = times.get("reasoning"), times.get("content")
        thinking_end_s = end_s if answer_s is None else answer_s
        return Timing(
            started_at=self.started_at,
            first_byte_s=_since(began_s, times.get("first byte")),
            first_reasoning_s=_since(began_s, reasoning_s),
            first_answer_s=_since(began_s, answer_s),
            thinking_s=None if reasoning_s is None else max(0.0, thinking_end_s - reasoning_s),
            total_s=end_s - began_s,
            resumes_s=_since(began_s, times.get("resumes")),
        )

    def _tool_calls(self) -> tuple[ToolCall, ...]:
        """Return the calls, each with an id: not every server sends one, and some repeat theirs."""
        prefix = f"call_{self._number}_" if self._number else "call_"
        calls: dict[str, ToolCall] = {}
        for index, call in sorted(self._calls.items()):
            id_ = call.id or f"{prefix}{index}"
            id_ = f"{id_}_{index}" if id_ in calls else id_
            calls[id_] = ToolCall(id_, call.name, str(call.arguments))
        return tuple(calls.values())


def _since(began_s: float, at_s: float | None) -> float | None:
    return None if at_s is None else at_s - began_s


def _until(run: ToolRun, now_s: float) -> ToolRun:
    """Return a call, with the time so far where it still runs."""
    if run.status != "running":
        return run
    return replace(run, elapsed_s=max(0.0, now_s - run.began_s))
