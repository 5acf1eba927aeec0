"""A prompt on its way: its events as they arrive, its turn at any moment, a stop from any thread.

Blocking and asynchronous, foreground and background use are the same code: a stream is fed on the
I/O thread and read from anywhere. `Stream` is for threads that may block, `AsyncStream` for a
program with an asyncio loop.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self
from weakref import WeakKeyDictionary

from ..core.errors import GlmError
from ..core.events import Event, StreamError, TimedEvent
from ..core.turn import Notice, Turn
from ..tools.tool import Approve
from .executor import CallerExecutor
from .prepared import PreparedRequest
from .reply import Reply
from .runner import TurnRunner
from .turn_builder import Gate, Observer, TurnBuilder

if TYPE_CHECKING:
    from ..wire.http import HttpClient

CLOSE_S = 5
"""How long `Stream.close` waits for the connection to be closed."""


class Stream:
    """One turn as it arrives.

    Iterate over it for events; leave the ``with`` block, or call `cancel`, to stop it. Nothing is
    sent before the block is entered or the first event is asked for.

    Parameters
    ----------
    call : PreparedRequest
        The turn's first request.
    gate : Gate, optional
        Lets each request of the turn go out.

    Raises
    ------
    GlmError
        While iterating, after the last event, when the reply failed. ``error.turn`` holds what had
        arrived.
    """

    def __init__(self, call: PreparedRequest, gate: Gate | None = None) -> None:
        self.call = call
        self._builder = TurnBuilder(call, stop=self.cancel)
        self._executor = CallerExecutor(self._builder.changed)
        self._runner = TurnRunner(call, self._builder, self._executor, gate)

    @property
    def observers(self) -> list[Observer]:
        """Objects that see the turn pass by; to be added before the request is sent."""
        return self._builder.observers

    @property
    def error(self) -> GlmError | None:
        """What the turn failed with, if it did."""
        return self._builder.error

    @property
    def turn(self) -> Turn:
        """The turn as it stands now."""
        return self._builder.snapshot()

    @property
    def done(self) -> bool:
        """Whether nothing more will arrive."""
        return self._builder.done

    @property
    def events(self) -> list[TimedEvent]:
        """The events so far, with their times."""
        return self._builder.timed_events()

    @property
    def raw(self) -> bytes:
        """The first megabyte of each reply's body as it arrived, one after the other."""
        return b"".join(raw for _, raw in self.sent)

    @property
    def sent(self) -> list[tuple[PreparedRequest, bytes]]:
        """Each request that was sent so far, and the first megabyte of its reply's body."""
        return [(exchange.request, exchange.raw) for exchange in self._runner.exchanges]

    @property
    def reply(self) -> Reply:
        """The whole reply; waits for its end."""
        self.wait()
        return self.reply_so_far

    @property
    def reply_so_far(self) -> Reply:
        """The reply as it stands now."""
        return Reply(self.turn, self.request, self.events, self.value)

    @property
    def request(self) -> Mapping[str, Any]:
        """The body that was sent first, or will be."""
        first = self.sent[0][0] if self.sent else self.call
        return first.wire.body

    @property
    def value(self) -> Any:
        """The object in the answer, read by its schema; ``None`` before the end."""
        return self._runner.value

    @property
    def started(self) -> bool:
        """Whether its request was sent, or will be at once."""
        return self._runner.started

    def note(self, notices: Iterable[Notice]) -> None:
        """Add notices on how the prompt was read, before its request is sent."""
        self._builder.note(notices)

    def approve_with(self, approve: Approve) -> None:
        """Let somebody else than the request's options decide about each call, before it starts."""
        self._runner.approve_with(approve)

    def start(self) -> None:
        """Send the request; further calls do nothing."""
        self._runner.start()

    async def run(self, client: HttpClient) -> None:
        """Send the request and read to the end, as part of a task of the I/O thread."""
        self._executor.is_alone = True
        await self._runner.run(client)

    def wait(self, timeout_s: float | None = None) -> bool:
        """Wait for the end, starting the request if need be; True when it has come."""
        self.start()
        until = None if timeout_s is None else time.monotonic() + timeout_s
        self._executor.wait(lambda: self.done, until)
        return self.done

    def cancel(self) -> None:
        """Stop the turn and close its connection; what has arrived stays."""
        self._runner.cancel()

    @property
    def can_answer_now(self) -> bool:
        """Whether `answer_now` would do something: the model thinks, and could do without."""
        return self._runner.can_answer_now

    def answer_now(self) -> bool:
        """Cut the thinking short: cancel the running request and ask again with thinking off.

        Both requests are steps of this turn, and both are counted. May be called from any thread.

        Returns
        -------
        bool
            False when there is no thinking to cut short: the answer has begun, or the turn is over.

        Raises
        ------
        UnsupportedError
            The model always thinks; the running request continues.
        """
        self.call.without_thinking()
        possible = self.can_answer_now
        if possible:
            self._runner.answer_now()
        return possible

    def close(self) -> None:
        """Stop the reply, if it still runs, and wait until its connection is closed."""
        if self._runner.started:
            self.cancel()
            self.wait(CLOSE_S)

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
        count = 0
        while batch := self._next_events(count):
            yield from _without_error(batch)
            count += len(batch)
        self.raise_error()

    def _next_events(self, count: int) -> list[Event]:
        """Return the events after the first `count`, once there are any; none at the end."""
        self._executor.wait(lambda: self.done or self._builder.count != count)
        return self._builder.events_since(count)

    async def aevents(self) -> AsyncIterator[Event]:
        """Iterate on the caller's asyncio loop."""
        arrived = asyncio.Event()
        loop = self._executor.loop = asyncio.get_running_loop()
        wakeups = _wakeups.setdefault(loop, _Wakeups())
        self._builder.wake_with(lambda: wakeups.set(arrived, loop))
        self.start()
        count = 0
        while True:
            arrived.clear()
            done = self.done  # before the events: what comes after the last look must not be lost
            batch = self._builder.events_since(count)
            for event in _without_error(batch):
                yield event
            count += len(batch)
            if not batch:
                if done:
                    break
                await arrived.wait()
        self.raise_error()

    def raise_error(self) -> None:
        """Raise what the reply failed with, if it did."""
        if self.error is not None:
            raise self.error


