"""HTTP, and the only room that knows httpx.

Every failure leaves as one of ours: no httpx exception, and no header with a key in it, goes up.

An HTTP client from this computer's settings; what is wrong with them is said in words.
"""

from __future__ import annotations

import os
import ssl
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit
from urllib.request import getproxies

import httpx

from ..core.errors import (
    ConnectionFailedError,
    GlmError,
    IdleTimeoutError,
    InvalidValueError,
    UnavailableError,
)
from ..core.secret import Secret
from ..core.text import strip_userinfo
from .decompress import unpacker
from .request import IDLE_TIMEOUT_S, USER_AGENT, WireRequest
from .tape.tape import PLAYBACK, PROVIDER, Playback
from .tape.transport import TapeTransport

if TYPE_CHECKING:
    from .tape.tape import OpenTape

KEPT_OPEN_S = 20.0
"""How long an idle connection is kept for the next question."""

KEPT_OPEN_LOCALLY_S = 2.0

_LOOPBACK = ("http://127.0.0.1", "http://localhost", "http://[::1]")


def open_client(transport: httpx.AsyncBaseTransport | None) -> httpx.AsyncClient:
    """Return a client that obeys the proxy and certificate variables of the environment.

    Raises
    ------
    InvalidValueError
        One of these variables cannot be used; the message names it.
    UnavailableError
        The proxy needs a package that is not installed.
    """
    try:
        return httpx.AsyncClient(
            transport=transport,
            mounts=None if transport else _own_computer(),
            headers={"user-agent": USER_AGENT, "accept-encoding": "identity"},
            follow_redirects=False,
            limits=_kept(KEPT_OPEN_S),
        )
    except OSError:
        raise _bad_certificates() from None
    except ImportError:
        raise UnavailableError(
            "a SOCKS proxy is set, and the package for it is not installed",
            hint="pip install socksio, or set HTTPS_PROXY to an http:// address",
        ) from None
    except (ValueError, httpx.InvalidURL):
        raise _bad_proxy() from None


def _own_computer() -> dict[str, httpx.AsyncBaseTransport | None]:
    """Return the routes to servers on this computer: past any proxy, and soon forgotten.

    Such servers drop an idle connection after 5 s (uvicorn, cpp-httplib); a question sent in that
    moment would be lost, while a new connection costs next to nothing.
    """
    direct = httpx.AsyncHTTPTransport(limits=_kept(KEPT_OPEN_LOCALLY_S))
    return dict.fromkeys(_LOOPBACK, direct)


def _kept(seconds: float) -> httpx.Limits:
    return httpx.Limits(
        max_connections=None, max_keepalive_connections=20, keepalive_expiry=seconds
    )


def _bad_certificates() -> GlmError:
    names = [name for name in ("SSL_CERT_FILE", "SSL_CERT_DIR") if os.environ.get(name)]
    named = " or ".join(names) or "the system"
    return InvalidValueError(
        f"the certificates that {named} names cannot be read",
        hint=f"let {named} name a PEM file that exists, or unset it",
    )


def _bad_proxy() -> GlmError:
    """Name the variable at fault, never its value: a proxy's address may hold a password."""
    name = next((f"{kind.upper()}_PROXY" for kind, url in _proxies() if _is_bad(url)), "NO_PROXY")
    return InvalidValueError(
        f"{name} is not the address of a proxy"
        if name != "NO_PROXY"
        else "NO_PROXY is not a list of hosts",
        hint=f"let {name} look like {'http://host:port' if name != 'NO_PROXY' else 'host,host'}, "
        "or unset it",
    )


def _proxies() -> list[tuple[str, str]]:
    known = getproxies()
    return [(kind, known[kind]) for kind in ("http", "https", "all") if known.get(kind)]


def _is_bad(url: str) -> bool:
    try:
        httpx.Proxy(url if "://" in url else f"http://{url}")
    except (ValueError, httpx.InvalidURL):
        return True
    return False


CONNECT_TIMEOUT_S = 10.0

MAX_ERROR_BYTES = 1024 * 1024

MAX_STALE = 3
"""So many kept connections in a row may turn out to be closed."""

STALE_S = 1.0
"""A kept connection that breaks later than this was open: the server was at work on the request."""


@dataclass(frozen=True, slots=True)
class HttpResponse:
    """An open response: its head, and its body as chunks still to come."""

    status: int
    headers: Mapping[str, str]
    """Names in lower case."""
    chunks: AsyncIterator[bytes]
    playback: Playback | None = None
    """The clock of a reply that comes from a tape."""


class _ConnectionTrace:
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
    ) -> AsyncIterator[HttpResponse]:
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
            yield HttpResponse(response.status_code, response.headers, chunks, playback)
        finally:
            await response.aclose()

    async def _send(
        self, request: WireRequest, key: Secret | None, idle_timeout_s: float, provider: str
    ) -> httpx.Response | GlmError:
        """Return the open response, or the failure: raised here, it would remember the headers."""
        timeout = httpx.Timeout(idle_timeout_s, connect=min(CONNECT_TIMEOUT_S, idle_timeout_s))
        route = _ConnectionTrace()
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
            return _to_glm_error(error, request.url, idle_timeout_s)

    def through(self, deck: OpenTape) -> HttpClient:
        """Return a client that has a tape between itself and this one."""
        return HttpClient(TapeTransport(deck, self._client))

    async def aclose(self) -> None:
        """Close every connection."""
        await self._client.aclose()


async def _chunks(
    response: httpx.Response, url: str, idle_timeout_s: float
) -> AsyncIterator[bytes]:
    failure: GlmError | None = None
    try:
        unpack = unpacker(response.headers.get("content-encoding", ""))
        async for packed in response.aiter_raw():
            for chunk in unpack(packed):
                yield chunk
    except (httpx.HTTPError, OSError) as error:
        failure = _to_glm_error(error, url, idle_timeout_s)
    if failure is not None:
        raise failure


async def read_error_body(reply: HttpResponse) -> bytes:
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


def _to_glm_error(error: Exception, url: str, idle_timeout_s: float) -> GlmError:
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
            f"the base URL {strip_userinfo(url.partition('?')[0])!r} is not a web address",
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
