"""HTTP, and the only room that knows httpx.

Every failure leaves as one of ours: no httpx exception, and no header with a key in it, goes up.
"""

from __future__ import annotations

import ssl
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from ..core.errors import ConnectionFailedError, GlmError, IdleTimeoutError, InvalidValueError
from ..core.secret import Secret
from ..core.text import without_login
from .opening import open_client
from .request import WireRequest
from .tape.playback import PLAYBACK, PROVIDER, Playback
from .unpacking import unpacker

if TYPE_CHECKING:
    import httpx

    from .tape.deck import Deck

CONNECT_TIMEOUT_S = 10.0
IDLE_TIMEOUT_S = 300.0
"""Silence after which a stream is given up; a model may think for minutes without a byte."""
MAX_ERROR_BYTES = 1024 * 1024
MAX_STALE = 3
"""So many kept connections in a row may turn out to be closed."""
STALE_S = 1.0
"""A kept connection that breaks later than this was open: the server was at work on the request."""


@dataclass(frozen=True, slots=True)
class Reply:
    """An open response: its head, and its body as chunks still to come."""

    status: int
    headers: Mapping[str, str]
    """Names in lower case."""
    chunks: AsyncIterator[bytes]
    playback: Playback | None = None
    """The clock of a reply that comes from a tape."""


class _Route:
    """Whether a request went over a connection that was made for it, or over a kept one."""

    is_new = False
    failures = 0

    async def note(self, event: str, _info: Mapping[str, Any]) -> None:
        """Hear of a request's steps, as httpcore tells them."""
        if event.startswith("connection.connect"):
            self.is_new = True
        elif event.endswith("receive_response_headers.complete"):
            self.is_new = True  # what breaks from here on, breaks inside of a reply


class HttpClient:
    """A pool of connections, to be used on one asyncio loop.

    Parameters
    ----------
    transport : httpx.AsyncBaseTransport, optional
        Replaces the network; recordings and tests slot in here.

    Raises
    ------
    RefusedError
        A proxy or certificate variable of the environment cannot be used.
    """

    def __init__(self, transport: httpx.AsyncBaseTransport | None = None) -> None:
        self._client = open_client(transport)

    @asynccontextmanager
    async def post(
        self,
        request: WireRequest,
        key: Secret | None,
        idle_timeout_s: float = IDLE_TIMEOUT_S,
        provider: str = "",
    ) -> AsyncIterator[Reply]:
        """Send a request and give its open response; the connection ends with the block.

        The `provider` is what a tape knows the request by, beside its body.

        Raises
        ------
        ConnectionFailedError
            No connection, or it broke.
        IdleTimeoutError
            Nothing arrived for `idle_timeout_s` seconds; comments and pings count as something.
        """
        response = await self._send(request, key, idle_timeout_s, provider)
        if isinstance(response, GlmError):
            raise response
        try:
            chunks = _chunks(response, request.url, idle_timeout_s)
            playback = response.extensions.get(PLAYBACK)
            yield Reply(response.status_code, response.headers, chunks, playback)
        finally:
            await response.aclose()

    async def _send(
        self, request: WireRequest, key: Secret | None, idle_timeout_s: float, provider: str
    ) -> httpx.Response | GlmError:
        """Return the open response, or the failure: raised here, it would remember the headers."""
        import httpx

        timeout = httpx.Timeout(idle_timeout_s, connect=min(CONNECT_TIMEOUT_S, idle_timeout_s))
        route = _Route()
        try:
            sent = self._client.build_request(
                "POST",
                request.url,
                content=request.content(),
                headers=_headers(request, key),
                timeout=timeout,
                extensions={PROVIDER: provider, "trace": route.note},
            )
            while True:
                began_s = time.monotonic()
                try:
                    return await self._client.send(sent, stream=True)
                except (httpx.RemoteProtocolError, httpx.ReadError, httpx.WriteError):
                    # A server may close a kept connection in the moment in which it is used again.
                    # It does not answer the request then, which goes out once more, on another one.
                    route.failures += 1
                    was_open = route.is_new or time.monotonic() - began_s > STALE_S
                    if was_open or route.failures > MAX_STALE:
                        raise
        except (httpx.HTTPError, httpx.InvalidURL, OSError, UnicodeError) as error:
            return _ours(error, request.url, idle_timeout_s)

    def through(self, deck: Deck) -> HttpClient:
        """Return a client that has a tape between itself and this one."""
        from .tape.transport import TapeTransport

        return HttpClient(TapeTransport(deck, self._client))

    async def aclose(self) -> None:
        """Close every connection."""
        await self._client.aclose()


