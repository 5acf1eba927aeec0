"""A prompt on its way: events as they arrive, its turn at any moment, a stop from any thread.

The same stream for a program that has an asyncio loop of its own.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import TYPE_CHECKING, Self

from ..core.errors import GlmError
from ..core.events import Event, StreamError, TimedEvent
from ..core.turn import Turn
from ..wire import io_thread
from .executor import CallerExecutor
from .prepared import PreparedRequest
from .reply import Reply
from .runner import TurnRunner
from .turn_builder import Arrivals, Observer

if TYPE_CHECKING:
    from .reply import Reply

SLICE_S = 0.2
"""The main thread waits in slices, so that a kernel interrupt is seen at once."""


class Stream:
    """One turn as it arrives.

    Iterate over it for events; leave the ``with`` block, or call `cancel`, to stop it. Nothing is
    sent before the block is entered or the first event is asked for.

    Raises
    ------
    GlmError
        While iterating, after the last event, when the reply failed. ``error.turn`` holds what had
        arrived.
    """

    def __init__(self, call: PreparedRequest) -> None:
        self.call = call
        self._arrivals = Arrivals(call)
        self._arrivals.stop = self.cancel
        self._changed = self._arrivals.changed
        self._errands = CallerExecutor(self._changed)
        self._course = TurnRunner(call, self._arrivals, self._errands)
        self._started = False
        self._cancelled = False

    @property
    def watchers(self) -> list[Observer]:
        """Who looks on; to be filled before the request is sent."""
        return self._arrivals.watchers

    @property
    def error(self) -> GlmError | None:
        """What the turn failed with, if it did."""
        return self._arrivals.error

    @property
    def turn(self) -> Turn:
        """The turn as it stands now."""
        return self._arrivals.turn

    @property
    def done(self) -> bool:
        """Whether nothing more will arrive."""
        return self._arrivals.done

    @property
    def events(self) -> list[TimedEvent]:
        """The events so far, with their times."""
        return self._arrivals.timed

    @property
    def raw(self) -> bytes:
        """The first megabyte of each reply's body, as it came, one after the other."""
        return b"".join(raw for _, raw in self._course.sent)

    @property
    def sent(self) -> list[tuple[PreparedRequest, bytes]]:
        """Each call that was sent so far, and the first megabyte of its reply's body."""
        return self._course.sent

    @property
    def reply(self) -> Reply:
        """The whole reply; waits for its end."""
        from .reply import Reply

        self.wait()
        return Reply(self.turn, self.call.wire.body, self.events, self._arrivals.value)

    def start(self) -> None:
        """Send the request; further calls do nothing."""
        with self._changed:
            if self._started:
                return
            self._started = True
            self._errands.begin()
            self._arrivals.start()
        try:
            thread = io_thread.shared.get()
        except GlmError as error:
            self._arrivals.fail(error)
        else:
            thread.submit(self._course.run(thread.client))

    def wait(self, timeout_s: float | None = None) -> bool:
        """Wait for the end, starting the request if need be; True when it has come."""
        self.start()
        until = None if timeout_s is None else time.monotonic() + timeout_s
        with self._hosting():
            while not self.done and (until is None or time.monotonic() < until):
                self._pass(lambda: self.done, until)
        return self.done

    @contextmanager
    def _hosting(self) -> Iterator[None]:
        """Let the turn's functions run in this thread while it waits."""
        self._errands.enter()
        try:
            yield
        finally:
            self._errands.leave()

    def _pass(self, over: Callable[[], bool], until: float | None = None) -> None:
        """Wait a moment for a change, or run a function of the user's that the turn needs."""
        with self._changed:
            errand = self._errands.take()
            if errand is None and not over():
                left_s = SLICE_S if until is None else min(SLICE_S, until - time.monotonic())
                self._changed.wait(max(0.0, left_s))
        if errand is not None:
            errand.run()

    def cancel(self) -> None:
        """Stop the turn and close its connection; what has arrived stays."""
        with self._changed:
            if self.done or self._cancelled:
                return
            self._cancelled = True
            started, self._started = self._started, True
        if started:
            self._course.cancel()
        else:
            self._arrivals.interrupt()

    @property
    def can_answer_now(self) -> bool:
        """Whether `answer_now` would do something: the model thinks, and could do without."""
        return self._course.can_answer_now

    def answer_now(self) -> bool:
        """Cut the thinking short: cancel the running call and ask again with thinking off.

        Both calls are steps of this turn, and both are counted. May be called from any thread.

        Returns
        -------
        bool
            False when there is no thinking to cut short: the answer has begun, or the turn is over.

        Raises
        ------
        UnsupportedError
            The model always thinks; the running call goes on.
        """
        self.call.without_thinking()
        possible = self.can_answer_now
        if possible:
            self._course.answer_now()
        return possible

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
            batch = self._batch(seen)
            yield from _without_error(batch)
            seen += len(batch)
            if not batch:
                break
        self.raise_error()

    def _batch(self, seen: int) -> list[Event]:
        """Return the events after the first `seen`, once there are any; none at the end."""
        events = self._arrivals.events
        with self._hosting():
            while len(events) == seen and not self.done:
                self._pass(lambda: len(events) != seen or self.done)
        with self._changed:
            return events[seen:]

    async def aevents(self) -> AsyncIterator[Event]:
        """Iterate on an asyncio loop of the caller's own."""
        arrived = asyncio.Event()
        self._errands.loop = asyncio.get_running_loop()
        self._arrivals.wake(self._errands.loop, arrived)
        self.start()
        seen = 0
        while True:
            arrived.clear()
            with self._changed:
                batch, done = self._arrivals.events[seen:], self.done
            for event in _without_error(batch):
                yield event
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


def _without_error(batch: list[Event]) -> list[Event]:
    """Return events without the error that ends a reply: it is raised instead."""
    return batch[:-1] if batch and isinstance(batch[-1], StreamError) else batch


class AsyncStream:
    """One reply as it arrives, without blocking the caller's loop.

    Parameters
    ----------
    prepare : callable
        Makes the stream; it may start a local server, so it runs on a worker thread.
    """

    def __init__(self, prepare: Callable[[], Stream]) -> None:
        self._prepare = prepare
        self._stream: Stream | None = None

    async def __aenter__(self) -> Self:
        (await self._ready()).start()
        return self

    async def __aexit__(self, *error: object) -> None:
        if self._stream is not None:
            await asyncio.to_thread(self._stream.close)

    async def __aiter__(self) -> AsyncIterator[Event]:
        stream = await self._ready()
        async for event in stream.aevents():
            yield event

    async def _ready(self) -> Stream:
        if self._stream is None:
            self._stream = await asyncio.to_thread(self._prepare)
        return self._stream

    @property
    def stream(self) -> Stream:
        """The stream underneath, once the block is entered."""
        if self._stream is None:
            raise RuntimeError("use it as: async with glm.astream(…) as s")
        return self._stream

    @property
    def turn(self) -> Turn:
        """The turn as it stands now."""
        return self.stream.turn

    @property
    def reply(self) -> Reply:
        """The whole reply, after the last event."""
        return self.stream.reply

    def cancel(self) -> None:
        """Stop the reply and close its connection; what has arrived stays."""
        self.stream.cancel()
