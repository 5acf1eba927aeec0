"""The HTTP client that this computer's environment asks for: its proxies and certificates."""

from __future__ import annotations

import os
from urllib.request import getproxies

import httpx

from ..core.errors import GlmError, InvalidValueError, UnavailableError
from ..core.i18n import tr
from .request import USER_AGENT

KEEPALIVE_S = 20.0
"""How long an idle connection is kept for the next request."""
KEEPALIVE_LOCAL_S = 2.0
_LOOPBACK = ("http://127.0.0.1", "http://localhost", "http://[::1]")


def open_client(transport: httpx.AsyncBaseTransport | None) -> httpx.AsyncClient:
    """Return a client that follows the proxy and certificate variables of the environment.

    Parameters
    ----------
    transport : httpx.AsyncBaseTransport, optional
        Replaces the network, and with it the environment.

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
            mounts=None if transport else _loopback_routes(),
            headers={"user-agent": USER_AGENT, "accept-encoding": "identity"},
            follow_redirects=False,
            limits=_limits(KEEPALIVE_S),
        )
    except OSError:
        raise _bad_certificates() from None
    except ImportError:
        raise UnavailableError(
            tr("a SOCKS proxy is set, but the package for it is not installed"),
            hint=tr("pip install socksio, or set HTTPS_PROXY to an http:// address"),
        ) from None
    except (ValueError, httpx.InvalidURL):
        raise _bad_proxy() from None


def _loopback_routes() -> dict[str, httpx.AsyncBaseTransport | None]:
    """Return the routes to servers on this computer: no proxy, and a short keep-alive.

    Such servers drop an idle connection after 5 s (uvicorn, cpp-httplib). A request sent at that
    moment would be lost, while a new connection costs next to nothing.
    """
    direct = httpx.AsyncHTTPTransport(limits=_limits(KEEPALIVE_LOCAL_S))
    return dict.fromkeys(_LOOPBACK, direct)


def _limits(keepalive_s: float) -> httpx.Limits:
    return httpx.Limits(
        max_connections=None, max_keepalive_connections=20, keepalive_expiry=keepalive_s
    )


def _bad_certificates() -> GlmError:
    names = [name for name in ("SSL_CERT_FILE", "SSL_CERT_DIR") if os.environ.get(name)]
    if not names:
        return InvalidValueError(
            tr("the system's certificates cannot be read"),
            hint=tr("set SSL_CERT_FILE to an existing PEM file"),
        )
    variables = " or ".join(names)
    return InvalidValueError(
        tr("the certificates in {variables} cannot be read", variables=variables),
        hint=tr("set {variables} to an existing PEM file, or unset it", variables=variables),
    )


def _bad_proxy() -> GlmError:
    """Name the variable at fault, never its value: a proxy's address may hold a password."""
    proxies = getproxies()
    for kind in ("http", "https", "all"):
        if proxies.get(kind) and _is_bad(proxies[kind]):
            name, example = f"{kind.upper()}_PROXY", "http://host:port"
            message = tr("{name} is not the address of a proxy", name=name)
            break
    else:
        name, example = "NO_PROXY", "host,host"
        message = tr("NO_PROXY is not a list of hosts")
    return InvalidValueError(
        message, hint=tr("set {name} to {example}, or unset it", name=name, example=example)
    )


def _is_bad(url: str) -> bool:
    try:
        httpx.Proxy(url if "://" in url else f"http://{url}")
    except (ValueError, httpx.InvalidURL):
        return True
    return False
