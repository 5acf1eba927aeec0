"""What must never be shown: an API key, and the login and query of a base URL."""

from __future__ import annotations

import base64
from collections.abc import Iterable
from hashlib import blake2b
from typing import NoReturn
from urllib.parse import unquote

from .address import secret_values
from .i18n import Text
from .key_shape import key_problem
from .spellings import Spellings

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
