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
from ..header import is_error_only, unfinished
from ..labels import labels_for
from ..markup.escape import escape_html
from ..options import ViewOptions
from ..play import View
from ..publish import clear_output, publish
from ..questions import Question
from ..saved.page import bundle, page_html
from .handshake import reads_while_busy, receive_while_a_cell_runs

PAINT_EVERY_S = 0.25
DRAFT_EVERY_S = 10.0
"""How often the output is published again with the text so far, for a file that is saved now. The
page draws the widgets again, so not more often."""


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
        self._widgets: dict[str, Any] = {}
        self._painted_at = 0.0
        self._drafted_at = 0.0
        self._question: Question | None = None
        self._asking: list[Any] = []
        """What asks whether a function may be called: the call, Allow, Refuse."""

    def start(self, turn: Turn, on_stop: Callable[[], None]) -> None:
        """Display the widgets."""
        from ipywidgets import HTML, VBox

        self._page = HTML(self._html(turn))
        self._box = VBox([self._page, *self._make_asking()])
        if self._options.background or reads_while_busy():
            stop = _button(self._labels.stop, lambda _button: on_stop())
            stop.tooltip = self._labels.stop_title
            self._box.children += (stop,)
        self._widgets = dict(self._box._repr_mimebundle_())
        self._drafted_at = time.monotonic()
        plain = f"{turn.model}: {self._labels.unfinished_hint}"
        # A page without any widgets shows this HTML until the end.
        wait = {
            "text/html": f"<p>{escape_html(self._labels.arriving)}</p>",
            "text/plain": plain,
        }
        publish({**self._widgets, **wait}, {}, self._display_id, update=self._takes_over)

    def paint(self, turn: Turn) -> None:
        """Show everything again, if it is time."""
        self._show_question()
        now = time.monotonic()
        if now - self._painted_at >= PAINT_EVERY_S:
            self._painted_at = now
            self._page.value = self._html(turn)
        if now - self._drafted_at >= DRAFT_EVERY_S:
            self._drafted_at = now
            data, metadata = bundle(unfinished(turn, self._labels), self._options)
            publish({**self._widgets, **data}, metadata, self._display_id, update=True)

    def finish(self, turn: Turn) -> None:
        """Replace the widgets by the one output that stays."""
        if self._options.questions is not None:
            self._options.questions.close()
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

    def _make_asking(self) -> list[Any]:
        from ipywidgets import HTML

        questions = self._options.questions
        if questions is None:
            return []

        def answer(button: Any) -> None:
            if self._question is not None:
                questions.answer(self._question.number, button is allow)

        allow, refuse = _button(self._labels.allow, answer), _button(self._labels.refuse, answer)
        self._asking = [HTML(), allow, refuse]
        self._show_question()
        return self._asking

    def _show_question(self) -> None:
        questions = self._options.questions
        if questions is None:
            return
        self._question = questions.pending
        if self._question is not None:
            call = f"<pre>{escape_html(self._question.call)}</pre>"
            self._asking[0].value = f"<p>{escape_html(self._labels.asks)}</p>{call}"
        for widget in self._asking:
            widget.layout.display = None if self._question is not None else "none"

    def _html(self, turn: Turn) -> str:
        return page_html(turn, self._options, self._labels)


def _button(text: str, pressed: Callable[[Any], None]) -> Any:
    """Return a button that is heard while a cell runs."""
    from ipywidgets import Button

    button = Button(description=text)
    receive_while_a_cell_runs(button)
    button.on_click(pressed)
    return button
