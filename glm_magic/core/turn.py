"""A turn: one prompt and everything that came back for it.

A turn has a step for each request that it took. `Turn.to_messages` is what later requests send of
it: there, every tool call has an answer, wherever the turn was stopped.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal, NamedTuple

from .attachments import Attachment, with_names
from .calls import is_object
from .finish_reasons import is_at_limit
from .messages import Message, ToolCall, ToolRun, WebLink
from .price import Cost
from .tokens import PARTS, Part, Token, TokenFigures
from .usage import Usage


@dataclass(frozen=True, slots=True)
class Notice:
    """Something the user should know that is not an error."""

    code: str
    """A stable word, such as ``"retry"`` or ``"length"``."""
    message: str
    wait_s: float | None = None
    """How long nothing will happen from now on, as before a retry; ``None``: no wait."""


KEY_PLACE = "key"
"""Code of the notice that names where the key was found, for one that a file held."""

Status = Literal["streaming", "complete", "incomplete", "interrupted", "failed"]
"""
``streaming``: still arriving. ``complete``: ended with the provider's own finish reason.
``incomplete``: the body ended without one. ``interrupted``: stopped by the user. ``failed``: ended
in an error, or by a finish reason that is one (``sensitive``, ``network_error``, …).
"""

Cause = Literal["prompt", "tools", "answer now", "repair", "think on", "end thinking"]
"""
Why a request was made. ``prompt``: the user asked. ``tools``: to tell the model what its tool
calls returned. ``answer now``: the user cut the thinking short. ``repair``: the answer did not
match the schema. ``think on``: the model would have stopped thinking, and was made to go on.
``end thinking``: its thinking had reached its limit, and the answer follows from there.
"""

CONTINUING: tuple[Cause, ...] = ("think on", "end thinking")
"""Causes of a step that goes on with the thought of the step before it."""


NOT_CALLED = "not called: the turn was stopped first"
"""What the model is told of a call that was never made; every call needs an answering message."""
STOPPED = "stopped before it returned; it may have had an effect"
EMPTY = "(nothing)"
"""What is sent for an empty result, which some providers refuse."""


@dataclass(frozen=True, slots=True)
class Timing:
    """When things happened, in seconds since the request was sent; ``None``: not (yet) seen."""

    started_at: float | None = None
    """Wall clock of the request, seconds since the epoch."""
    first_byte_s: float | None = None
    first_reasoning_s: float | None = None
    first_answer_s: float | None = None
    thinking_s: float | None = None
    """From the first piece of reasoning to the first of the answer, or to the end."""
    total_s: float | None = None
    resumes_s: float | None = None
    """End of the wait before the last retry; ``None`` when there was no retry."""


class Sample(NamedTuple):
    """How far the texts of a reply had grown at one moment, in characters."""

    at_s: float
    """Seconds since the request was sent."""
    reasoning: int
    answer: int


@dataclass(frozen=True, slots=True)
class Given:
    """What of a step's reasoning the model did not write in it; the step begins with it."""

    kept: int = 0
    """Characters that stand as they did in the turn that is thought again."""
    written: int = 0
    """Characters after those, which somebody wrote for the model."""
    sentence: int | None = None
    """The first sentence that was replaced, from 1; ``None``: the turn replaces none."""
    before: str = ""
    """The reasoning that stood in place of what is written, to its end."""
    answer: str = ""
    """The answer that followed from it."""

    @property
    def length(self) -> int:
        """Characters of the reasoning that were there before the model wrote."""
        return self.kept + self.written


