"""A call over many rows: how far it is while it runs, and one saved output at its end.

What is shown has a size that does not depend on the number of rows: sums, the last answers, the
first failures, and the head of the table.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Sequence
from typing import Any, Protocol
from uuid import uuid4

from ..core.i18n import translate
from ..core.progress import Progress, RowText
from ..core.text import escape_controls, shorten
from ..core.turn import Turn
from .header import seconds
from .labels import Labels, labels_for
from .markup.escape import escape_html, escape_markdown
from .options import ViewOptions
from .play import View
from .publish import NullView, publish
from .saved.assets import minified_asset, page_style
from .saved.page import SCHEMA
from .select import where_for
from .terminal import has_colour

PAINT_EVERY_S = 0.25
BAR = 24
"""Characters of the bar in a terminal."""
CELL = 80
"""Characters of a cell of the table."""
Table = tuple[Sequence[str], Sequence[Sequence[Any]]]


class Mapped(Protocol):
    """A call over many rows, as far as a view needs to know it."""

    @property
    def progress(self) -> Progress:
        """Where it stands now."""

    def head(self) -> Table:
        """Names and values of the first rows of the result."""


def many_view(result: Mapped, options: ViewOptions) -> View:
    """Return the view of a call over many rows that suits the front end.

    Parameters
    ----------
    result : Mapped
        The call.
    options : ViewOptions
        What the user chose; `ViewOptions.where` overrides the front end.
    """
    if options.quiet:
        return NullView()
    where = where_for(_shell(), options)
    if where == "terminal":
        return TerminalBar(result, options)
    if where == "panel":
        try:
            import ipywidgets  # noqa: F401 - whether it is there
        except ImportError:
            return SavedOnly(result, options)
        return ManyPanel(result, options)
    return SavedOnly(result, options)


def _shell() -> Any:
    ipython = sys.modules.get("IPython")  # a script that has none shall not load it
    return ipython.get_ipython() if ipython is not None else None


class SavedOnly(View):
    """Publish the one output at the end, for executors, which only write a file.

    Parameters
    ----------
    result : Mapped
        The call.
    options : ViewOptions
        What the user chose.
    """

    def __init__(self, result: Mapped, options: ViewOptions) -> None:
        self._result, self._options = result, options

    def finish(self, turn: Turn) -> None:
        """Publish it."""
        del turn
        publish(*map_bundle(self._result.progress, self._result.head(), self._options))


class ManyPanel(View):
    """Show the figures and a button that stops, in a page.

    Parameters
    ----------
    result : Mapped
        The call.
    options : ViewOptions
        What the user chose.
    """

    def __init__(self, result: Mapped, options: ViewOptions) -> None:
        self._result, self._options = result, options
        self._labels = labels_for(options.language)
        self._display_id = uuid4().hex
        self._box: Any = None
        self._page: Any = None
        self._painted_at = 0.0

    def start(self, turn: Turn, on_stop: Callable[[], None]) -> None:
        """Display the widgets."""
        from ipywidgets import HTML, Button, Layout, VBox

        from .live.handshake import receive_while_a_cell_runs

        del turn

        def stop(button: Any) -> None:
            button.disabled, button.description = True, self._labels.stopping
            on_stop()

        self._page = HTML(self._html(), layout=Layout(width="100%", margin="0"))
        button = Button(
            description=self._labels.stop,
            tooltip=self._labels.many_stop_title,
            icon="stop",
            layout=Layout(width="auto", align_self="flex-end"),
        )
        receive_while_a_cell_runs(button)
        button.on_click(stop)
        self._box = VBox([self._page, button], layout=Layout(width="100%"))
        data: dict[str, Any] = self._box._repr_mimebundle_()
        publish({**data, "text/plain": self._labels.many_unfinished}, {}, self._display_id)

    def paint(self, turn: Turn) -> None:
        """Show the figures again, if it is time."""
        del turn
        now = time.monotonic()
        if now - self._painted_at >= PAINT_EVERY_S:
            self._painted_at = now
            self._page.value = self._html()

    def finish(self, turn: Turn) -> None:
        """Replace the widgets by the one output that stays."""
        del turn
        bundle = map_bundle(self._result.progress, self._result.head(), self._options)
        publish(*bundle, self._display_id, update=True)
        for widget in (*self._box.children, self._box):
            widget.layout.close()
            widget.close()

    def _html(self) -> str:
        return many_html(self._result.progress, None, self._labels)


class TerminalBar(View):
    """Print a bar that is drawn over itself; where output is no terminal, two lines.

    Parameters
    ----------
    result : Mapped
        The call.
    options : ViewOptions
        What the user chose.
    """

    def __init__(self, result: Mapped, options: ViewOptions) -> None:
        self._result = result
        self._labels = labels_for(options.language)
        self._painted_at = 0.0
        self._width = 0

    def start(self, turn: Turn, on_stop: Callable[[], None]) -> None:
        """Print the estimate; Control-C stops the call."""
        del turn, on_stop
        self._out = sys.stderr
        for notice in self._result.progress.notices:
            self._print(translate(notice, self._labels.language) + "\n")

    def paint(self, turn: Turn) -> None:
        """Draw the bar again, if it is time."""
        del turn
        now = time.monotonic()
        if has_colour(self._out) and now - self._painted_at >= PAINT_EVERY_S:
            self._painted_at = now
            self._draw(self._result.progress)

    def finish(self, turn: Turn) -> None:
        """Print the sums, and what failed first."""
        del turn
        now = self._result.progress
        if has_colour(self._out):
            self._draw(now)
            self._print("\n")
        else:
            self._print(f"{' · '.join(figures(now, self._labels))}\n")
        for row in now.failures[:3]:
            number = self._labels.many_row.format(number=row.number)
            self._print(f"{number}: {translate(row.text, self._labels.language)}\n")
        if now.stopped is not None:
            self._print(translate(now.stopped, self._labels.language) + "\n")

    def _draw(self, now: Progress) -> None:
        filled = BAR * (now.ended + now.failed) // max(1, now.rows)
        line = f"{'━' * filled}{'╌' * (BAR - filled)} {' · '.join(figures(now, self._labels))}"
        line = escape_controls(line)
        self._print("\r" + line + " " * max(0, self._width - len(line)))
        self._width = len(line)

    def _print(self, text: str) -> None:
        self._out.write(text)
        self._out.flush()


def figures(now: Progress, labels: Labels) -> list[str]:
    """Return the figures of a call, in reading order."""
    texts = [labels.many_ended.format(count=f"{now.ended:,}", rows=f"{now.rows:,}")]
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
    now: Progress, table: Table, options: ViewOptions
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the saved output of a call over many rows: sums, failures, the head of the table."""
    labels = labels_for(options.language)
    data = {
        "text/html": many_html(now, table, labels),
        "text/markdown": _markdown(now, table, labels),
        "text/plain": _plain(now, table, labels),
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


def many_html(now: Progress, table: Table | None, labels: Labels) -> str:
    """Return the figures of a call as HTML; with a table when it has ended."""
    state = "failed" if now.done and not now.ended and now.rows else "complete"
    state = "interrupted" if now.done and now.stopped is not None else state
    words = {"complete": labels.complete, "interrupted": labels.interrupted}
    shown = words.get(state, labels.failed) if now.done else labels.many_running
    facts = "".join(f"<span>{escape_html(text)}</span>" for text in figures(now, labels))
    done = 100 * now.ended / max(1, now.rows)
    failed = 100 * now.failed / max(1, now.rows)
    parts = [
        f'<div class="glm-h glm-mh"><b class="glm-s">{escape_html(shown)}</b>{facts}</div>',
        f'<div class="glm-mb" role="progressbar" aria-valuemin="0" aria-valuemax="{now.rows}"'
        f' aria-valuenow="{now.ended + now.failed}"><i style="width:{done:.2f}%"></i>'
        f'<i class="glm-mf" style="width:{failed:.2f}%"></i></div>',
        *(f'<div class="glm-mn">{_text(notice, labels)}</div>' for notice in now.notices),
    ]
    if now.stopped is not None:
        parts.append(f'<div class="glm-mn glm-mw">{_text(now.stopped, labels)}</div>')
    if table is not None:
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


def _rows_html(rows: Sequence[RowText], labels: Labels) -> str:
    lines = (
        f"<tr><th>{row.number}</th><td>{escape_html(row.prompt)}</td>"
        f"<td>{_text(row.text, labels)}</td></tr>"
        for row in rows
    )
    return f'<table class="glm-ml"><tbody>{"".join(lines)}</tbody></table>'


def _cell(value: Any) -> str:
    return "" if value is None else shorten(str(value), CELL)


def _table_html(table: Table) -> str:
    names, rows = table
    head = "".join(f"<th>{escape_html(_cell(name))}</th>" for name in names)
    body = "".join(
        f"<tr>{''.join(f'<td>{escape_html(_cell(value))}</td>' for value in row)}</tr>"
        for row in rows
    )
    return (
        f'<div class="glm-mt"><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody>'
        "</table></div>"
    )


def _markdown(now: Progress, table: Table, labels: Labels) -> str:
    names, rows = table
    lines = [names, ["---"] * len(names), *rows]
    parts = [
        escape_markdown(" · ".join(figures(now, labels))),
        "\n".join(
            f"| {' | '.join(c if c == '---' else escape_markdown(_cell(c)) for c in line)} |"
            for line in lines
        ),
    ]
    return "\n\n".join(parts)


def _plain(now: Progress, table: Table, labels: Labels) -> str:
    lines = [" · ".join(figures(now, labels))]
    lines += [
        f"{labels.many_row.format(number=row.number)}: {translate(row.text, labels.language)}"
        for row in now.failures[:3]
    ]
    names, rows = table
    lines += ["  ".join(_cell(value) for value in line) for line in (names, *rows)]
    return escape_controls("\n".join(lines))
