"""One call over the wire, on the loop thread: send, try again, read, decode."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractContextManager, suppress

from ..core.errors import ConnectionFailedError, GlmError, ProtocolError
from ..core.events import Event, Finish, StreamError
from ..core.turn import Notice
from ..dialects import Decoder
from ..wire.http import HttpClient, HttpResponse, read_error_body
from ..wire.retry import MAX_RETRIES, retry_delay_s
from ..wire.sse import BodyReader, Record, RecordTooLongError
from ..wire.tape.tape import Playback
from .prepared import PreparedRequest
from .turn_builder import Clock

TRAILER_S = 5.0
"""How long to wait for usage and the end marker after a finish reason has come."""
LEFTOVER_S = 0.05
"""How long to wait for the end of a body that has said all."""
MAX_RAW_BYTES = 1024 * 1024
MAX_REPLY_BYTES = 256 * 1024 * 1024
"""Far beyond any model's longest reply (131,072 tokens are 40 MB at most): it would never end."""
REPLAYED = "replayed"
"""Code of the notice that tells of a reply from a tape."""


class Exchange:
    """Send a call and hand on its events.

    Parameters
    ----------
    call : Call
        What to send.
    emit : callable
        Takes each batch of events, one for each network chunk that brings any.
    clock : Clock, optional
        Follows a reply that comes from a tape.
    """

    def __init__(
        self, call: PreparedRequest, emit: Callable[[list[Event]], None], clock: Clock | None = None
    ) -> None:
        self._call = call
        self._emit = emit
        self._clock = clock or Clock()
        self._raw = bytearray()
        self._received = 0

    @property
    def raw(self) -> bytes:
        """The first megabyte of the reply's body, as it came, our key cut out."""
        return self._without_key(bytes(self._raw))

    async def run(self, client: HttpClient) -> None:
        """Send, and read the reply to its end; retry only before anything of it was read.

        Raises
        ------
        GlmError
            The request was refused or the connection failed. Errors that the reply itself tells of
            are events.
        """
        client = client.with_tape(self._call.deck) if self._call.deck else client
        for attempt in range(MAX_RETRIES + 1):
            headers: Mapping[str, str] = {}
            try:
                refused = await self._attempt(client)
                if refused is None:
                    return
                error, headers = refused
            except ConnectionFailedError as broken:
                error = broken
            delay_s = retry_delay_s(attempt, headers) if error.retryable else None
            if delay_s is None:
                raise error
            which = f"{attempt + 1} of {MAX_RETRIES}"
            text = f"{error.message}; trying again in {delay_s:.1f} s ({which})"
            self._emit([Notice("retry", text, wait_s=delay_s)])
            await asyncio.sleep(delay_s)

    async def _attempt(self, client: HttpClient) -> tuple[GlmError, Mapping[str, str]] | None:
        """Send once; return the error of a refused request, or ``None`` when a reply was read."""
        call = self._call
        where = call.offer.provider.name
        async with client.post(call.wire, call.key, call.idle_timeout_s, where) as reply:
            self._follow(reply.playback)
            if reply.status < 300:
                await self._read(reply)
                return None
            body = self._without_key(await read_error_body(reply))
            self._keep_raw(body)
            headers = {name: self._keyless(value) for name, value in reply.headers.items()}
            return call.dialect.error(call.offer, reply.status, headers, body), headers

    def _follow(self, playback: Playback | None) -> None:
        """Take the time from the tape, and say when it was recorded."""
        self._clock.follow(playback)
        if playback is not None:
            when = playback.entry.recorded.date()
            self._emit([Notice(REPLAYED, f"replayed, recorded on {when}")])

    def _without_key(self, body: bytes) -> bytes:
        """Return a body without our key; a key is ASCII, so each byte may stand for a character."""
        return self._keyless(body.decode("latin-1")).encode("latin-1")

    def _keyless(self, text: str) -> str:
        key = self._call.key
        return text if key is None else key.redact(text)

    def _events_of(self, records: Iterable[Record], decoder: Decoder) -> list[Event]:
        events: list[Event] = []
        for record in records:
            text = self._keyless(record.data)
            told = record if text is record.data else record._replace(data=text)
            events += decoder.feed(told)
        return events

    async def _read(self, reply: HttpResponse) -> None:
        framer = BodyReader()
        decoder = self._call.dialect.decoder(self._call.offer, self._call.wire.body)
        try:
            await self._read_chunks(reply, framer, decoder)
        except asyncio.CancelledError:
            self._emit_held(decoder)
            raise
        except GlmError:
            if decoder.finish_reason is None:
                self._emit_held(decoder)
                raise
        except RecordTooLongError:
            self._emit_held(decoder)
            raise ProtocolError(
                "the server sent a single record of more than 16 MB",
                hint="what had arrived is kept; this is not a chat reply",
            ) from None
        self._emit(self._events_of(framer.finish(), decoder))
        self._emit(decoder.finish())
        await _read_to_the_end(reply)

    async def _read_chunks(self, reply: HttpResponse, framer: BodyReader, decoder: Decoder) -> None:
        until_s: float | None = None
        while not decoder.is_done:
            if decoder.finish_reason is None:
                chunk = await anext(reply.chunks, None)
            else:
                until_s = until_s or time.monotonic() + TRAILER_S
                chunk = await _soon(reply, until_s - time.monotonic())
            if chunk is None:
                return
            self._keep_raw(chunk)
            self._emit(self._events_of(framer.feed(chunk), decoder))

    def _emit_held(self, decoder: Decoder) -> None:
        """Hand on the text that a decoder holds back, without the end that it would conclude."""
        ends = (Finish, StreamError, Notice)
        self._emit([event for event in decoder.finish() if not isinstance(event, ends)])

    def _keep_raw(self, chunk: bytes) -> None:
        self._received += len(chunk)
        if self._received > MAX_REPLY_BYTES:
            raise ProtocolError(
                f"the reply passed {MAX_REPLY_BYTES // 1024**2} MB and was stopped",
                hint="what had arrived is kept; no model writes that much, check the base URL",
            )
        if len(self._raw) < MAX_RAW_BYTES:
            self._raw += chunk[: MAX_RAW_BYTES - len(self._raw)]


async def _read_to_the_end(reply: HttpResponse) -> None:
    """Read what is left of a body that has said all, so that its connection can be used again."""
    with suppress(ConnectionFailedError), _at_most(LEFTOVER_S):
        async for _ in reply.chunks:
            pass


async def _soon(reply: HttpResponse, limit_s: float) -> bytes | None:
    """Return the next chunk, or ``None`` at the end of the body and of the time."""
    with _at_most(limit_s):
        return await anext(reply.chunks, None)
    return None


def _at_most(limit_s: float) -> AbstractContextManager[object]:
    """Leave a block when its time is up, but not in the middle of giving a connection back.

    The pool guards its bookkeeping with anyio's shields, which asyncio's own timeouts break
    through: the connection then counts as busy for ever.
    """
    from anyio import move_on_after

    return move_on_after(limit_s)