@dataclass(frozen=True, slots=True)
class Step:
    """One request and its reply; a turn has several when tools are called."""

    reasoning: str = ""
    content: str = ""
    tool_calls: tuple[ToolCall, ...] = ()
    usage: Usage | None = None
    """As reported; ``None`` when the provider reported nothing."""
    estimate: Usage | None = None
    """Approximate usage where the provider reported none; ``None`` where it did, and while the
    reply streams."""
    cost: Cost | None = None
    """``None`` when no price or no usage is known."""
    finish_reason: str | None = None
    """The provider's own word."""
    response_id: str | None = None
    resolved_model: str | None = None
    """The model that the server says it ran."""
    timing: Timing = field(default_factory=Timing)
    status: Status = "complete"
    """How this reply ended, or ``streaming``."""
    cause: Cause = "prompt"
    began_s: float = 0.0
    """When the request was sent, in seconds after the turn's first one."""
    request: Mapping[str, Any] | None = field(
        default=None, repr=False, compare=False, metadata={"saved": False}
    )
    """The body that was sent; it never holds a key."""
    rhythm: tuple[Sample, ...] = field(
        default=(), repr=False, compare=False, metadata={"saved": False}
    )
    """How the texts grew; empty while the reply streams, and where it was not noted."""
    runs: tuple[ToolRun, ...] = ()
    """What became of the tool calls, as far as they were made."""

    links: tuple[WebLink, ...] = ()
    """What the provider's own web search found."""
    given: Given | None = None
    """How the reasoning begins, where the model did not begin it."""
    reasoning_figures: TokenFigures | None = field(default=None, repr=False)
    """How probable the tokens of the reasoning were; ``None``: not reported. While the reply
    streams, they may lag behind the text."""
    answer_figures: TokenFigures | None = field(default=None, repr=False)
    """The same of the answer."""

    @property
    def own_reasoning(self) -> str:
        """The reasoning that the model wrote in this step."""
        return self.reasoning[self.given.length :] if self.given else self.reasoning

    @property
    def tokens(self) -> tuple[Token, ...]:
        """The tokens of both texts, where their figures were reported; joined, they are the text.

        Empty where no figure was.
        """
        if self.reasoning_figures is None and self.answer_figures is None:
            return ()
        return tuple(token for part in PARTS for token in self.tokens_of(part))

    def tokens_of(self, part: Part) -> Iterator[Token]:
        """Yield the tokens of one text; all of it is one where no figure was reported."""
        is_answer = part == "answer"
        figures = self.answer_figures if is_answer else self.reasoning_figures
        text = self.content if is_answer else self.reasoning
        return (figures or TokenFigures("")).tokens(text, part)

    @property
    def has_output(self) -> bool:
        """Whether anything came back; a request that was refused is not paid for."""
        arrived = self.own_reasoning or self.content or self.tool_calls
        return bool(arrived or self.usage or self.estimate) or self.cost is not None

    def run_of(self, call: ToolCall) -> ToolRun | None:
        """Return what became of a call of this step; ``None`` while it waits its turn."""
        return next((run for run in self.runs if run.call_id == call.id), None)

    @property
    def truncated_call(self) -> ToolCall | None:
        """The call in which the reply ended at the token limit, if it did.

        Its arguments are never repaired: what would make them whole is not known.
        """
        if not self.tool_calls or not is_at_limit(self.finish_reason):
            return None
        last = self.tool_calls[-1]
        return None if is_object(last.arguments) else last

    def to_messages(self, provider: str) -> list[Message]:
        """Return what the model said, and the result of each of its calls.

        Calls are as the model wrote them; a dialect sends them back as servers take them.
        """
        reply = Message(
            "assistant",
            self.content,
            reasoning=self.reasoning,
            reasoning_from=provider,
            tool_calls=self.tool_calls,
        )
        return [reply, *map(self._answer_to, self.tool_calls)]

    def _answer_to(self, call: ToolCall) -> Message:
        run = self.run_of(call)
        shown = run.attachments if run is not None else ()
        return Message("tool", self._result(call), tool_call_id=call.id, attachments=shown)

    def _result(self, call: ToolCall) -> str:
        run = self.run_of(call)
        if run is None:
            return NOT_CALLED
        return STOPPED if run.status in ("running", "interrupted") else run.content or EMPTY


