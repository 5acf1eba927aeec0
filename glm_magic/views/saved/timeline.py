"""How a reply divides into thinking and answer, in time, tokens and money, and its player.

All of it is behind one small control: the header has said what the reply took, and the bars show
only the shares.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal

from ...core.price import format_money
from ...core.turn import Step, Turn
from ..header import seconds
from ..labels import Labels
from ..markup.escape import escape_attribute, escape_html

LEAST_S = 2.0
"""A shorter reply was over before one could have looked: it has no timeline."""

_LINE = "1px solid rgba(128,128,128,.35)"
_SUMMARY = "display:list-item;margin:.3em 1em"
_BOX = f"padding:.5em 1em;border-bottom:{_LINE}"
_BAR = "display:inline-block;width:5em;height:.55em;border-radius:.3em"
_THINKING, _ANSWER = "#8370c0", "#2f9468"
"""Two hues that stand out from a light page and from a dark one, 3 : 1 at least."""


def timeline_html(turn: Turn, labels: Labels, *, plays: bool) -> str:
    """Return a control that opens the shares of thinking; empty where there is nothing to open.

    Parameters
    ----------
    turn : Turn
        The turn.
    labels : Labels
        The labels.
    plays : bool
        Whether the page's script adds a player.
    """
    measures = list(_measures(turn, labels)) if turn.reasoning.strip() else []
    if not has_timeline(turn) or not (measures or plays):
        return ""
    share = measures[0].share if measures else 0.0
    # Without shares only the script fills it, and only the style sheet shows it.
    hidden = "" if measures else ";display:none"
    shares = " · ".join(_share_html(measure, labels) for measure in measures)
    return (
        f'<details class="glm-y" style="font-size:.86em{hidden}">'
        f'<summary style="{_SUMMARY}" title="{escape_attribute(labels.timeline)}">'
        f"<span>{labels.timeline}</span> {_bar(share)}</summary>"
        f'<div style="{_BOX}"><span>{shares}</span></div></details>\n'
    )


def has_timeline(turn: Turn) -> bool:
    """Whether a reply has ended, and took so long that its course is of interest."""
    return turn.status != "streaming" and (turn.timing.total_s or 0.0) >= LEAST_S


@dataclass(frozen=True, slots=True)
class _Measure:
    """A reply by one measure: how much was thinking, and how much answer."""

    name: str
    share: float
    """Of thinking, from 0 to 1."""
    thinking: str
    answer: str
    is_new: bool = False
    """Whether the header says none of it: then the figures are shown, and not only on hover."""


def _measures(turn: Turn, labels: Labels) -> Iterator[_Measure]:
    time = _time(turn, labels)
    if time is not None:
        yield time
    yield from _tokens_and_money(turn, labels)


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


def _tokens_and_money(turn: Turn, labels: Labels) -> Iterator[_Measure]:
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
    yield _Measure(labels.measure_money, share, *texts, is_new=True)


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


def _share_html(measure: _Measure, labels: Labels) -> str:
    """Return one measure; without any style it reads as a line of text."""
    percent = round(100 * measure.share)
    split = labels.split.format(thinking=measure.thinking, answer=measure.answer)
    name = f"<b>{measure.name}</b>"
    if measure.is_new:
        return f"<span>{name} {escape_html(split)}</span>"
    share = labels.share.format(percent=percent)
    title = escape_attribute(split)
    return f'<span title="{title}">{name} {_bar(measure.share)} {share}</span>'


def _bar(share: float) -> str:
    percent = round(100 * share)
    colours = f"linear-gradient(90deg,{_THINKING} {percent}%,{_ANSWER} 0)"
    return f'<i style="{_BAR};background:{colours}"></i>'
