"""The lanes of a comparison while they stream: a live panel for each, side by side."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import uuid4

from ipywidgets import HTML, HBox, Layout, VBox

from ...core.turn import Turn
from ..header import unfinished
from ..labels import labels_for
from ..markup.escape import escape_html
from ..options import ViewOptions
from ..play import Compared, View
from ..publish import publish
from ..saved.compare_page import compare_bundle
from .panel import PanelView
from .widget import NotebookCopy

_LANE = "1 1 320px"


class LanePanel(PanelView):
    """One lane of a comparison; the row that it stands in does the publishing."""

    _ended = False

    @property
    def widget(self) -> Any:
        """The widget, once the lane has started."""
        return self._widget

    def stands_in(self, place: str) -> NotebookCopy | None:
        """Look after the output that shows the row; `place` is the id of the row's model."""
        if self._copy is not None:
            self._copy.place = place
        return self._copy

    def follow(self, turn: Turn) -> None:
        """Send what has changed; a lane that has ended while others go on is shown whole, once."""
        if turn.status == "streaming":
            self.paint(turn)
        elif not self._ended:
            self._ended = True
            self.finish(turn)
            self._send_whole(turn)

    def remember(self) -> None:
        """Let the row's saved table use what is rendered of the lane."""
        with self._lock:
            self._protocol.remember()

    def _publish(
        self, data: dict[str, Any], metadata: dict[str, Any], update: bool = False
    ) -> None:
        """Leave it to the row."""

    def _publish_end(
        self, data: dict[str, Any], metadata: dict[str, Any], update: Callable[[], None]
    ) -> None:
        """Leave what stays to the row."""
        del data, metadata
        update()

    def _keep_draft(self, turn: Turn) -> None:
        """Leave it to the row."""


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
        self._lanes = lanes
        self._options = options
        self._panels = [LanePanel(options) for _ in lanes.labels]
        self._display_id = uuid4().hex
        self._copy: Any = None

    def start(self, turn: Turn, on_stop: Callable[[], None]) -> None:
        """Display the lanes."""
        del turn, on_stop  # each lane has its own
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
        with self._copy.ending(data, metadata):
            publish(data, metadata, self._display_id, update=True)

    def _draft(self) -> tuple[dict[str, Any], dict[str, Any]]:
        """Return what has arrived as a saved table that says that it is unfinished."""
        for panel in self._panels:
            panel.remember()
        labels = labels_for(self._options.language)
        first, *others = self._lanes.turns
        turns = [unfinished(first, labels), *others]
        return compare_bundle(self._lanes.labels, turns, self._options)
