"""Lanes side by side: live while they stream, one table when they have ended."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..core.text import escape_controls
from ..core.turn import Turn
from .labels import labels_for
from .options import ViewOptions
from .play import Compared, View
from .publish import NullView, publish
from .saved.compare_page import compare_bundle, compare_text
from .select import where_for


def compare_view(shell: Any, lanes: Compared, options: ViewOptions) -> View:
    """Return the view of a comparison that suits the front end.

    Parameters
    ----------
    shell : InteractiveShell or None
        What ``get_ipython()`` returns.
    lanes : Compared
        The lanes.
    options : ViewOptions
        What the user chose; `ViewOptions.where` overrides the front end.
    """
    where = where_for(shell, options)
    if options.quiet:
        return NullView()
    if where == "terminal":
        return FinalOnlyView(lanes, options, _print)
    if where == "panel":
        try:
            from .live.lanes import ComparePanel
        except ImportError:  # no widgets here
            pass
        else:
            return ComparePanel(lanes, options)
    return FinalOnlyView(lanes, options, _publish)


class FinalOnlyView(View):
    """Show the lanes when all of them have ended.

    Parameters
    ----------
    lanes : Compared
        The lanes.
    options : ViewOptions
        What the user chose.
    show : callable
        Writes the table.
    """

    def __init__(
        self,
        lanes: Compared,
        options: ViewOptions,
        show: Callable[[Compared, ViewOptions], None],
    ) -> None:
        self._lanes = lanes
        self._options = options
        self._show = show

    def finish(self, turn: Turn) -> None:
        """Show the table."""
        del turn
        self._show(self._lanes, self._options)


def _print(lanes: Compared, options: ViewOptions) -> None:
    text = compare_text(lanes.labels, lanes.turns, options, labels_for(options.language))
    print(escape_controls(text))  # noqa: T201 (a terminal is written to)


def _publish(lanes: Compared, options: ViewOptions) -> None:
    publish(*compare_bundle(lanes.labels, lanes.turns, options))
