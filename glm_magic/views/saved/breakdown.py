"""How a reply divides into thinking and answer: in time, in tokens, in money."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal

from ...core.price import format_money
from ...core.turn import Step, Turn
from ..header import seconds
from ..labels import Labels
from ..markup.escape import escape_html

_BOX = (
    "display:flex;flex-wrap:wrap;gap:4px 22px;padding:6px 12px;font-size:12px;"
    "border-top:1px solid rgba(128,128,128,.35)"
)
_BAR = "display:inline-block;width:72px;height:8px;border-radius:4px"
_THINKING, _ANSWER = "#8e7cc3", "#4caf82"
"""Two hues that differ in lightness too, on a light page and on a dark one."""


def breakdown_html(turn: Turn, labels: Labels) -> str:
    """Return one bar for each measure; without any style it reads as a line of text.

    Empty while the reply streams, and for one without reasoning.
    """
    measures = _measures(turn, labels)
    if not measures:
        return ""
    rate = _rate(turn)
    speed = f"<span>{labels.rate.format(count=f'{rate:,.0f}')}</span>" if rate else ""
    bars = " ".join(_bar(measure, labels) for measure in measures)
    return f'<div class="glm-y" style="{_BOX}">{bars} {speed}</div>'


@dataclass(frozen=True, slots=True)
class _Measure:
    """A reply by one measure: how much was thinking, and how much answer."""

    name: str
    share: float
    """Of thinking, from 0 to 1."""
    thinking: str
    answer: str


def _measures(turn: Turn, labels: Labels) -> list[_Measure]:
    if turn.status == "streaming" or not turn.reasoning.strip():
        return []
    measures = (_time(turn, labels), *_tokens_and_money(turn, labels))
    return [measure for measure in measures if measure]


def _time(turn: Turn, labels: Labels) -> _Measure | None:
    """Return the time in which the model wrote; the time of its tool calls is not part of it."""
    thinking_s = answer_s = 0.0
    for step in turn.steps:
        timing = step.timing
        began_s = timing.first_reasoning_s
        began_s = timing.first_answer_s if began_s is None else began_s
        if timing.total_s is None or began_s is None:
            continue
        step_thinking_s = timing.thinking_s or 0.0
        thinking_s += step_thinking_s
        answer_s += max(0.0, timing.total_s - began_s - step_thinking_s)
    total_s = thinking_s + answer_s
    if total_s <= 0:
        return None
    share = thinking_s / total_s
    return _Measure(labels.measure_time, share, seconds(thinking_s), seconds(answer_s))


def _tokens_and_money(turn: Turn, labels: Labels) -> Iterator[_Measure | None]:
    counts = [count for count in map(_count, turn.steps) if count is not None]
    output = sum(count.output for count in counts)
    if len(counts) < len(turn.steps) or not output:
        return
    reasoning = sum(count.reasoning for count in counts)
    mark = "≈" if any(count.is_estimate for count in counts) else ""
    share = reasoning / output
    texts = (f"{mark}{reasoning:,}", f"{mark}{output - reasoning:,}")
    yield _Measure(labels.measure_tokens, share, *texts)
    costs = [step.cost for step in turn.steps if step.cost and step.cost.output is not None]
    if len(costs) < len(turn.steps):
        return
    mark = mark or ("≈" if any(cost.estimated for cost in costs) else "")
    spent = sum((cost.output or Decimal(0) for cost in costs), Decimal(0))
    thinking, currency = spent * Decimal(reasoning) / output, costs[0].currency
    texts = (
        mark + format_money(thinking, currency),
        mark + format_money(spent - thinking, currency),
    )
    yield _Measure(labels.measure_money, share, *texts)


@dataclass(frozen=True, slots=True)
class _Count:
    """The tokens that one step put out, and how many of them were reasoning."""

    output: int
    reasoning: int
    is_estimate: bool


def _count(step: Step) -> _Count | None:
    usage = step.usage or step.estimate
    if usage is None or usage.output is None:
        return None
    if usage.reasoning is not None:
        return _Count(usage.output, min(usage.reasoning, usage.output), step.usage is None)
    if not step.reasoning:
        return _Count(usage.output, 0, step.usage is None)
    # Not reported: divided by the length of the two texts.
    length = len(step.reasoning) + len(step.content)
    return _Count(usage.output, round(usage.output * len(step.reasoning) / length), True)


def _rate(turn: Turn) -> float | None:
    """Return tokens per second from the first byte to the end; ``None`` when not known."""
    output, streamed_s = 0, 0.0
    for step in turn.steps:
        usage, timing = step.usage or step.estimate, step.timing
        if usage is None or not usage.output or timing.total_s is None:
            return None
        output += usage.output
        streamed_s += timing.total_s - (timing.first_byte_s or 0.0)
    return output / streamed_s if streamed_s >= 0.05 else None


def _bar(measure: _Measure, labels: Labels) -> str:
    percent = round(100 * measure.share)
    text = labels.split.format(thinking=measure.thinking, answer=measure.answer, percent=percent)
    bar = (
        f'<span style="{_BAR};background:linear-gradient(90deg,{_THINKING} {percent}%,'
        f'{_ANSWER} 0)"></span>'
    )
    return f"<span><b>{measure.name}</b> {bar} {escape_html(text)}</span>"
