"""The network as this computer's environment asks for it: its proxies and certificates.

The environment is read when a request is sent, and only as far as that request needs it: a change
takes effect at once, and a setting that is wrong stops only what depends on it.
"""

from __future__ import annotations

import os
import ssl
import sys
from contextlib import suppress
from pathlib import Path

import httpcore
import httpx

from ..core.address import is_this_computer
from ..core.errors import GlmError, InvalidValueError, UnavailableError
from ..core.i18n import tr
from .gathering import GatheringBackend, Pace
from .pool import ConnectionPool
from .proxies import ProxySetting, proxy_for

VARIABLES = ("SSL_CERT_FILE", "SSL_CERT_DIR", "SSLKEYLOGFILE")
"""What a connection over TLS depends on."""


def tls_context() -> ssl.SSLContext:
    """Return a context that trusts the certificates of ``SSL_CERT_FILE`` and ``SSL_CERT_DIR``.

    Without either, those of the package certifi. It does what `ssl.create_default_context` does,
    but a key log (``SSLKEYLOGFILE``) that cannot be written is left out: it is for debugging.

    Raises
    ------
    InvalidValueError
        The certificates that a variable names cannot be read.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    if sys.version_info >= (3, 13):
        context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN | ssl.VERIFY_X509_STRICT
    file, folders = (os.environ.get(name, "") for name in VARIABLES[:2])
    try:
        if not (file or folders):
            import certifi

            context.load_verify_locations(cafile=certifi.where())
        if file:
            context.load_verify_locations(cafile=file)
    except OSError:
        raise _bad_certificates("SSL_CERT_FILE" if file else "") from None
    for folder in filter(None, folders.split(os.pathsep)):
        if not Path(folder).is_dir():  # which OpenSSL would pass over in silence
            raise _bad_certificates("SSL_CERT_DIR")
        context.load_verify_locations(capath=folder)
    if log := os.environ.get("SSLKEYLOGFILE"):
        with suppress(OSError, ValueError):
            context.keylog_filename = log
    return context


def _bad_certificates(name: str) -> GlmError:
    if not name:
        return InvalidValueError(
            tr("the system's certificates cannot be read"),
            hint=tr("set SSL_CERT_FILE to an existing PEM file"),
        )
    hint = (
        tr("set {variables} to an existing PEM file, or unset it", variables=name)
        if name == "SSL_CERT_FILE"
        else tr("set SSL_CERT_DIR to an existing folder of certificates, or unset it")
    )
    return InvalidValueError(
        tr("the certificates in {variables} cannot be read", variables=name), hint=hint
    )


KEEPALIVE_S = 20.0
"""How long an idle connection is kept for the next request."""
KEEPALIVE_LOCAL_S = 2.0
"""The same for a server on this computer.

Such servers drop an idle connection after 5 s (uvicorn, cpp-httplib). A request sent at that moment
would be lost, while a new connection costs next to nothing.
"""
MAX_POOLS = 16
"""Pools of connections that are kept; each needs another setting of the environment."""
_LOOPBACK = ("http://127.0.0.1", "http://localhost", "http://[::1]")
_USABLE = ("http", "https", "socks5", "socks5h")

_Route = tuple[str, bool, tuple[str, ...] | None]
"""Address of the proxy, whether the host is this computer, and the certificate settings."""


def open_client(transport: httpx.AsyncBaseTransport | None) -> httpx.AsyncClient:
    """Return a client whose requests each go the way that the environment names.

    Parameters
    ----------
    transport : httpx.AsyncBaseTransport, optional
        Replaces the network, and with it the environment.
    """
    pace = Pace()
    return httpx.AsyncClient(
        transport=transport or Network(pace),
        mounts=None if transport else _loopback_routes(pace),
        trust_env=False,
        follow_redirects=False,
    )


def _loopback_routes(pace: Pace) -> dict[str, httpx.AsyncBaseTransport | None]:
    """Return the routes to this computer's usual addresses, which depend on no environment."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    direct = _direct(pace, context, KEEPALIVE_LOCAL_S, is_plain=True)
    return dict.fromkeys(_LOOPBACK, direct)


def _direct(
    pace: Pace, context: ssl.SSLContext, keepalive_s: float, *, is_plain: bool
) -> ConnectionPool:
    source = httpcore.AsyncConnectionPool(
        ssl_context=context, network_backend=GatheringBackend(pace, is_plain=is_plain)
    )
    return ConnectionPool(source.create_connection, keepalive_s)


class ProxyUnreachableError(httpx.ConnectError):
    """There is no connection to the proxy; the message is the variable that names it."""


