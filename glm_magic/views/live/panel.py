"""The live panel: a widget while the reply streams, one static output when it has ended.

`PanelProtocol` decides what the page is sent. `PanelView` joins it to the widget, to the page's own
messages, and to the output that is saved; where no page answers, it lets `FallbackView` take over
the same output. Of a long reply, the page neither lays out nor paints what is out of sight
(``content-visibility`` in ``panel.css``).
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any
from uuid import uuid4

from ...core.errors import GlmError
from ...core.turn import Turn
from ..header import is_error_only, phase, unfinished
from ..labels import labels_for
from ..markup.escape import strip_blank_lines
from ..markup.markdown import markdown_html
from ..options import ViewOptions
from ..play import Playable, View
from ..publish import clear_output, publish
from ..saved.answer import answer_html
from ..saved.doubt import doubt_html
from ..saved.page import (
    bundle,
    error_html,
    header_html,
    is_few,
    opens,
    remarks_html,
    summary_html,
)
from ..saved.steps import steps_html
from ..variants import stamp
from .fallback import FallbackView
from .handshake import handshake
from .protocol import Message, Outgoing, PanelProtocol
from .widget import Bundle, NotebookCopy, PanelWidget, open_widget

_PAGE_LABELS = (
    "stop",
    "stop_title",
    "stopping",
    "copy",
    "copy_title",
    "copied",
    "copy_failed",
    "answer_now",
    "answer_now_title",
    "show_answer",
    "asks",
    "allow",
    "refuse",
    "gone",
    "gone_hint",
    "no_answer_yet",
)
"""The labels that the page's script writes itself."""


