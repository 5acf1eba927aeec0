"""Connections that are kept for the next request, on httpcore's connections.

httpcore's own pool looks through all of its connections whenever a request begins or ends, again
for each request that waits, and keeps none once it has more than a few: with hundreds of replies at
once that costs more than to read them. Here a request takes the connection that was used last,
without a look at those that are busy.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from typing import NamedTuple

import anyio
import httpcore
import httpx

from .gathering import GatheringStream

MAX_IDLE = 64
"""Idle connections that are kept: as many as a large batch has, whose requests may end together."""

MAX_STALE = 3
"""How many kept connections in a row may turn out to be closed."""

STALE_S = 1.0
"""A kept connection that breaks later than this was open: the server was working on the request."""


class _Idle(NamedTuple):
    """A connection that serves no request."""

    connection: httpcore.AsyncConnectionInterface
    since_s: float


class ConnectionPool(httpx.AsyncBaseTransport):
    """Sends each request on a kept connection to its server, the last one used; else on a new one.

    Parameters
    ----------
    open_connection : callable
        Returns a connection to a server, which connects with its first request.
    keepalive_s : float
        Seconds for which an idle connection is kept.
    """

    def __init__(
        self,
        open_connection: Callable[[httpcore.Origin], httpcore.AsyncConnectionInterface],
        keepalive_s: float,
    ) -> None:
        self._open_connection = open_connection
        self._keepalive_s = keepalive_s
        self._busy: set[httpcore.AsyncConnectionInterface] = set()
        self._idle: deque[_Idle] = deque()
        """The one that has been idle longest is first."""

    @property
    def connections(self) -> list[httpcore.AsyncConnectionInterface]:
        """Those that are busy, and those that are kept."""
        return [*self._busy, *(idle.connection for idle in self._idle)]

    @property
    def is_unused(self) -> bool:
        """Whether it has no connection that a request uses or could use."""
        return not self._busy and all(map(self._is_expired, self._idle))

    def _is_expired(self, idle: _Idle) -> bool:
        return time.monotonic() - idle.since_s > self._keepalive_s

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send one request; its connection is free again when the response is closed.

        A server may close a kept connection just as it is used again. It then has not read the
        request, which goes out once more on another connection.
        """
        while self._idle and self._is_expired(self._idle[0]):
            await _close(self._idle.popleft().connection)
        sent = _core_request(request)
        failures = 0
        while True:
            kept = await self._take(sent.url.origin)
            connection = kept or self._open_connection(sent.url.origin)
            self._busy.add(connection)
            began_s = time.monotonic()
            try:
                with _httpx_errors():
                    response = await connection.handle_async_request(sent)
                break
            except (httpx.RemoteProtocolError, httpx.ReadError, httpx.WriteError):
                await self.drop(connection)
                failures += 1
                was_open = kept is None or time.monotonic() - began_s > STALE_S
                if was_open or failures > MAX_STALE:
                    raise
            except BaseException:
                await self.drop(connection)
                raise
        return httpx.Response(
            response.status,
            headers=response.headers,
            stream=_Body(self, connection, response, sent.extensions["timeout"].get("read")),
            extensions=dict(response.extensions),
        )

    async def _take(self, origin: httpcore.Origin) -> httpcore.AsyncConnectionInterface | None:
        for index in reversed(range(len(self._idle))):
            connection = self._idle[index].connection
            if connection.can_handle_request(origin):
                del self._idle[index]
                if not connection.has_expired():
                    return connection
                await _close(connection)  # as its server has done
                return await self._take(origin)
        return None

    async def keep(self, connection: httpcore.AsyncConnectionInterface) -> None:
        """Keep a connection that has served its request for the next one, if it can serve one."""
        if connection in self._busy:  # the pool is still open
            self._busy.remove(connection)
            if connection.is_idle():
                self._idle.append(_Idle(connection, time.monotonic()))
        if len(self._idle) > MAX_IDLE:
            await _close(self._idle.popleft().connection)

    async def drop(self, connection: httpcore.AsyncConnectionInterface) -> None:
        """Close a connection of which nothing is known after a failure."""
        self._busy.discard(connection)
        await _close(connection)

    async def aclose(self) -> None:
        """Close every connection."""
        connections = self.connections
        self._busy.clear()
        self._idle.clear()
        for connection in connections:
            await _close(connection)


async def _close(connection: httpcore.AsyncConnectionInterface) -> None:
    """Close a connection to the end, also where the request has been cancelled."""
    with anyio.CancelScope(shield=True):
        await connection.aclose()


def _core_request(request: httpx.Request) -> httpcore.Request:
    """Return a request with the target that it is to be sent with, where that stands apart."""
    url = request.url
    if url.scheme not in ("http", "https"):
        raise httpx.UnsupportedProtocol(f"not a web address: {url.scheme}")
    target = request.extensions.get("target", url.raw_path)
    return httpcore.Request(
        request.method,
        httpcore.URL(scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=target),
        headers=request.headers.raw,
        content=request.stream,
        extensions={"timeout": request.extensions.get("timeout", {})},
    )


@contextmanager
def _httpx_errors() -> Iterator[None]:
    """Raise httpcore's errors as those of httpx, which have the same names."""
    try:
        yield
    except (
        httpcore.TimeoutException,
        httpcore.NetworkError,
        httpcore.ProtocolError,
        httpcore.ProxyError,
    ) as error:
        raise getattr(httpx, type(error).__name__)(str(error)) from error


class _Body(httpx.AsyncByteStream):
    """The body of a response, which gives its connection back as it is closed.

    Its plain chunks are read from the connection, and the rest as usual.
    """

    def __init__(
        self,
        pool: ConnectionPool,
        connection: httpcore.AsyncConnectionInterface,
        response: httpcore.Response,
        timeout: float | None,
    ) -> None:
        self._pool = pool
        self._connection = connection
        self._response = response
        self._timeout = timeout

    async def __aiter__(self) -> AsyncIterator[bytes]:
        with _httpx_errors():
            stream = self._response.extensions.get("network_stream")
            if isinstance(stream, GatheringStream):
                while contents := await stream.read_contents(self._timeout):
                    yield contents
            async for contents in self._response.aiter_stream():
                yield contents

    async def aclose(self) -> None:
        try:
            await self._response.aclose()
        except BaseException:
            await self._pool.drop(self._connection)
            raise
        await self._pool.keep(self._connection)
