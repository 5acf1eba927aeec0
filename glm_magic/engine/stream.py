"""A prompt on its way: events as they arrive, its turn at any moment, a stop from any thread."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

from ..catalogue.schema import Offer
from ..core.errors import ConnectionFailedError, GlmError, ProtocolError
from ..core.events import Event, Finish, Notice, StreamError, TimedEvent
from ..core.secret import Secret
from ..core.turn import Turn
from ..dialects import Decoder, Dialect
from ..wire.framing import Framer, RecordTooLongError
from ..wire.http import IDLE_TIMEOUT_S, Reply, read_error_body
from ..wire.request import WireRequest
from ..wire.retry import MAX_RETRIES, retry_delay_s
from . import io
from .accumulate import Accumulator

if TYPE_CHECKING:
    from types import TracebackType

    from .reply import Reply as TurnReply

SLICE_S = 0.2
"""The main thread waits in slices, so that a kernel interrupt is seen at once."""
TRAILER_S = 5.0
"""How long to wait for usage and the end marker after a finish reason has come."""
LEFTOVER_S = 0.05
"""How long to wait for the end of a body that has said all."""
MAX_RAW_BYTES = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Call:
    """Everything that is needed to send one prompt and read its reply."""

    prompt: str
    offer: Offer
    dialect: Dialect
    wire: WireRequest
    key: Secret | None = None
    notices: tuple[Notice, ...] = ()
    idle_timeout_s: float = IDLE_TIMEOUT_S


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
        self.raw = bytearray()
        """The first megabyte of the reply's body, as it came."""
        self._changed = threading.Condition()
        self._fold = Accumulator(call.prompt, call.offer, call.notices)
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
    def reply(self) -> TurnReply:
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
        current = io.current()
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
            if not self._started:
                self._started = True
                self._finish_locked(lambda: self._fold.interrupt(0.0))
                return
            task = self._task
        if task is not None:
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
                await self._attempts(current)
            self._finish(lambda: self._fold.interrupt(self._now()))
        except asyncio.CancelledError:
            self._finish(lambda: self._fold.interrupt(self._now()))
        except GlmError as error:
            self._fail(error)
        except Exception as error:  # a bug of ours must end the wait too
            fault = GlmError(f"glm_magic failed inside: {error!r}", hint="please report this")
            fault.__cause__ = error
            self._fail(fault)

    async def _attempts(self, current: io.Io) -> None:
        for attempt in range(MAX_RETRIES + 1):
            headers: Mapping[str, str] = {}
            try:
                failed = await self._attempt(current)
                if failed is None:
                    return
                error, headers = failed
            except ConnectionFailedError as broken:
                error = broken
            delay_s = retry_delay_s(attempt, headers) if error.retryable else None
            if delay_s is None:
                raise error
            text = (
                f"{error.message}; trying again in {delay_s:.1f} s ({attempt + 1} of {MAX_RETRIES})"
            )
            self._emit([Notice("retry", text)])
            await asyncio.sleep(delay_s)

    async def _attempt(self, current: io.Io) -> tuple[GlmError, Mapping[str, str]] | None:
        """Send once; return the error of a refused request, or ``None`` when a reply was read."""
        call = self.call
        async with current.client.post(call.wire, call.key, call.idle_timeout_s) as reply:
            if reply.status >= 300:
                body = self._without_key(await read_error_body(reply))
                self._keep_raw(body)
                error = call.dialect.error(call.offer, reply.status, reply.headers, body)
                return error, reply.headers
            await self._read(reply)
            return None

    def _without_key(self, body: bytes) -> bytes:
        """Return an error body without our key, which some services repeat in the message."""
        key = self.call.key.reveal().encode() if self.call.key else b""
        return body.replace(key, b"<key>") if len(key) > 3 else body

    async def _read(self, reply: Reply) -> None:
        framer = Framer()
        decoder = self.call.dialect.decoder(self.call.offer, self.call.wire.body)
        try:
            await self._read_chunks(reply, framer, decoder)
        except (ConnectionFailedError, asyncio.CancelledError) as stopped:
            if decoder.finish_reason is None or isinstance(stopped, asyncio.CancelledError):
                ends = (Finish, StreamError, Notice)
                self._emit([e for e in decoder.finish() if not isinstance(e, ends)])
                raise
        except RecordTooLongError:
            raise ProtocolError(
                "the server sent a single record of more than 16 MB",
                hint="what had arrived is kept; this is not a chat reply",
                provider=self.call.offer.provider.name,
            ) from None
        records = framer.finish()
        self._emit([event for record in records for event in decoder.feed(record)])
        self._emit(decoder.finish())
        await _read_to_the_end(reply)

    async def _read_chunks(self, reply: Reply, framer: Framer, decoder: Decoder) -> None:
        chunks = reply.chunks
        while not decoder.over:
            try:
                if decoder.finish_reason is None:
                    chunk = await anext(chunks)
                else:
                    async with asyncio.timeout(TRAILER_S):
                        chunk = await anext(chunks)
            except (StopAsyncIteration, TimeoutError):
                return
            self._keep_raw(chunk)
            events: list[Event] = []
            for record in framer.feed(chunk):
                events += decoder.feed(record)
            if events:
                self._emit(events)

    def _keep_raw(self, chunk: bytes) -> None:
        if len(self.raw) < MAX_RAW_BYTES:
            self.raw += chunk[: MAX_RAW_BYTES - len(self.raw)]

    def _emit(self, events: list[Event]) -> None:
        if not events:
            return
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
            self._finish_locked(end)

    def _finish_locked(self, end: Callable[[], None]) -> None:
        end()
        if self.error is not None:
            self.error.turn = self._fold.turn(self._now())
        self._done = True
        self._notify_locked()

    def _notify_locked(self) -> None:
        self._changed.notify_all()
        for wake in self._wakers:
            wake()

    def _now(self) -> float:
        return time.monotonic() - self._t0 if self._t0 else 0.0


async def _read_to_the_end(reply: Reply) -> None:
    """Read what is left of a body that has said all, so that its connection can be used again."""
    with suppress(TimeoutError, ConnectionFailedError):
        async with asyncio.timeout(LEFTOVER_S):
            async for _ in reply.chunks:
                pass


def _wake(loop: asyncio.AbstractEventLoop, arrived: asyncio.Event) -> None:
    with suppress(RuntimeError):  # the caller's loop may be closed already
        loop.call_soon_threadsafe(arrived.set)


class AsyncStream:
    """The same stream for a program that has an asyncio loop of its own.

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
    def reply(self) -> TurnReply:
        """The whole reply, after the last event."""
        return self.stream.reply

    def cancel(self) -> None:
        """Stop the reply and close its connection; what has arrived stays."""
        self.stream.cancel()
