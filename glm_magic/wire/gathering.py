"""What arrives together is handed on together: between a connection's socket and its HTTP.

Model services send each token as an HTTP chunk of its own, and whatever reads them costs by the
chunk, not by the byte. So the chunks that one read brings become one chunk here. And where very
many replies stream at once, each is read a few dozen times a second, which is as often as a screen
shows them. HTTP itself, with its errors, stays the business of httpcore: what comes out of here is
the same response, framed in fewer chunks.
"""

from __future__ import annotations

import asyncio
import re
import select
import ssl
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import httpcore
import httpx

FEW = 16
"""So many replies at once are read the moment that something comes."""
WAIT_S = 0.00025
"""How long readers wait before they read on, for each reply beyond these."""
MAX_WAIT_S = 0.04
MAX_HEAD_BYTES = 64 * 1024

_HEAD_END = re.compile(rb"\n\r?\n")
_CHUNKED_HEAD = re.compile(rb"HTTP/1\.1 [2-5]\d\d[ \r]")
_CHUNKED = re.compile(rb"\r\ntransfer-encoding:[ \t]*chunked[ \t]*(?=\r\n)", re.IGNORECASE)
_CODING = re.compile(rb"\ntransfer-encoding", re.IGNORECASE)
_SIZE = re.compile(rb"([0-9a-fA-F]{1,8})\r\n")
_PART_OF_SIZE = re.compile(rb"[0-9a-fA-F]{0,8}\r?")


class ChunkMerger:
    """Joins the HTTP chunks of a response that arrived together; the rest stays as it is.

    From the first thing on that is not plain, such as an extension of a chunk, all goes through
    unchanged: h11, which reads the result, decides what to make of it.
    """

    __slots__ = ("_feed", "_held", "_left")

    def __init__(self) -> None:
        self._feed = self._head
        self._held = b""
        """Of a head, all so far; of a body, the beginning of a line between two chunks."""
        self._left = 0
        """Bytes of the chunk at hand that are still to come, the line end after it included."""

    def feed(self, data: bytes) -> bytes:
        """Return what to hand on; nothing where only a part of a line between chunks has come."""
        return self._feed(data)

    def _head(self, data: bytes) -> bytes:
        before = len(self._held)
        self._held += data
        end = _HEAD_END.search(self._held, max(0, before - 2))
        if end is None:
            if len(self._held) > MAX_HEAD_BYTES:
                self._feed = _unchanged
            return data
        head, self._held = self._held[: end.end()], b""
        is_plain = head.endswith(b"\r\n\r\n") and _CHUNKED_HEAD.match(head)
        is_chunked = is_plain and _CHUNKED.search(head) and len(_CODING.findall(head)) == 1
        self._feed = self._body if is_chunked else _unchanged
        return data[: end.end() - before] + self._feed(data[end.end() - before :])

    def _body(self, data: bytes) -> bytes:
        data, self._held = self._held + data, b""
        parts: list[bytes] = []
        at, last, rest = 0, len(data), b""
        while at < last:
            if not self._left:
                size = _SIZE.match(data, at)
                length = int(size[1], 16) if size else 0
                if size is None or not length:
                    rest = data[at:]
                    break
                self._left, at = length + 2, size.end()
            end = at + self._left
            content = min(end - 2, last)
            parts.append(data[at:content])
            if end > last:
                self._left, self._held = end - content, data[content:]
                break
            self._left, at = 0, end
            if data[content:end] != b"\r\n":
                rest = data[content:]
                break
        if rest and _PART_OF_SIZE.fullmatch(rest):
            self._held, rest = rest, b""
        elif rest:
            self._feed = _unchanged
        merged = b"".join(parts)
        return (b"%x\r\n%b\r\n" % (len(merged), merged) if merged else b"") + rest


def _unchanged(data: bytes) -> bytes:
    return data


class Pace:
    """When the many replies of one loop are read on: all together, a few dozen times a second."""

    def __init__(self) -> None:
        self.count = 0
        """Replies that keep the pace."""
        self._next: asyncio.Event | None = None

    async def wait(self) -> None:
        """Wait for the next reading; not at all where few replies stream."""
        wait_s = min(MAX_WAIT_S, (self.count - FEW) * WAIT_S)
        if wait_s <= 0:
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
    """A connection, or TLS on one, whose responses come in few pieces."""

    def __init__(self, stream: httpcore.AsyncNetworkStream, pace: Pace) -> None:
        self._stream = stream
        self._pace = pace
        self._socket = stream.get_extra_info("socket")
        self._merger = ChunkMerger()
        self._keeps_pace = False

    def keep_pace(self, keeps: bool) -> None:
        """Read on with all other replies, or the moment that something comes."""
        if keeps != self._keeps_pace:
            self._keeps_pace = keeps
            self._pace.count += 1 if keeps else -1

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:  # noqa: ASYNC109
        """Return what has come, once something has; nothing at the end."""
        if self._keeps_pace:
            await self._pace.wait()
        while data := await self._stream.read(max_bytes, timeout):
            if merged := self._merger.feed(data):
                return merged
        return b""

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:  # noqa: ASYNC109
        """Send a part of a request; what comes next is its response."""
        self._merger = ChunkMerger()
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
        if info == "is_readable" and self._socket is not None:
            return _is_readable(self._socket.fileno())  # asked of each idle one for each request
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


class _Backend(httpcore.AsyncNetworkBackend):
    """Opens connections by another backend."""

    def __init__(self, backend: httpcore.AsyncNetworkBackend, pace: Pace) -> None:
        self._backend = backend
        self._pace = pace

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        stream = await self._backend.connect_tcp(host, port, timeout, local_address, socket_options)
        return GatheringStream(stream, self._pace)

    async def sleep(self, seconds: float) -> None:
        await self._backend.sleep(seconds)


def gathering(transport: httpx.AsyncHTTPTransport, pace: Pace) -> httpx.AsyncHTTPTransport:
    """Return a transport whose connections gather what they read.

    httpx has no parameter for it. Where its transport is built in another way, it stays as it is,
    and only costs more.
    """
    pool: Any = getattr(transport, "_pool", None)
    backend = getattr(pool, "_network_backend", None)
    if isinstance(backend, httpcore.AsyncNetworkBackend):
        pool._network_backend = _Backend(backend, pace)
    return transport
