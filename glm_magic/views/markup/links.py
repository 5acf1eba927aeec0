"""Which addresses become links, and where a link leads whose text names another host.

``[https://bank.example](https://thief.example)`` reads as the one and opens the other. So does a
host of look-alike letters, and an address with a user name before the host.
"""

from __future__ import annotations

import html
import re
import unicodedata
from urllib.parse import SplitResult, unquote, urlsplit

SAFE_LINK = re.compile(
    r"(?:https?://[^\s\x00-\x20/\\]|mailto:[^\s/\\])[^\s\x00-\x1f]*\Z", re.IGNORECASE
)
"""The only addresses that become links: web and mail."""
_INVISIBLE = re.compile("[\u00ad\u061c\u115f\u180e\u200b-\u200f\u2060-\u2064\ufe00-\ufe0f\ufeff]")
_NAMED = re.compile(r"(?P<scheme>[a-z][a-z0-9+.-]*:/{1,3})?(?P<host>(?:[\w-]+\.)+[\w-]{2,})")
_DOTS = re.compile("[\u3002\uff0e\uff61]")
_GENERIC = frozenset(
    ("com", "org", "net", "edu", "gov", "info", "app", "dev", "example", "test", "shop", "bank")
)
_NO_COUNTRY = frozenset(
    ("js", "py", "md", "rs", "sh", "pl", "cc", "so", "ps", "ml", "vb", "cs", "ts", "go", "rb", "gz")
)
"""Two-letter endings that are far more often a file's than a host's."""


def leads_elsewhere(label: str, address: str) -> str:
    """Return the host that a link opens, when its text leads a reader to expect another.

    Parameters
    ----------
    label : str
        The link's text.
    address : str
        Its ``href``.

    Returns
    -------
    str
        The host as a browser names it, or ``""`` when the text does not mislead.
    """
    parts = _split(address)
    if parts is None or parts.scheme == "mailto":
        return ""
    host = _ascii(parts.hostname or "")
    if "@" in parts.netloc or "xn--" in host:
        return host
    return host if any(not _same(named, host) for named in _hosts(label)) else ""


def _split(address: str) -> SplitResult | None:
    try:
        parts = urlsplit(address)
    except ValueError:
        return None
    return parts if parts.hostname is not None or parts.scheme == "mailto" else None


def _hosts(label: str) -> list[str]:
    """Return everything in a text that reads as a host."""
    plain = html.unescape(unquote(_INVISIBLE.sub("", label)))
    plain = _DOTS.sub(".", unicodedata.normalize("NFKC", plain)).lower()
    return [
        _ascii(name["host"])
        for name in _NAMED.finditer(plain)
        if name["scheme"] or _reads_as_host(name["host"])
    ]


def _reads_as_host(name: str) -> bool:
    last = name.rpartition(".")[2]
    country = len(last) == 2 and last.isalpha() and last not in _NO_COUNTRY
    return name.startswith("www.") or last in _GENERIC or country


def _same(named: str, host: str) -> bool:
    named, host = named.removeprefix("www."), host.removeprefix("www.")
    return host == named or host.endswith(f".{named}")


def _ascii(host: str) -> str:
    try:
        return host.encode("idna").decode().lower()
    except UnicodeError:
        return host.lower()
