"""The saved form of a call over many rows: sums, the head of the table, what failed.

The panel shows the same while the call runs, with the last answers in place of the table.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from decimal import Decimal
from numbers import Real
from typing import Any, Protocol

from ...core.i18n import translate
from ...core.progress import Ballot, Progress, RowText
from ...core.text import escape_controls, shorten
from ..header import seconds
from ..labels import Labels, labels_for
from ..markup.escape import escape_attribute, escape_html, escape_markdown
from ..options import ViewOptions
from .assets import minified_asset, page_style
from .histogram import histogram_html
from .page import SCHEMA

CELL = 80
"""Characters of a cell of the table."""
_NUMERIC = ' class="glm-mnum"'
Table = tuple[Sequence[str], Sequence[Sequence[Any]]]
"""Names and rows."""


class Mapped(Protocol):
    """A call over many rows, as far as its views need to know it."""

    @property
    def progress(self) -> Progress:
        """Where it stands now."""

    shown_in: int | None
    """The cell whose output shows the call already, by its execution count."""

    def when_read(self, show: Callable[[], None]) -> None:
        """Have something called once it is known what is to be asked, before any of it is."""

    def head(self) -> Table:
        """Names and values of the first rows of the result."""

    def histogram(self) -> Sequence[Ballot]:
        """Return the distinct answers, where the same was asked several times; else none."""


def figures(now: Progress, labels: Labels, *, is_vote: bool = False) -> list[str]:
    """Return the figures of a call, in reading order."""
    if now.reading is not None and not now.done:
        return [labels.many_read.format(count=f"{now.reading:,}", rows=f"{now.rows:,}")]
    ended = labels.vote_ended if is_vote else labels.many_ended
    texts = [ended.format(count=f"{now.ended:,}", rows=f"{now.rows:,}")]
    if now.failed:
        texts.append(labels.many_failed.format(count=f"{now.failed:,}"))
    if now.left:
        texts.append(labels.many_left.format(count=f"{now.left:,}"))
    if now.reused:
        texts.append(labels.many_reused.format(count=f"{now.reused:,}"))
    if now.asked:
        texts.append(labels.many_rate.format(rate=_rate(now.rate)))
    if now.usage.output:
        texts.append(labels.tokens_in.format(count=f"{now.usage.input or 0:,}"))
        texts.append(labels.tokens_out.format(count=f"{now.usage.output:,}"))
    if now.cost.amounts:
        cost = translate(now.cost.to_text(), labels.language)
        expected = now.expected_cost
        whole = translate(expected.to_text(), labels.language) if expected else ""
        texts.append(labels.many_cost_of.format(cost=cost, whole=whole) if whole else cost)
    if now.elapsed_s:
        texts.append(labels.took.format(time=seconds(now.elapsed_s)))
    if now.left and now.left_s is not None:
        texts.append(labels.many_to_go.format(time=seconds(now.left_s)))
    return texts


def _rate(rate: float) -> str:
    return f"{rate:.1f}" if rate < 100 else f"{rate:,.0f}"


def map_bundle(
    now: Progress, table: Table, options: ViewOptions, ballots: Sequence[Ballot] = ()
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the saved output of a call over many rows: sums, failures, the head of the table.

    Where there are `ballots`, the page has their histogram in place of the table.
    """
    labels = labels_for(options.language)
    table, texts = _filled(table), figures(now, labels, is_vote=bool(ballots))
    data = {
        "text/html": many_html(now, table, labels, ballots),
        "text/markdown": _markdown(texts, table),
        "text/plain": _plain(now, texts, table, labels),
    }
    described = {
        "rows": now.rows,
        "ended": now.ended,
        "failed": now.failed,
        "left": now.left,
        "usage": {"input": now.usage.input, "output": now.usage.output},
        "cost": {name: str(amount) for name, amount in now.cost.amounts.items()},
    }
    return data, {"glm_magic": {"schema": SCHEMA, "map": described}}


