"""A prompt on its way: events as they arrive, its turn at any moment, a stop from any thread."""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import suppress
from types import TracebackType
from typing import TYPE_CHECKING, Self

from ..core.errors import GlmError
from ..core.events import Event, Notice, StreamError, TimedEvent
from ..core.turn import Turn
from . import io
from .accumulate import Accumulator
from .call import Call
from .transfer import Transfer
from .watch import Watcher

if TYPE_CHECKING:
    from .reply import Reply

SLICE_S = 0.2
"""The main thread waits in slices, so that a kernel interrupt is seen at once."""
_log = logging.getLogger(__name__)


class Stream:
    """One reply as it arrives.

    Iterate over it for events; leave the ``with`` block, or call `cancel`, to stop it. Nothing is
    sent before the block is entered or the first event is asked for.

    Raises
    ------
    GlmError
        While iterating, after the last event, when the reply failed. ``error.turn`` holds what had
        arrived.
    """

    def __init__(self, call: Call) -> None:
        self.call = call
        self.error: GlmError | None = None
        """What the reply failed with, if it did."""
        self.watchers: list[Watcher] = []
        """Who looks on; to be filled before the request is sent."""
        self._changed = threading.Condition()
        self._transfer = Transfer(call, self._emit)
        self._fold = Accumulator(call.prompt, call.offer, call.notices, call.size)
        self._events: list[TimedEvent] = []
        self._wakers: list[Callable[[], None]] = []
        self._task: asyncio.Task[None] | None = None
        self._started = False
        self._cancelled = False
        self._done = False
        self._t0 = 0.0

    @property
    def turn(self) -> Turn:
        """The turn as it stands now."""
        with self._changed:
            return self._fold.turn(self._now())

    @property
    def done(self) -> bool:
        """Whether nothing more will arrive."""
        return self._done

    @property
    def events(self) -> list[TimedEvent]:
        """The events so far, with their times."""
        with self._changed:
            return list(self._events)

    @property
    def raw(self) -> bytes:
        """The first megabyte of the reply's body, as it came."""
        return self._transfer.raw

    @property
    def reply(self) -> Reply:
        """The whole reply; waits for its end."""
        from .reply import Reply

        self.wait()
        return Reply(self.turn, self.call.wire.body, self.events)

    def start(self) -> None:
        """Send the request; further calls do nothing."""
        with self._changed:
            if self._started:
                return
            self._started = True
            self._t0 = time.monotonic()
            self._fold.started_at = time.time()
        try:
            current = io.current()
        except GlmError as error:
            self._fail(error)
        else:
            current.thread.submit(self._run(current))

    def wait(self, timeout_s: float | None = None) -> bool:
        """Wait for the end, starting the request if need be; True when it has come."""
        self.start()
        until = None if timeout_s is None else time.monotonic() + timeout_s
        with self._changed:
            while not self._done:
                left = SLICE_S if until is None else min(SLICE_S, until - time.monotonic())
                if left <= 0:
                    break
                self._changed.wait(left)
            return self._done

    def cancel(self) -> None:
        """Stop the reply and close its connection; what has arrived stays."""
        with self._changed:
            if self._done or self._cancelled:
                return
            self._cancelled = True
            unsent, self._started = not self._started, True
            task = self._task
        if unsent:
            self._finish(lambda: self._fold.interrupt(0.0))
        elif task is not None:
            task.get_loop().call_soon_threadsafe(task.cancel)

    def close(self) -> None:
        """Stop the reply, if it still runs, and wait until its connection is closed."""
        if self._started:
            self.cancel()
            self.wait(5)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def __iter__(self) -> Iterator[Event]:
        self.start()
        seen = 0
        while True:
            with self._changed:
                while len(self._events) == seen and not self._done:
                    self._changed.wait(SLICE_S)
                batch = self._events[seen:]
            yield from (timed.event for timed in batch if not isinstance(timed.event, StreamError))
            seen += len(batch)
            if not batch:
                break
        self.raise_error()

    async def aevents(self) -> AsyncIterator[Event]:
        """Iterate on an asyncio loop of the caller's own."""
        arrived = asyncio.Event()
        loop = asyncio.get_running_loop()
        with self._changed:
            self._wakers.append(lambda: _wake(loop, arrived))
        self.start()
        seen = 0
        while True:
            arrived.clear()
            with self._changed:
                batch, done = self._events[seen:], self._done
            for timed in batch:
                if not isinstance(timed.event, StreamError):
                    yield timed.event
            seen += len(batch)
            if not batch:
                if done:
                    break
                await arrived.wait()
        self.raise_error()

    def raise_error(self) -> None:
        """Raise what the reply failed with, if it did."""
        if self.error is not None:
            raise self.error

    async def _run(self, current: io.Io) -> None:
        self._task = asyncio.current_task()
        try:
            if not self._cancelled:
                for watcher in self.watchers:
                    watcher.sends(self.call)
                await self._transfer.run(current.client)
            self._finish(lambda: self._fold.interrupt(self._now()))
        except asyncio.CancelledError:
            self._finish(lambda: self._fold.interrupt(self._now()))
        except GlmError as error:
            self._fail(error)
        except Exception as error:  # a bug of ours must end the wait too
            fault = GlmError(f"glm_magic failed inside: {error!r}", hint="please report this")
            fault.__cause__ = error
            self._fail(fault)

    def _emit(self, events: list[Event]) -> None:
        if not events:
            return
        self._take(events)
        for watcher in self.watchers:
            for remark in watcher.saw(events):
                self._take([remark.notice])
                if remark.stop:
                    self.cancel()

    def _take(self, events: list[Event] | list[Notice]) -> None:
        now = self._now()
        with self._changed:
            for event in events:
                self._fold.fold(event, now)
                self._events.append(TimedEvent(now, event))
                if isinstance(event, StreamError):
                    self.error = event.error
            self._notify_locked()

    def _fail(self, error: GlmError) -> None:
        error.provider = error.provider or self.call.offer.provider.name
        self.error = error
        self._finish(lambda: self._fold.break_off(error, self._now()))

    def _finish(self, end: Callable[[], None]) -> None:
        with self._changed:
            end()
            turn = self._fold.turn(self._now())
            if self.error is not None:
                self.error.turn = turn
        for watcher in self.watchers:
            try:
                watcher.ended(turn)
            except Exception:
                _log.exception("a reply was not taken note of")
        with self._changed:
            self._done = True
            self._notify_locked()

    def _notify_locked(self) -> None:
        self._changed.notify_all()
        for wake in self._wakers:
            wake()

    def _now(self) -> float:
        return time.monotonic() - self._t0 if self._t0 else 0.0


def _wake(loop: asyncio.AbstractEventLoop, arrived: asyncio.Event) -> None:
    with suppress(RuntimeError):  # the caller's loop may be closed already
        loop.call_soon_threadsafe(arrived.set)
