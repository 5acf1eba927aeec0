"""What has arrived of a turn: written on the loop thread, read and waited for from any thread."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any

from ...core.errors import GlmError
from ...core.events import Event, StreamError, TimedEvent
from ...core.turn import Turn
from ..planning.call import Call
from .accumulate import Accumulator
from .clock import Clock
from .watch import Watcher

_log = logging.getLogger(__name__)


class Arrivals:
    """The events of a turn so far, and the turn that they make.

    Parameters
    ----------
    call : Call
        The turn's first call.
    """

    def __init__(self, call: Call) -> None:
        self.fold = Accumulator(
            call.prompt, call.offer, call.notices, call.size, request=call.wire.body
        )
        self.watchers: list[Watcher] = []
        """Who looks on."""
        self.stop: Callable[[], None] = lambda: None
        """Stops the turn; a watcher may ask for it."""
        self.error: GlmError | None = None
        """What the turn failed with, if it did."""
        self.changed = threading.Condition()
        """Held while anything here is read or written; notified after each change."""
        self.events: list[Event] = []
        self._times: list[float] = []
        self.done = False
        """Whether nothing more will arrive."""
        self._last: Turn | None = None
        """The turn as it ended: later turns of a session ask for it again and again."""
        self.value: Any = None
        """What the answer holds, read by its schema."""
        self._provider = call.offer.provider.name
        self._wakers: list[Callable[[], None]] = []
        self.clock = Clock()
        """Seconds since the first request was sent, or those of a tape."""

    @property
    def turn(self) -> Turn:
        """The turn as it stands now."""
        if self._last is not None:
            return self._last
        with self.changed:
            return self.fold.turn(self.now())

    @property
    def timed(self) -> list[TimedEvent]:
        """The events so far, with their times."""
        with self.changed:
            return list(map(TimedEvent, self._times, self.events))

    def now(self) -> float:
        """Return the seconds since the first request was sent."""
        return self.clock.now_s()

    def start(self) -> None:
        """Start the turn's clock."""
        self.clock.start()
        self.fold.start()

    def emit(self, events: Sequence[Event]) -> None:
        """Add events of the reply that is being read."""
        if events:
            self._take(events, self.fold.current.fold)
            self._show(events)

    def tell(self, event: Event) -> None:
        """Add an event of the turn itself."""
        self._take([event], self.fold.fold)
        self._show([event])

    def _take(self, events: Sequence[Event], fold: Callable[[Event, float], None]) -> None:
        now = self.now()
        with self.changed:
            for event in events:
                fold(event, now)
                self.events.append(event)
                self._times.append(now)
                if isinstance(event, StreamError):
                    self.error = event.error
                    event.error.provider = event.error.provider or self._provider
            self._notify()

    def _show(self, events: Sequence[Event]) -> None:
        """Let the watchers see what has arrived, and add what they have to say about it."""
        for watcher in self.watchers:
            for remark in watcher.saw(events):
                self._take([remark.notice], self.fold.fold)
                if remark.stop:
                    self.stop()

    def fail(self, error: GlmError) -> None:
        """End the turn in an error."""
        error.provider = error.provider or self._provider
        self.error = error
        self.finish(lambda now: self.fold.break_off(error, now))

    def conclude(self) -> None:
        """End the turn as its last reply ended."""
        self.finish(self.fold.current.interrupt)

    def interrupt(self) -> None:
        """End the turn where the user stopped it."""
        self.finish(self.fold.interrupt)

    def finish(self, end: Callable[[float], None]) -> None:
        """End the turn by one last change."""
        with self.changed:
            now = self.now()
            end(now)
            self.fold.end(now)
            turn = self.fold.turn(now)
            if self.error is not None:
                self.error.turn = turn
        for watcher in self.watchers:
            try:
                watcher.ended(turn)
            except Exception:
                _log.exception("a reply was not taken note of")
        with self.changed:
            self._last, self.done = turn, True
            self._notify()

    def wake(self, loop: asyncio.AbstractEventLoop, arrived: asyncio.Event) -> None:
        """Set an event of the caller's own loop at every change from here on."""

        def wake() -> None:
            with suppress(RuntimeError):  # the caller's loop may be closed already
                loop.call_soon_threadsafe(arrived.set)

        with self.changed:
            self._wakers.append(wake)

    def _notify(self) -> None:
        self.changed.notify_all()
        for wake in self._wakers:
            wake()
