"""A call over many rows: how far it is while it runs, and one saved output at its end.

What is shown has a size that does not depend on the number of rows: sums, the last answers, the
first failures, and the head of the table.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Sequence
from typing import Any
from uuid import uuid4

from ..core.i18n import translate
from ..core.text import escape_controls
from ..core.turn import Turn
from .labels import labels_for
from .many_terminal import PAINT_EVERY_S, terminal_bar
from .options import ViewOptions
from .play import View
from .publish import NullView, publish
from .saved.map_page import Mapped, many_html, map_bundle
from .select import where_for


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
    where = where_for(shell_of(), options)
    if where == "terminal":
        return terminal_bar(result, options)
    if where == "panel":
        try:
            import ipywidgets  # noqa: F401 - whether it is there
        except ImportError:
            return SavedOnly(result, options)
        return ManyPanel(result, options)
    return SavedOnly(result, options)


def shell_of() -> Any:
    """Return the shell that runs this; ``None`` in a plain program."""
    ipython = sys.modules.get("IPython")  # a script that has none shall not load it
    return ipython.get_ipython() if ipython is not None else None


def current_cell() -> int | None:
    """Return the execution count of the cell that runs; ``None`` outside of a notebook."""
    return getattr(shell_of(), "execution_count", None)


def _bundle(result: Mapped, options: ViewOptions) -> tuple[dict[str, Any], dict[str, Any]]:
    return map_bundle(result.progress, result.head(), options, result.histogram())


def announce(texts: Sequence[str]) -> None:
    """Show what a call says before it sends anything: in a page as text, else on standard error."""
    text = escape_controls("\n".join(map(translate, texts)))
    if where_for(shell_of(), ViewOptions()) == "terminal":
        sys.stderr.write(f"{text}\n")
    else:
        publish({"text/plain": text}, {})


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
        self._on_stop: Callable[[], None] = lambda: None
        self._figures: Any = None
        self._painted_at = 0.0

    def start(self, turn: Turn, on_stop: Callable[[], None]) -> None:
        """Display the widget."""
        del turn
        self._on_stop = on_stop
        self._display(update=False)
        self._result.when_read(self._show)

    def _display(self, *, update: bool) -> None:
        from .live.many import open_figures

        self._figures = open_figures(self._html(), self._labels, self._on_stop)
        data = {**self._figures.bundle(), "text/plain": self._labels.many_unfinished}
        publish(data, {}, self._display_id, update=update)

    def paint(self, turn: Turn) -> None:
        """Show the figures again, if it is time."""
        del turn
        now = time.monotonic()
        if now - self._painted_at < PAINT_EVERY_S:
            return
        self._painted_at = now
        if self._figures.is_mute():
            self._figures.close()
            self._display(update=True)
        self._show()

    def finish(self, turn: Turn) -> None:
        """Replace the widget by the one output that stays."""
        del turn
        publish(*_bundle(self._result, self._options), self._display_id, update=True)
        self._result.shown_in = current_cell()
        self._figures.close()

    def _show(self) -> None:
        self._figures.show(self._html())

    def _html(self) -> str:
        return many_html(self._result.progress, None, self._labels)
