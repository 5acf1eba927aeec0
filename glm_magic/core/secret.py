"""An API key that cannot be shown by accident."""

from __future__ import annotations

from hashlib import blake2b
from typing import NoReturn


class Secret:
    """Hold a key apart from every value that can be printed, pickled or saved.

    Parameters
    ----------
    value : str
        The key.
    source : str
        Where it was found, such as ``"DASHSCOPE_API_KEY"``; this is what `repr` shows.
    """

    __slots__ = ("__value", "source")

    def __init__(self, value: str, source: str) -> None:
        self.__value = value
        self.source = source

    def reveal(self) -> str:
        """Return the key itself; only the sending code may call this."""
        return self.__value.strip()

    def redact(self, text: str) -> str:
        """Return a text without the key; the very same text where the key is not in it.

        Some services repeat the key in their error messages.
        """
        key = self.__value.strip()
        return text.replace(key, "<key>") if key in text and len(key) > 3 else text

    def digest(self, salt: bytes) -> bytes:
        """Return a keyed hash of the key: it tells keys apart, and gives none away."""
        return blake2b(self.reveal().encode(), key=salt, digest_size=16).digest()

    @property
    def is_blank(self) -> bool:
        """Whether there is no key in it."""
        return not self.__value.strip()

    @property
    def is_sendable(self) -> bool:
        """Whether a header can hold it, white space around it aside."""
        key = self.__value.strip()
        return key.isascii() and key.isprintable() and " " not in key

    def __repr__(self) -> str:
        return f"<key from {self.source}>"

    def __reduce__(self) -> NoReturn:
        raise TypeError("an API key is never pickled")