class Network(httpx.AsyncBaseTransport):
    """Sends each request by its own route; requests with the same route share connections.

    Raises
    ------
    RefusedError
        While sending: a variable of the environment that this request needs cannot be used; the
        message names it, and never shows its value, which may hold a password.
    """

    def __init__(self, pace: Pace | None = None) -> None:
        self._pace = pace or Pace()
        self._pools: dict[_Route, ConnectionPool] = {}

    @property
    def pools(self) -> tuple[ConnectionPool, ...]:
        """The pools of connections, one for each route in use."""
        return tuple(self._pools.values())

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send one request."""
        pool = await self._pool(str(request.url))
        try:
            return await pool.handle_async_request(request)
        except (httpx.ConnectError, httpx.ConnectTimeout) as error:
            proxy = proxy_for(str(request.url))
            if proxy is None or _is_about_tls(error):
                raise
            raise ProxyUnreachableError(proxy.variable or tr("the system's proxy")) from error

    async def aclose(self) -> None:
        """Close every connection."""
        pools, self._pools = self.pools, {}
        for pool in pools:
            await pool.aclose()

    async def _pool(self, url: str) -> ConnectionPool:
        host, scheme = httpx.URL(url).host, httpx.URL(url).scheme
        proxy = proxy_for(url)
        uses_tls = scheme == "https" or (proxy is not None and proxy.scheme == "https")
        settings = tuple(os.environ.get(name, "") for name in VARIABLES) if uses_tls else None
        route = (proxy.url if proxy else "", is_this_computer(host), settings)
        pool = self._pools.pop(route, None)
        pool = pool or self._open(route, proxy, scheme)
        self._pools[route] = pool  # the last one used stands last
        for old in [old for old in self._pools if self._is_over(old)]:
            await self._pools.pop(old).aclose()
        return pool

    def _open(self, route: _Route, proxy: ProxySetting | None, scheme: str) -> ConnectionPool:
        _, is_local, settings = route
        is_plain = settings is None
        # Loading certificates takes a while; plain http needs none.
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT) if is_plain else tls_context()
        keepalive_s = KEEPALIVE_LOCAL_S if is_local else KEEPALIVE_S
        if proxy is None:
            return _direct(self._pace, context, keepalive_s, is_plain=is_plain)
        server = _proxy_server(proxy, context)
        if server is None:
            raise _bad_proxy(proxy)
        backend = GatheringBackend(self._pace, is_plain=False)
        try:
            source = _through(server, context, backend)
        except (ImportError, RuntimeError):
            raise _no_socks(proxy, scheme) from None
        return ConnectionPool(source.create_connection, keepalive_s)

    def _is_over(self, route: _Route) -> bool:
        """Whether a pool is one of the oldest, beyond those that are kept, and unused."""
        oldest = list(self._pools)[:-MAX_POOLS]
        return route in oldest and self._pools[route].is_unused


def _proxy_server(proxy: ProxySetting, context: ssl.SSLContext) -> httpx.Proxy | None:
    """Return a proxy for httpx; ``None`` if it cannot be used."""
    if proxy.scheme not in _USABLE:
        return None
    try:
        server = httpx.Proxy(proxy.url, ssl_context=context if proxy.scheme == "https" else None)
    except (ValueError, httpx.InvalidURL):
        return None
    return server if server.url.host else None


def _through(
    proxy: httpx.Proxy, context: ssl.SSLContext, backend: httpcore.AsyncNetworkBackend
) -> httpcore.AsyncConnectionPool:
    """Return what opens connections through a proxy.

    Raises
    ------
    ImportError, RuntimeError
        The package for SOCKS is not installed, or was not when httpcore was imported.
    """
    address = httpcore.URL(
        scheme=proxy.url.raw_scheme, host=proxy.url.raw_host, port=proxy.url.port, target=b"/"
    )
    if proxy.url.scheme.startswith("socks"):
        import socksio  # noqa: F401

        return httpcore.AsyncSOCKSProxy(
            address, proxy.raw_auth, ssl_context=context, network_backend=backend
        )
    return httpcore.AsyncHTTPProxy(
        address,
        proxy.raw_auth,
        ssl_context=context,
        proxy_ssl_context=proxy.ssl_context,
        network_backend=backend,
    )


def _no_socks(proxy: ProxySetting, scheme: str) -> GlmError:
    """Say how to do without SOCKS, by the variable that would be looked at first."""
    is_own = proxy.variable.lower() == f"{scheme}_proxy"
    is_lower = proxy.variable.islower()
    unset = f"{scheme}_proxy" if is_lower else f"{scheme.upper()}_PROXY"
    return UnavailableError(
        tr(
            "{name} is a SOCKS proxy, and the package for SOCKS is not installed",
            name=proxy.variable or tr("the system's proxy"),
        ),
        hint=tr(
            "pip install socksio, or set {name} to an http:// proxy",
            name=proxy.variable if is_own else unset,
        ),
    )


def _bad_proxy(proxy: ProxySetting) -> GlmError:
    name = proxy.variable or tr("the system's proxy")
    if proxy.scheme in ("socks4", "socks4a"):
        return InvalidValueError(
            tr("{name} is a SOCKS 4 proxy, which cannot be used", name=name),
            hint=tr("most of them speak SOCKS 5 too: set {name} to socks5://host:port", name=name),
        )
    return InvalidValueError(
        tr("{name} is not the address of a proxy", name=name),
        hint=tr("set {name} to {example}, or unset it", name=name, example="http://host:port"),
    )


def _is_about_tls(error: BaseException | None) -> bool:
    while error is not None:
        if isinstance(error, ssl.SSLError):
            return True
        error = error.__cause__ or error.__context__
    return False
