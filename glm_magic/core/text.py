r"""Text that can be encoded, and shown without harm.

JSON may carry half of a surrogate pair as an escape (``"\ud83d"``), and a provider may cut an
emoji between two deltas. Nothing that reaches the disk, a widget or the wire may hold such a half.

Text that is shown to a person holds no character that steers a terminal or reverses the direction
of writing.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from typing import Any

REPLACEMENT = "\ufffd"
_SURROGATE = re.compile("[\ud800-\udfff]")
_LAST_HIGH = ("\ud800", "\udbff")
_TURNS = re.compile("[\u202a-\u202e\u2066-\u2069]")
_CONTROLS = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")
# A joiner between two pictures makes one of them, and is no trick.
_UNSEEN = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u00ad\u061c\u115f\u1160\u17b4\u17b5\u180e\u200b\u200c\u200e\u200f"
    "\u2028-\u202e\u2060-\u206f\u3164\ufeff\uffa0\ufff9-\ufffb\U000e0000-\U000e007f]"
    "|\u200d(?![\u2190-\U0010ffff])|(?<![\u2190-\U0010ffff])\u200d"
)


def join_surrogates(text: str) -> str:
    """Return `text` with surrogate pairs joined and lone halves replaced by U+FFFD."""
    if text.isascii() or not _SURROGATE.search(text):
        return text
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


def escape_surrogates(text: str) -> str:
    r"""Return `text` with each half of a surrogate pair written out, as ``\udcff``.

    So does the name of a file that is not UTF-8 stay one that no other file has.
    """
    if text.isascii() or not _SURROGATE.search(text):
        return text
    return text.encode("utf-8", "backslashreplace").decode()


def json_content(value: Any) -> bytes:
    """Return a value as UTF-8 JSON; lone surrogates from a notebook's text are replaced."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    return join_surrogates(text).encode()


def escape_controls(text: str) -> str:
    """Return `text` with everything that a terminal would obey made visible.

    Control characters become the pictures that Unicode has for them, or U+FFFD: a model must not
    move the cursor, set the title, or reverse the direction of what is already there.
    """
    return _CONTROLS.sub(lambda match: _picture(ord(match[0])), text)


def strip_bidi(text: str) -> str:
    """Return `text` without the controls that turn writing round; each becomes U+FFFD.

    With them code can read as other code, and a link as another link.
    """
    return text if text.isascii() else _TURNS.sub(REPLACEMENT, text)


def show_invisible(text: str) -> tuple[str, int]:
    """Return code with each character that a reader does not see made visible, and how many.

    Control characters and those of text direction, and everything that has no width: with them,
    code that is run is other code than what is read (CVE-2021-42574).
    """
    return _UNSEEN.subn(lambda match: _picture(ord(match[0])), text.replace("\r\n", "\n"))


def head_and_tail(text: str, longest: int) -> tuple[str, int, str]:
    """Return the beginning of a text, how many characters are left out, and its end.

    Parameters
    ----------
    text : str
        Any text.
    longest : int
        Characters of both parts together; a text that is not longer is all beginning.
    """
    if len(text) <= longest:
        return text, 0, ""
    tail = longest // 3
    return text[: longest - tail], len(text) - longest, text[len(text) - tail :]


def _picture(code: int) -> str:
    if code == 0x7F:
        return "\u2421"
    return chr(0x2400 + code) if code < 0x20 else REPLACEMENT


class SurrogateJoiner:
    """Clean a text that arrives in pieces, holding back a half until its other half comes."""

    __slots__ = ("_held",)

    def __init__(self) -> None:
        self._held = ""

    def feed(self, piece: str) -> str:
        """Return what of the text so far can be shown, never a lone half."""
        if not self._held and (piece.isascii() or not _SURROGATE.search(piece)):
            return piece
        text = self._held + piece
        self._held = ""
        if text and _LAST_HIGH[0] <= text[-1] <= _LAST_HIGH[1]:
            self._held, text = text[-1], text[:-1]
        return join_surrogates(text)

    def finish(self) -> str:
        """Return the replacement for a half whose other half never came, or nothing."""
        held, self._held = self._held, ""
        return REPLACEMENT if held else ""


def shorten(text: str, longest: int = 40) -> str:
    """Return the beginning of a text on one line, at most `longest` characters of it."""
    line = " ".join(text[: 4 * longest].split())
    return line if len(line) <= longest else line[: longest - 1] + "…"


def suggest(word: str, known: Iterable[str], cutoff: float = 0.6) -> str | None:
    """Return the known word that a misspelt one most likely means, or ``None``.

    Parameters
    ----------
    word : str
        What was typed; its case does not count.
    known : iterable of str
        What it may mean.
    cutoff : float
        How similar the two have to be, from 0 (anything) to 1 (the same).
    """
    import difflib  # only after a mistake

    near = difflib.get_close_matches(word.lower(), list(known), 1, cutoff)
    return near[0] if near else None
