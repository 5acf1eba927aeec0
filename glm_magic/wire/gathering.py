"""What arrives together is read together: between a connection's socket and its HTTP.

Model services send each token as an HTTP chunk of its own, and whatever reads them costs by the
chunk, not by the byte. So the contents of the chunks that one read brings are taken out here, at
once. And where very many replies stream together, each is read about seven times a second, which is
often enough for what shows hundreds of them. All else stays the business of httpx and httpcore:
connecting, TLS, proxies, requests, heads, bodies of any other kind, and the end of this one, after
which a connection is used again.
"""

from __future__ import annotations

import asyncio
import select
import ssl
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import httpcore

from . import sockets
from .chunks import HEAD_END, ChunkReader, is_chunked

FEW = 16
"""So many replies at once are read the moment that something comes."""
WAIT_S = 0.0008
"""How long readers wait before they read on, for each reply beyond these."""
MAX_WAIT_S = 0.15
MAX_HEAD_BYTES = 64 * 1024
READ_BYTES = 64 * 1024


class Pace:
    """When the many replies of one loop are read on: all together, every 0.15 s or more often."""

    def __init__(self) -> None:
        self.count = 0
        """Replies that keep the pace."""
        self._next: asyncio.Event | None = None

    async def wait(self) -> None:
        """Wait for the next reading; only for the other tasks' turn where few replies stream."""
        wait_s = min(MAX_WAIT_S, (self.count - FEW) * WAIT_S)
        if wait_s <= 0:
            await asyncio.sleep(0)
            return
        if self._next is None:
            self._next = asyncio.Event()
            asyncio.get_running_loop().call_later(wait_s, self._read_on)
        await self._next.wait()

    def _read_on(self) -> None:
        if self._next is not None:
            self._next.set()
            self._next = None


# ``timeout`` is a parameter of httpcore's own interface.
class GatheringStream(httpcore.AsyncNetworkStream):
    """A connection, or TLS on one, whose chunked responses can be read past h11.

    Parameters
    ----------
    stream : httpcore.AsyncNetworkStream
        What it reads from, writes to and closes.
    pace : Pace
        When many replies are read on.
    """

    def __init__(self, stream: httpcore.AsyncNetworkStream, pace: Pace) -> None:
        self._stream = stream
        self._pace = pace
        self._keeps_pace = False
        self._head: bytes | None = None
        """What has come of a response's head; ``None`` after it."""
        self._held = b""
        """The first bytes of a chunked body, which came with its head."""
        self._chunks: ChunkReader | None = None
        """Reads the chunks at hand."""

    def keep_pace(self, keeps: bool) -> None:
        """Read on with all other replies, or the moment that something comes."""
        if keeps != self._keeps_pace:
            self._keeps_pace = keeps
            self._pace.count += 1 if keeps else -1

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:  # noqa: ASYNC109
        """Return what has come, once something has; nothing at the end."""
        if self._held:
            data, self._held = self._held[:max_bytes], self._held[max_bytes:]
            return data
        data = await self._receive(max_bytes, timeout)
        return data if self._head is None else self._up_to_chunks(self._head, data)

    def _up_to_chunks(self, before: bytes, data: bytes) -> bytes:
        """Return the rest of a head; all of what has come, where no plain chunks follow it."""
        head = before + data
        end = HEAD_END.search(head, max(0, len(before) - 2))
        if end is None:
            self._head = head if len(head) <= MAX_HEAD_BYTES else None
            return data
        self._head = None
        if not is_chunked(head[: end.end()]):
            return data
        self._chunks, self._held = ChunkReader(), head[end.end() :]
        return data[: len(data) - len(self._held)]

    async def read_contents(self, timeout: float | None = None) -> bytes:  # noqa: ASYNC109
        """Return the next contents of a chunked body; nothing where the rest is for h11 to read."""
        while (chunks := self._chunks) is not None:
            data, self._held = self._held, b""
            data = data or await self._receive(READ_BYTES, timeout)
            contents = chunks.feed(data)
            if not data or chunks.rest is not None:
                self._held, self._chunks = chunks.rest or b"", None
            if contents:
                return contents
        return b""

    async def _receive(self, max_bytes: int, timeout: float | None) -> bytes:  # noqa: ASYNC109
        if self._keeps_pace:
            await self._pace.wait()
        else:
            await asyncio.sleep(0)  # where there always is something, others have their turn
        return await self._stream.read(max_bytes, timeout)

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:  # noqa: ASYNC109
        """Send a part of a request; what comes next is its response."""
        self._head, self._chunks = b"", None
        await self._stream.write(buffer, timeout)

    async def aclose(self) -> None:
        """Close the connection."""
        self.keep_pace(False)
        await self._stream.aclose()

    async def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,  # noqa: ASYNC109
    ) -> httpcore.AsyncNetworkStream:
        """Return TLS on this connection."""
        inner = await self._stream.start_tls(ssl_context, server_hostname, timeout)
        return GatheringStream(inner, self._pace)

    def get_extra_info(self, info: str) -> Any:
        """Return a fact about the connection."""
        shared = self._stream.get_extra_info("socket")
        if info == "is_readable" and shared is not None:
            return _is_readable(shared.fileno())  # asked of each idle one for each request
        return self._stream.get_extra_info(info)


def _is_readable(fd: int) -> bool:
    """Whether something has come, or the connection has ended."""
    if fd < 0:
        return True
    if not hasattr(select, "poll"):
        return bool(select.select([fd], [], [], 0)[0])
    poll = select.poll()
    poll.register(fd, select.POLLIN)
    return bool(poll.poll(0))


def no_pace(_: bool) -> None:
    """Read on the moment that something comes, as where a tape or a test answers."""


def pace_of(extensions: Mapping[str, Any]) -> Callable[[bool], None]:
    """Return what lets a response keep the pace of the others, or no longer."""
    connection = extensions.get("network_stream")
    return connection.keep_pace if isinstance(connection, GatheringStream) else no_pace


class GatheringBackend(httpcore.AsyncNetworkBackend):
    """Opens connections that gather what they read.

    Parameters
    ----------
    pace : Pace
        When many replies are read on.
    is_plain : bool
        Whether they go to the server itself, and not to a proxy, and no TLS follows.
    """

    def __init__(self, pace: Pace, *, is_plain: bool) -> None:
        self._backend = httpcore.AnyIOBackend()
        self._pace = pace
        self._is_plain = is_plain

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        """Open a connection."""
        stream: httpcore.AsyncNetworkStream
        if self._is_plain and local_address is None and sockets.is_possible():
            stream = await sockets.connect(host, port, timeout, socket_options or ())
        else:
            stream = await self._backend.connect_tcp(
                host, port, timeout, local_address, socket_options
            )
        return GatheringStream(stream, self._pace)

    async def sleep(self, seconds: float) -> None:
        """Wait, as httpcore does before it tries to connect again."""
        await self._backend.sleep(seconds)
