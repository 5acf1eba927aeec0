"""The live panel: a widget while the reply streams, one static output when it has ended.

A live panel that stands in a row with others, and leaves the publishing to that row.
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
from ...core.turn import Notice, Turn
from ..display import clear_output, publish
from ..header import is_error_only, phase
from ..labels import labels_for
from ..markup.escape import strip_blank_lines
from ..markup.incremental import IncrementalMarkdown, MarkdownDelta
from ..markup.markdown import markdown_html, plain_html
from ..options import ViewOptions
from ..saved.page import (
    answer_html,
    bundle,
    error_html,
    header_html,
    opens,
    remarks_html,
    summary_html,
)
from ..saved.steps import steps_html
from ..variants import stamp
from .fallback import FallbackView
from .handshake import handshake
from .protocol import Growing, TextPart
from .widget import PanelWidget, open_widget

STATE_EVERY_S = 0.2
"""The clock in the header moves five times a second."""

UNREADY_S = 3.0
"""How long snapshots are sent again and again while the page may still be loading the module."""

UNREADY_EVERY_S = 0.1

SNAPSHOT_GROWTH = 2
"""A new snapshot when the text has grown by this factor, for pages that could not ask."""

SNAPSHOT_AT_LEAST = 4000
"""Characters of HTML before growth alone calls for a snapshot."""

LABELS = (
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
)


class PlainGrowth:
    """A growing text that is shown as it is."""

    def __init__(self) -> None:
        self._text = ""

    def update(self, text: str) -> MarkdownDelta:
        """Take the text as it is now."""
        restarted = not text.startswith(self._text)
        self._text = text
        return MarkdownDelta(
            "", plain_html(strip_blank_lines(text)) if text.strip() else "", restarted
        )


class PanelView:
    """Show a turn in a live panel.

    Parameters
    ----------
    options : ViewOptions
        What the user chose.
    """

    def __init__(self, options: ViewOptions) -> None:
        self._options = options
        self._words = labels_for(options.language)
        as_markdown = options.format in (None, "markdown", "code")
        answer: Growing = IncrementalMarkdown() if as_markdown else PlainGrowth()
        self._parts = {
            "reasoning": TextPart(IncrementalMarkdown()),
            "answer": TextPart(answer, True),
        }
        self._widget: PanelWidget | None = None
        self._display_id = uuid4().hex
        self._on_stop: Callable[[], None] = lambda: None
        # The painter, the main thread and the page's messages all come here.
        self._lock = threading.RLock()
        self._turn: Turn | None = None
        self._ready = self._snapshot_asked = self._stopping = self._interrupted = False
        self._opened: bool | None = None
        self._revealed = self._taken_away = False
        self._stream: Any = None
        self._steps = ""
        self._told: dict[str, Any] = {}
        self._understudy: FallbackView | None = None
        self._began = self._state_at = self._snapshot_at = 0.0
        self._snapshot_size = 0

    def offer(self, stream: Any) -> None:
        """Take the stream, which may be able to cut its thinking short."""
        self._stream = stream

    def start(self, turn: Turn, on_stop: Callable[[], None]) -> None:
        """Display the widget."""
        self._on_stop = on_stop
        self._turn = turn
        self._began = time.monotonic()
        labels = {name: str(getattr(self._words, name)) for name in LABELS}
        self._widget = open_widget(labels, self._snapshot())
        self._widget.on_msg(self._receive)
        data, _ = self._widget._repr_mimebundle_() or ({}, {})
        # What a file says that was saved meanwhile, or a host without widgets.
        plain = {"text/plain": self._words.unfinished.format(model=turn.model)}
        self._publish({**data, **plain}, {})
        handshake.showed()

    def paint(self, turn: Turn) -> None:
        """Send what has changed."""
        if self._understudy is None and handshake.gives_up(time.monotonic() - self._began):
            self._understudy = FallbackView(self._options, self._display_id)
            self._understudy.start(turn, self._on_stop)
        if self._understudy is not None:
            self._understudy.paint(turn)
            return
        with self._lock:
            self._turn = turn
            message = self._grow(turn)
            now = time.monotonic()
            if self._needs_snapshot(now):
                self._send_snapshot(now)
                return
            if now - self._state_at >= STATE_EVERY_S:
                message.update(self._news())
                self._state_at = now
            self._send(message)

    def _grow(self, turn: Turn) -> dict[str, Any]:
        """Return what has grown, texts and steps; a text that starts again needs a snapshot."""
        message: dict[str, Any] = {}
        for name, part in self._parts.items():
            epoch = part.epoch
            delta = part.grow(str(getattr(turn, name)))
            if delta is not None:
                message[name] = delta
            self._snapshot_asked = self._snapshot_asked or part.epoch != epoch
        steps = steps_html(turn, self._words)
        if steps != self._steps:
            message["steps"] = self._steps = steps
        return message

    def finish(self, turn: Turn) -> None:
        """Replace the widget by the one output that stays in the file."""
        if self._interrupted:
            told = Notice("interrupted", self._words.queue_dropped)
            turn = replace(turn, notices=(*turn.notices, told))
        self._show_end(turn)
        self._taken_away = is_error_only(turn, self._options)
        if self._taken_away:
            clear_output(self._display_id, self._options)
        else:
            saved = bundle(turn, self._options, self._opened, self._revealed)
            self._publish(*saved, update=True)
        if self._understudy is not None:
            self._understudy.close()

    def repaint(self, turn: Turn, looks: ViewOptions | None, *, stale: bool) -> None:
        """Show this run in the output that stays, as it looked when it ran.

        `stale`: it was answered before a change.
        """
        own = self._options
        options = replace(looks or own, place=own.place, variants=own.variants)
        options = replace(options, note=self._words.stale) if stale else options
        if not self._taken_away:
            self._publish(*bundle(turn, options, self._opened, self._revealed), update=True)

    def _show_end(self, turn: Turn) -> None:
        """Send the last words at once: rendering the page that stays takes a moment."""
        with self._lock:
            self._turn = turn
            message = self._grow(turn)
            if self._snapshot_asked or not self._ready:
                self._send_snapshot(time.monotonic())
            else:
                self._send({**message, "state": self._state()})

    def _send_whole(self, turn: Turn) -> None:
        """Give the whole ended reply, its error included, to a page that goes on showing it."""
        html = error_html(turn, self._words) + answer_html(turn, self._options.format, self._words)
        with self._lock:
            self._parts["reasoning"].replace(markdown_html(strip_blank_lines(turn.reasoning)), "")
            self._parts["answer"].replace(html, turn.answer)
            self._send_snapshot(time.monotonic())

    def _publish(
        self, data: dict[str, Any], metadata: dict[str, Any], update: bool = False
    ) -> None:
        publish(data, metadata, self._display_id, update=update)

    def mark_interrupted(self) -> None:
        """Remember that a kernel interrupt ended the turn: it drops the cells that wait."""
        self._interrupted = True

    def _receive(self, _widget: Any, content: dict[str, Any], _buffers: Any) -> None:
        """Take a message of the page, on whatever thread the kernel gives it."""
        handshake.heard()
        kind = content.get("type")
        if kind == "stop":
            self._stop()
        elif kind == "toggle":
            self._opened = bool(content.get("open"))
        elif kind == "reveal":
            self._revealed = True
        elif kind == "choose":
            self._choose(content.get("run"), content.get("at"))
        elif kind == "answer_now":
            with contextlib.suppress(GlmError):  # it began to answer meanwhile
                self._stream.answer_now()
        elif kind in ("ready", "sync"):
            with self._lock:
                self._ready = self._snapshot_asked = True
                if self._turn is not None and self._turn.status != "streaming":
                    self._send_whole(self._turn)

    def _choose(self, run: object, at: object) -> None:
        """Choose a run, if the page that was pressed, sent `at` that time, shows one of ours."""
        variants = self._options.variants
        turns = variants.turns if variants is not None else []
        ours = any(stamp(turn) == at for turn in turns)
        if variants is not None and ours and isinstance(run, int) and 0 <= run < len(turns):
            variants.choose(run)

    def _stop(self) -> None:
        self._stopping = True
        # The page waits for this answer before it interrupts the kernel.
        with self._lock:
            self._told = self._state()
            self._send({"state": self._told})
        self._on_stop()

    def _needs_snapshot(self, now: float) -> bool:
        loading = not self._ready and now - self._began < UNREADY_S
        if loading and now - self._snapshot_at >= UNREADY_EVERY_S:
            return True
        size = sum(part.size for part in self._parts.values())
        grown = size > max(SNAPSHOT_AT_LEAST, self._snapshot_size * SNAPSHOT_GROWTH)
        return self._snapshot_asked or grown

    def _send_snapshot(self, now: float) -> None:
        self._snapshot_asked = False
        self._snapshot_at = self._state_at = now
        self._snapshot_size = sum(part.size for part in self._parts.values())
        if self._widget is not None:
            self._widget.snapshot = self._snapshot()

    def _send(self, message: dict[str, Any]) -> None:
        if message and self._widget is not None:
            self._widget.send(message)

    def _snapshot(self) -> dict[str, Any]:
        parts = {name: part.snapshot() for name, part in self._parts.items()}
        made = {"made_at": time.monotonic(), "steps": self._steps}
        self._told = self._state()
        return {"state": self._told, **made, **parts}

    def _state(self) -> dict[str, Any]:
        """Return everything of the panel but its two texts."""
        turn = self._turn
        if turn is None:
            return {}
        now = phase(turn)
        choice = self._options.show_thinking
        return {
            "phase": now,
            "says": str(getattr(self._words, now)),
            "live": turn.status == "streaming",
            "heard": self._ready,
            "stopping": self._stopping,
            "background": self._options.background,
            "label": self._words.reply_of.format(model=turn.model),
            "head": header_html(turn, self._options, self._words),
            "hurry": self._can_hurry(turn),
            "held": self._options.hold == "answer" and not self._revealed,
            "bar": self._options.hold == "thinking",
            "summary": summary_html(turn, self._options, self._words),
            "remarks": remarks_html(turn, self._options, self._words),
            "open": opens(turn, self._options),
            "reasoning": choice != "hide" and bool(turn.reasoning.strip()),
        }

    def _news(self) -> dict[str, Any]:
        """Return what has changed of the state since it was told; all, while nobody is heard."""
        state, told = self._state(), self._told if self._ready else {}
        self._told = state
        news = {name: value for name, value in state.items() if told.get(name) != value}
        return {"state": news} if news else {}

    def _can_hurry(self, turn: Turn) -> bool:
        """Whether the page shows a button that cuts the thinking short.

        Not before the page was heard: where its messages wait for the cell, the button is no good.
        """
        live = turn.status == "streaming" and self._ready and not self._stopping
        return live and bool(getattr(self._stream, "can_answer_now", False))


class LanePanel(PanelView):
    """One lane of a comparison."""

    @property
    def widget(self) -> Any:
        """The widget, once the lane has started."""
        return self._widget

    def follow(self, turn: Turn) -> None:
        """Send what has changed; a lane that has ended while others go on is shown whole, once."""
        if turn.status == "streaming":
            self.paint(turn)
        elif not self._ended:
            self._ended = True
            self.finish(turn)
            self._send_whole(turn)

    _ended = False

    def _publish(
        self, data: dict[str, Any], metadata: dict[str, Any], update: bool = False
    ) -> None:
        """Leave it to the row."""
