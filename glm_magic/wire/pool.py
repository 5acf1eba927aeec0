"""Connections that are kept for the next request, each in a transport of its own.

httpcore's pool looks through all of its connections whenever a request begins or ends, again for
each request that waits, and keeps none once it has more than a few: with hundreds of replies at
once that costs more than to read them. So each of its pools is given one connection here, and which
one a request takes is decided without a look at the others.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import AsyncIterator, Callable
from typing import NamedTuple

import httpx

MAX_IDLE = 64
"""Idle connections that are kept: as many as a large batch has, whose requests may end together."""

_Origin = tuple[str, str, int | None]
"""Scheme, host and port."""


class _Idle(NamedTuple):
    """A connection that serves no request."""

    origin: _Origin
    transport: httpx.AsyncBaseTransport
    since_s: float


class ConnectionPool(httpx.AsyncBaseTransport):
    """Sends each request on a kept connection to its server, the last one used; else on a new one.

    Parameters
    ----------
    open_transport : callable
        Returns a transport, which opens its connection with its first request.
    keepalive_s : float
        Seconds for which an idle connection is kept.
    """

    def __init__(
        self, open_transport: Callable[[], httpx.AsyncBaseTransport], keepalive_s: float
    ) -> None:
        self._open_transport = open_transport
        self._keepalive_s = keepalive_s
        self._busy: set[httpx.AsyncBaseTransport] = set()
        self._idle: deque[_Idle] = deque()
        """The one that has been idle longest is first."""

    @property
    def transports(self) -> list[httpx.AsyncBaseTransport]:
        """Those that are busy, and those that are kept."""
        return [*self._busy, *(idle.transport for idle in self._idle)]

    @property
    def is_unused(self) -> bool:
        """Whether it has no connection that a request uses or could use."""
        return not self._busy and all(map(self._is_expired, self._idle))

    def _is_expired(self, idle: _Idle) -> bool:
        return time.monotonic() - idle.since_s > self._keepalive_s

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send one request; its connection is free again when the response is closed."""
        while self._idle and self._is_expired(self._idle[0]):
            await self._idle.popleft().transport.aclose()
        url = request.url
        origin = (url.scheme, url.host, url.port)
        transport = self._take(origin) or self._open_transport()
        self._busy.add(transport)
        try:
            response = await transport.handle_async_request(request)
        except BaseException:
            await self.drop(transport)
            raise
        if isinstance(response.stream, httpx.AsyncByteStream):  # as all that httpx makes here are
            response.stream = _Body(response.stream, self, origin, transport)
        return response

    def _take(self, origin: _Origin) -> httpx.AsyncBaseTransport | None:
        for index in reversed(range(len(self._idle))):
            if self._idle[index].origin == origin:
                transport = self._idle[index].transport
                del self._idle[index]
                return transport
        return None

    async def keep(self, origin: _Origin, transport: httpx.AsyncBaseTransport) -> None:
        """Keep a connection that has served its request for the next one."""
        if transport in self._busy:  # the pool is still open
            self._busy.remove(transport)
            self._idle.append(_Idle(origin, transport, time.monotonic()))
        if len(self._idle) > MAX_IDLE:
            await self._idle.popleft().transport.aclose()

    async def drop(self, transport: httpx.AsyncBaseTransport) -> None:
        """Close a connection of which nothing is known after a failure."""
        self._busy.discard(transport)
        await transport.aclose()

    async def aclose(self) -> None:
        """Close every connection."""
        transports = self.transports
        self._busy.clear()
        self._idle.clear()
        for transport in transports:
            await transport.aclose()


class _Body(httpx.AsyncByteStream):
    """The body of a response, which gives its connection back as it is closed."""

    def __init__(
        self,
        stream: httpx.AsyncByteStream,
        pool: ConnectionPool,
        origin: _Origin,
        transport: httpx.AsyncBaseTransport,
    ) -> None:
        self._stream = stream
        self._pool = pool
        self._origin = origin
        self._transport = transport

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self._stream.__aiter__()

    async def aclose(self) -> None:
        try:
            await self._stream.aclose()
        except BaseException:
            await self._pool.drop(self._transport)
            raise
        await self._pool.keep(self._origin, self._transport)
