"""Play a reply in a view: paint while it arrives, and leave one output at its end.

`play` blocks the cell until the reply has ended; `play_in_background` returns at once and lets
other cells run meanwhile. In both, one painter thread pulls snapshots of the turn, and nothing in
the engine knows of views.
"""

from __future__ import annotations

import contextvars
import logging
import threading
import time
from collections.abc import Callable, Sequence
from typing import Protocol

from ..core.interrupts import held, suppress_interrupt
from ..core.turn import Turn
from .frontend import stopped_by_user
from .options import ViewOptions

PAINT_EVERY_S = 0.05
"""20 paints a second; faster ones would look the same."""

PAINT_SHARE = 0.25
"""Painting takes at most this share of the time, however long the reply has grown."""

WAIT_SLICE_S = 0.2
"""The main thread waits in slices, so that a kernel interrupt always arrives here."""

CANCEL_S = 1.0
"""How long an interrupted stream has to close; it takes milliseconds unless the disk is busy."""

_log = logging.getLogger(__name__)


class Playable(Protocol):
    """A reply in progress, as far as views need to know it."""

    @property
    def turn(self) -> Turn:
        """A snapshot; may be read from any thread."""

    @property
    def done(self) -> bool:
        """Whether nothing more will arrive."""

    @property
    def can_answer_now(self) -> bool:
        """Whether `answer_now` would have an effect."""

    def wait(self, timeout_s: float) -> bool:
        """Wait for the end; return whether it was reached."""

    def cancel(self) -> None:
        """Stop the reply; may be called from any thread, any number of times."""

    def answer_now(self) -> bool:
        """Cut the thinking short; return whether there was any to cut."""


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


class View:
    """One way to show a turn.

    `play` calls `attach` and `start` once, then `paint` any number of times, and `finish` once. All
    methods do nothing here; a view overrides those it needs.
    """

    def attach(self, stream: Playable) -> None:
        """Receive the stream, before `start`."""

    def start(self, turn: Turn, on_stop: Callable[[], None]) -> None:
        """Show the live form; `on_stop` may be called from any thread."""

    def paint(self, turn: Turn) -> None:
        """Show a newer snapshot; called from one thread."""

    def finish(self, turn: Turn) -> None:
        """Leave exactly one output, the one that is saved."""

    @property
    def can_repaint(self) -> bool:
        """Whether `repaint` does anything; otherwise nobody needs the view after `finish`."""
        return type(self).repaint is not View.repaint

    def repaint(self, turn: Turn, options: ViewOptions | None, *, stale: bool) -> None:
        """Show another run of the cell in the output that `finish` left.

        Parameters
        ----------
        turn : Turn
            The run to show.
        options : ViewOptions, optional
            How it was shown when it ran; ``None`` takes this view's own.
        stale : bool
            Whether it was answered before a change in an earlier turn.
        """


def play(stream: Playable, view: View, last_turn: Callable[[], Turn] | None = None) -> None:
    """Show a stream until it ends.

    Parameters
    ----------
    stream : Playable
        The reply; a failed one ends normally here, its error is the caller's to raise.
    view : View
        Where it is shown.
    last_turn : callable, optional
        Called when the stream has ended, in place of its `turn`.

    Raises
    ------
    StoppedByUser
        When the user interrupted the cell; the partial reply has been shown by then.
    """
    last_turn = last_turn or (lambda: stream.turn)
    painter: _Painter | None = None
    is_finished = False
    try:
        with held():
            _begin(stream, view)
            painter = _Painter(stream, view)
        while not stream.wait(WAIT_SLICE_S):
            pass
        with held():
            painter.stop()
            view.finish(last_turn())
            is_finished = True
    except KeyboardInterrupt:
        if not is_finished:
            with suppress_interrupt():
                _finish_interrupted(stream, view, painter, last_turn)
        raise stopped_by_user() from None
    except BaseException:
        stream.cancel()
        if painter is not None:
            painter.stop()
        raise


def _finish_interrupted(
    stream: Playable, view: View, painter: _Painter | None, last_turn: Callable[[], Turn]
) -> None:
    """Cancel a stream, and leave the output of what had arrived."""
    stream.cancel()
    has_ended = stream.wait(CANCEL_S)
    if painter is not None:
        painter.stop()
    view.finish(last_turn() if has_ended else stream.turn)


def play_in_background(
    stream: Playable, view: View, last_turn: Callable[[], Turn], shown: Callable[[], None]
) -> threading.Thread:
    """Show a stream from another thread, and return at once.

    Parameters
    ----------
    stream : Playable
        The reply.
    view : View
        Where it is shown; it is started here, so that its output belongs to the running cell.
    last_turn : callable
        Called once when the stream has ended, before the saved output is made; returns the turn.
    shown : callable
        Called once when the saved output has been published.

    Returns
    -------
    threading.Thread
        It ends when the saved output has been published.
    """
    _begin(stream, view)

    def follow() -> None:
        painter = _Painter(stream, view)
        while not stream.wait(WAIT_SLICE_S):
            pass
        painter.stop()
        try:
            view.finish(last_turn())
            shown()
        except Exception:
            _log.exception("the reply in the background could not be shown; .result() returns it")

    return _start_thread(follow, "glm-background")


def _begin(stream: Playable, view: View) -> None:
    """Start a view; a stream that cannot be shown is cancelled."""
    try:
        view.attach(stream)
        view.start(stream.turn, stream.cancel)
    except BaseException:
        stream.cancel()
        raise


def _start_thread(target: Callable[[], None], name: str) -> threading.Thread:
    # ipykernel keeps the parent of published output in a context variable, and a new thread starts
    # with an empty context: in a copy, the output still goes to the cell that runs now.
    run = contextvars.copy_context().run
    thread = threading.Thread(target=run, args=(target,), name=name, daemon=True)
    thread.start()
    return thread


class _Painter:
    """The one thread that calls `View.paint`."""

    def __init__(self, stream: Playable, view: View) -> None:
        self._stream = stream
        self._view = view
        self._stop = threading.Event()
        self._thread = _start_thread(self._run, "glm-painter")

    def _run(self) -> None:
        pause_s = PAINT_EVERY_S
        while not self._stop.wait(pause_s) and not self._stream.done:
            began = time.perf_counter()
            try:
                self._view.paint(self._stream.turn)
            except Exception:
                _log.exception("the live view stopped; the whole reply is shown at its end")
                return
            spent_s = time.perf_counter() - began
            pause_s = max(PAINT_EVERY_S - spent_s, spent_s * (1 / PAINT_SHARE - 1))

    def stop(self) -> None:
        """Stop painting; `View.paint` is not called any more once this returns."""
        self._stop.set()
        self._thread.join(CANCEL_S)