@dataclass(frozen=True, slots=True)
class Turn:
    """A prompt, the steps that answered it, and how far they got."""

    prompt: str
    provider: str
    model: str
    """The model that was asked for, by our name."""
    steps: tuple[Step, ...]
    status: Status
    notices: tuple[Notice, ...] = ()
    error: str | None = None
    """What ended a failed turn, in words."""
    elapsed_s: float | None = None
    """Seconds from the first request until now, or to the end, tool calls included; ``None`` for a
    turn of one step, whose own timing says it."""
    is_free: bool | None = None
    """True where it was asked at a server of the user's own, which costs nothing; else ``None``."""
    attachments: tuple[Attachment, ...] = ()
    """Pictures and files of the prompt, each with its place in it."""

    @property
    def question(self) -> Message:
        """The prompt as a message, with what it shows."""
        return Message("user", self.prompt, attachments=self.attachments)

    @property
    def shown_prompt(self) -> str:
        """The prompt as a person reads it, with the names of its pictures and files."""
        return with_names(self.prompt, self.attachments)

    @property
    def all_attachments(self) -> tuple[Attachment, ...]:
        """What the prompt shows, and what functions returned."""
        runs = (run for step in self.steps for run in step.runs)
        return (*self.attachments, *(one for run in runs for one in run.attachments))

    @property
    def answer(self) -> str:
        """The text of the answer, exactly as it arrived."""
        return self.steps[-1].content if self.steps else ""

    @property
    def reasoning(self) -> str:
        """The reasoning of every step, in order."""
        return "\n\n".join(step.reasoning for step in self.steps if step.reasoning)

    @property
    def tool_calls(self) -> tuple[ToolCall, ...]:
        """The calls that the last step asks for."""
        return self.steps[-1].tool_calls if self.steps else ()

    @property
    def usage(self) -> Usage | None:
        """Usage of all steps together, or ``None`` when nothing was reported."""
        reported = [step.usage for step in self.steps if step.usage is not None]
        return sum(reported[1:], reported[0]) if reported else None

    @property
    def estimate(self) -> Usage | None:
        """Approximate usage of the steps whose provider reported none; ``None``: all reported."""
        guessed = [step.estimate for step in self.steps if step.estimate is not None]
        return sum(guessed[1:], guessed[0]) if guessed else None

    @property
    def cost(self) -> Cost | None:
        """Cost of all steps together; ``None`` when any that brought something has no price."""
        costs = [step.cost for step in self.steps if step.has_output]
        known = [cost for cost in costs if cost is not None]
        if not known or len(known) < len(costs):
            return None
        amount = sum((cost.amount for cost in known[1:]), known[0].amount)
        return Cost(amount, known[0].currency, any(cost.estimated for cost in known))

    @property
    def finish_reason(self) -> str | None:
        """The last step's finish reason, in the provider's own word."""
        return self.steps[-1].finish_reason if self.steps else None

    @property
    def timing(self) -> Timing:
        """The timing of the whole turn, from its first request on."""
        if len(self.steps) < 2 and self.elapsed_s is None:
            return self.steps[-1].timing if self.steps else Timing()
        return _whole_timing(self.steps, self.elapsed_s)

    @property
    def links(self) -> tuple[WebLink, ...]:
        """What the provider's own web search found, each page once."""
        by_url = {link.url: link for step in self.steps for link in step.links}
        return tuple(by_url.values())

    @property
    def awaits_caller(self) -> bool:
        """Whether it ended in calls that are the caller's own to make."""
        return self.status == "complete" and bool(self.tool_calls) and not self.steps[-1].runs

    @property
    def is_context(self) -> bool:
        """Whether later turns send this one: it has an answer, and it did not fail."""
        return bool(self.answer.strip() or self.awaits_caller) and self.status != "failed"

    def to_messages(self) -> list[Message]:
        """Return the prompt, the rounds of tool calls, and the answer.

        Thinking that was cut short and answers that did not match their schema are left out. A
        turn that ends in calls which nobody answered gives nothing: every provider refuses those.
        """
        if self.awaits_caller:
            return []
        rounds = (step for step in self.steps[:-1] if step.runs)
        messages = [self.question]
        last = self.steps[-1:]
        if last and last[0].cause in CONTINUING:
            last = (replace(last[0], reasoning=self.reasoning),)
        for step in (*rounds, *last):
            messages += step.to_messages(self.provider)
        return messages


def _whole_timing(steps: tuple[Step, ...], elapsed_s: float | None) -> Timing:
    """Return the timing of all steps together; the answer is the last step's."""
    first, last = steps[0].timing, steps[-1]
    thought = [step.timing.thinking_s for step in steps if step.timing.thinking_s is not None]
    return Timing(
        started_at=first.started_at,
        first_byte_s=first.first_byte_s,
        first_reasoning_s=next(
            (at for step in steps if (at := _at(step, step.timing.first_reasoning_s)) is not None),
            None,
        ),
        first_answer_s=_at(last, last.timing.first_answer_s),
        thinking_s=sum(thought) if thought else None,
        total_s=_at(last, last.timing.total_s) if elapsed_s is None else elapsed_s,
        resumes_s=_at(last, last.timing.resumes_s),
    )


def _at(step: Step, since_s: float | None) -> float | None:
    """Return a moment of a step on the turn's own clock."""
    return None if since_s is None else step.began_s + since_s
