r"""A secret text in every spelling that a server may send it back in, also cut in two.

A service may repeat a key as it is, escaped as JSON allows (``\u0073k-``, ``\/``) or HTML
(``&#43;``), percent-encoded as in a URL, in base64 as in an ``Authorization`` header, or in
hexadecimal. Each character may be spelled in its own way. Matching takes time that grows with the
text alone.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Iterable, Iterator

REPLACEMENT = "<key>"
MAX_BACKSLASHES = 8
"""JSON within JSON doubles them: this is three times."""
MIN_PACKED = 12
"""Shorter base64 could be part of any other text."""
MIN_BEGINNING = 10
"""Fewer characters are no secret: the keys of one service begin alike (``sk-or-v1-``)."""
MIN_HELD = 2
"""Fewer characters are handed on at once, as any word may end in the first letter of a key."""
MIN_HELD_PACKED = 4
"""The same for the base64 forms, of which there are several."""


LONG_PART = 8
"""Characters of a secret that tell so much that they are cut out on their own."""


class Spellings:
    """Finds secret texts in other texts.

    Parameters
    ----------
    secrets : iterable of str
        What must not show; each of printable ASCII, and not empty.
    """

    __slots__ = ("_begins", "_ends", "_forms", "_longest", "_pattern", "_plain")

    def __init__(self, secrets: Iterable[str]) -> None:
        self._plain = tuple(sorted(set(secrets), key=len, reverse=True))
        packed = {form for secret in self._plain for form in _packed(secret)}
        held = {**dict.fromkeys(packed, MIN_HELD_PACKED), **dict.fromkeys(self._plain, MIN_HELD)}
        self._forms = {form: held[form] for form in (*self._plain, *packed)}
        """Each form of a secret, and how many characters of its beginning are held back."""
        self._pattern = _AnyOf(self._forms)
        self._begins = _AnyOf(form[:MIN_BEGINNING] for form in self._forms)
        pairs = (form[at : at + 2] for form in self._forms for at in range(len(form) - 1))
        self._ends = frozenset((*pairs, *(form[0] for form in self._forms)))
        """What a text ends with, in its last character or two, where a secret begins there."""
        self._longest = max((9 * len(form) for form in self._forms), default=0)

    def __repr__(self) -> str:
        return "<Spellings>"

    def spans(self, text: str) -> list[tuple[int, int]]:
        """Return where the secrets stand in a text, in order and without overlaps."""
        return list(self._pattern.spans(text)) if self._pattern.may_be_in(text) else []

    def cut(self, text: str) -> str:
        """Return a text without the secrets; the very same text where none is in it."""
        spans = self.spans(text)
        if not spans:
            return text
        starts, ends = zip(*spans, strict=True)
        between = zip((0, *ends), (*starts, len(text)), strict=True)
        return REPLACEMENT.join(text[left:right] for left, right in between)

    def may_be_in(self, text: str) -> bool:
        """Whether it is worth looking for secrets in a text."""
        return self._pattern.may_be_in(text)

    def may_begin(self, text: str) -> bool:
        """Whether the first characters of a secret stand in a text."""
        return self._begins.may_be_in(text) and next(self._begins.spans(text), None) is not None

    def is_clear(self, text: str) -> bool:
        """Whether a glance is enough: no secret stands in a text, and none begins at its end."""
        ends = self._ends
        if text[-1:] in ends or text[-2:] in ends or _is_escaped(text):
            return False
        return not self._pattern.may_be_in(text)

    def are_part(self, text: str) -> bool:
        """Whether a text is a long part of a secret, as where a secret was divided."""
        return len(text) >= LONG_PART and any(text in secret for secret in self._plain)

    def begins_at(self, text: str, start: int = 0) -> tuple[int, bool]:
        """Return where at the end of a text a secret may begin, and whether to hold it back.

        The position is the length of the text where nothing may. The first one or few characters
        need not be held back: shown before the rest is cut out, they tell nothing.

        Parameters
        ----------
        text : str
            A text that may go on.
        start : int
            Where to begin looking.
        """
        if not self._forms:
            return len(text), False
        is_plain = not _is_escaped(text)
        if is_plain and text[-1:] not in self._ends and text[-2:] not in self._ends:
            return len(text), False
        for at in self._pattern.starts(text, max(start, len(text) - self._longest)):
            rest = text[at:]
            for form, held in self._forms.items():
                if form.startswith(rest) if is_plain else _reaches_end(text, at, form):
                    return at, len(rest) >= held
        return len(text), False


_MARKS = "\\%&"
"""With these begin the other spellings of a character."""


def _is_escaped(text: str) -> bool:
    """Whether characters of a text may stand for others."""
    return "\\" in text or "%" in text or "&" in text


class _AnyOf:
    """Finds any of several texts, in every spelling."""

    __slots__ = ("_regex", "_shortest", "_starts", "_texts")

    def __init__(self, texts: Iterable[str]) -> None:
        self._texts = tuple(texts)
        self._shortest = min(map(len, self._texts), default=0)
        self._regex: re.Pattern[str] | None = None
        self._starts: re.Pattern[str] | None = None

    def may_be_in(self, text: str) -> bool:
        """Whether it is worth looking: a text is there as it is, or something is escaped."""
        if len(text) < self._shortest or not self._texts:  # an escape is longer than what it is
            return False
        return _is_escaped(text) or any(map(text.__contains__, self._texts))

    def starts(self, text: str, start: int = 0) -> Iterator[int]:
        """Yield where a text may begin: at an escape, or by its first two characters."""
        if self._starts is None:
            # alternatives that each begin with a character: others are passed over at a stroke
            patterns = (*map(re.escape, _MARKS), *map(_start, self._texts))
            self._starts = re.compile("|".join(patterns))
        return (match.start() for match in self._starts.finditer(text, start))

    def spans(self, text: str) -> Iterator[tuple[int, int]]:
        """Yield where texts stand, without overlaps; the pattern takes a while to compile."""
        if self._regex is None:
            self._regex = re.compile("|".join(map(_pattern, self._texts)))
        end = 0
        for at in self.starts(text):
            if at >= end and (match := self._regex.match(text, at)):
                end = match.end()
                yield at, end


def _start(text: str) -> str:
    """Return a pattern for the first character of a text, before its second or the end."""
    seconds = re.escape(text[1:2] + _MARKS)
    return re.escape(text[0]) + (rf"(?=[{seconds}]|\Z)" if len(text) > 1 else "")


def _packed(secret: str) -> Iterable[str]:
    """Yield the forms of a whole secret: hexadecimal, and base64 as it stands in longer texts.

    What stands around a secret changes the first and the last characters of its base64 form; they
    are left out.
    """
    plain = secret.encode()
    yield from (plain.hex(), plain.hex().upper())
    for shift in range(3):
        packed = base64.b64encode(b"x" * shift + plain + b"xxx").decode()
        form = packed[-(-shift * 8 // 6) : (shift + len(plain)) * 8 // 6]
        if len(form) >= MIN_PACKED:
            yield form
            yield form.translate(str.maketrans("+/", "-_"))


def _pattern(text: str) -> str:
    return "".join(map(_character, text))


def _character(character: str) -> str:
    r"""Return a pattern for a character: itself, ``\u0073``, ``%73``, or with backslashes."""
    code = f"{ord(character):02x}"
    hexadecimal = "".join(f"[{c}{c.upper()}]" if c.isalpha() else c for c in code)
    plain = re.escape(character)
    escaped = rf"\\{{1,{MAX_BACKSLASHES}}}(?:[uU]00{hexadecimal}|[xX]{hexadecimal}|{plain})"
    entity = rf"&#(?:{ord(character)}|[xX]{hexadecimal});"
    return rf"(?:{plain}|{escaped}|{entity}|%(?:25){{0,{MAX_BACKSLASHES}}}{hexadecimal})"


def _reaches_end(text: str, at: int, secret: str) -> bool:
    """Whether a text ends, in some spelling, within the secret that begins at `at`."""
    for character in secret:
        end = _end_of(text, at, character)
        if end is None:
            return False
        if end >= len(text):
            return True
        at = end
    return False


def _end_of(text: str, at: int, character: str) -> int | None:
    """Return where a character ends that begins at `at`, ``None`` if it is another one.

    Where the text ends first, this is its length.
    """
    begin = text[at]
    if begin in _ENDS:
        return _ENDS[begin](text, at, character) or (at + 1 if begin == character else None)
    return at + 1 if begin == character else None


def _end_of_percent(text: str, at: int, character: str) -> int | None:
    code = f"{ord(character):02x}"
    while text[at + 1 : at + 3] == "25" and code != "25":  # encoded once more
        at += 2
    rest = text[at + 1 : at + 3]
    if at + 1 + len(rest) == len(text) and "25".startswith(rest):
        return len(text)
    return _matched(text, at + 1, code)


def _end_of_entity(text: str, at: int, character: str) -> int | None:
    code = ord(character)
    return _matched(text, at, f"&#{code};") or _matched(text, at, f"&#x{code:02x};")


def _end_of_escape(text: str, at: int, character: str) -> int | None:
    end = at
    while end < len(text) and text[end] == "\\" and end - at < MAX_BACKSLASHES:
        end += 1
    if end == len(text):
        return end
    code = f"{ord(character):02x}"
    escaped = _matched(text, end, f"u00{code}") or _matched(text, end, f"x{code}")
    return escaped or (end + 1 if text[end] == character else None)


_ENDS = {"%": _end_of_percent, "&": _end_of_entity, "\\": _end_of_escape}


def _matched(text: str, at: int, expected: str) -> int | None:
    piece = text[at : at + len(expected)].lower()
    is_cut = at + len(piece) == len(text)
    if piece == expected or (is_cut and expected.startswith(piece)):
        return at + len(piece)
    return None
