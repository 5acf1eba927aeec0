"""Close what the end of a growing Markdown text has left open, so that it does not flicker."""

from __future__ import annotations

import re

_TICKS = re.compile("`+")
_LAST_PARAGRAPH = re.compile(r"\n[ \t]*\n(?!.*\n[ \t]*\n)", re.DOTALL)
_FENCE = re.compile(r"^[ \t>]*(?:[-*+]|\d+[.)])?[ \t]*(```|~~~)", re.MULTILINE)


def mended(tail: str) -> str:
    """Return `tail` with an open code span or bold run at its end closed."""
    if _FENCE.search(tail) or tail.endswith("\n"):
        return tail
    breaks = [match.end() for match in _LAST_PARAGRAPH.finditer(tail)]
    paragraph = tail[breaks[-1] if breaks else 0 :]
    if paragraph.startswith("    ") or "|" in paragraph or "$$" in paragraph:
        return tail
    return tail + _closer(paragraph)


def _closer(paragraph: str) -> str:
    """Return the marks that would close the paragraph."""
    pos, bold_at = 0, -1
    while pos < len(paragraph):
        if paragraph[pos] == "\\":
            pos += 2
        elif paragraph[pos] == "`":
            ticks = _TICKS.match(paragraph, pos)
            run = ticks[0] if ticks else "`"
            end = _code_end(paragraph, pos + len(run), run)
            if end < 0:
                return run if paragraph[pos + len(run) :].strip() else ""
            pos = end
        elif paragraph.startswith("**", pos):
            bold_at = pos if bold_at < 0 else -1
            pos += 2
        else:
            pos += 1
    return _bold_closer(paragraph[bold_at + 2 :]) if bold_at >= 0 else ""


def _code_end(paragraph: str, start: int, run: str) -> int:
    for ticks in _TICKS.finditer(paragraph, start):
        if ticks[0] == run:
            return ticks.end()
    return -1


def _bold_closer(inside: str) -> str:
    """Close a bold run that has begun; a mark after a space would open one instead."""
    if not inside.strip() or inside[0].isspace() or inside[-1].isspace():
        return ""
    return "*" if inside.endswith("*") else "**"
