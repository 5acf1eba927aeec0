"""One request and its reply, on the loop thread: wait for room, send, retry, read, decode.

A reply ends with its `Finish`. After a finish reason, the trailer (usage, ``[DONE]``) is awaited
for `TRAILER_S` at most. Nothing that a server sends decides how much memory or time is taken: a
record ends at 16 MB, a reply at `MAX_REPLY_BYTES`.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence

from ..catalogue.resolve import LOCAL
from ..core.errors import (
    ConnectionFailedError,
    EmptyReplyError,
    GlmError,
    ProtocolError,
    RateLimitError,
)
from ..core.events import (
    ContentDelta,
    Event,
    Finish,
    ReasoningDelta,
    Started,
    StreamError,
    ToolCallDelta,
    UsageReport,
    WebResults,
)
from ..core.i18n import joined, tr
from ..core.turn import Notice
from ..dialects import Decoder
from ..wire.echoes import without_secrets
from ..wire.http import HttpClient, HttpResponse, next_chunk, read_error_body, read_to_the_end
from ..wire.retry import MAX_RETRIES, MAX_WAIT_S, retry_delay_s, wait_text
from ..wire.sse import BodyReader, Record, RecordTooLongError
from ..wire.tape.tape import Playback
from .limiter import SETTLE_S, Limiter, Place, limiter_for
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
MAX_HELD = 64
"""Batches of events without anything to show that are held back at most."""
REPLAYED = "replayed"
"""Code of the notice of a reply that came from a tape."""

Emit = Callable[[list[Event], float], None]


class Exchange:
    """Sends a request and hands on the events of its reply.

    Events are held back until there is something to show: what fails before that, and says that
    nothing was generated, leaves no trace when the request is sent again.

    Parameters
    ----------
    request : PreparedRequest
        What to send.
    emit : callable
        Takes each batch of events, one for each network chunk that brings any, and when it came.
    clock : Clock
        Follows a reply that comes from a tape.
    """

    def __init__(self, request: PreparedRequest, emit: Emit, clock: Clock) -> None:
        self.request = request
        self._sink = emit
        self._clock = clock
        self._filter: EventFilter | None = None
        self._raw = bytearray()
        self._received = 0
        self._held: list[tuple[list[Event], float]] = []
        """What arrived of a reply of which nothing can be shown yet, and when."""
        self._is_shown = False
        """Whether the reply is being handed on."""
        self._is_replayed = False

    @property
    def raw(self) -> bytes:
        """The first megabyte of the reply's body as it arrived, without our key."""
        key = self.request.key
        return bytes(self._raw) if key is None else without_secrets(self._raw, key.spellings)

    def _emit(self, events: list[Event], at_s: float) -> None:
        """Hand events on, without the key."""
        self._filter = self._filter or EventFilter(self.request.key)
        self._sink(self._filter.feed(events), at_s)

    async def run(self, client: HttpClient) -> None:
        """Send, and read the reply to its end; send again what was not answered nor billed.

        Raises
        ------
        GlmError
            The request was refused or the connection failed. An error that is part of the reply is
            an event.
        """
        client = client.with_tape(self.request.tape) if self.request.tape else client
        place = self._limiter().place()
        try:
            await place.take(self._say_waiting)
            await self._run(client, place)
        finally:
            place.leave()

    def _limiter(self) -> Limiter:
        """Return the account's limiter; tapes and the server on this computer have no account."""
        request = self.request
        if not request.is_live or request.offer.provider.name == LOCAL:
            return Limiter()
        return limiter_for(request.wire.url, request.key)

    async def _run(self, client: HttpClient, place: Place) -> None:
        retries = 0
        while (error := await self._attempt(client)) is not None:
            delay_s = retry_delay_s(retries, error.retry_after_s) if error.retryable else None
            is_limit = error.retryable and isinstance(error, RateLimitError)
            names_far_time = (error.retry_after_s or 0.0) > MAX_WAIT_S
            if is_limit and not names_far_time and place.refused():
                # Others of ours run: one of them ends, or the service has named a time.
                at_latest_s = None if error.retry_after_s is None else delay_s
                if not await place.take(self._say_waiting, at_latest_s):
                    retries += 1
            elif delay_s is None:
                self._give_up(error)
                return
            else:
                if is_limit and place.is_early:
                    delay_s = max(delay_s, SETTLE_S)
                self._say_retrying(error, delay_s, retries + 1)
                await asyncio.sleep(delay_s)
                retries += 1
            self._held.clear()
        place.succeeded()

    def _say_waiting(self, limit: int) -> None:
        provider = self.request.offer.provider.title
        text = tr(
            "{provider} takes {limit} of this account's requests at a time; this one waits for "
            "another to end",
            provider=provider,
            limit=limit,
        )
        self._emit([Notice("waiting", text)], self._clock.now_s())

    def _say_retrying(self, error: GlmError, delay_s: float, number: int) -> None:
        text = tr(
            "{error}; trying again in {delay_s:.1f} s ({number} of {most})",
            error=error.message,
            delay_s=delay_s,
            number=number,
            most=MAX_RETRIES,
        )
        self._emit([Notice("retry", text, wait_s=delay_s)], self._clock.now_s())

    def _give_up(self, error: GlmError) -> None:
        """End the reply with its error, or raise that of a request which got none."""
        if error.retryable and (error.retry_after_s or 0.0) > MAX_WAIT_S:
            text = tr(
                "{error}; the service asks to wait {time}",
                error=error.message,
                time=wait_text(error.retry_after_s or 0.0),
            )
            error.args = (text,)
        if not self._held:
            raise error
        self._show_held()

    async def _attempt(self, client: HttpClient) -> GlmError | None:
        """Send once; return the error where nothing of a reply was shown, else ``None``."""
        request, provider = self.request, self.request.offer.provider.name
        self._is_shown = False
        try:
            async with client.post(
                request.wire, request.key, request.idle_timeout_s, provider, self._not_recorded
            ) as response:
                self._follow(response.playback)
                if response.status < 300:
                    return await self._read(response)
                body = await read_error_body(response)
                self._keep_raw(body)
                key = request.key
                if key is not None:
                    body = without_secrets(body, key.spellings)
                headers = {k: self._redacted(value) for k, value in response.headers.items()}
                error = request.dialect.error(request.offer, response.status, headers, body)
                return self._cleaned(error)
        except ConnectionFailedError as error:
            cleaned = self._cleaned(error)
            if not error.retryable:
                raise cleaned from None
            return cleaned

    def _not_recorded(self, error: GlmError) -> None:
        """Say that a reply is not on its tape; the reply itself is whole, and paid for."""
        notice = Notice("not-recorded", joined([error.message, error.hint], " → "))
        self._emit([notice], self._clock.now_s())

    def _follow(self, playback: Playback | None) -> None:
        """Take the time from the tape, and note when it was recorded."""
        self._clock.follow(playback)
        if playback is not None and not self._is_replayed:
            self._is_replayed = True
            day = str(playback.entry.recorded.date())
            notice = Notice(REPLAYED, tr("replayed, recorded on {day}", day=day))
            self._emit([notice], self._clock.now_s())

    def _cleaned(self, error: GlmError) -> GlmError:
        key = self.request.key
        return error if key is None else without_key(error, key.spellings)

    def _redacted(self, text: str) -> str:
        key = self.request.key
        return text if key is None else key.redact(text)

    def _events_of(self, records: Sequence[Record], decoder: Decoder) -> list[Event]:
        """Decode records without the key in them; one that is divided among several is cut later.

        A frame that repeats what came before is read as it is, to be compared with the last one.
        """
        if self._may_hold_key(records):
            records = list(map(self._without_key, records))
        events: list[Event] = []
        for record in records:
            events += decoder.feed(record)
        return events

    def _without_key(self, record: Record) -> Record:
        text = self._redacted(record.data)
        return record if text is record.data else record._replace(data=text)

    def _may_hold_key(self, records: Sequence[Record]) -> bool:
        key = self.request.key
        if key is None or self._is_cumulative:
            return False
        return key.spellings.may_be_in("\n".join([record.data for record in records]))

    @property
    def _is_cumulative(self) -> bool:
        native = self.request.wire.body.get("parameters")
        return isinstance(native, Mapping) and native.get("incremental_output") is not True

    async def _read(self, response: HttpResponse) -> GlmError | None:
        """Read a reply; return the error that it is, where it can be sent again unseen."""
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
        self._hand_on(self._events_of(reader.finish(), decoder))
        self._hand_on(decoder.finish())
        await read_to_the_end(response, LEFTOVER_S)
        error = None if self._is_shown else self._held_error()
        if isinstance(error, EmptyReplyError) and not response.is_framed:
            error.retryable = False  # it may as well have broken off
        if error is None:
            self._show_held()
        return error

    def _held_error(self) -> GlmError | None:
        """Return the error of a reply that brought nothing, and was not paid for."""
        events = [event for batch, _ in self._held for event in batch]
        usages = [event.usage for event in events if isinstance(event, UsageReport)]
        if any(usage.output for usage in usages):
            return None
        return next((event.error for event in events if isinstance(event, StreamError)), None)

    def _hand_on(self, events: list[Event]) -> None:
        """Hand events on, or hold them back while nothing of the reply can be shown.

        That a reply has begun is known at once; a later attempt's beginning replaces it.
        """
        at_s = self._clock.now_s()
        if events and isinstance(events[0], Started) and not self._is_shown:
            self._emit(events[:1], at_s)
            events = events[1:]
        if not events:
            return
        self._held.append((events, at_s))
        if self._is_shown or len(self._held) > MAX_HELD or any(map(_shows, events)):
            self._show_held()

    def _show_held(self) -> None:
        held, self._held = self._held, []
        self._is_shown = True
        for events, at_s in held:
            self._emit(events, at_s)

    async def _read_chunks(
        self, response: HttpResponse, reader: BodyReader, decoder: Decoder
    ) -> None:
        until_s: float | None = None
        while not decoder.is_done:
            response.keep_pace(self._is_shown and decoder.finish_reason is None)
            if decoder.finish_reason is None:
                chunk = await anext(response.chunks, None)
            else:
                until_s = until_s or time.monotonic() + TRAILER_S
                chunk = await next_chunk(response, until_s - time.monotonic())
            if chunk is None:
                return
            self._keep_raw(chunk)
            self._hand_on(self._events_of(reader.feed(chunk), decoder))

    def _emit_held_back(self, decoder: Decoder) -> None:
        """Hand on the text that a decoder holds back, but not the end that it would infer."""
        ends = (Finish, StreamError, Notice)
        self._hand_on([event for event in decoder.finish() if not isinstance(event, ends)])
        self._show_held()
        self._sink(self._filter.finish() if self._filter else [], self._clock.now_s())

    def _keep_raw(self, chunk: bytes) -> None:
        self._received += len(chunk)
        if self._received > MAX_REPLY_BYTES:
            raise ProtocolError(
                tr("the reply passed {size} MB and was stopped", size=MAX_REPLY_BYTES // 1024**2),
                hint=tr("what had arrived is kept; no model writes that much, check the base URL"),
            )
        if len(self._raw) < MAX_RAW_BYTES:
            self._raw += chunk[: MAX_RAW_BYTES - len(self._raw)]


def _shows(event: Event) -> bool:
    """Whether an event brings something of the reply that a user could see."""
    if isinstance(event, ReasoningDelta | ContentDelta):
        return not event.text.isspace()
    return isinstance(event, ToolCallDelta | WebResults | Finish)
