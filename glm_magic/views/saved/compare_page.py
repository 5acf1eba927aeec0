"""The saved form of a comparison: one table, with the lanes as columns.

Below the answers stand the figures of each lane, and how they differ from those of the first.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, TypeVar

from ...core.price import format_money
from ...core.text import escape_controls
from ...core.turn import Turn
from ...core.usage import Usage
from ..columns import padded, text_width
from ..header import failure, remarks, seconds, shown_line
from ..labels import Labels, labels_for
from ..markup.escape import SUMMARY, escape_html, escape_markdown, strip_blank_lines
from ..markup.markdown import markdown_html
from ..markup.sanitize import Tame, join_parts
from ..options import ViewOptions
from .answer import answer_html
from .assets import minified_asset, page_style
from .doubt import doubt_html
from .formulas import with_formulas
from .page import SCHEMA, error_html, metadata, no_chapters, opens, summary_html
from .pictures import pictures_html
from .plaintext import plain_text, quoted_error, reasoning_markdown

_MINUS = "−"

_LINE = "1px solid rgba(128,128,128,.35)"
_ROOT = f"border:{_LINE};border-radius:8px;overflow:auto"
_TABLE = "border-collapse:collapse;width:100%;margin:0"
_CELL = f"border:{_LINE};padding:.45em .86em;text-align:left;vertical-align:top"
_REASONING = "max-height:23em;overflow:auto;font-size:.93em;opacity:.8"
_NOTE = "padding:.4em 1em;font-size:.86em;opacity:.8"

N = TypeVar("N", int, float, Decimal)


def compare_bundle(
    lanes: Sequence[str], turns: Sequence[Turn], options: ViewOptions
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the saved output of a comparison.

    Parameters
    ----------
    lanes : sequence of str
        What sets each lane apart, such as ``"think on"``.
    turns : sequence of Turn
        The turn of each lane, in the same order.
    options : ViewOptions
        What the user chose; its remark is put below the table.

    Returns
    -------
    tuple of dict
        The data, by MIME type, and the metadata, with everything under ``glm_magic``.
    """
    labels = labels_for(options.language)
    data = {
        "text/html": compare_html(lanes, turns, options, labels),
        "text/markdown": _markdown(lanes, turns, options, labels),
        "text/plain": compare_text(lanes, turns, options, labels),
    }
    described = [{"label": lane, **metadata(turn)} for lane, turn in zip(lanes, turns, strict=True)]
    return data, {"glm_magic": {"schema": SCHEMA, "lanes": described}}


# Figures


@dataclass(frozen=True, slots=True)
class Row:
    """One figure over all lanes."""

    name: str
    texts: tuple[str, ...]
    differences: tuple[str, ...]
    """How each lane differs from the first; empty where it does not, or it is not known."""


def figures(turns: Sequence[Turn], labels: Labels) -> list[Row]:
    """Return the figures of lanes that have ended."""
    return [
        _times(labels.first_thought, [turn.timing.first_reasoning_s for turn in turns], labels),
        _times(labels.thinking_time, [turn.timing.thinking_s for turn in turns], labels),
        _times(labels.total_time, [turn.timing.total_s for turn in turns], labels),
        _tokens(turns, labels),
        *(
            []
            if all(turn.is_free and turn.cost is None for turn in turns)
            else [_costs(turns, labels)]
        ),
    ]


def _times(name: str, values: Sequence[float | None], labels: Labels) -> Row:
    texts = [labels.none if value is None else seconds(value) for value in values]
    return Row(name, tuple(texts), _differences(name, values, seconds))


def _tokens(turns: Sequence[Turn], labels: Labels) -> Row:
    usages = [(turn.usage or Usage()) + (turn.estimate or Usage()) for turn in turns]
    guessed = [turn.estimate is not None and turn.estimate.output is not None for turn in turns]
    texts = []
    for usage, is_estimate in zip(usages, guessed, strict=True):
        if usage.output is None:
            texts.append(labels.unknown)
            continue
        mark, reasoning = "≈" * is_estimate, usage.reasoning
        of_reasoning = f" ({mark}{reasoning:,} {labels.reasoning.lower()})" if reasoning else ""
        texts.append(f"{mark}{usage.output:,}{of_reasoning}")
    name, counts = labels.output_tokens, [usage.output for usage in usages]
    return Row(name, tuple(texts), _differences(name, counts, lambda n: f"{n:,}", guessed))


