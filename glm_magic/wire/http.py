"""HTTP requests; wire is the only room that knows httpx.

Every failure leaves as a `GlmError`: no httpx exception goes up, and with it no header that holds a
key.
"""

from __future__ import annotations

import ssl
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractContextManager, asynccontextmanager, suppress
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import httpx

from ..core.address import shown_anyway
from ..core.errors import (
    ConnectionFailedError,
    GlmError,
    IdleTimeoutError,
    InvalidValueError,
)
from ..core.i18n import tr
from ..core.secret import Secret
from .decompress import decompressor
from .environment import ProxyUnreachableError, open_client
from .gathering import no_pace, pace_of
from .redirects import followed, redirect_error, set_location_aside
from .request import IDLE_TIMEOUT_S, USER_AGENT, WireRequest
from .tape.tape import KEY, PLAYBACK, PROVIDER, RECORDING, Playback
from .tape.transport import TapeTransport

if TYPE_CHECKING:
    from .tape.tape import OpenTape

CONNECT_TIMEOUT_S = 10.0

MAX_ERROR_BYTES = 1024 * 1024


@dataclass(frozen=True, slots=True)
class HttpResponse:
    """An open response: its head, and its body as chunks still to come."""

    status: int
    headers: Mapping[str, str]
    """Names in lower case."""
    chunks: AsyncIterator[bytes]
    playback: Playback | None = None
    """The clock of a reply that comes from a tape."""
    is_framed: bool = True
    """Whether the head says how the body ends, so that a broken one is told from a short one."""
    keep_pace: Callable[[bool], None] = no_pace
    """Lets the body be read on together with those of many other replies, or no longer so."""


class HttpClient:
    """A pool of connections, to be used on one asyncio loop.

    Parameters
    ----------
    transport : httpx.AsyncBaseTransport, optional
        Replaces the network; tapes and tests use it.
    follows : bool
        False where the transport follows redirects itself, as a tape does.
    """

    def __init__(
        self, transport: httpx.AsyncBaseTransport | None = None, *, follows: bool = True
    ) -> None:
        self._client = open_client(transport)
        self._client.event_hooks = {"response": [set_location_aside]}
        self._follows = follows

    @asynccontextmanager
    async def post(
        self,
        request: WireRequest,
        key: Secret | None,
        idle_timeout_s: float = IDLE_TIMEOUT_S,
        provider: str = "",
        not_recorded: Callable[[GlmError], None] = lambda _: None,
    ) -> AsyncIterator[HttpResponse]:
        """Send a request and give its open response; the connection ends with the block.

        A tape matches the request by its body and by `provider`; `not_recorded` hears, as the
        block ends, why the reply could not be written to it.

        Raises
        ------
        ConnectionFailedError
            No connection, or it broke.
        IdleTimeoutError
            Nothing arrived for `idle_timeout_s` seconds, not even a comment or ping.
        NotFoundError
            The server redirects to another one, where neither prompt nor key goes.
        RefusedError
            A proxy or certificate variable that the request needs cannot be used.
        """
        response = await self._send(request, key, idle_timeout_s, provider)
        if isinstance(response, GlmError):
            raise response
        if 300 <= response.status_code < 400:
            await response.aclose()
            raise _without_key(redirect_error(response), key)
        keep_pace = pace_of(response.extensions)
        try:
            chunks = _chunks(response, request.url, idle_timeout_s)
            yield HttpResponse(
                response.status_code,
                response.headers,
                chunks,
                playback=response.extensions.get(PLAYBACK),
                is_framed=_is_framed(response),
                keep_pace=keep_pace,
            )
        finally:
            keep_pace(False)
            await response.aclose()
            recording = response.extensions.get(RECORDING)
            if recording is not None and recording.error is not None:
                not_recorded(recording.error)

    async def _send(
        self, request: WireRequest, key: Secret | None, idle_timeout_s: float, provider: str
    ) -> httpx.Response | GlmError:
        """Return the open response, or the failure: if raised here, it would hold the headers."""
        connect_s = min(CONNECT_TIMEOUT_S, idle_timeout_s)
        timeout = {"connect": connect_s, "read": idle_timeout_s, "write": idle_timeout_s}
        try:
            sent = httpx.Request(
                request.method,
                _url(request.url),
                content=request.encoded(),
                headers=_headers(request, key),
                cookies=self._client.cookies,
                extensions={
                    PROVIDER: provider,
                    KEY: key,
                    "timeout": timeout,
                    **_target(request.url, key),
                },
            )
            return await self._response(sent)
        except GlmError as error:
            return error.with_traceback(None)
        except (httpx.HTTPError, httpx.InvalidURL, OSError, UnicodeError) as error:
            return _to_glm_error(error, request.url, idle_timeout_s)

    async def _response(self, request: httpx.Request) -> httpx.Response:
        """Send a request, and follow where it is redirected within its server."""
        response = await self._open(request)
        follow = response.is_redirect and self._follows
        return await followed(response, self._open) if follow else response

    async def _open(self, request: httpx.Request) -> httpx.Response:
        return await self._client.send(request, stream=True)

    def with_tape(self, tape: OpenTape) -> HttpClient:
        """Return a client that reaches the network through a tape."""
        return HttpClient(TapeTransport(tape, self._client), follows=False)

    async def aclose(self) -> None:
        """Close every connection."""
        await self._client.aclose()


def _is_framed(response: httpx.Response) -> bool:
    headers = response.headers
    has_length = "content-length" in headers or "transfer-encoding" in headers
    return has_length or response.http_version == "HTTP/2" or PLAYBACK in response.extensions