async def _chunks(
    response: httpx.Response, url: str, idle_timeout_s: float
) -> AsyncIterator[bytes]:
    import httpx

    failure: GlmError | None = None
    try:
        unpack = unpacker(response.headers.get("content-encoding", ""))
        async for packed in response.aiter_raw():
            for chunk in unpack(packed):
                yield chunk
    except (httpx.HTTPError, OSError) as error:
        failure = _ours(error, url, idle_timeout_s)
    if failure is not None:
        raise failure


async def read_error_body(reply: Reply) -> bytes:
    """Read the body of a failed response, at most `MAX_ERROR_BYTES` of it."""
    body = bytearray()
    try:
        async for chunk in reply.chunks:
            body += chunk
            if len(body) > MAX_ERROR_BYTES:
                break
    except GlmError:
        pass  # the status already says that the call failed; a cut body must not hide it
    return bytes(body[:MAX_ERROR_BYTES])


def _headers(request: WireRequest, key: Secret | None) -> dict[str, str]:
    headers = {"content-type": "application/json", "accept": "text/event-stream, application/json"}
    headers.update(request.headers)
    if key is not None:
        headers["authorization"] = f"Bearer {key.reveal()}"
    return headers


def _ours(error: Exception, url: str, idle_timeout_s: float) -> GlmError:
    import httpx

    host = _host(url)
    if isinstance(error, httpx.ConnectTimeout):
        return ConnectionFailedError(
            f"no answer from {host} within {CONNECT_TIMEOUT_S:g} s",
            hint="check the network, a proxy or firewall, and the base URL",
            retryable=True,
        )
    if isinstance(error, httpx.TimeoutException):
        return IdleTimeoutError(
            f"{host} sent nothing for {idle_timeout_s:g} s",
            hint="try again; a longer idle timeout can be set with %config GLM.idle_timeout_s",
        )
    if isinstance(error, httpx.ConnectError):
        return _connect_error(error, host)
    if isinstance(error, (httpx.InvalidURL, httpx.UnsupportedProtocol, UnicodeError)):
        return InvalidValueError(
            f"the base URL {without_login(url.partition('?')[0])!r} is not a web address",
            hint="it should look like https://host/path; check base_url or GLM_BASE_URL",
        )
    if isinstance(error, httpx.ProxyError):
        return ConnectionFailedError(
            f"the proxy did not let the request through to {host}",
            hint="check HTTPS_PROXY and NO_PROXY",
        )
    return ConnectionFailedError(
        f"the connection to {host} broke: {error}"
        if str(error)
        else f"the connection to {host} broke",
        hint="what had arrived is kept; run the cell again to ask anew",
    )


def _connect_error(error: httpx.ConnectError, host: str) -> ConnectionFailedError:
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, ssl.SSLError):
            return ConnectionFailedError(
                f"no secure connection to {host}: {cause.reason or 'TLS failed'}",
                hint="check the computer's clock and certificates (SSL_CERT_FILE), or the proxy",
            )
        cause = cause.__cause__ or cause.__context__
    text = str(error).lower()
    if any(mark in text for mark in ("name or service", "nodename", "getaddrinfo", "resolution")):
        return ConnectionFailedError(
            f"there is no host named {host}",
            hint="check the spelling of the base URL, and the network",
            retryable=False,
        )
    return ConnectionFailedError(
        f"no connection to {host}",
        hint="is the server running, and are host and port of the base URL right?",
        retryable=True,
    )


def _host(url: str) -> str:
    """Return host and port of a URL, without a user name or password in it."""
    return urlsplit(url).netloc.rpartition("@")[2] or url