def _costs(turns: Sequence[Turn], labels: Labels) -> Row:
    costs = [turn.cost for turn in turns]
    texts = tuple(
        str(turn.cost or (labels.none if turn.is_free else labels.unknown)) for turn in turns
    )
    currencies = {cost.currency for cost in costs if cost}
    if len(currencies) != 1:  # amounts of two currencies do not subtract
        return Row(labels.cost, texts, ("",) * len(texts))
    (currency,) = currencies
    amounts = [cost.amount if cost else None for cost in costs]
    guessed = [cost is not None and cost.estimated for cost in costs]

    def money(amount: Decimal) -> str:
        return format_money(Decimal(amount), currency)

    return Row(labels.cost, texts, _differences(labels.cost, amounts, money, guessed))


def _differences(
    name: str,
    values: Sequence[N | None],
    text: Callable[[N], str],
    guessed: Sequence[bool] = (),
) -> tuple[str, ...]:
    first, guessed = values[0], guessed or [False] * len(values)
    differences = []
    for value, is_estimate in zip(values, guessed, strict=True):
        if value is None or first is None or text(value) == text(first):
            differences.append("")
            continue
        sign = "+" if value > first else _MINUS
        mark = "≈" * (is_estimate or guessed[0])
        differences.append(f"{name} {mark}{sign}{text(abs(value - first))}")
    return tuple(differences)


def _all_differences(rows: Sequence[Row], labels: Labels) -> list[str]:
    """Return what sets each lane apart from the first, in one text each."""
    texts = []
    for lane in range(len(rows[0].texts)):
        parts = [row.differences[lane] for row in rows if row.differences[lane]]
        texts.append(", ".join(parts) or (labels.none if lane else labels.reference))
    return texts


def _notes(turns: Sequence[Turn], options: ViewOptions, labels: Labels) -> list[str]:
    """Return the remarks about the lanes, each once, and that of the comparison."""
    lines = dict.fromkeys(line for turn in turns for line in remarks(turn, options, labels))
    return [*lines, *([options.remark] if options.remark else [])]


# HTML


def compare_html(
    lanes: Sequence[str], turns: Sequence[Turn], options: ViewOptions, labels: Labels
) -> str:
    """Return the table as HTML."""
    rows = figures(turns, labels)
    body = [
        _row(labels.model, (escape_html(f"{turn.model} · {turn.provider}") for turn in turns)),
        *_reasoning_row(turns, options, labels),
        _row(labels.answer, (_answer(turn, options, labels) for turn in turns), "glm-a"),
        *(_row(row.name, map(escape_html, row.texts), "glm-n") for row in rows),
        _row(
            escape_html(labels.difference.format(label=lanes[0])),
            map(escape_html, _all_differences(rows, labels)),
            "glm-d",
        ),
    ]
    heads = "".join(f'<th style="{_CELL}">{escape_html(lane)}</th>' for lane in lanes)
    table = (
        f'<table class="glm-lanes" style="{_TABLE}"><thead>'
        f'<tr><th style="{_CELL}">{labels.lane}</th>{heads}</tr></thead>'
        f"<tbody>{''.join(body)}</tbody></table>"
    )
    notes = "<br>".join(map(escape_html, _notes(turns, options, labels)))
    table = pictures_html(turns[0].attachments, labels) + table
    table += f'<div class="glm-cn" style="{_NOTE}">{notes}</div>' if notes else ""
    style = page_style(table) + minified_asset("compare.css")
    table = no_chapters(table)
    root = f"{_ROOT};--lanes:{len(lanes)}"
    inside = f"<style>{style}</style>{with_formulas(table)}"
    return f'<div class="glm glm-cs" style="{root}">{inside}</div>'