def _without_key(error: GlmError, key: Secret | None) -> GlmError:
    """Return an error without the key, which a server may repeat in an address."""
    if key is not None:
        error.args = (key.redact(error.message),)
    return error


async def _chunks(
    response: httpx.Response, url: str, idle_timeout_s: float
) -> AsyncIterator[bytes]:
    failure: GlmError | None = None
    try:
        decompress = decompressor(response.headers.get("content-encoding", ""))
        async for packed in response.aiter_raw():
            for chunk in decompress(packed):
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
        pass  # the status already says that the request failed; a broken body must not hide that
    return bytes(body[:MAX_ERROR_BYTES])


async def read_to_the_end(response: HttpResponse, limit_s: float) -> None:
    """Read the rest of a body after its last event, so that its connection can be used again."""
    with suppress(ConnectionFailedError), _time_limit(limit_s):
        async for _ in response.chunks:
            pass


async def next_chunk(response: HttpResponse, limit_s: float) -> bytes | None:
    """Return the next chunk, or ``None`` at the end of the body or of the time."""
    with _time_limit(limit_s):
        return await anext(response.chunks, None)
    return None


def _time_limit(limit_s: float) -> AbstractContextManager[object]:
    """Leave a block when its time is up, but not while it closes a connection.

    That is shielded by anyio, and asyncio's own timeouts break through its shields.
    """
    from anyio import move_on_after

    return move_on_after(limit_s)


@lru_cache(maxsize=64)
def _url(url: str) -> httpx.URL:
    """Return an address as httpx reads it; a session has one, and asks there again and again."""
    return httpx.URL(url)


def _headers(request: WireRequest, key: Secret | None) -> dict[str, str]:
    headers = {
        "accept": "text/event-stream, application/json",
        "accept-encoding": "identity",
        "connection": "keep-alive",
        "content-type": "application/json",
        "user-agent": USER_AGENT,
    }
    headers.update(request.headers)
    if key is not None and (authorization := key.authorization()):
        headers["authorization"] = authorization
    return headers


def _target(url: str, key: Secret | None) -> dict[str, bytes]:
    """Return what is asked for where the query holds a secret, which the URL itself has not.

    So nothing that shows or logs the URL, as httpx does, can show the secret.
    """
    query = key.query() if key is not None else ""
    path = urlsplit(url).path or "/"
    return {"target": f"{path}?{query}".encode()} if query else {}


def _to_glm_error(error: Exception, url: str, idle_timeout_s: float) -> GlmError:
    host = _host(url)
    if isinstance(error, ProxyUnreachableError):
        return ConnectionFailedError(
            tr(
                "no connection to the proxy in {name}, so none to {host}",
                name=str(error),
                host=host,
            ),
            hint=tr(
                "is the proxy running? Else unset {name}, or add the host to NO_PROXY",
                name=str(error),
            ),
            retryable=True,
        )
    if isinstance(error, httpx.ConnectTimeout):
        return ConnectionFailedError(
            tr("no answer from {host} within {time:g} s", host=host, time=CONNECT_TIMEOUT_S),
            hint=tr("check the network, any proxy or firewall, and the base URL"),
            retryable=True,
        )
    if isinstance(error, httpx.TimeoutException):
        return IdleTimeoutError(
            tr("{host} sent nothing for {time:g} s", host=host, time=idle_timeout_s),
            hint=tr("try again, or set a longer timeout with %config GLM.idle_timeout_s"),
        )
    if isinstance(error, httpx.ConnectError):
        return _connect_error(error, host)
    if isinstance(error, (httpx.InvalidURL, httpx.UnsupportedProtocol, UnicodeError)):
        return InvalidValueError(
            tr(
                "the base URL {url!r} is not a web address",
                url=shown_anyway(url),
            ),
            hint=tr("it should look like https://host/path; check base_url or GLM_BASE_URL"),
        )
    if isinstance(error, httpx.ProxyError):
        return ConnectionFailedError(
            tr("the proxy did not let the request through to {host}", host=host),
            hint=tr("check HTTPS_PROXY and NO_PROXY"),
        )
    return ConnectionFailedError(
        tr("the connection to {host} broke: {reason}", host=host, reason=str(error))
        if str(error)
        else tr("the connection to {host} broke", host=host),
        hint=tr("what had arrived is kept; run the cell again to ask again"),
    )


def _connect_error(error: httpx.ConnectError, host: str) -> ConnectionFailedError:
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, ssl.SSLError):
            return ConnectionFailedError(
                tr(
                    "no secure connection to {host}: {reason}",
                    host=host,
                    reason=cause.reason or tr("TLS failed"),
                ),
                hint=tr(
                    "check the computer's clock and certificates (SSL_CERT_FILE), and the proxy"
                ),
            )
        cause = cause.__cause__ or cause.__context__
    text = str(error).lower()
    if any(mark in text for mark in ("name or service", "nodename", "getaddrinfo", "resolution")):
        return ConnectionFailedError(
            tr("there is no host named {host}", host=host),
            hint=tr("check the spelling of the base URL, and the network"),
            retryable=False,
        )
    return ConnectionFailedError(
        tr("no connection to {host}", host=host),
        hint=tr("is the server running, and are the host and port of the base URL right?"),
        retryable=True,
    )


def _host(url: str) -> str:
    """Return host and port of a URL, without a user name or password in it."""
    return urlsplit(url).netloc.rpartition("@")[2] or url
