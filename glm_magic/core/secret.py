"""An API key that cannot be shown by accident, and what a key looks like."""

from __future__ import annotations

import base64
import re
import secrets
import unicodedata
from collections.abc import Iterable
from hashlib import blake2b
from typing import Any, NoReturn
from urllib.parse import unquote

from .address import secret_values
from .i18n import Text, tr
from .spellings import Spellings

_INVISIBLE = ("Cf", "Mn", "Me", "Co", "Cn")
"""Unicode categories that show nothing by themselves."""
_QUOTES = "\"'`´′″‘’‚‛“”„‟«»‹›「」『』〝〞＂＇"
_OPENING, _CLOSING = "<[({（【〈《＜［｛", ">])}）】〉》＞］｝"
_SEPARATORS = ";,:；，、。：＝="
_ASSIGNED = re.compile(
    r"""(?ix) ( ((export|set|setx|declare|let|const|var|env|%set_env|%env)\s+|\$env:)\w+\s*[=:\s]
        | ["']? \w{0,40} (key|token|secret) \w{0,40} ["']? \s* [=:] \s* [^=\s] )"""
)
_HEADER = re.compile(r"(?i)(authorization\s*[:=]|(bearer|basic)[\s:]|x-api-key\s*:)")
_VARIABLE = re.compile(
    r"\$\w+|\$[{(].*[)}]|%\w+%|\{\{.*\}\}|[A-Z][A-Z0-9]*(_[A-Z0-9]+)*_(KEY|TOKEN|SECRET)"
    r"|os\.(environ|getenv).*|process\.env.*"
)
_PLACEHOLDER = re.compile(
    r"""(?ix)
    (.*[-_.\s])? (your|my) [-_.\s]? [a-z-_.\s]* (key|token|secret|here) .*
    | .* (key|token) [-_.\s]? (here|goes) .*
    | .* (insert|paste|enter|replace|change|fill) [-_.\s]? (me|here|your|with|this) .*
    | (api|access)[-_.\s]?(key|token) | placeholder | todo | tbd
    | ([a-z0-9]{1,12}[-_.])* [x*•·…]{3,} ([-_.][x*•·…]{3,})*
    | .* (你的|您的|密钥|填写|替换|粘贴|在此) .*
    """
)
_LONGEST_STAND_IN = 100
"""A longer text stands for no key; the patterns above are not made for it."""
_MASKED = re.compile(r"\.{3}|…|\*{3}|[•●·]{3}")


def key_problem(text: str, place: str) -> tuple[Text, Text] | None:
    """Return what is wrong with a key and how to mend it; ``None`` where it can be sent.

    Parameters
    ----------
    text : str
        The key, as it was set.
    place : str
        Where it was set, such as ``"ZAI_API_KEY"``.
    """
    key = text.strip()
    if any(unicodedata.category(c) in _INVISIBLE for c in key):
        code = next(f"U+{ord(c):04X}" for c in key if unicodedata.category(c) in _INVISIBLE)
        return (
            tr("the key in {place} holds an invisible character ({code})", place=place, code=code),
            tr("type it, or copy it from the provider's page and not from a chat or a document"),
        )
    if len(key.splitlines()) > 1:
        return (
            tr("the key in {place} goes over more than one line", place=place),
            tr("set {place} to the key alone, on one line", place=place),
        )
    return _written_around(key, place) or _stand_in(key, place) or _not_a_key(key, place)


def _written_around(key: str, place: str) -> tuple[Text, Text] | None:
    """Name what was copied along with a key."""
    alone = tr("set {place} to the key alone, with nothing around it", place=place)
    if _ASSIGNED.match(key):
        return tr("the key in {place} has its name and an = or : in front", place=place), alone
    if _HEADER.match(key):
        return (
            tr("the key in {place} begins like a header, as with Bearer", place=place),
            tr("set {place} to the key alone: the word before it is added", place=place),
        )
    if _stands_in(key):
        return None
    if any(quote in key for quote in _QUOTES):
        return (
            tr("the key in {place} has quotation marks in it", place=place),
            tr("%set_env and Docker's env files keep them: set {place} without any", place=place),
        )
    if key[0] in _OPENING or key[-1] in _CLOSING:
        return tr("the key in {place} has brackets around it", place=place), alone
    if key[0] in _SEPARATORS or key[-1] in _SEPARATORS.replace("=", ""):
        mark = key[-1] if key[-1] in _SEPARATORS.replace("=", "") else key[0]
        return tr("the key in {place} has a {mark} at its end", place=place, mark=mark), alone
    return None


def _stands_in(key: str) -> bool:
    return len(key) <= _LONGEST_STAND_IN and bool(
        _VARIABLE.fullmatch(key) or _PLACEHOLDER.fullmatch(key.strip(_OPENING + _CLOSING))
    )


def _stand_in(key: str, place: str) -> tuple[Text, Text] | None:
    """Name a text that stands for a key."""
    if not _stands_in(key):
        return _shortened(key, place)
    if _PLACEHOLDER.fullmatch(key.strip(_OPENING + _CLOSING)):
        return (
            tr("the key in {place} is a placeholder", place=place),
            tr("set {place} to a key of your own, as the provider's page shows it", place=place),
        )
    return (
        tr("the key in {place} is the name of a variable, not its value", place=place),
        tr("set {place} to the key itself: nothing is filled in", place=place),
    )


