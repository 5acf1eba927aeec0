"""One request and its reply, on the loop thread: send, retry, read, decode.

A reply ends with its `Finish`. After a finish reason, the trailer (usage, ``[DONE]``) is awaited
for `TRAILER_S` at most. Nothing that a server sends decides how much memory or time is taken: a
record ends at 16 MB, a reply at `MAX_REPLY_BYTES`.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractContextManager, suppress

from ..core.errors import ConnectionFailedError, GlmError, ProtocolError
from ..core.events import Event, Finish, StreamError
from ..core.i18n import tr
from ..core.turn import Notice
from ..dialects import Decoder
from ..wire.echoes import without_secrets
from ..wire.http import HttpClient, HttpResponse, read_error_body
from ..wire.retry import MAX_RETRIES, retry_delay_s
from ..wire.sse import BodyReader, Record, RecordTooLongError
from ..wire.tape.tape import Playback
from .prepared import PreparedRequest
from .redaction import EventFilter, without_key
from .turn_builder import Clock

TRAILER_S = 5.0
"""How long to wait for usage and the end marker after a finish reason has come."""
LEFTOVER_S = 0.05
"""How long to wait for the end of a body after the last event."""
MAX_RAW_BYTES = 1024 * 1024
MAX_REPLY_BYTES = 256 * 1024 * 1024
"""Far beyond any model's longest reply: 131,072 tokens are 40 MB at most."""
REPLAYED = "replayed"
"""Code of the notice of a reply that came from a tape."""


