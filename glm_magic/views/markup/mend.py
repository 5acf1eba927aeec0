"""Close what the end of a growing Markdown text has left open, so that it does not flicker."""

from __future__ import annotations

import re

_MARKS = re.compile(r"`+|\*\*?")
_RULE = re.compile(r"[|:\- \t]*")
_BAR = re.compile(r"(?<!\\)\|")
_TICKS = re.compile("`+")
_LAST_PARAGRAPH = re.compile(r"\n[ \t]*\n(?!.*\n[ \t]*\n)", re.DOTALL)
_FENCE = re.compile(r"^[ \t>]*(?:(?:[-*+]|\d+[.)])[ \t]*)?(```|~~~)", re.MULTILINE)


def mended(tail: str) -> str:
    """Return `tail` with the code span or emphasis that is open at its end closed."""
    if _FENCE.search(tail):
        return tail
    breaks = [match.end() for match in _LAST_PARAGRAPH.finditer(tail)]
    start = breaks[-1] if breaks else 0
    paragraph = tail[start:]
    if "|" in paragraph:
        return tail[:start] + _with_table_begun(paragraph)
    if paragraph.startswith("    ") or "$$" in paragraph or tail.endswith("\n"):
        return tail
    return tail + _closer(paragraph)


def _with_table_begun(paragraph: str) -> str:
    """Show the heading of a table as one before its second line has come."""
    lines = paragraph.removesuffix("\n").split("\n")
    if len(lines) > 1 and _RULE.fullmatch(lines[-1]) and not paragraph.endswith("\n"):
        lines.pop()
    rows = [line.lstrip().startswith("|") for line in lines]
    if not rows[-1] or rows.count(True) > 1:
        return paragraph
    cells = lines[-1].strip().strip("|")
    if not cells.strip():
        return "\n".join(lines[:-1])
    return "\n".join([*lines[:-1], f"|{cells}|", "|---" * len(_BAR.split(cells)) + "|"])


def _closer(paragraph: str) -> str:
    """Return the marks that would close the paragraph."""
    open_marks: list[tuple[str, int]] = []
    pos = 0
    while pos < len(paragraph):
        marks = _MARKS.match(paragraph, pos)
        if marks is None:
            pos += 2 if paragraph[pos] == "\\" else 1
        elif marks[0][0] == "`":
            end = _code_end(paragraph, marks.end(), marks[0])
            if end < 0:
                return marks[0] if paragraph[marks.end() :].strip() else ""
            pos = end
        else:
            _open_or_close(open_marks, paragraph, marks)
            pos = marks.end()
    return _emphasis_closer(paragraph, open_marks)


def _code_end(paragraph: str, start: int, run: str) -> int:
    for ticks in _TICKS.finditer(paragraph, start):
        if ticks[0] == run:
            return ticks.end()
    return -1


def _open_or_close(open_marks: list[tuple[str, int]], paragraph: str, marks: re.Match[str]) -> None:
    """Keep account of the stars that have begun emphasis and not ended it."""
    if open_marks and open_marks[-1][0] == marks[0]:
        open_marks.pop()
        return
    before = paragraph[marks.start() - 1 : marks.start()]
    after = paragraph[marks.end() : marks.end() + 1]
    # A star between words or before a space is a star.
    if after and not after.isspace() and not before.isalnum():
        open_marks.append((marks[0], marks.end()))


def _emphasis_closer(paragraph: str, open_marks: list[tuple[str, int]]) -> str:
    """Close what is open; a mark after a space would open something instead."""
    if not open_marks or paragraph[-1].isspace():
        return ""
    closer = "".join(run for run, _ in reversed(open_marks))
    # One star of the closing two has arrived.
    if paragraph.endswith("*") and closer == "**":
        return "*"
    return "" if paragraph.endswith("*") else closer
