"""What thinking took of a reply, and what the answer took: in time, in tokens, in money."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal

from ...core.price import format_money
from ...core.turn import Step, Turn
from ..header import seconds
from ..labels import AnatomyWords, Labels, anatomy_words
from ..markup.escape import escape_html

_BOX = (
    "display:flex;flex-wrap:wrap;gap:4px 22px;padding:6px 12px;font-size:12px;"
    "border-top:1px solid rgba(128,128,128,.35)"
)
_BAR = "display:inline-block;width:72px;height:8px;border-radius:4px"
_THOUGHT, _ANSWER = "#8e7cc3", "#4caf82"
"""Two hues that differ in lightness too, on a light page and on a dark one."""


@dataclass(frozen=True, slots=True)
class Part:
    """One way to measure a reply: how much of it was thinking, and how much answer."""

    name: str
    share: float
    """Of thinking, from 0 to 1."""
    thinking: str
    answer: str


def parts(turn: Turn, said: AnatomyWords) -> list[Part]:
    """Return what is known of a finished turn that thought, its steps together; else nothing."""
    if turn.status == "streaming" or not turn.reasoning.strip():
        return []
    return [part for part in (_time(turn, said), *_tokens_and_money(turn, said)) if part]


def _time(turn: Turn, said: AnatomyWords) -> Part | None:
    """Return the time in which the model wrote; what its functions took is not part of it."""
    thinking_s = answer_s = 0.0
    for step in turn.steps:
        timing = step.timing
        began_s = timing.first_reasoning_s
        began_s = timing.first_answer_s if began_s is None else began_s
        if timing.total_s is None or began_s is None:
            continue
        thought_s = timing.thinking_s or 0.0
        thinking_s += thought_s
        answer_s += max(0.0, timing.total_s - began_s - thought_s)
    whole_s = thinking_s + answer_s
    if whole_s <= 0:
        return None
    return Part(said.time, thinking_s / whole_s, seconds(thinking_s), seconds(answer_s))


def _tokens_and_money(turn: Turn, said: AnatomyWords) -> Iterator[Part | None]:
    counts = [_counts(step) for step in turn.steps]
    known = [count for count in counts if count is not None]
    output = sum(count[0] for count in known)
    if len(known) < len(counts) or not output:
        return
    inner = sum(count[1] for count in known)
    mark = "≈" if any(count[2] for count in known) else ""
    share = inner / output
    yield Part(said.tokens, share, f"{mark}{inner:,}", f"{mark}{output - inner:,}")
    costs = [step.cost for step in turn.steps if step.cost and step.cost.output is not None]
    if len(costs) < len(counts):
        return
    mark = mark or ("≈" if any(cost.estimated for cost in costs) else "")
    spent = sum((cost.output or Decimal(0) for cost in costs), Decimal(0))
    thinking, currency = spent * Decimal(inner) / output, costs[0].currency
    yield Part(
        said.money,
        share,
        mark + format_money(thinking, currency),
        mark + format_money(spent - thinking, currency),
    )


def _counts(step: Step) -> tuple[int, int, bool] | None:
    """Return a step's output, the reasoning in it, and whether that is a guess."""
    usage = step.usage or step.estimate
    if usage is None or usage.output is None:
        return None
    if usage.reasoning is not None:
        return usage.output, min(usage.reasoning, usage.output), step.usage is None
    if not step.reasoning:
        return usage.output, 0, step.usage is None
    # not reported: by the length of the two texts
    length = len(step.reasoning) + len(step.content)
    return usage.output, round(usage.output * len(step.reasoning) / length), True


def rate(turn: Turn) -> float | None:
    """Return tokens per second from the first byte to the end; ``None`` when not known."""
    output, streamed_s = 0, 0.0
    for step in turn.steps:
        usage, timing = step.usage or step.estimate, step.timing
        if usage is None or not usage.output or timing.total_s is None:
            return None
        output += usage.output
        streamed_s += timing.total_s - (timing.first_byte_s or 0.0)
    return output / streamed_s if streamed_s >= 0.05 else None


def breakdown_html(turn: Turn, words: Labels) -> str:
    """Return the bars as plain HTML; without any style it reads as a line of text."""
    said = anatomy_words(words)
    found = parts(turn, said)
    if not found:
        return ""
    speed = rate(turn)
    last = f"<span>{said.rate.format(count=f'{speed:,.0f}')}</span>" if speed else ""
    shown = " ".join(_part_html(part, said) for part in found)
    return f'<div class="glm-y" style="{_BOX}">{shown} {last}</div>'


def _part_html(part: Part, said: AnatomyWords) -> str:
    percent = round(100 * part.share)
    text = said.split.format(thinking=part.thinking, answer=part.answer, percent=percent)
    bar = (
        f'<span style="{_BAR};background:linear-gradient(90deg,{_THOUGHT} {percent}%,'
        f'{_ANSWER} 0)"></span>'
    )
    return f"<span><b>{part.name}</b> {bar} {escape_html(text)}</span>"


def breakdown_line(turn: Turn, words: Labels) -> str:
    """Return the same in one line of text; empty when there is nothing to tell."""
    said = anatomy_words(words)
    return " · ".join(
        f"{part.name} "
        + said.split.format(
            thinking=part.thinking, answer=part.answer, percent=round(100 * part.share)
        )
        for part in parts(turn, said)
    )