class Exchange:
    """Sends a request and hands on the events of its reply.

    Parameters
    ----------
    request : PreparedRequest
        What to send.
    emit : callable
        Takes each batch of events, one for each network chunk that brings any.
    clock : Clock
        Follows a reply that comes from a tape.
    """

    def __init__(
        self, request: PreparedRequest, emit: Callable[[list[Event]], None], clock: Clock
    ) -> None:
        self.request = request
        self._hand_on = emit
        self._clock = clock
        self._filter: EventFilter | None = None
        self._raw = bytearray()
        self._received = 0

    @property
    def raw(self) -> bytes:
        """The first megabyte of the reply's body as it arrived, without our key."""
        key = self.request.key
        return bytes(self._raw) if key is None else without_secrets(self._raw, key.spellings)

    def _emit(self, events: list[Event]) -> None:
        self._filter = self._filter or EventFilter(self.request.key)
        self._hand_on(self._filter.feed(events))

    async def run(self, client: HttpClient) -> None:
        """Send, and read the reply to its end; retry only before anything of it was read.

        Raises
        ------
        GlmError
            The request was refused or the connection failed. An error that is part of the reply is
            an event.
        """
        client = client.with_tape(self.request.tape) if self.request.tape else client
        for attempt in range(MAX_RETRIES + 1):
            headers: Mapping[str, str] = {}
            try:
                refusal = await self._attempt(client)
                if refusal is None:
                    return
                error, headers = refusal
            except ConnectionFailedError as failure:
                error = self._cleaned(failure)
            delay_s = retry_delay_s(attempt, headers) if error.retryable else None
            if delay_s is None:
                raise error
            text = tr(
                "{error}; trying again in {delay_s:.1f} s ({number} of {most})",
                error=error.message,
                delay_s=delay_s,
                number=attempt + 1,
                most=MAX_RETRIES,
            )
            self._emit([Notice("retry", text, wait_s=delay_s)])
            await asyncio.sleep(delay_s)

    async def _attempt(self, client: HttpClient) -> tuple[GlmError, Mapping[str, str]] | None:
        """Send once; return the error of a refused request, or ``None`` when a reply was read."""
        request, provider = self.request, self.request.offer.provider.name
        async with client.post(
            request.wire, request.key, request.idle_timeout_s, provider
        ) as response:
            self._follow(response.playback)
            if response.status < 300:
                await self._read(response)
                return None
            body = await read_error_body(response)
            self._keep_raw(body)
            key = request.key
            if key is not None:
                body = without_secrets(body, key.spellings)
            headers = {k: self._redacted(value) for k, value in response.headers.items()}
            error = request.dialect.error(request.offer, response.status, headers, body)
            return self._cleaned(error), headers

    def _follow(self, playback: Playback | None) -> None:
        """Take the time from the tape, and note when it was recorded."""
        self._clock.follow(playback)
        if playback is not None:
            day = str(playback.entry.recorded.date())
            self._emit([Notice(REPLAYED, tr("replayed, recorded on {day}", day=day))])

    def _cleaned(self, error: GlmError) -> GlmError:
        key = self.request.key
        return error if key is None else without_key(error, key.spellings)

    def _redacted(self, text: str) -> str:
        key = self.request.key
        return text if key is None else key.redact(text)

    def _events_of(self, records: Iterable[Record], decoder: Decoder) -> list[Event]:
        """Decode records without the key in them; one that is divided among several is cut later.

        A frame that repeats what came before is read as it is, to be compared with the last one.
        """
        events: list[Event] = []
        for record in records:
            text = record.data if self._is_cumulative else self._redacted(record.data)
            events += decoder.feed(record if text is record.data else record._replace(data=text))
        return events

    @property
    def _is_cumulative(self) -> bool:
        native = self.request.wire.body.get("parameters")
        return isinstance(native, Mapping) and native.get("incremental_output") is not True

    async def _read(self, response: HttpResponse) -> None:
        reader = BodyReader()
        decoder = self.request.dialect.decoder(self.request.offer, self.request.wire.body)
        try:
            await self._read_chunks(response, reader, decoder)
        except asyncio.CancelledError:
            self._emit_held_back(decoder)
            raise
        except GlmError:
            # A connection that breaks after the finish reason has lost the trailer only.
            if decoder.finish_reason is None:
                self._emit_held_back(decoder)
                raise
        except RecordTooLongError:
            self._emit_held_back(decoder)
            raise ProtocolError(
                tr("the server sent a single record of more than 16 MB"),
                hint=tr("what had arrived is kept; this is not a chat reply"),
            ) from None
        self._emit(self._events_of(reader.finish(), decoder))
        self._emit(decoder.finish())
        await _read_to_the_end(response)

    async def _read_chunks(
        self, response: HttpResponse, reader: BodyReader, decoder: Decoder
    ) -> None:
        until_s: float | None = None
        while not decoder.is_done:
            if decoder.finish_reason is None:
                chunk = await anext(response.chunks, None)
            else:
                until_s = until_s or time.monotonic() + TRAILER_S
                chunk = await _next_chunk(response, until_s - time.monotonic())
            if chunk is None:
                return
            self._keep_raw(chunk)
            self._emit(self._events_of(reader.feed(chunk), decoder))

    def _emit_held_back(self, decoder: Decoder) -> None:
        """Hand on the text that a decoder holds back, but not the end that it would infer."""
        ends = (Finish, StreamError, Notice)
        self._emit([event for event in decoder.finish() if not isinstance(event, ends)])
        self._hand_on(self._filter.finish() if self._filter else [])

    def _keep_raw(self, chunk: bytes) -> None:
        self._received += len(chunk)
        if self._received > MAX_REPLY_BYTES:
            raise ProtocolError(
                tr("the reply passed {size} MB and was stopped", size=MAX_REPLY_BYTES // 1024**2),
                hint=tr("what had arrived is kept; no model writes that much, check the base URL"),
            )
        if len(self._raw) < MAX_RAW_BYTES:
            self._raw += chunk[: MAX_RAW_BYTES - len(self._raw)]


async def _read_to_the_end(response: HttpResponse) -> None:
    """Read the rest of a body after its last event, so that its connection can be used again."""
    with suppress(ConnectionFailedError), _time_limit(LEFTOVER_S):
        async for _ in response.chunks:
            pass


async def _next_chunk(response: HttpResponse, limit_s: float) -> bytes | None:
    """Return the next chunk, or ``None`` at the end of the body or of the time."""
    with _time_limit(limit_s):
        return await anext(response.chunks, None)
    return None


def _time_limit(limit_s: float) -> AbstractContextManager[object]:
    """Leave a block when its time is up, but not while it returns a connection to the pool.

    The pool guards its bookkeeping with anyio's shields, which asyncio's own timeouts break
    through: the connection then counts as busy for ever.
    """
    from anyio import move_on_after

    return move_on_after(limit_s)
