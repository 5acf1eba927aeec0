"""The transport with a tape in it: what lies above it cannot tell a recording from a service."""

from __future__ import annotations

import json
import time
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime

import httpx

from ..decompress import unpacker
from .matching import Chunk, Ending, Recording, RequestKey
from .redact import kept_headers, without_ids
from .tape import PLAYBACK, PROVIDER, OpenTape, Playback


class TapeTransport(httpx.AsyncBaseTransport):
    """Answer from a tape, or let a live client answer and record it.

    Parameters
    ----------
    deck : Deck
        The tape, and what to do with it.
    live : httpx.AsyncClient
        Asked where the tape does not answer and may not refuse.
    """

    def __init__(self, deck: OpenTape, live: httpx.AsyncClient) -> None:
        self._deck = deck
        self._live = live

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Answer one request."""
        deck = self._deck
        asked = _meaning(request)
        if deck.only_replays or deck.answers(asked):
            return await _replayed(Playback(deck.tape.take(asked), deck.speed))
        if not deck.records:
            return await self._live.send(request, stream=True)
        return await self._recorded(request, asked)

    async def _recorded(self, request: httpx.Request, asked: RequestKey) -> httpx.Response:
        began, when = time.monotonic(), datetime.now(UTC).replace(microsecond=0)
        response = await self._live.send(request, stream=True)
        head_s = time.monotonic() - began

        def keep(chunks: list[Chunk], ended: Ending) -> None:
            self._deck.tape.keep(
                Recording(
                    asked,
                    when,
                    response.status_code,
                    head_s,
                    without_ids(chunks, _keys(request)),
                    ended,
                    time.monotonic() - began,
                    kept_headers(response.headers),
                )
            )

        return httpx.Response(
            response.status_code,
            headers=_unpacked(response.headers),
            stream=_Recording(response, began, keep),
            extensions=response.extensions,
        )


def _meaning(request: httpx.Request) -> RequestKey:
    text = request.content.decode()
    for key in _keys(request):
        text = text.replace(key, "<key>")
    return RequestKey.of(str(request.extensions.get(PROVIDER, "")), json.loads(text))


def _unpacked(headers: httpx.Headers) -> list[tuple[str, str]]:
    """Return a head without what no longer holds once its body is unpacked, as a tape wants it."""
    packing = ("content-encoding", "content-length")
    return [(name, value) for name, value in headers.multi_items() if name not in packing]


def _keys(request: httpx.Request) -> list[str]:
    """Return what must never be written: the key in the head of a request."""
    key = request.headers.get("authorization", "").rpartition(" ")[2]
    return [key] if len(key) > 3 else []


class _Recording(httpx.AsyncByteStream):
    """A body that is written down while it is read."""

    def __init__(
        self,
        response: httpx.Response,
        began: float,
        keep: Callable[[list[Chunk], Ending], None],
    ) -> None:
        self._response = response
        self._began = began
        self._keep = keep
        self._chunks: list[Chunk] = []
        self._ended: Ending = "closed"
        self._kept = False

    async def __aiter__(self) -> AsyncIterator[bytes]:
        unpack = unpacker(self._response.headers.get("content-encoding", ""))
        try:
            async for packed in self._response.aiter_raw():
                for data in unpack(packed):
                    self._chunks.append(Chunk(time.monotonic() - self._began, data))
                    yield data
            self._ended = "whole"
        except httpx.TransportError:
            self._ended = "broken"
            raise

    async def aclose(self) -> None:
        await self._response.aclose()
        if not self._kept:
            self._kept = True
            self._keep(self._chunks, self._ended)


async def _replayed(playback: Playback) -> httpx.Response:
    entry = playback.entry
    await playback.reach(entry.head_s)
    return httpx.Response(
        entry.status,
        headers=dict(entry.headers),
        stream=_Replay(playback),
        extensions={PLAYBACK: playback},
    )


class _Replay(httpx.AsyncByteStream):
    """A body as it came."""

    def __init__(self, playback: Playback) -> None:
        self._playback = playback

    async def __aiter__(self) -> AsyncIterator[bytes]:
        entry = self._playback.entry
        for chunk in entry.chunks:
            await self._playback.reach(chunk.at_s)
            yield chunk.data
        await self._playback.reach(entry.ended_s)
        if entry.ended == "broken":
            raise httpx.ReadError("it broke here when it was recorded, too")
