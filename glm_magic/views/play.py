"""Run a view beside a stream: paint while it moves, end with one output.

A view beside a stream that nobody waits for: other cells run meanwhile.
"""

from __future__ import annotations

import contextlib
import contextvars
import logging
import threading
import time
from collections.abc import Callable
from typing import Protocol

from ..core.turn import Turn

PAINT_EVERY_S = 0.05
"""20 paints a second: as smooth as a reader can tell."""

PAINT_SHARE = 0.25
"""Painting takes at most this share of the time, however long the reply has grown."""

WAIT_SLICE_S = 0.2
"""The main thread sits in slices, so that a kernel interrupt always lands here."""

CANCEL_S = 5.0
"""How long an interrupted stream has to close."""

_log = logging.getLogger(__name__)


class Playable(Protocol):
    """A reply in motion, as far as a view needs to know it."""

    @property
    def turn(self) -> Turn:
        """A snapshot, from any thread."""

    @property
    def done(self) -> bool:
        """Whether nothing more will come."""

    def wait(self, timeout_s: float) -> bool:
        """Wait for the end; return whether it was reached."""

    def cancel(self) -> None:
        """Stop the reply; from any thread, any number of times."""


class View(Protocol):
    """One way to show a turn."""

    def start(self, turn: Turn, on_stop: Callable[[], None]) -> None:
        """Show the live form; `on_stop` may be called from any thread."""

    def paint(self, turn: Turn) -> None:
        """Show a newer snapshot; called from one thread."""

    def finish(self, turn: Turn) -> None:
        """Leave exactly one output that can be saved."""


class StoppedByUser(KeyboardInterrupt):
    """The user interrupted the cell: it ends here, without a traceback."""

    def _render_traceback_(self) -> list[str]:
        return []


def play(stream: Playable, view: View, last_turn: Callable[[], Turn] | None = None) -> None:
    """Show a stream until it ends.

    Parameters
    ----------
    stream : Playable
        The reply; a failed one ends normally here, its error is the caller's to raise.
    view : View
        Where it is shown.
    last_turn : callable, optional
        Called when the stream has ended, in place of its own `turn`.

    Raises
    ------
    StoppedByUser
        When the user interrupted the cell; the partial reply has been shown by then.
    """
    last_turn = last_turn or (lambda: stream.turn)
    begin(stream, view)
    painter = Painter(stream, view)
    try:
        while not stream.wait(WAIT_SLICE_S):
            pass
    except KeyboardInterrupt:
        _wait_for_cancel(stream)
        painter.stop()
        _mark_interrupted(view)
        view.finish(last_turn())
        raise StoppedByUser from None
    except BaseException:
        stream.cancel()
        painter.stop()
        raise
    painter.stop()
    view.finish(last_turn())


def begin(stream: Playable, view: View) -> None:
    """Start a view; a stream that cannot be shown is cancelled.

    A view that has a method ``offer`` gets the stream first, and may use what else it can do.
    """
    try:
        offer = getattr(view, "offer", None)
        if offer is not None:
            offer(stream)
        view.start(stream.turn, stream.cancel)
    except BaseException:
        stream.cancel()
        raise


def _mark_interrupted(view: View) -> None:
    """Tell a view that wants to know that not its own Stop ended the turn."""
    mark = getattr(view, "mark_interrupted", None)
    if mark is not None:
        mark()


def _wait_for_cancel(stream: Playable) -> None:
    """Cancel and give the stream time to close; a second interrupt ends the waiting."""
    stream.cancel()
    with contextlib.suppress(KeyboardInterrupt):
        stream.wait(CANCEL_S)


class Painter:
    """The one thread that calls `View.paint`."""

    def __init__(self, stream: Playable, view: View) -> None:
        self._stream = stream
        self._view = view
        self._stop = threading.Event()
        # The context says which cell is the parent of what is shown; a new thread has none.
        run = contextvars.copy_context().run
        self._thread = threading.Thread(
            target=run, args=(self._run,), name="glm-painter", daemon=True
        )
        self._thread.start()

    def _run(self) -> None:
        pause_s = PAINT_EVERY_S
        while not self._stop.wait(pause_s) and not self._stream.done:
            began = time.perf_counter()
            try:
                self._view.paint(self._stream.turn)
            except Exception:
                _log.exception("the live view stopped; the reply goes on and will be shown whole")
                return
            spent_s = time.perf_counter() - began
            pause_s = max(PAINT_EVERY_S - spent_s, spent_s * (1 / PAINT_SHARE - 1))

    def stop(self) -> None:
        """End it; afterwards nothing is painted any more."""
        self._stop.set()
        with contextlib.suppress(KeyboardInterrupt):
            self._thread.join(CANCEL_S)


_background_log = logging.getLogger(__name__)


def play_beside(
    stream: Playable, view: View, last_turn: Callable[[], Turn], shown: Callable[[], None]
) -> threading.Thread:
    """Show a stream from a thread of its own, and return at once.

    Parameters
    ----------
    stream : Playable
        The reply.
    view : View
        Where it is shown; it is started here, so that its output belongs to the running cell.
    last_turn : callable
        Called once when the stream has ended, before the output that stays; returns its turn.
    shown : callable
        Called once when that output has been published.

    Returns
    -------
    threading.Thread
        It ends when the output that stays has been published.
    """
    begin(stream, view)
    # What the thread publishes belongs to the cell that runs now: the context says which.
    run = contextvars.copy_context().run
    thread = threading.Thread(
        target=run,
        args=(_follow, stream, view, last_turn, shown),
        name="glm-background",
        daemon=True,
    )
    thread.start()
    return thread


def _follow(
    stream: Playable, view: View, last_turn: Callable[[], Turn], shown: Callable[[], None]
) -> None:
    painter = Painter(stream, view)
    while not stream.wait(WAIT_SLICE_S):
        pass
    painter.stop()
    try:
        view.finish(last_turn())
        shown()
    except Exception:
        _background_log.exception(
            "the reply in the background could not be shown; .result() has it"
        )