def _row(name: str, cells: Iterable[str], kind: str = "") -> str:
    data = "".join(
        f'<td style="{_CELL}"><div class="{kind}">{cell}</div></td>'
        if kind == "glm-a"
        else f'<td style="{_CELL}">{cell}</td>'
        for cell in cells
    )
    return f'<tr class="{kind}r"><th style="{_CELL}">{name}</th>{data}</tr>\n'


def _reasoning_row(turns: Sequence[Turn], options: ViewOptions, labels: Labels) -> list[str]:
    """Return the row of the reasoning, where there is any to show."""
    if options.show_thinking == "hide" or not any(turn.reasoning.strip() for turn in turns):
        return []
    return [_row(labels.reasoning, (_reasoning(turn, options, labels) for turn in turns))]


def _reasoning(turn: Turn, options: ViewOptions, labels: Labels) -> str:
    reasoning = strip_blank_lines(turn.reasoning)
    if not reasoning:
        return f"<i>{labels.no_thinking}</i>"
    is_open = " open" * (opens(turn, options) or options.show_thinking == "auto")
    return (
        f"<details{is_open}>{SUMMARY}{summary_html(options, labels)}</summary>"
        f'<div class="glm-ct" style="{_REASONING}">{markdown_html(reasoning)}</div></details>'
    )


def _answer(turn: Turn, options: ViewOptions, labels: Labels) -> str:
    answer = answer_html(turn, options.format, labels)
    return error_html(turn, labels) + answer + doubt_html(turn, options, labels)


# Markdown and plain text


def _markdown(
    lanes: Sequence[str], turns: Sequence[Turn], options: ViewOptions, labels: Labels
) -> str:
    rows = figures(turns, labels)
    difference = labels.difference.format(label=lanes[0])
    table = [
        _table_row([labels.lane, *lanes]),
        _table_row(["---"] * (len(lanes) + 1)),
        _table_row([labels.model, *(f"{turn.model} · {turn.provider}" for turn in turns)]),
        *(_table_row([row.name, *row.texts]) for row in rows),
        _table_row([difference, *_all_differences(rows, labels)]),
    ]
    notes = [f"*{escape_markdown(line)}*" for line in _notes(turns, options, labels)]
    shown = shown_line(turns[0].attachments, labels)
    notes = [*([f"*{escape_markdown(shown)}*"] if shown else []), *notes]

    def parts(tame: Tame) -> list[str]:
        answers = [
            "\n\n".join(
                filter(
                    None,
                    [
                        f"**{escape_markdown(lane)}**",
                        _answer_markdown(turn, labels, tame),
                        reasoning_markdown(turn, options, labels, tame),
                    ],
                )
            )
            for lane, turn in zip(lanes, turns, strict=True)
        ]
        return ["\n".join(table), *answers, *notes]

    return join_parts(parts, unfinished=any(turn.status == "streaming" for turn in turns))


def _answer_markdown(turn: Turn, labels: Labels, tame: Tame) -> str:
    answer = strip_blank_lines(turn.answer)
    return tame(answer) if answer else quoted_error(failure(turn, labels)) or labels.none


def _table_row(cells: Iterable[str]) -> str:
    return "| " + " | ".join(escape_markdown(" ".join(cell.split())) for cell in cells) + " |"


def compare_text(
    lanes: Sequence[str], turns: Sequence[Turn], options: ViewOptions, labels: Labels
) -> str:
    """Return the lanes below each other, and the figures as columns."""
    replies = [
        f"── {lane} ──\n{plain_text(turn, options, labels)}"
        for lane, turn in zip(lanes, turns, strict=True)
    ]
    table = [["", *lanes], *([row.name, *row.texts] for row in figures(turns, labels))]
    widths = [max(map(text_width, column)) for column in zip(*table, strict=True)]
    lines = [
        "  ".join(padded(cell, width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in table
    ]
    notes = [options.remark] if options.remark else []
    return escape_controls("\n\n".join([*replies, "\n".join(lines), *notes]))
