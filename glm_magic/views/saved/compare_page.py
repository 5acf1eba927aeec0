"""The saved form of a comparison: one table, which every host of notebooks shows as one.

The figures under each lane of a comparison, and how they differ from the first lane's.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, TypeVar

from ...core.price import format_money
from ...core.text import escape_controls
from ...core.turn import Turn
from ..header import failure, remarks, seconds
from ..labels import CompareWords, Labels, compare_words, labels_for
from ..markup.escape import escape_html, strip_blank_lines
from ..markup.markdown import markdown_html
from ..markup.sanitize import sanitize_markdown
from ..options import ViewOptions
from .assets import page_style, small_asset
from .page import SCHEMA, answer_html, error_html, metadata, opens, summary_html
from .plaintext import escaped, plain_text

_MINUS = "−"

N = TypeVar("N", int, float, Decimal)


@dataclass(frozen=True, slots=True)
class Row:
    """One figure over all lanes."""

    name: str
    texts: tuple[str, ...]
    differences: tuple[str, ...]
    """How each lane differs from the first; empty where it does not, or nobody knows."""


def rows(turns: Sequence[Turn], said: CompareWords) -> list[Row]:
    """Return the figures of lanes that have ended."""
    return [
        _times(said.first_thought, [turn.timing.first_reasoning_s for turn in turns], said),
        _times(said.thinking, [turn.timing.thinking_s for turn in turns], said),
        _times(said.total, [turn.timing.total_s for turn in turns], said),
        _tokens(turns, said),
        _costs(turns, said),
    ]


def _times(name: str, values: Sequence[float | None], said: CompareWords) -> Row:
    texts = [said.none if value is None else seconds(value) for value in values]
    return Row(name, tuple(texts), _difference_rows(name, values, seconds))


def _tokens(turns: Sequence[Turn], said: CompareWords) -> Row:
    counts = [turn.usage.output if turn.usage else None for turn in turns]
    texts = []
    for turn, count in zip(turns, counts, strict=True):
        inner = turn.usage.reasoning if turn.usage else None
        guess = turn.estimate.output if turn.estimate else None
        apart = f" ({inner:,} {said.reasoning.lower()})" if inner else ""
        estimated = said.unknown if guess is None else f"≈{guess:,}"
        texts.append(estimated if count is None else f"{count:,}{apart}")
    return Row(said.tokens, tuple(texts), _difference_rows(said.tokens, counts, _count))


def _costs(turns: Sequence[Turn], said: CompareWords) -> Row:
    costs = [turn.cost for turn in turns]
    texts = tuple(str(cost) if cost else said.unknown for cost in costs)
    currencies = {cost.currency for cost in costs if cost}
    if len(currencies) != 1:  # amounts of two currencies do not subtract
        return Row(said.cost, texts, ("",) * len(texts))
    (currency,) = currencies
    amounts = [cost.amount if cost else None for cost in costs]
    return Row(
        said.cost,
        texts,
        _difference_rows(said.cost, amounts, lambda value: format_money(Decimal(value), currency)),
    )


def _difference_rows(
    name: str, values: Sequence[N | None], text: Callable[[N], str]
) -> tuple[str, ...]:
    first = values[0]
    told = []
    for value in values:
        if value is None or first is None or text(value) == text(first):
            told.append("")
            continue
        sign = "+" if value > first else _MINUS
        told.append(f"{name} {sign}{text(abs(value - first))}")
    return tuple(told)


def _count(value: int) -> str:
    return f"{value:,}"


_LINE = "1px solid rgba(128,128,128,.35)"

_ROOT = f"border:{_LINE};border-radius:8px;overflow:auto"

_TABLE = "border-collapse:collapse;width:100%;margin:0"

_CELL = f"border:{_LINE};padding:6px 12px;text-align:left;vertical-align:top"

_REASONING = "max-height:320px;overflow:auto;font-size:13px;opacity:.8"

_NOTE = "padding:5px 12px;font-size:12px;opacity:.8"


def compare_bundle(
    labels: Sequence[str], turns: Sequence[Turn], options: ViewOptions
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the saved output of a comparison.

    Parameters
    ----------
    labels : sequence of str
        What sets each lane apart.
    turns : sequence of Turn
        The lanes, in the same order.
    options : ViewOptions
        What the user chose; its note stands below the table.
    """
    said = labels_for(options.language)
    data = {
        "text/html": compare_html(labels, turns, options, said),
        "text/markdown": _markdown(labels, turns, options, said),
        "text/plain": compare_text(labels, turns, options, said),
    }
    lanes = [{"label": label, **metadata(turn)} for label, turn in zip(labels, turns, strict=True)]
    return data, {"glm_magic": {"schema": SCHEMA, "lanes": lanes}}


