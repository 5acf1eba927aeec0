"""An httpx transport that records replies on a tape, or answers requests from it.

Nothing above can tell a recording from a service, so a replay exercises framing, decoding, sessions
and views. A recording passes the live response through and notes its chunks with their times.
"""

from __future__ import annotations

import json
import time
from collections.abc import AsyncIterator, Callable, Mapping
from datetime import UTC, datetime
from typing import Any

import httpx

from ...core.attachments import contents_in
from ...core.errors import TapeError
from ...core.secret import Secret
from ..decompress import decompressor
from ..redirects import followed
from .matching import Chunk, Ending, Recording, RequestKey
from .redact import kept_headers, without_ids
from .tape import KEY, PLAYBACK, PROVIDER, RECORDING, OpenTape, Playback


class TapeTransport(httpx.AsyncBaseTransport):
    """Answer from a tape, or let a live client answer and record it.

    Parameters
    ----------
    tape : OpenTape
        The tape, and how it is used.
    live : httpx.AsyncClient
        Where requests go that the tape neither answers nor refuses.
    """

    def __init__(self, tape: OpenTape, live: httpx.AsyncClient) -> None:
        self._tape = tape
        self._live = live

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Answer one request."""
        tape = self._tape
        body = _body_of(request)
        asked = RequestKey.of(str(request.extensions.get(PROVIDER, "")), body)
        if tape.only_replays or tape.answers(asked):
            return await _replayed(Playback(tape.tape.take(asked), tape.speed))
        if not tape.records:
            return await self._send(request)
        contents = contents_in(body) if tape.keeps_contents else {}
        return await self._recorded(request, asked, contents)

    async def _send(self, request: httpx.Request) -> httpx.Response:
        """Send a request, and follow its redirects: a tape holds replies, not the way to them."""
        response = await self._open(request)
        return await followed(response, self._open) if response.is_redirect else response

    async def _open(self, request: httpx.Request) -> httpx.Response:
        return await self._live.send(request, stream=True)

    async def _recorded(
        self, request: httpx.Request, asked: RequestKey, contents: Mapping[str, str]
    ) -> httpx.Response:
        began, when = time.monotonic(), datetime.now(UTC).replace(microsecond=0)
        response = await self._send(request)
        head_s = time.monotonic() - began

        def keep(chunks: list[Chunk], ended: Ending) -> None:
            self._tape.tape.keep(
                Recording(
                    asked,
                    when,
                    response.status_code,
                    head_s,
                    without_ids(chunks, _secret(request).spellings),
                    ended,
                    time.monotonic() - began,
                    kept_headers(response.headers, _secret(request).spellings),
                    contents,
                )
            )

        stream = _RecordingStream(response, began, keep)
        return httpx.Response(
            response.status_code,
            headers=_decompressed(response.headers),
            stream=stream,
            extensions={**response.extensions, RECORDING: stream},
        )


def _body_of(request: httpx.Request) -> dict[str, Any]:
    body: dict[str, Any] = json.loads(_secret(request).redact(request.content.decode()))
    return body


def _decompressed(headers: httpx.Headers) -> list[tuple[str, str]]:
    """Return headers that still hold once the body is decompressed, as it is on a tape."""
    packing = ("content-encoding", "content-length") if "content-encoding" in headers else ()
    return [(name, value) for name, value in headers.multi_items() if name not in packing]


def _secret(request: httpx.Request) -> Secret:
    """Return what must never be written: what a request carries besides its body."""
    secret = request.extensions.get(KEY)
    return secret if isinstance(secret, Secret) else Secret("", "the request")


class _RecordingStream(httpx.AsyncByteStream):
    """A body that is recorded while it is read."""

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
        self._is_kept = False
        self.error: TapeError | None = None
        """Why the reply is not on the tape; it must not fail for that, it was paid for."""

    async def __aiter__(self) -> AsyncIterator[bytes]:
        decompress = decompressor(self._response.headers.get("content-encoding", ""))
        try:
            async for packed in self._response.aiter_raw():
                for data in decompress(packed):
                    self._chunks.append(Chunk(time.monotonic() - self._began, data))
                    yield data
            self._ended = "whole"
        except httpx.TransportError:
            self._ended = "broken"
            raise

    async def aclose(self) -> None:
        await self._response.aclose()
        if not self._is_kept:
            self._is_kept = True
            try:
                self._keep(self._chunks, self._ended)
            except TapeError as error:
                self.error = error


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
    """A recorded body, with its times."""

    def __init__(self, playback: Playback) -> None:
        self._playback = playback

    async def __aiter__(self) -> AsyncIterator[bytes]:
        entry = self._playback.entry
        for chunk in entry.chunks:
            await self._playback.reach(chunk.at_s)
            yield chunk.data
        await self._playback.reach(entry.ended_s)
        if entry.ended == "broken":
            raise httpx.ReadError("the recorded connection broke here, too")
