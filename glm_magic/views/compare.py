"""Lanes side by side: live while they stream, one table when they have ended."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Protocol
from uuid import uuid4

from ..core.text import escape_controls
from ..core.turn import Turn
from .header import unfinished
from .labels import labels_for
from .markup.escape import escape_html
from .options import ViewOptions
from .play import Playable, View
from .publish import NullView, publish
from .saved.compare_page import compare_bundle, compare_text
from .select import where_for

_LANE = "1 1 320px"


class Compared(Protocol):
    """Lanes in progress, as far as a view needs to know them."""

    @property
    def labels(self) -> Sequence[str]:
        """What sets each lane apart."""

    @property
    def turns(self) -> Sequence[Turn]:
        """Each lane's turn, as it stands now."""

    @property
    def streams(self) -> Sequence[Playable]:
        """Each lane's stream, which can be cancelled alone."""


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
            return ComparePanel(lanes, options)
        except ImportError:  # no widgets here
            pass
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


class ComparePanel(View):
    """Show a live panel for each lane, side by side, and the table in their place at the end.

    Parameters
    ----------
    lanes : Compared
        The lanes.
    options : ViewOptions
        What the user chose.
    """

    def __init__(self, lanes: Compared, options: ViewOptions) -> None:
        from .live.panel import LanePanel

        self._lanes = lanes
        self._options = options
        self._panels = [LanePanel(options) for _ in lanes.labels]
        self._display_id = uuid4().hex
        self._copy: Any = None

    def start(self, turn: Turn, on_stop: Callable[[], None]) -> None:
        """Display the lanes."""
        del turn, on_stop  # each lane has its own
        from ipywidgets import HTML, HBox, Layout, VBox

        columns = []
        for label, stream, panel in zip(
            self._lanes.labels, self._lanes.streams, self._panels, strict=True
        ):
            panel.start(stream.turn, stream.cancel)
            name = HTML(f'<b class="glm-lane">{escape_html(label)}</b>')
            # A lane may be narrower than its longest line, which then scrolls in it.
            layout = Layout(flex=_LANE, min_width="0", overflow="visible")
            columns.append(VBox([name, panel.widget], layout=layout))
        row = HBox(columns, layout=Layout(flex_flow="row wrap", grid_gap="0 10px", width="100%"))
        # The first lane's page looks after the output for all of them.
        self._copy = self._panels[0].stands_in(row.model_id)
        plain = {"text/plain": labels_for(self._options.language).unfinished_hint}
        publish({**row._repr_mimebundle_(), **plain}, {}, self._display_id)

    def paint(self, turn: Turn) -> None:
        """Send what has changed in each lane."""
        del turn
        for lane, panel in zip(self._lanes.turns, self._panels, strict=True):
            panel.follow(lane)
        self._copy.draft(self._draft)

    def finish(self, turn: Turn) -> None:
        """Replace the lanes by the table."""
        del turn
        turns = list(self._lanes.turns)
        for lane, panel in zip(turns, self._panels, strict=True):
            panel.finish(lane)
        data, metadata = compare_bundle(self._lanes.labels, turns, self._options)
        metadata = self._copy.mark(metadata)
        self._copy.end(data, metadata)
        publish(data, metadata, self._display_id, update=True)

    def _draft(self) -> tuple[dict[str, Any], dict[str, Any]]:
        """Return what has arrived as a saved table that says that it is unfinished."""
        labels = labels_for(self._options.language)
        first, *others = self._lanes.turns
        turns = [unfinished(first, labels), *others]
        return compare_bundle(self._lanes.labels, turns, self._options)
