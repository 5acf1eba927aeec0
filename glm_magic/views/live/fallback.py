"""The live view for pages with ipywidgets but without anywidget: the saved page, rendered again.

Rendering everything for each paint costs more with every word, so it is painted less often, and
`play` limits painting to its share of the time.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any
from uuid import uuid4

from ...core.turn import Turn
from ..header import is_error_only
from ..labels import labels_for
from ..markup.escape import escape_html
from ..options import ViewOptions
from ..play import View
from ..publish import clear_output, publish
from ..saved.page import bundle, page_html
from .handshake import reads_while_busy, receive_while_a_cell_runs

PAINT_EVERY_S = 0.25


class FallbackView(View):
    """Show a turn with the widgets that come with ipywidgets.

    Parameters
    ----------
    options : ViewOptions
        What the user chose.
    display_id : str, optional
        The output to take over; a new one by default.
    """

    def __init__(self, options: ViewOptions, display_id: str | None = None) -> None:
        self._options = options
        self._labels = labels_for(options.language)
        self._takes_over = display_id is not None
        self._display_id = display_id or uuid4().hex
        self._page: Any = None
        self._box: Any = None
        self._painted_at = 0.0

    def start(self, turn: Turn, on_stop: Callable[[], None]) -> None:
        """Display the widgets."""
        from ipywidgets import HTML, VBox

        self._page = HTML(self._html(turn))
        self._box = VBox([self._page])
        if self._options.background or reads_while_busy():
            self._box.children += (self._stop_button(on_stop),)
        data: dict[str, Any] = self._box._repr_mimebundle_()
        unfinished = self._labels.unfinished.format(model=turn.model)
        # A page without any widgets shows this HTML until the end.
        wait = {
            "text/html": f"<p>{escape_html(self._labels.arriving)}</p>",
            "text/plain": unfinished,
        }
        publish({**data, **wait}, {}, self._display_id, update=self._takes_over)

    def paint(self, turn: Turn) -> None:
        """Show everything again, if it is time."""
        now = time.monotonic()
        if now - self._painted_at >= PAINT_EVERY_S:
            self._painted_at = now
            self._page.value = self._html(turn)

    def finish(self, turn: Turn) -> None:
        """Replace the widgets by the one output that stays."""
        if is_error_only(turn, self._options):
            clear_output(self._display_id, self._options)
        else:
            publish(*bundle(turn, self._options), self._display_id, update=True)
        self.close()

    def close(self) -> None:
        """Remove the widgets from the kernel."""
        for widget in (*self._box.children, self._box):
            widget.layout.close()
            widget.close()

    def _stop_button(self, on_stop: Callable[[], None]) -> Any:
        from ipywidgets import Button

        stop = Button(description=self._labels.stop, tooltip=self._labels.stop_title)
        receive_while_a_cell_runs(stop)
        stop.on_click(lambda _button: on_stop())
        return stop

    def _html(self, turn: Turn) -> str:
        return page_html(turn, self._options, self._labels)
