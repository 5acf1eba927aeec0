"""What arrives together is read together: between a connection's socket and its HTTP.

Model services send each token as an HTTP chunk of its own, and whatever reads them costs by the
chunk, not by the byte. So the contents of the chunks that one read brings are taken out here, at
once. And where very many replies stream together, each is read a few dozen times a second, which
is as often as a screen shows them. All else stays the business of httpx and httpcore: connecting,
TLS, proxies, requests, heads, bodies of any other kind, and the end of this one, after which a
connection is used again.
"""

from __future__ import annotations

import asyncio
import re
import select
import socket
import ssl
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from typing import Any

import httpcore
import httpx

FEW = 16
"""So many replies at once are read the moment that something comes."""
WAIT_S = 0.00025
"""How long readers wait before they read on, for each reply beyond these."""
MAX_WAIT_S = 0.04
MAX_HEAD_BYTES = 64 * 1024
READ_BYTES = 64 * 1024

_HEAD_END = re.compile(rb"\n\r?\n")
_CHUNKED_HEAD = re.compile(rb"HTTP/1\.1 (?!204|304)[2-5]\d\d[ \r]")
_CHUNKED = re.compile(rb"\r\ntransfer-encoding:[ \t]*chunked[ \t]*(?=\r\n)", re.IGNORECASE)
_CODING = re.compile(rb"\ntransfer-encoding", re.IGNORECASE)
_SIZE = re.compile(rb"([0-9a-fA-F]{1,8})\r\n")
_PART_OF_SIZE = re.compile(rb"[0-9a-fA-F]{0,8}\r?")
_NO_SIZE = b"\r\n"
"""Where a chunk is longer than it says: h11 must not take the surplus for the next one's size."""


class ChunkReader:
    """Takes the contents out of the HTTP chunks of a body, as long as these are plain.

    The rest, from the last chunk on, or from the first one with an extension, is for h11 to read,
    which then finds itself between two chunks.
    """

    __slots__ = ("_held", "_left", "rest")

    def __init__(self) -> None:
        self._held = b""
        """The beginning of a line between two chunks."""
        self._left = 0
        """Bytes of the chunk at hand that are still to come, the line end after it included."""
        self.rest: bytes | None = None
        """What is left for h11, once something is."""

    def feed(self, data: bytes) -> bytes:
        """Return the contents that have come; nothing where only a part of a line has."""
        data, self._held = self._held + data, b""
        contents: list[bytes] = []
        at, last = 0, len(data)
        while at < last:
            if not self._left:
                size = _SIZE.match(data, at)
                length = int(size[1], 16) if size else 0
                if size is None or not length:
                    self._set_aside(data[at:])
                    break
                self._left, at = length + 2, size.end()
            end = at + self._left
            content = min(end - 2, last)
            contents.append(data[at:content])
            if end > last:
                self._left, self._held = end - content, data[content:]
                break
            self._left, at = 0, end
            if data[content:end] != b"\r\n":
                self.rest = _NO_SIZE + data[content:]
                break
        return b"".join(contents)

    def _set_aside(self, line: bytes) -> None:
        if _PART_OF_SIZE.fullmatch(line):
            self._held = line
        else:
            self.rest = line


