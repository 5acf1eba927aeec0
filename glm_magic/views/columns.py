"""Columns of a terminal: how wide a text is, and where its lines are broken.

A terminal breaks a line at its edge, in the middle of a word. Here lines end between words, or
between Chinese characters, which take two columns each.
"""

from __future__ import annotations

import shutil
import sys
from typing import TextIO

from wcwidth import wcwidth

_STAYS = frozenset("、。〉》」』】〕〗！），．：；？］｝～…")
"""Wide punctuation that no line begins with."""

_FENCES = ("```", "~~~")
_CODE_INDENT = 4


def text_width(text: str) -> int:
    """Return the columns that a text takes in a terminal; Chinese characters take two."""
    return sum(max(0, wcwidth(char)) for char in text)


def padded(text: str, width: int, *, right: bool = False) -> str:
    """Return a text with spaces after it, or before it, in so many columns."""
    blank = " " * (width - text_width(text))
    return blank + text if right else text + blank


def columns_of(out: TextIO | None = None) -> int | None:
    """Return how many columns a terminal has; ``None`` for what is no terminal."""
    return shutil.get_terminal_size().columns if (out or sys.stdout).isatty() else None


def wrap(text: str, most: int) -> list[str]:
    """Return running text in lines of at most `most` columns; a longer word is left whole."""
    breaker = LineBreaker(most)
    return (breaker.feed(text) + breaker.end()).split("\n")


class LineBreaker:
    """Break the lines of a text that arrives in pieces; code and tables stay as they are.

    The last word of what has arrived is held back, since more of it may come.

    Parameters
    ----------
    most : int
        Columns of a line.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._ready: list[str] = []
        self._in_code = self._is_prose = False
        self._begin_line()

    def feed(self, text: str) -> str:
        """Take a piece of text; return what can be printed."""
        for char in text:
            self._take(char)
        return self._print()

    def end(self) -> str:
        """Return what was held back; what is fed after it begins a new text."""
        self._place()
        self._in_code = False
        self._begin_line()
        return self._print()

    def _begin_line(self) -> None:
        self._space = self._word = self._mark = ""
        self._column = 0

    def _print(self) -> str:
        text = "".join(self._ready)
        self._ready.clear()
        return text

    def _take(self, char: str) -> None:
        if char == "\n":
            self._place()
            self._in_code ^= self._mark in _FENCES
            self._ready.append("\n")
            self._begin_line()
        elif char.isspace():
            self._place()
            self._space += char
        else:
            if not self._mark:
                indent = len(self._space.expandtabs(_CODE_INDENT))
                self._is_prose = not (self._in_code or char == "|" or indent >= _CODE_INDENT)
            if len(self._mark) < len(_FENCES[0]):
                self._mark += char
            if self._ends_before(char):
                self._place()
            self._word += char

    def _ends_before(self, char: str) -> bool:
        """Whether a line may end between the held word and a character."""
        if not self._word or char in _STAYS:
            return False
        return wcwidth(char) == 2 or wcwidth(self._word[-1]) == 2

    def _place(self) -> None:
        """Put the held word on this line, or on the next one."""
        if not self._word:
            return
        width = text_width(self._space) + text_width(self._word)
        if self._is_prose and self._column and self._column + width > self._most:
            self._ready.append("\n" + self._word)
            self._column = text_width(self._word)
        else:
            self._ready.append(self._space + self._word)
            self._column += width
        self._space = self._word = ""
