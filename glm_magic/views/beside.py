"""A view beside a stream that nobody waits for: other cells run meanwhile."""

from __future__ import annotations

import contextvars
import logging
import threading
from collections.abc import Callable

from ..core.turn import Turn
from .play import WAIT_SLICE_S, Painter, Playable, View, begin

_log = logging.getLogger(__name__)


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
        _log.exception("the reply in the background could not be shown; .result() has it")