class Pace:
    """When the many replies of one loop are read on: all together, a few dozen times a second."""

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
    own : socket.socket, optional
        The socket, to be read here at far less cost. So `stream` must never read from it.
    """

    def __init__(
        self, stream: httpcore.AsyncNetworkStream, pace: Pace, own: socket.socket | None = None
    ) -> None:
        self._stream = stream
        self._pace = pace
        self._own = own
        self._socket = stream.get_extra_info("socket")
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
        end = _HEAD_END.search(head, max(0, len(before) - 2))
        if end is None:
            self._head = head if len(head) <= MAX_HEAD_BYTES else None
            return data
        self._head = None
        if not _is_chunked(head[: end.end()]):
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
        if self._own is None:
            return await self._stream.read(max_bytes, timeout)
        try:
            return self._own.recv(max_bytes)
        except BlockingIOError:
            return await _received(self._own, max_bytes, timeout)
        except OSError as error:
            raise httpcore.ReadError from error

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:  # noqa: ASYNC109
        """Send a part of a request; what comes next is its response."""
        self._head, self._chunks = b"", None
        await self._stream.write(buffer, timeout)

    async def aclose(self) -> None:
        """Close the connection."""
        self.keep_pace(False)
        self._close_own()
        await self._stream.aclose()

    def _close_own(self) -> None:
        if self._own is not None:
            self._own.close()

    async def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,  # noqa: ASYNC109
    ) -> httpcore.AsyncNetworkStream:
        """Return TLS on this connection."""
        self._close_own()
        inner = await self._stream.start_tls(ssl_context, server_hostname, timeout)
        return GatheringStream(inner, self._pace)

    def get_extra_info(self, info: str) -> Any:
        """Return a fact about the connection."""
        if info == "is_readable" and self._socket is not None:
            return _is_readable(self._socket.fileno())  # asked of each idle one for each request
        return self._stream.get_extra_info(info)


def _is_chunked(head: bytes) -> bool:
    """Whether a head announces chunks, and nothing that leaves a doubt about it."""
    if not head.endswith(b"\r\n\r\n") or _CHUNKED_HEAD.match(head) is None:
        return False
    return _CHUNKED.search(head) is not None and len(_CODING.findall(head)) == 1


async def _received(sock: socket.socket, max_bytes: int, timeout: float | None) -> bytes:  # noqa: ASYNC109
    """Wait for something to come."""
    try:
        async with asyncio.timeout(timeout):
            return await asyncio.get_running_loop().sock_recv(sock, max_bytes)
    except TimeoutError as error:
        raise httpcore.ReadTimeout from error
    except OSError as error:
        raise httpcore.ReadError from error


def _own_socket(stream: httpcore.AsyncNetworkStream) -> socket.socket | None:
    """Return a connection's socket to read from; ``None`` where the loop cannot wait for it."""
    shared = stream.get_extra_info("socket")
    selects = isinstance(asyncio.get_running_loop(), asyncio.SelectorEventLoop)
    own: socket.socket | None = shared.dup() if selects and shared is not None else None
    return own


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
        return GatheringStream(stream, self._pace, _own_socket(stream))

    async def sleep(self, seconds: float) -> None:
        await self._backend.sleep(seconds)


class GatheringTransport(httpx.AsyncHTTPTransport):
    """httpx's own transport, on connections that gather what they read.

    httpx has no parameter for them. Where its transport is built in another way, it stays as it is,
    and only costs more.

    Parameters
    ----------
    pace : Pace
        When many replies are read on.
    **options
        What httpx's transport takes.
    """

    def __init__(self, pace: Pace, **options: Any) -> None:
        super().__init__(**options)
        pool: Any = getattr(self, "_pool", None)
        backend = getattr(pool, "_network_backend", None)
        if isinstance(backend, httpcore.AsyncNetworkBackend):
            pool._network_backend = _Backend(backend, pace)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send one request."""
        response = await super().handle_async_request(request)
        connection, rest = response.extensions.get("network_stream"), response.stream
        if isinstance(connection, GatheringStream) and isinstance(rest, httpx.AsyncByteStream):
            timeout = request.extensions.get("timeout", {}).get("read")
            response.stream = _Body(connection, rest, timeout)
        return response


class _Body(httpx.AsyncByteStream):
    """A body, of which the plain chunks are read from the connection, and the rest as usual."""

    def __init__(
        self, connection: GatheringStream, rest: httpx.AsyncByteStream, timeout: float | None
    ) -> None:
        self._connection = connection
        self._rest = rest
        self._timeout = timeout

    async def __aiter__(self) -> AsyncIterator[bytes]:
        try:
            while contents := await self._connection.read_contents(self._timeout):
                yield contents
        except (httpcore.TimeoutException, httpcore.NetworkError, httpcore.ProtocolError) as error:
            raise getattr(httpx, type(error).__name__)(str(error)) from error
        async for contents in self._rest:
            yield contents

    async def aclose(self) -> None:
        await self._rest.aclose()