def _shortened(key: str, place: str) -> tuple[Text, Text] | None:
    if _MASKED.search(key):
        return (
            tr("the key in {place} was shortened where it was shown", place=place),
            tr("copy the whole key; some pages show it only once, when it is made"),
        )
    return None


def _not_a_key(key: str, place: str) -> tuple[Text, Text] | None:
    if any(character.isspace() for character in key):
        return (
            tr("the key in {place} has white space in it", place=place),
            tr("set {place} to the key alone, on one line", place=place),
        )
    if not (key.isascii() and key.isprintable()):
        return (
            tr("the key in {place} holds characters that no API key has", place=place),
            tr("copy it again from the provider's page; only letters, digits and signs belong"),
        )
    return None


MIN_LENGTH = 4
"""Shorter keys are not looked for in replies: they could stand in any text."""
MIN_WORD = 8
"""The same for keys of letters only, such as the ``EMPTY`` that servers without keys take."""


class Secret:
    """Hold a key apart from every value that can be printed, pickled or saved.

    Parameters
    ----------
    value : str
        The key; empty where only the address holds secrets.
    source : str
        Where it was found, such as ``"DASHSCOPE_API_KEY"``; this is what `repr` shows.
    login : str
        ``user:password`` of the base URL, percent-encoded as it stands there.
    query : str
        Query of the base URL, where it holds a secret value.
    """

    __slots__ = ("__login", "__query", "__spellings", "__value", "source")

    def __init__(self, value: str, source: str, *, login: str = "", query: str = "") -> None:
        self.__value = value
        self.__login = login
        self.__query = query
        self.__spellings: Spellings | None = None
        self.source = source

    def reveal(self) -> str:
        """Return the key itself; only the sending code may call this."""
        return self.__value.strip()

    def authorization(self) -> str | None:
        """Return the value of the ``Authorization`` header; only the sending code may call this.

        A key goes as ``Bearer``, a login of the base URL as ``Basic``. There is never both.
        """
        if not self.is_blank:
            return f"Bearer {self.reveal()}"
        return f"Basic {self._basic()}" if self.__login else None

    def query(self) -> str:
        """Return the query of the base URL; only the sending code may call this."""
        return self.__query

    def with_address(self, address: Secret | None) -> Secret:
        """Return this key with the login and query of a base URL."""
        if address is None:
            return self
        return Secret(self.__value, self.source, login=address.__login, query=address.__query)

    def redact(self, text: str) -> str:
        """Return a text without the secrets; the very same text where none is in it.

        Some services repeat the key in their error messages.
        """
        return self.spellings.cut(text)

    @property
    def spellings(self) -> Spellings:
        """Finds the secrets in other texts."""
        if self.__spellings is None:
            self.__spellings = Spellings(set(self._hidden()))
        return self.__spellings

    def _hidden(self) -> Iterable[str]:
        key = self.reveal()
        if len(key) >= (MIN_WORD if key.isalpha() else MIN_LENGTH):
            yield key
        user, _, password = self.__login.partition(":")
        for value in (password or user, *secret_values(self.__query)):
            yield from (text for text in (value, unquote(value)) if len(text) >= MIN_WORD)
        if self.__login:
            yield self._basic().rstrip("=")

    def _basic(self) -> str:
        user, _, password = self.__login.partition(":")
        return base64.b64encode(f"{unquote(user)}:{unquote(password)}".encode()).decode()

    def sealed(self) -> SealedSecret:
        """Return the secrets for another process of the user's; only the sending code may call it.

        No log, listing or dump on the way has them in a form that could be read or searched for.
        """
        texts = (self.reveal(), self.source, self.__login, self.__query)
        parts = "\0".join(texts).encode()
        pad = secrets.token_bytes(len(parts))
        return SealedSecret(pad, _mixed(parts, pad))

    def problem(self) -> tuple[Text, Text] | None:
        """Return what is wrong with the key and how to mend it; ``None`` if it can be sent."""
        return key_problem(self.__value, self.source)

    def digest(self, salt: bytes) -> bytes:
        """Return a keyed hash of the key: it tells keys apart, and gives none away."""
        return blake2b(self.reveal().encode(), key=salt, digest_size=16).digest()

    @property
    def is_blank(self) -> bool:
        """Whether there is no key in it."""
        return not self.__value.strip()

    @property
    def has_login(self) -> bool:
        """Whether the base URL has a login."""
        return bool(self.__login)

    def __repr__(self) -> str:
        return f"<key from {self.source}>"

    def __reduce__(self) -> NoReturn:
        raise TypeError("an API key is never pickled")


class SealedSecret:
    """A `Secret` on its way: mixed with noise, which is no encryption.

    Parameters
    ----------
    pad, mixed : bytes
        The noise, and what it hides.
    """

    __slots__ = ("_mixed", "_pad")

    def __init__(self, pad: bytes, mixed: bytes) -> None:
        self._pad, self._mixed = pad, mixed

    def opened(self) -> Secret:
        """Return the secrets; only the code that received them may call this."""
        value, source, login, query = _mixed(self._mixed, self._pad).decode().split("\0")
        return Secret(value, source, login=login, query=query)

    def __repr__(self) -> str:
        return "<sealed key>"

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self._pad, self._mixed)


def _mixed(parts: bytes, pad: bytes) -> bytes:
    return bytes(a ^ b for a, b in zip(parts, pad, strict=True))
