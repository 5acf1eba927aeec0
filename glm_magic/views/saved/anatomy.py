"""What thinking took of a reply, and what the answer took: in time, in tokens, in money."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal

from ...core.price import format_money
from ...core.turn import Step, Turn
from ..facts import seconds
from ..markup.safe import text_html
from ..words import Words
from .anatomy_words import AnatomyWords, anatomy_words

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
    """Return what is known of a finished turn of one step that thought; else nothing."""
    if turn.status == "streaming" or len(turn.steps) != 1 or not turn.reasoning.strip():
        return []
    step = turn.steps[0]
    return [part for part in (_time(step, said), *_tokens_and_money(step, said)) if part]


def _time(step: Step, said: AnatomyWords) -> Part | None:
    timing = step.timing
    if timing.thinking_s is None or timing.total_s is None or timing.first_reasoning_s is None:
        return None
    answer_s = max(0.0, timing.total_s - timing.first_reasoning_s - timing.thinking_s)
    whole_s = timing.thinking_s + answer_s
    if whole_s <= 0:
        return None
    share = timing.thinking_s / whole_s
    return Part(said.time, share, seconds(timing.thinking_s), seconds(answer_s))


def _tokens_and_money(step: Step, said: AnatomyWords) -> Iterator[Part | None]:
    usage = step.usage or step.estimate
    if usage is None or not usage.output:
        return
    mark, inner = ("≈" if step.usage is None else ""), usage.reasoning
    if inner is None:  # not reported: by the length of the two texts
        mark = "≈"
        length = len(step.reasoning) + len(step.content)
        inner = round(usage.output * len(step.reasoning) / length)
    inner = min(inner, usage.output)
    share = inner / usage.output
    yield Part(said.tokens, share, f"{mark}{inner:,}", f"{mark}{usage.output - inner:,}")
    cost = step.cost
    if cost is None or cost.output is None:
        return
    mark = mark or ("≈" if cost.estimated else "")
    thinking = cost.output * Decimal(inner) / usage.output
    yield Part(
        said.money,
        share,
        mark + format_money(thinking, cost.currency),
        mark + format_money(cost.output - thinking, cost.currency),
    )


def rate(turn: Turn) -> float | None:
    """Return tokens per second from the first byte to the end; ``None`` when not known."""
    step = turn.steps[0]
    usage, timing = step.usage or step.estimate, step.timing
    if usage is None or not usage.output or timing.total_s is None:
        return None
    streamed_s = timing.total_s - (timing.first_byte_s or 0.0)
    return usage.output / streamed_s if streamed_s >= 0.05 else None


def anatomy_html(turn: Turn, words: Words) -> str:
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
    return f"<span><b>{part.name}</b> {bar} {text_html(text)}</span>"


def anatomy_line(turn: Turn, words: Words) -> str:
    """Return the same in one line of text; empty when there is nothing to tell."""
    said = anatomy_words(words)
    return " · ".join(
        f"{part.name} "
        + said.split.format(
            thinking=part.thinking, answer=part.answer, percent=round(100 * part.share)
        )
        for part in parts(turn, said)
    )