def compare_html(
    labels: Sequence[str], turns: Sequence[Turn], options: ViewOptions, said: Labels
) -> str:
    """Return the table as HTML."""
    names = compare_words(said)
    body = [
        _row(names.model, (escape_html(f"{turn.model} · {turn.provider}") for turn in turns)),
        *_reasoning(turns, options, said, names),
        _row(names.answer, (_answer(turn, options, said) for turn in turns), "glm-a"),
        *(_row(row.name, map(escape_html, row.texts), "glm-n") for row in rows(turns, names)),
        _row(
            escape_html(names.difference.format(label=labels[0])),
            map(escape_html, _differences(rows(turns, names), names)),
            "glm-d",
        ),
    ]
    heads = "".join(f'<th style="{_CELL}">{escape_html(label)}</th>' for label in labels)
    table = (
        f'<table class="glm-lanes" style="{_TABLE}"><thead>'
        f'<tr><th style="{_CELL}">{names.lane}</th>{heads}</tr></thead>'
        f"<tbody>{''.join(body)}</tbody></table>"
    )
    notes = "<br>".join(map(escape_html, _notes(turns, options, said)))
    table += f'<div class="glm-cn" style="{_NOTE}">{notes}</div>' if notes else ""
    style = page_style(table) + small_asset("compare.css")
    look = f"{_ROOT};--lanes:{len(labels)}"
    return f'<div class="glm glm-cs" style="{look}"><style>{style}</style>{table}</div>'


def _row(name: str, cells: Iterable[str], kind: str = "") -> str:
    data = "".join(
        f'<td style="{_CELL}"><div class="{kind}">{cell}</div></td>'
        if kind == "glm-a"
        else f'<td style="{_CELL}">{cell}</td>'
        for cell in cells
    )
    return f'<tr class="{kind}r"><th style="{_CELL}">{name}</th>{data}</tr>\n'


def _reasoning(
    turns: Sequence[Turn], options: ViewOptions, said: Labels, names: CompareWords
) -> list[str]:
    """Return the row of the reasoning, where there is any to show."""
    if options.show_thinking == "hide" or not any(turn.reasoning.strip() for turn in turns):
        return []
    return [_row(names.reasoning, (_thoughts(turn, options, said, names) for turn in turns))]


def _thoughts(turn: Turn, options: ViewOptions, said: Labels, names: CompareWords) -> str:
    reasoning = strip_blank_lines(turn.reasoning)
    if not reasoning:
        return f"<i>{names.none}</i>"
    is_open = " open" * (opens(turn, options) or options.show_thinking == "auto")
    return (
        f"<details{is_open}><summary>{summary_html(turn, options, said)}</summary>"
        f'<div class="glm-ct" style="{_REASONING}">{markdown_html(reasoning)}</div></details>'
    )


def _answer(turn: Turn, options: ViewOptions, said: Labels) -> str:
    return error_html(turn, said) + answer_html(turn, options.format, said)


def _differences(found: Sequence[Row], names: CompareWords) -> list[str]:
    """Return what sets each lane apart from the first, in one text each."""
    told = []
    for place in range(len(found[0].texts)):
        parts = [row.differences[place] for row in found if row.differences[place]]
        told.append(", ".join(parts) or (names.same if place else names.reference))
    return told


def _notes(turns: Sequence[Turn], options: ViewOptions, said: Labels) -> list[str]:
    """Return the remarks about the lanes, each once, and the note of the comparison."""
    told = [line for turn in turns for line in remarks(turn, options, said)]
    return [*dict.fromkeys(told), *([options.note] if options.note else [])]


def _markdown(
    labels: Sequence[str], turns: Sequence[Turn], options: ViewOptions, said: Labels
) -> str:
    names = compare_words(said)
    table = [
        _bars([names.lane, *labels]),
        _bars(["---"] * (len(labels) + 1)),
        _bars([names.model, *(turn.model for turn in turns)]),
        *(_bars([row.name, *row.texts]) for row in rows(turns, names)),
        _bars([names.difference.format(label=labels[0]), *_differences(rows(turns, names), names)]),
    ]
    answers = [
        f"**{escaped(label)}**\n\n"
        + (
            sanitize_markdown(strip_blank_lines(turn.answer))
            or escaped(failure(turn, said) or names.none)
        )
        for label, turn in zip(labels, turns, strict=True)
    ]
    notes = [f"*{escaped(line)}*" for line in _notes(turns, options, said)]
    return "\n\n".join(["\n".join(table), *answers, *notes])


def _bars(cells: Iterable[str]) -> str:
    return "| " + " | ".join(escaped(" ".join(cell.split())) for cell in cells) + " |"


def compare_text(
    labels: Sequence[str], turns: Sequence[Turn], options: ViewOptions, said: Labels
) -> str:
    """Return the lanes below each other, and the figures as columns."""
    names = compare_words(said)
    lanes = [
        f"── {label} ──\n{plain_text(turn, options, said)}"
        for label, turn in zip(labels, turns, strict=True)
    ]
    table = [["", *labels], *([row.name, *row.texts] for row in rows(turns, names))]
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    lines = [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in table
    ]
    notes = [options.note] if options.note else []
    return escape_controls("\n\n".join([*lanes, "\n".join(lines), *notes]))