class _Wakeups:
    """Sets events of a caller's loop, many with one wake-up of its thread."""

    def __init__(self) -> None:
        self._events: deque[asyncio.Event] = deque()
        self._is_due = False

    def set(self, event: asyncio.Event, loop: asyncio.AbstractEventLoop) -> None:
        """Set an event soon, from any thread; from a loop's own, at the end of its round."""
        self._events.append(event)
        if self._is_due:
            return
        self._is_due = True
        here = asyncio._get_running_loop()
        if here is None:
            self._wake(loop)
        else:  # the other streams that have something to read now share the wake-up
            here.call_soon(self._wake, loop)

    def _wake(self, loop: asyncio.AbstractEventLoop) -> None:
        with suppress(RuntimeError):  # the caller's loop may be closed already
            loop.call_soon_threadsafe(self._set_all)

    def _set_all(self) -> None:
        self._is_due = False  # first: what is added from here on may come too late for the loop
        while self._events:
            self._events.popleft().set()


_wakeups: WeakKeyDictionary[asyncio.AbstractEventLoop, _Wakeups] = WeakKeyDictionary()
"""By the loop of the caller."""


def _without_error(batch: list[Event]) -> list[Event]:
    """Return events without the error that ends a reply: it is raised instead."""
    return batch[:-1] if batch and isinstance(batch[-1], StreamError) else batch


class AsyncStream:
    """One turn as it arrives, without blocking the caller's loop.

    Parameters
    ----------
    prepare : callable
        Makes the stream, in a worker thread: it may have to start a local server.
    """

    def __init__(self, prepare: Callable[[], Stream]) -> None:
        self._prepare = prepare
        self._stream: Stream | None = None

    async def __aenter__(self) -> Self:
        (await self._ready()).start()
        return self

    async def __aexit__(self, *error: object) -> None:
        if self._stream is not None and not self._stream.done:
            await asyncio.to_thread(self._stream.close)

    def __aiter__(self) -> AsyncIterator[Event]:
        # Within the block without a generator around the other one, which each event would pass.
        return self._stream.aevents() if self._stream is not None else self._events()

    async def _events(self) -> AsyncIterator[Event]:
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