def many_html(
    now: Progress, table: Table | None, labels: Labels, ballots: Sequence[Ballot] = ()
) -> str:
    """Return the figures of a call as HTML; with a table or a histogram when it has ended."""
    state = "failed" if now.done and not now.ended and now.rows else "complete"
    state = "interrupted" if now.done and now.stopped is not None else state
    words = {"complete": labels.complete, "interrupted": labels.interrupted}
    reading = None if now.done else now.reading
    running = labels.many_running if reading is None else labels.many_reading
    shown = words.get(state, labels.failed) if now.done else running
    texts = figures(now, labels, is_vote=bool(ballots))
    facts = "".join(f"<span>{escape_html(text)}</span>" for text in texts)
    done = 100 * (now.ended if reading is None else reading) / max(1, now.rows)
    reads = ' class="glm-mr"' * (reading is not None)
    live = " glm-mlive" * (table is None)
    failed = 100 * now.failed / max(1, now.rows)
    parts = [
        f'<div class="glm-h glm-mh{live}"><b class="glm-s">{escape_html(shown)}</b>{facts}</div>',
        f'<div class="glm-mb" role="progressbar" aria-valuemin="0" aria-valuemax="{now.rows}"'
        f' aria-valuenow="{now.ended + now.failed}"><i{reads} style="width:{done:.2f}%"></i>'
        f'<i class="glm-mf" style="width:{failed:.2f}%"></i></div>',
        *(f'<div class="glm-mn">{_text(notice, labels)}</div>' for notice in now.notices),
    ]
    if now.link and table is None:  # of no use to whoever opens the file
        parts.append(f'<div class="glm-mn">{_link(now.link, labels.many_dask)}</div>')
    if now.stopped is not None:
        parts.append(f'<div class="glm-mn glm-mw">{_text(now.stopped, labels)}</div>')
    if ballots:
        parts.append(histogram_html(ballots, labels))
    elif table is not None:
        parts.append(_table_html(table))
    elif now.last:
        parts.append(_rows_html(now.last, labels))
    if now.failures:
        name = labels.many_failures.format(count=f"{now.failed:,}")
        parts.append(
            f'<details class="glm-md"><summary>{escape_html(name)}</summary>'
            f"{_rows_html(now.failures, labels)}</details>"
        )
    style = page_style("") + minified_asset("many.css")
    body = "".join(parts)
    return f'<div class="glm glm-many" data-s="{state}"><style>{style}</style>{body}</div>'


def _text(text: str, labels: Labels) -> str:
    return escape_html(translate(text, labels.language))


def _link(address: str, name: str) -> str:
    href, text = escape_attribute(address), escape_html(name)
    return f'<a href="{href}" target="_blank" rel="noopener noreferrer">{text}</a>'


def _rows_html(rows: Sequence[RowText], labels: Labels) -> str:
    lines = (
        f"<tr><th>{row.number}</th>{_prompt_cell(row)}{_text(row.text, labels)}</td></tr>"
        for row in rows
    )
    return f'<table class="glm-ml"><tbody>{"".join(lines)}</tbody></table>'


def _prompt_cell(row: RowText) -> str:
    """Return the cell of the prompt, and the start of the next; a row without one has no such."""
    return f"<td>{escape_html(row.prompt)}</td><td>" if row.prompt else '<td colspan="2">'


def _cell(value: Any) -> str:
    if isinstance(value, float) and math.isfinite(value):
        return f"{Decimal(f'{value:.3g}'):f}"  # a cost of 0.00007 is not written 7e-05
    return "" if value is None else shorten(str(value), CELL)


def _filled(table: Table) -> Table:
    """Return a table without the columns that have nothing in them."""
    names, rows = table
    kept = [at for at in range(len(names)) if not rows or any(row[at] is not None for row in rows)]
    return [names[at] for at in kept], [[row[at] for at in kept] for row in rows]


def _is_number(value: Any) -> bool:
    return isinstance(value, Real) and not isinstance(value, bool)


def _cell_html(value: Any) -> str:
    return f"<td{_NUMERIC * _is_number(value)}>{escape_html(_cell(value))}</td>"


def _table_html(table: Table) -> str:
    names, rows = table
    numeric = [_is_number(value) for value in rows[0]] if rows else [False] * len(names)
    head = "".join(
        f"<th{_NUMERIC * is_number}>{escape_html(_cell(name))}</th>"
        for name, is_number in zip(names, numeric, strict=True)
    )
    body = "".join(f"<tr>{''.join(map(_cell_html, row))}</tr>" for row in rows)
    return (
        f'<div class="glm-mt"><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody>'
        "</table></div>"
    )


def _markdown(texts: Sequence[str], table: Table) -> str:
    names, rows = table
    lines = [names, ["---"] * len(names), *rows]
    parts = [
        escape_markdown(" · ".join(texts)),
        "\n".join(
            f"| {' | '.join(c if c == '---' else escape_markdown(_cell(c)) for c in line)} |"
            for line in lines
        ),
    ]
    return "\n\n".join(parts)


def _plain(now: Progress, texts: Sequence[str], table: Table, labels: Labels) -> str:
    lines = [" · ".join(texts)]
    lines += [
        f"{labels.many_row.format(number=row.number)}: {translate(row.text, labels.language)}"
        for row in now.failures[:3]
    ]
    names, rows = table
    lines += ["  ".join(_cell(value) for value in line) for line in (names, *rows)]
    return escape_controls("\n".join(lines))
