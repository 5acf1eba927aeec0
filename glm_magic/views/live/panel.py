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
from functools import partial
from typing import Any
from uuid import uuid4

from ...core.errors import GlmError
from ...core.i18n import translate
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
    "sentence_title",
    "think_on",
    "cancel",
)
"""The labels that the page's script writes itself."""


class PanelView(View):
    """Show a turn in a live panel.

    Parameters
    ----------
    options : ViewOptions
        What the user chose.
    output : str, optional
        Id of an output that is there, whose place the panel takes.
    """

    def __init__(self, options: ViewOptions, output: str = "") -> None:
        self._options = options
        self._labels = labels_for(options.language)
        self._display_id = output or uuid4().hex
        self._takes_place = bool(output)
        # The painter, the main thread and the page's messages all come here.
        self._lock = threading.RLock()
        self._protocol = self._new_protocol()
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
        self._clicked: object = None
        """The click on a picture that was answered last."""
        self._figures: list[Any] = []
        self._doubt_html = ""

    def _new_protocol(self) -> PanelProtocol:
        as_markdown = self._options.format in (None, "markdown", "code")
        return PanelProtocol(self._state, as_markdown=as_markdown)

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
        self._widget.at_close = self._page_is_gone
        self._copy = NotebookCopy(self._widget, self._labels)
        data, _ = self._widget._repr_mimebundle_() or ({}, {})
        # What a host without widgets says, and a file until the page has written more.
        plain = {"text/plain": f"{turn.model}: {self._labels.unfinished_hint}"}
        if self._takes_place:
            publish({**data, **plain}, {}, self._display_id, update=True)
        else:
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
            self._protocol.remember()
        self._cleared = is_error_only(turn, self._options)
        if self._cleared:
            self._publish_end({}, {}, lambda: clear_output(self._display_id, self._options))
        else:
            saved = bundle(turn, self._options, self._opened, self._revealed)
            self._publish(*saved, update=True)
        if self._fallback is not None:
            self._fallback.close()
        # The view stays as long as its output: without its stream, which holds all that arrived.
        self._stream, self._fallback, self._on_stop = None, None, lambda: None
        if self._widget is None:
            self._page_is_gone()

    def _page_is_gone(self) -> None:
        """Keep what `repaint` needs, and nothing for a page: the model is closed."""
        with self._lock:
            self._widget = self._turn = None
            self._protocol = self._new_protocol()
            self._figures, self._doubt_html = [], ""
            if self._copy is not None:
                self._copy.close()

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
        show = partial(publish, display_id=self._display_id, update=update)
        if not update or self._copy is None:
            show(data, metadata)
            return
        metadata = self._copy.mark(metadata)
        self._publish_end(data, metadata, lambda: show(data, metadata))

    def _publish_end(
        self, data: dict[str, Any], metadata: dict[str, Any], update: Callable[[], None]
    ) -> None:
        """Let the page put the output that stays wherever the `update` of it does not."""
        if self._copy is None:
            update()
            return
        with self._lock, self._copy.ending(data, metadata):
            update()

    def _keep_draft(self, turn: Turn) -> None:
        """Let the page write what has arrived into the notebook, behind the panel."""
        if self._copy is not None:
            self._copy.draft(lambda: self._draft(turn))

    def _draft(self, turn: Turn) -> Bundle:
        """Return what has arrived as a saved output that says that it is unfinished."""
        self._protocol.remember()
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

    def _receive(self, _widget: Any, content: Message, _buffers: Any) -> None:
        """Take a message of the page, on whatever thread the kernel gives it."""
        handshake.acknowledged()
        take: dict[object, Callable[[Message], None]] = {
            "allow": self._allow,
            "answer_now": self._answer_now,
            "choose": self._choose,
            "doubt": self._show_doubt,
            "kept": self._kept,
            "picture": self._send_picture,
            "ready": self._send_again,
            "rethink": self._change_thought,
            "reveal": self._reveal,
            "stop": self._stop,
            "sync": self._send_again,
            "thought": self._change_thought,
            "toggle": self._toggle,
        }
        kind = content.get("type")
        if kind in take:
            take[kind](content)

    def _allow(self, content: Message) -> None:
        if self._options.questions is not None:
            self._options.questions.answer(content.get("question"), content.get("allowed"))

    def _answer_now(self, _content: Message) -> None:
        if self._stream is not None:
            with contextlib.suppress(GlmError):  # the model always thinks
                self._stream.answer_now()

    def _show_doubt(self, content: Message) -> None:
        self._options = replace(self._options, doubt=bool(content.get("open")))

    def _kept(self, _content: Message) -> None:
        if self._widget is not None:
            self._widget.kept = True

    def _reveal(self, _content: Message) -> None:
        self._revealed = True

    def _toggle(self, content: Message) -> None:
        self._opened = bool(content.get("open"))

    def _send_again(self, content: Message) -> None:
        """Send everything: a page was loaded just now, or one has lost the thread."""
        is_new = content["type"] == "ready"
        with self._lock:
            self._protocol.page_asks()
            if is_new and self._copy is not None:
                self._copy.page_is_new(str(content.get("page", "")))
            if self._turn is not None and self._turn.status != "streaming":
                self._send_whole(self._turn)

    def _stop(self, _content: Message) -> None:
        self._stopping = True
        # The page waits for this answer before it interrupts the kernel.
        with self._lock:
            self._send(self._protocol.whole_state())
        self._on_stop()

    def _send_picture(self, content: Message) -> None:
        """Send the page the whole of a small picture, once for each click.

        A click comes by two ways, of which one may wait for the end of the running cell.
        """
        if content.get("number") == self._clicked:
            return
        self._clicked = content.get("number")
        variants = self._options.variants
        turns = [*(variants.turns if variants is not None else ()), self._turn]
        shown = (one for turn in turns if turn is not None for one in turn.all_attachments)
        picture = next((one for one in shown if one.hash == content.get("hash") and one.data), None)
        if picture is not None and picture.kind == "picture":
            with self._lock:
                address = picture.data_uri
                self._send({"picture": {"address": address, "name": picture.name}})

    def _change_thought(self, content: Message) -> None:
        """Show the sentences of a thought, or let its run think again from one of them on."""
        thoughts, at = self._options.thoughts, content.get("at")
        if thoughts is None or not isinstance(at, str):
            return
        sentence, text = content.get("sentence"), content.get("text")
        try:
            if isinstance(sentence, int) and isinstance(text, str):
                thoughts.rethink(at, sentence, text, self._display_id)
                if self._copy is not None:
                    self._copy.give_up()
                return
            answer: Message = {"at": at, "sentences": list(thoughts.sentences(at))}
        except GlmError as error:
            answer = {"at": at, "refused": translate(error.to_text(), self._labels.language)}
        with self._lock:
            self._send({"thought": answer})

    def _choose(self, content: Message) -> None:
        """Choose a run, if the page that was clicked shows this cell."""
        variants = self._options.variants
        turns = variants.turns if variants is not None else []
        shows_this_cell = any(stamp(turn) == content.get("at") for turn in turns)
        if variants is None or not shows_this_cell:
            return
        run = content.get("run")
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
