"""Web addresses: what a person typed, what may be shown of it, and whether it is this computer.

A base URL may hold a login or a key in its query. `split` takes both off before anything else sees
the address; they travel with the key (`core.secret`) and join the request while it is sent.
"""

from __future__ import annotations

import ipaddress
import re
import socket
import unicodedata
from urllib.parse import SplitResult, urlsplit

IpAddress = ipaddress.IPv4Address | ipaddress.IPv6Address

HIDDEN = "***"
"""Stands for a secret value in a query."""

_SCHEME = re.compile(r"[a-zA-Z][a-zA-Z0-9+.-]*://")
_LOGIN = re.compile(r"^([^\w/@]*(?:[a-zA-Z][\w+.-]*:)?//|)[^/?#]*@")
_SECRET_NAME = re.compile(r"(?i)key|token|secret|sig|auth|pass|pwd|credential|login|code$")
_QUOTES = "\"'`´‘’‚‛“”„‟«»‹›「」『』〈〉《》＂＇<>()[]"
_NUMERIC_HOST = re.compile(r"(?i)(0x[0-9a-f]+|\d+)(\.(0x[0-9a-f]+|\d+)){0,3}")
_DOMAIN = re.compile(r"(?i)[^\s:/?#@\[\]]+\.[^\s:/?#@\[\].]*[^\W\d_][^\s:/?#@\[\].]*\.?")
_ENDPOINT = re.compile(
    r"(?i)(/chat/completions"
    r"|/services/aigc/[\w-]+/generation"
    r"|(?<=/v\d)/(completions|models|responses|messages))$"
)
"""Ends of addresses as documentation prints them; the path of a request is joined to what is left.

The last three follow a version, because other services have base URLs that end in the same word.
"""


class BaseUrl(str):
    """An address as the user wrote it; its `repr` hides the login and the keys in it."""

    __slots__ = ()

    def __repr__(self) -> str:
        return repr(shown_url(self))


def ip_address(host: str) -> IpAddress | None:
    """Return the address that a host is written as; ``None`` for a name.

    IPv4 addresses are known in every form that the system's resolver takes (``127.1``,
    ``0x7f000001``), and as mapped into IPv6.
    """
    text = host.strip("[]")
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        if not _NUMERIC_HOST.fullmatch(text):
            return None
        try:
            return ipaddress.IPv4Address(socket.inet_aton(text))
        except (OSError, ValueError):
            return None
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return mapped or address


def host_name(host: str) -> str:
    """Return a host in one spelling: lower case, without a trailing dot, in the DNS's alphabet."""
    name = host.strip().rstrip(".").lower()
    if name.isascii():
        return name
    try:
        return name.encode("idna").decode("ascii")
    except UnicodeError:
        return name


def is_this_computer(host: str) -> bool:
    """Whether a host is this computer: a loopback address, an unspecified one, or ``localhost``."""
    address = ip_address(host)
    if address is not None:
        return address.is_loopback or address.is_unspecified
    name = host_name(host)
    return name == "localhost" or name.endswith(".localhost")


def strip_userinfo(url: str) -> str:
    """Return an address without the login that may stand in it, with or without a scheme."""
    return _LOGIN.sub(r"\1", url)


def shown_url(url: str) -> str:
    """Return an address as it may be shown: without a login, secret values of the query hidden."""
    address, mark, query = strip_userinfo(url).partition("#")[0].partition("?")
    return f"{address}{mark}{shown_query(query)}"


def shown_query(query: str) -> str:
    """Return a query with the values of keys, tokens and passwords hidden."""
    return "&".join(_shown_pair(pair) for pair in query.split("&"))


def _shown_pair(pair: str) -> str:
    name, is_pair, value = pair.partition("=")
    return f"{name}={HIDDEN}" if is_pair and value and _SECRET_NAME.search(name) else pair


def shown_anyway(text: str) -> str:
    """Return what may be shown of a text that is no address: nothing before an ``@``.

    A password with a slash in it makes an address that `shown_url` cannot read.
    """
    head, mark, rest = text.rpartition("@")
    scheme = _SCHEME.match(head)
    return shown_url(f"{scheme[0] if scheme else ''}{rest}" if mark else text)


def secret_values(query: str) -> list[str]:
    """Return the values of a query that `shown_query` hides."""
    pairs = (pair.partition("=") for pair in query.split("&"))
    return [value for name, _, value in pairs if value and _SECRET_NAME.search(name)]


def split(base_url: str) -> tuple[str, str, str] | None:
    """Return an address in form, its login and its query; ``None`` if it is no web address.

    The address has a scheme and a host, and neither a trailing slash nor the path of a single call,
    as documentation prints it. Quotation marks, white space and invisible characters around it are
    dropped, and a fragment too. Where the scheme is left out, it is ``http`` for this computer and
    ``https`` for a host with a domain; any other host needs it, because it might be either.

    Parameters
    ----------
    base_url : str
        What the user wrote.
    """
    text = "".join(c for c in base_url if unicodedata.category(c) != "Cf").strip()
    if not _is_bracketed_host(text):
        text = text.strip(_QUOTES).strip()
    text = _with_scheme(text.partition("#")[0])
    text, _, query = text.partition("?")
    parts = _parts(text)
    if parts is None:
        return None
    login, _, host = parts.netloc.rpartition("@")
    path = _ENDPOINT.sub("", parts.path.rstrip("/")).rstrip("/")
    return f"{parts.scheme}://{host}{path}", login, query


def _is_bracketed_host(text: str) -> bool:
    return text.startswith("[") and ip_address(text[1:].partition("]")[0]) is not None


def _with_scheme(text: str) -> str:
    if _SCHEME.match(text):
        return text
    rest = text.removeprefix("//")
    authority = re.split(r"[/?]", rest, maxsplit=1)[0].rpartition("@")[2]
    bracketed = authority.startswith("[")
    host = authority[1:].partition("]")[0] if bracketed else authority.partition(":")[0]
    if host and host != rest and is_this_computer(host):  # "localhost" alone is no address
        return f"http://{rest}"
    return f"https://{rest}" if _DOMAIN.fullmatch(host) else text


def _parts(text: str) -> SplitResult | None:
    if any(character.isspace() for character in text) or "\\" in text:
        return None
    try:
        parts = urlsplit(text)
        port = parts.port  # raises where it is not a number
    except ValueError:
        return None
    is_web = parts.scheme in ("http", "https") and bool(parts.hostname) and port != 0
    return parts if is_web else None


def called_path(base_url: str) -> str:
    """Return the path of a single call that an address was written with; empty for none."""
    end = _ENDPOINT.search(base_url.partition("#")[0].partition("?")[0].strip().rstrip("/"))
    return end[0] if end else ""
