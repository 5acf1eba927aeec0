"""Redirects: followed where the request stays with its server, and told where it would not.

A POST that is redirected within its own origin, to another path or with a slash more, is sent
there again, with the same body and key. From ``http`` to ``https`` of the same host counts as
staying, and as safer: what would have been readable on the way no longer is. It is followed from
port 80 to 443, and where the port is the same. To any other host, port or scheme neither key nor
prompt goes: the error names the new address, and the user decides.

303 asks for a GET, which no chat API answers, so it is never followed. 301 and 302 do not turn the
POST into a GET as they do in browsers. RFC 9110, section 15.4.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from urllib.parse import urlsplit, urlunsplit

import httpx

from ..core.errors import GlmError, NotFoundError
from ..core.i18n import tr
from ..core.text import shorten

MAX_HOPS = 3
_FOLLOWED = (301, 302, 307, 308)
_STANDARD_PORTS = {"http": 80, "https": 443}
_MAX_ADDRESS = 200

LOCATION = "glm_location"
"""Key of a response's httpx extensions: the address that it redirects to."""

Sender = Callable[[httpx.Request], Awaitable[httpx.Response]]


async def followed(response: httpx.Response, send: Sender) -> httpx.Response:
    """Send a redirected request again where the redirect stays with its server.

    Parameters
    ----------
    response : httpx.Response
        The open response to a request.
    send : callable
        Sends a request.

    Returns
    -------
    httpx.Response
        The first response that is not such a redirect; after `MAX_HOPS`, or in a circle, the
        redirect itself.
    """
    visited = {str(response.request.url)}
    while (target := _target(response)) and len(visited) <= MAX_HOPS and target not in visited:
        await response.aclose()
        visited.add(target)
        request = response.request
        headers = [(name, value) for name, value in request.headers.raw if name.lower() != b"host"]
        response = await send(
            httpx.Request(
                request.method,
                target,
                headers=headers,
                content=request.content,
                extensions=request.extensions,
            )
        )
    return response


async def set_location_aside(response: httpx.Response) -> None:
    """Move the address of a redirect to where httpx does not read it.

    It would build the redirected request, as a GET after 303, and fail where the address is none.
    """
    if "location" in response.headers:
        response.extensions[LOCATION] = response.headers.pop("location")


def redirect_error(response: httpx.Response) -> GlmError:
    """Return the error for a redirect that is not followed; it names the new address."""
    error: GlmError
    if _target(response) is not None:
        error = NotFoundError(
            tr("the server redirects in a circle, or more than {count} times", count=MAX_HOPS),
            hint=tr("the address may have moved: check the base URL"),
        )
    elif address := _address(response):
        error = NotFoundError(
            tr(
                "the server sends the request on to {address} (HTTP status {status})",
                address=address,
                status=response.status_code,
            ),
            hint=tr(
                "if the service moved there, set base_url to it; the key is not sent on by itself"
            ),
        )
    else:
        error = NotFoundError(
            tr("HTTP status {status}, without the address to go to", status=response.status_code),
            hint=tr("the service may have moved: check the base URL"),
        )
    error.status = response.status_code
    return error


def _target(response: httpx.Response) -> str | None:
    """Return where a response redirects a request that stays with its server."""
    there = _location(response)
    if there is None or response.status_code not in _FOLLOWED:
        return None
    here = response.request.url
    same_port = _port(here) == _port(there)
    is_secured = (here.scheme, there.scheme) == ("http", "https")
    standard_ports = (_port(here), _port(there)) == (80, 443)
    stays = same_port if here.scheme == there.scheme else same_port or standard_ports
    if here.host != there.host or not stays or not (here.scheme == there.scheme or is_secured):
        return None
    return str(there.copy_with(username=None, password=None, fragment=None))


def _location(response: httpx.Response) -> httpx.URL | None:
    value = str(response.extensions.get(LOCATION, "")).strip()
    try:
        location = response.request.url.join(value)
    except (httpx.InvalidURL, ValueError, UnicodeError):
        return None
    return location if value and location.scheme in _STANDARD_PORTS and location.host else None


def _address(response: httpx.Response) -> str:
    """Return where a redirect goes, without a login, a query or a fragment: they hold secrets."""
    location = _location(response)
    if location is None:
        return ""
    parts = urlsplit(str(location))
    netloc = parts.netloc.rpartition("@")[2]
    return shorten(urlunsplit((parts.scheme, netloc, parts.path, "", "")), _MAX_ADDRESS)


def _port(url: httpx.URL) -> int | None:
    return url.port or _STANDARD_PORTS.get(url.scheme)