class PanelView(View):
    """Show a turn in a live panel.

    Parameters
    ----------
    options : ViewOptions
        What the user chose.
    """

    def __init__(self, options: ViewOptions) -> None:
        self._options = options
        self._labels = labels_for(options.language)
        self._display_id = uuid4().hex
        # The painter, the main thread and the page's messages all come here.
        self._lock = threading.RLock()
        self._protocol = PanelProtocol(
            self._state, as_markdown=options.format in (None, "markdown", "code")
        )
        self._widget: PanelWidget | None = None
        self._copy: NotebookCopy | None = None
        self._fallback: FallbackView | None = None
        self._began = 0.0

        self._stream: Playable | None = None
        self._turn: Turn | None = None
        self._on_stop: Callable[[], None] = lambda: None
        self._stopping = self._cleared = False
        # What the reader did on the page, which the saved output keeps.
        self._opened: bool | None = None
        self._revealed = False
        self._figures: list[Any] = []
        self._doubt_html = ""

    def attach(self, stream: Playable) -> None:
        """Take the stream, whose thinking the page may cut short."""
        self._stream = stream

    def start(self, turn: Turn, on_stop: Callable[[], None]) -> None:
        """Display the widget."""
        self._on_stop = on_stop
        self._turn = turn
        self._began = time.monotonic()
        labels = {name: str(getattr(self._labels, name)) for name in _PAGE_LABELS}
        cell = self._options.position[0] if self._options.position else None
        self._widget = open_widget(labels, self._protocol.start(self._began), cell)
        self._widget.on_msg(self._receive)
        self._copy = NotebookCopy(self._widget, self._labels)
        data, _ = self._widget._repr_mimebundle_() or ({}, {})
        # What a host without widgets says, and a file until the page has written more.
        plain = {"text/plain": f"{turn.model}: {self._labels.unfinished_hint}"}
        self._publish({**data, **plain}, {})
        handshake.shown()

    def paint(self, turn: Turn) -> None:
        """Send what has changed."""
        if self._fallback is None and handshake.timed_out(time.monotonic() - self._began):
            self._fallback = FallbackView(self._options, self._display_id)
            self._fallback.start(turn, self._on_stop)
        if self._fallback is not None:
            self._fallback.paint(turn)
            return
        with self._lock:
            self._turn = turn
            self._deliver(self._protocol.update(*self._content(turn), time.monotonic()))
            self._keep_draft(turn)

    def finish(self, turn: Turn) -> None:
        """Replace the widget by the one output that stays in the file."""
        if self._options.questions is not None:
            self._options.questions.close()
        # Before the saved page, whose rendering takes a moment.
        with self._lock:
            self._turn = turn
            self._deliver(self._protocol.finish(*self._content(turn), time.monotonic()))
        self._cleared = is_error_only(turn, self._options)
        if self._cleared:
            clear_output(self._display_id, self._options)
            self._keep({}, {})
        else:
            saved = bundle(turn, self._options, self._opened, self._revealed)
            self._publish(*saved, update=True)
        if self._fallback is not None:
            self._fallback.close()

    def repaint(self, turn: Turn, options: ViewOptions | None, *, stale: bool) -> None:
        """Show another run in the output that stays, as it was shown when it ran."""
        options = replace(
            options or self._options,
            position=self._options.position,
            variants=self._options.variants,
        )
        options = replace(options, remark=self._labels.stale) if stale else options
        if not self._cleared:
            self._publish(*bundle(turn, options, self._opened, self._revealed), update=True)

    def _content(self, turn: Turn) -> tuple[str, str, str]:
        return turn.reasoning, turn.answer, steps_html(turn, self._labels)

    def _send_whole(self, turn: Turn) -> None:
        """Send the whole ended reply, its error included, to a page that still shows it."""
        answer = error_html(turn, self._labels)
        answer += answer_html(turn, self._options.format, self._labels)
        reasoning = markdown_html(strip_blank_lines(turn.reasoning))
        with self._lock:
            self._deliver(self._protocol.replace(reasoning, answer, turn.answer, time.monotonic()))

    def _publish(
        self, data: dict[str, Any], metadata: dict[str, Any], update: bool = False
    ) -> None:
        if update and self._copy is not None:
            metadata = self._copy.mark(metadata)
            self._keep(data, metadata)
        publish(data, metadata, self._display_id, update=update)

    def _keep(self, data: dict[str, Any], metadata: dict[str, Any]) -> None:
        """Let the page put the output that stays wherever the update did not reach it."""
        if self._copy is not None:
            with self._lock:
                self._copy.end(data, metadata)

    def _keep_draft(self, turn: Turn) -> None:
        """Let the page write what has arrived into the notebook, behind the panel."""
        if self._copy is not None:
            self._copy.draft(lambda: self._draft(turn))

    def _draft(self, turn: Turn) -> Bundle:
        """Return what has arrived as a saved output that says that it is unfinished."""
        turn = unfinished(turn, self._labels)
        return bundle(turn, self._options, self._opened, self._revealed)

    def _deliver(self, outgoing: Outgoing) -> None:
        if outgoing.snapshot is not None and self._widget is not None:
            self._widget.snapshot = outgoing.snapshot
        if outgoing.message is not None:
            self._send(outgoing.message)

    def _send(self, message: Message) -> None:
        if message and self._widget is not None:
            self._widget.send(message)

    def _receive(self, _widget: Any, content: dict[str, Any], _buffers: Any) -> None:
        """Take a message of the page, on whatever thread the kernel gives it."""
        handshake.acknowledged()
        kind = content.get("type")
        if kind == "stop":
            self._stop()
        elif kind == "toggle":
            self._opened = bool(content.get("open"))
        elif kind == "doubt":
            self._options = replace(self._options, doubt=bool(content.get("open")))
        elif kind == "kept" and self._widget is not None:
            self._widget.kept = True
        elif kind == "reveal":
            self._revealed = True
        elif kind == "allow" and self._options.questions is not None:
            self._options.questions.answer(content.get("question"), content.get("allowed"))
        elif kind == "choose":
            self._choose(content.get("run"), content.get("at"))
        elif kind == "answer_now" and self._stream is not None:
            with contextlib.suppress(GlmError):  # the model always thinks
                self._stream.answer_now()
        elif kind in ("ready", "sync"):
            self._send_again(str(content.get("page", "")) if kind == "ready" else None)

    def _send_again(self, new_page: str | None) -> None:
        """Send everything: a page was loaded just now, or one has lost the thread."""
        with self._lock:
            self._protocol.page_asks()
            if new_page is not None and self._copy is not None:
                self._copy.page_is_new(new_page)
            if self._turn is not None and self._turn.status != "streaming":
                self._send_whole(self._turn)

    def _stop(self) -> None:
        self._stopping = True
        # The page waits for this answer before it interrupts the kernel.
        with self._lock:
            self._send(self._protocol.whole_state())
        self._on_stop()

    def _choose(self, run: object, at: object) -> None:
        """Choose a run, if the page that was clicked, sent `at` that time, shows this cell."""
        variants = self._options.variants
        turns = variants.turns if variants is not None else []
        shows_this_cell = any(stamp(turn) == at for turn in turns)
        if variants is None or not shows_this_cell:
            return
        if isinstance(run, int) and 0 <= run < len(turns):
            variants.choose(run)

    def _state(self) -> Message:
        """Return everything that the panel shows besides its texts and steps."""
        turn = self._turn
        if turn is None:
            return {}
        now = phase(turn)
        questions = self._options.questions
        question = questions.pending if questions is not None else None
        return {
            "phase": now,
            "says": str(getattr(self._labels, now)),
            "live": turn.status == "streaming",
            "heard": self._protocol.page_ready,
            "stopping": self._stopping,
            "background": self._options.background,
            "label": self._labels.reply_of.format(model=turn.model),
            "head": header_html(turn, self._options, self._labels),
            "question": question and {"number": question.number, "call": question.call},
            "hurry": self._can_answer_now(turn),
            "held": self._options.hold == "answer" and not self._revealed,
            "bar": self._options.hold == "thinking",
            "summary": summary_html(self._options, self._labels),
            "remarks": remarks_html(turn, self._options, self._labels),
            "open": opens(turn, self._options),
            "few": is_few(turn.reasoning),
            "reasoning": self._options.show_thinking != "hide" and bool(turn.reasoning.strip()),
            "doubt": self._doubt(turn),
        }

    def _doubt(self, turn: Turn) -> str:
        """Return the view of doubt, which is made again when there are other figures."""
        figures = [(step.reasoning_figures, step.answer_figures) for step in turn.steps]
        if figures != self._figures:
            options = replace(self._options, doubt=False)  # the page itself keeps it open
            self._figures = figures
            self._doubt_html = doubt_html(turn, options, self._labels, live=True)
        return self._doubt_html

    def _can_answer_now(self, turn: Turn) -> bool:
        """Whether the page shows the button that cuts the thinking short.

        Not before the page has answered: where its messages wait for the end of the cell, the
        button would have no effect.
        """
        if turn.status != "streaming" or not self._protocol.page_ready or self._stopping:
            return False
        return self._stream is not None and self._stream.can_answer_now


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

    def _publish(
        self, data: dict[str, Any], metadata: dict[str, Any], update: bool = False
    ) -> None:
        """Leave it to the row."""

    def _keep(self, data: dict[str, Any], metadata: dict[str, Any]) -> None:
        """Leave it to the row."""

    def _keep_draft(self, turn: Turn) -> None:
        """Leave it to the row."""
