"""The sentences of a text that a model wrote, each with its place in it.

A thought is read, edited and weighed by the sentence: the panel, ``%glm rethink`` and
`glm_magic.anchors` all number them as they come from here. A line is a unit of its own, since
models do not wrap their lines: a list item, a heading, a step of a calculation. Code is one unit,
whatever is in it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Sentence:
    """One sentence, and where it stands in its text."""

    start: int
    """Of its first character that is no blank."""
    end: int
    """After its last one."""
    text: str


_FENCE = re.compile(r"[ \t]*(```+|~~~+)")
_ITEM = re.compile(
    r"[ \t]*(?:[-*+•]|#{1,6}|>|\(?(?:\d{1,3}|[a-zA-Z])[.)、]"
    r"|[（(]?[一二三四五六七八九十]{1,3}[)）、])[ \t]*"
)
"""What begins a list item, a heading or a quotation; a stop in it ends no sentence."""
_CLOSED = re.compile(
    r"`[^`]*`|\$\$[^$]*\$\$|\$[^$\s](?:[^$]*[^$\s])?\$"
    r"|\\\((?:[^)\\]|\\(?![()]))*+\\\)|https?://\S*[\w/]"
)
"""Code, formulas and addresses, whose stops end no sentence.

No formula in brackets begins inside another one: each would look for its end again.
"""
_CLOSERS = "\"'”’»)\\]）】」』》*_"
_STOP = re.compile(rf"(?<![.!?…])[.!?…]++[{_CLOSERS}]*+(?=\s)|[。！？；…]+[{_CLOSERS}”’]*")
"""Where a sentence may end: a Latin stop before a blank, a Chinese one anywhere."""
_NOT_BLANK = re.compile(r"\S")
_ABBREVIATION = re.compile(
    r"(?:^|[\s(\[\"'“‘])(e\.g|i\.e|etc|cf|vs|viz|approx|resp|incl|ca|al|no|nos|fig|figs|eq|eqs|sec|"
    r"ch|vol|pp?|ed|dr|mr|mrs|ms|prof|st|jr|sr|inc|ltd|a\.m|p\.m|u\.s|[A-Za-z])\.$",
    re.IGNORECASE,
)
"""What ends in a point and ends no sentence."""
_NUMBERED = ("no", "nos")
"""Of these, what is an abbreviation before a number alone."""


def sentences(text: str) -> list[Sentence]:
    """Return the sentences of a text in order; what lies between two of them is blank."""
    spans: list[tuple[int, int]] = []
    for start, end, is_code in _lines(text):
        spans += [(start, end)] if is_code else _of_line(text, start, end)
    trimmed = (_trimmed(text, start, end) for start, end in spans)
    return [Sentence(start, end, text[start:end]) for start, end in trimmed if end > start]


def _lines(text: str) -> Iterator[tuple[int, int, bool]]:
    """Yield start and end of each line, or of each block of code, and whether it is code."""
    fence, began, at = "", 0, 0
    for line in text.splitlines(keepends=True):
        mark = _FENCE.match(line)
        if fence:
            if mark and mark[1].startswith(fence) and not line[mark.end() :].strip():
                yield began, at + len(line), True
                fence = ""
        elif mark:
            fence, began = mark[1], at
        else:
            yield at, at + len(line), False
        at += len(line)
    if fence:  # a thought may be cut inside of it
        yield began, at, True


def _of_line(text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    line = text[start:end]
    item = _ITEM.match(line)
    begin = item.end() if item else 0
    closed = _CLOSED.finditer(line)
    span = next(closed, None)
    last = 0
    for stop in _STOP.finditer(line, begin):
        while span is not None and span.end() <= stop.start():
            span = next(closed, None)
        if (span is not None and span.start() <= stop.start()) or not _ends(line, stop):
            continue
        yield start + last, start + stop.end()
        last = stop.end()
    yield start + last, end


def _ends(line: str, stop: re.Match[str]) -> bool:
    """Whether a stop ends a sentence rather than an abbreviation, or goes on in small letters."""
    if stop[0][0] in "。！？；":
        return True
    following = _NOT_BLANK.search(line, stop.end())
    after = following[0] if following else ""
    if stop[0][0] in ".…" and (after.islower() or after in (",", ";", ":")):
        return False
    before = line[max(0, stop.start() - 12) : stop.start() + 1]
    short = _ABBREVIATION.search(before) if stop[0][0] == "." else None
    return short is None or (short[1].lower() in _NUMBERED and not after.isdigit())


def _trimmed(text: str, start: int, end: int) -> tuple[int, int]:
    while start < end and text[start].isspace():
        start += 1
    while end > start and text[end - 1].isspace():
        end -= 1
    return start, end
