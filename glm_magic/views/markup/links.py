"""Which addresses become links, and where a link leads whose text names another host.

``[https://bank.example](https://thief.example)`` reads as the one and opens the other. So does a
host of look-alike letters, and an address with a user name before the host.

What ends like a host, and under which names anybody can have one, is in the public suffix list. It
comes with the package `publicsuffixlist`, which is released each week and asks no network.
"""

from __future__ import annotations

import html
import re
import unicodedata
from functools import lru_cache
from typing import TYPE_CHECKING
from urllib.parse import SplitResult, unquote, urlsplit

if TYPE_CHECKING:
    from publicsuffixlist import PublicSuffixList

SAFE_LINK = re.compile(
    r"(?:https?://[^\s\x00-\x20/\\]|mailto:[^\s/\\])[^\s\x00-\x1f]*\Z", re.IGNORECASE
)
"""The only addresses that become links: web and mail."""
MAX_LABEL = 2000
"""Characters of a link's text that are searched for hosts; a longer text is no address."""

_INVISIBLE = re.compile(
    "[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u2028-\u202e"
    "\u2060-\u206f\u3164\ufe00-\ufe0f\ufeff\uffa0\U000e0000-\U000e0fff]"
)
_DOTS = re.compile("[\u06d4\u0701\u0702\u2024\u3002\ua4f8\ufe52\uff0e\uff61]")
"""Characters that a browser or a reader takes for the dot between two parts of a host."""
_NAMED = re.compile(
    r"(?P<scheme>(?<![a-z0-9])[a-z][a-z0-9+.-]{1,30}:/{2,3}(?:[^\s/?#@]{0,200}@)?)?"
    r"(?P<host>[\w-]{1,63}(?:\.[\w-]{1,63}){0,20})"
)
_FOUR_NUMBERS = re.compile(r"(?:\d{1,3}\.){3}\d{1,3}")

_FILE_ENDINGS = frozenset(
    (
        *("ai", "app", "bz", "cab", "cat", "cc", "cfd", "csh", "dot", "gdn", "hm", "js"),
        *("la", "lua", "map", "md", "mk", "ml", "mm", "mov", "pl", "pm", "ps", "pub", "pw", "py"),
        *("rs", "sc", "sh", "so", "st", "sql", "tf", "tk", "ts", "vi", "vu", "zip"),
    )
)
"""Top-level domains that are the endings of files too."""
_FILE_STEMS = frozenset(
    (
        *(
            "app",
            "authors",
            "build",
            "changelog",
            "cli",
            "conf",
            "config",
            "conftest",
            "contributing",
        ),
        *("demo", "example", "helpers", "index", "init", "install", "lib", "license", "main"),
        *(
            "manage",
            "mod",
            "models",
            "notice",
            "readme",
            "requirements",
            "run",
            "script",
            "security",
        ),
        *("server", "setup", "start", "test", "tests", "train", "todo", "types", "util", "utils"),
    )
)
"""What files are called everywhere, in lower case."""
_OF_NOBODY = ("example", "internal", "invalid", "local", "onion", "test")
"""Endings that are not in the list, but read as a host's."""
_CODE_HOSTS = (
    *("github.com", "raw.githubusercontent.com", "gist.github.com", "gitlab.com", "gitee.com"),
    *("bitbucket.org", "codeberg.org", "huggingface.co", "sourceforge.net"),
)
"""Hosts where the last part of an address is the name of a file, which no owner can fake."""


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
    if parts is None:
        return ""
    if parts.scheme == "mailto":
        host = _ascii(unquote(parts.path).rpartition("@")[2])
    else:
        host = _ascii(parts.hostname or "")
        if "@" in parts.netloc or "xn--" in host:
            return host
    file = parts.path.rpartition("/")[2].lower() if host in _CODE_HOSTS else ""
    return host if any(not _same(named, host) for named in _hosts(label, file)) else ""


def _split(address: str) -> SplitResult | None:
    try:
        parts = urlsplit(address)
        named = parts.hostname is not None
    except ValueError:
        return None
    return parts if named or parts.scheme == "mailto" else None


def _hosts(label: str, file: str) -> list[str]:
    """Return everything in a text that reads as a host; `file` is a name that is none."""
    plain = html.unescape(unquote(_INVISIBLE.sub("", label[:MAX_LABEL])))
    plain = _DOTS.sub(".", unicodedata.normalize("NFKC", _INVISIBLE.sub("", plain)))
    return [
        _ascii(name["host"])
        for name in _NAMED.finditer(plain.lower())
        if name["scheme"] or _reads_as_host(name["host"], file)
    ]


def _reads_as_host(name: str, file: str) -> bool:
    stem, dot, last = name.rpartition(".")
    if not dot or "_" in name:  # a host has no underscore
        return _FOUR_NUMBERS.fullmatch(name) is not None
    ending = _ascii(last)
    if ending in _FILE_ENDINGS and (stem in _FILE_STEMS or name == file):
        return False
    known = _suffixes().publicsuffix(_ascii(name)) is not None or ending in _OF_NOBODY
    return name.startswith("www.") or known or _FOUR_NUMBERS.fullmatch(name) is not None


@lru_cache(maxsize=1)
def _suffixes() -> PublicSuffixList:
    """Return the list of the names under which anybody can have a host of their own."""
    from publicsuffixlist import PublicSuffixList

    return PublicSuffixList(accept_unknown=False)


def _same(named: str, host: str) -> bool:
    """Whether a host is the named one, or belongs to it: ``evil.github.io`` is not GitHub's."""
    named, host = named.removeprefix("www."), host.removeprefix("www.")
    if host == named:
        return True
    return host.endswith(f".{named}") and _suffixes().publicsuffix(named) != named


def _ascii(host: str) -> str:
    host = host.strip(".")
    try:
        return host.encode("idna").decode().lower()
    except UnicodeError:
        return host.lower()
