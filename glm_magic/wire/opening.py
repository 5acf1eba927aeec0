"""An HTTP client from this computer's settings; what is wrong with them is said in words."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING
from urllib.request import getproxies

from ..core.errors import GlmError, InvalidValueError, UnavailableError
from .request import USER_AGENT

if TYPE_CHECKING:
    import httpx

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
    import httpx

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
    import httpx

    direct = httpx.AsyncHTTPTransport(limits=_kept(KEPT_OPEN_LOCALLY_S))
    return dict.fromkeys(_LOOPBACK, direct)


def _kept(seconds: float) -> httpx.Limits:
    import httpx

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
    import httpx

    try:
        httpx.Proxy(url if "://" in url else f"http://{url}")
    except (ValueError, httpx.InvalidURL):
        return True
    return False
