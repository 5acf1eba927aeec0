"""A call over many rows: how far it is while it runs, and one saved output at its end.

What is shown has a size that does not depend on the number of rows: sums, the last answers, the
first failures, and the head of the table.
"""

from __future__ import annotations

import shutil
import sys
import time
from collections.abc import Callable, Sequence
from typing import Any, Protocol
from uuid import uuid4

from ..core.i18n import translate
from ..core.progress import Ballot, Progress
from ..core.text import escape_controls
from ..core.turn import Turn
from .columns import text_width
from .labels import labels_for
from .options import ViewOptions
from .play import View
from .publish import NullView, publish
from .saved.map_page import Table, figures, many_html, map_bundle
from .select import where_for
from .terminal import has_colour

PAINT_EVERY_S = 0.25
BAR = 24
"""Characters of the bar in a terminal."""


class Mapped(Protocol):
    """A call over many rows, as far as a view needs to know it."""

    @property
    def progress(self) -> Progress:
        """Where it stands now."""

    shown_in: int | None
    """The cell whose output shows the call already, by its execution count."""

    def head(self) -> Table:
        """Names and values of the first rows of the result."""

    def histogram(self) -> Sequence[Ballot]:
        """Return the distinct answers, where the same was asked several times; else none."""


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


def current_cell() -> int | None:
    """Return the execution count of the cell that runs; ``None`` outside of a notebook."""
    return getattr(_shell(), "execution_count", None)


def _bundle(result: Mapped, options: ViewOptions) -> tuple[dict[str, Any], dict[str, Any]]:
    return map_bundle(result.progress, result.head(), options, result.histogram())


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
        publish(*_bundle(self._result, self._options))
        self._result.shown_in = current_cell()


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
        button.add_class("glm-mstop")
        receive_while_a_cell_runs(button)
        button.on_click(stop)
        self._box = VBox([button, self._page], layout=Layout(width="100%"))
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
        publish(*_bundle(self._result, self._options), self._display_id, update=True)
        self._result.shown_in = current_cell()
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
        bar = "━" * filled + "╌" * (BAR - filled)
        texts = figures(now, self._labels)
        room = shutil.get_terminal_size().columns - 1
        while len(texts) > 1 and text_width(_line(bar, texts)) > room:
            texts.pop()  # a line that wraps could not be drawn over
        line = _line(bar, texts)
        width = text_width(line)
        self._print("\r" + line + " " * max(0, self._width - width))
        self._width = width

    def _print(self, text: str) -> None:
        self._out.write(text)
        self._out.flush()


def _line(bar: str, texts: Sequence[str]) -> str:
    return escape_controls(f"{bar} {' · '.join(texts)}")
