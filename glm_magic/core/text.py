r"""Text that can always be encoded.

JSON may carry a surrogate half as an escape (``"\ud83d"``), and a provider may cut an emoji
between two deltas. Nothing that reaches disk, a widget or the wire may hold such a half.
"""

from __future__ import annotations

import re

REPLACEMENT = "\ufffd"
_SURROGATE = re.compile("[\ud800-\udfff]")
_LAST_HIGH = ("\ud800", "\udbff")


def clean(text: str) -> str:
    """Return `text` with surrogate pairs joined and lone halves replaced by U+FFFD."""
    if text.isascii() or not _SURROGATE.search(text):
        return text
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


class SurrogateJoiner:
    """Clean a text that arrives in pieces, holding back a half until its other half comes."""

    __slots__ = ("_held",)

    def __init__(self) -> None:
        self._held = ""

    def feed(self, piece: str) -> str:
        """Return what of the text so far can be shown, never a lone half."""
        if not self._held and piece.isascii():
            return piece
        text = self._held + piece
        self._held = ""
        if text and _LAST_HIGH[0] <= text[-1] <= _LAST_HIGH[1]:
            self._held, text = text[-1], text[:-1]
        return clean(text)

    def finish(self) -> str:
        """Return the replacement for a half whose other half never came, or nothing."""
        held, self._held = self._held, ""
        return REPLACEMENT if held else ""
