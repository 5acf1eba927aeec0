"""Markdown that grows: finished blocks are rendered once, only the open end is rendered again.

A block is finished when another one begins after a blank line below it, in lines that are
complete. Nothing that follows can change it any more, except a link reference that is defined
later: a text with one is rendered once more when it has ended. In the open end, a code span, an
emphasis or a table that has begun is closed for the moment, so that it does not flicker.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from .escape import normalised, strip_blank_lines
from .markdown import parser, plain_html, remember, render
from .maths import OPEN_ENDED

MAX_TAIL = 60_000
"""Characters of an open block; a longer one grows as plain text, and is rendered at its end."""

MAX_TAIL_LINES = 1_500

_MARKS = re.compile(r"`+|\*\*?")
_RULE = re.compile(r"[|:\- \t]*")
_BAR = re.compile(r"(?<!\\)\|")
_TICKS = re.compile("`+")
_LAST_PARAGRAPH = re.compile(r"\n[ \t]*\n(?!.*\n[ \t]*\n)", re.DOTALL)
_FENCE = re.compile(r"^[ \t>]*(?:(?:[-*+]|\d+[.)])[ \t]*)?(```|~~~)", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class MarkdownDelta:
    """What one more piece of text changed."""

    added: str
    """HTML of the blocks that were finished since the last update."""
    tail: str
    """HTML of the whole open end."""
    restarted: bool = False
    """Whether the text did not continue the last one: nothing shown before holds."""


class IncrementalMarkdown:
    """Render a text that grows at its end."""

    def __init__(self) -> None:
        self._restart()

    def _restart(self) -> None:
        self._text = ""
        self._cut = 0
        self._searched = 0
        self._references: dict[str, Any] = {}
        self.frozen = ""
        """HTML of all finished blocks."""
        self.tail = ""
        """HTML of the open end."""

    def update(self, text: str) -> MarkdownDelta:
        """Take the text as it is now.

        Parameters
        ----------
        text : str
            The whole text so far; usually the last one with something added.
        """
        text = normalised(text.removesuffix("\r"))
        restarted = not text.startswith(self._text)
        if restarted:
            self._restart()
        if text == self._text:
            return MarkdownDelta("", self.tail, restarted)
        self._text = text
        added = self._freeze()
        self.tail = self._render_tail()
        return MarkdownDelta(added, self.tail, restarted)

    def remember(self) -> None:
        """Let `markdown_html` know the text so far, whose finished blocks are rendered.

        Not where a link reference is defined, which changes what stands above it.
        """
        env: dict[str, Any] = {}
        rest = render(self._text[self._cut :].rstrip(), env)
        if not self._references and not env.get("references"):
            remember(strip_blank_lines(self._text), self.frozen + rest)

    def _freeze(self) -> str:
        end = self._text.rfind("\n") + 1
        # Only a line that follows a blank one can begin a block that is sure to stay.
        if end <= self._searched or "\n\n" not in _without_spaces(self._text[self._cut : end]):
            return ""
        self._searched = end
        source = self._text[self._cut : end]
        length = finished_length(source)
        if not length:
            return ""
        env = {"references": self._references}
        added = render(source[:length], env)
        self._references = env["references"]
        self._cut += length
        self.frozen += added
        return added

    def _render_tail(self) -> str:
        tail = self._text[self._cut :]
        if _is_too_long(tail):
            return plain_html(tail)
        env = {"references": dict(self._references), OPEN_ENDED: True}
        return render(close_open_marks(tail), env) if tail.strip() else ""


def _is_too_long(tail: str) -> bool:
    """Whether an open block is so long that rendering it for each paint would take seconds.

    Code is cheap to render at any length; thousands of list items are not.
    """
    is_code = tail.lstrip().startswith(("```", "~~~"))
    return not is_code and (len(tail) > MAX_TAIL or tail.count("\n") > MAX_TAIL_LINES)


def _without_spaces(source: str) -> str:
    return source.replace(" ", "").replace("\t", "")


def finished_length(source: str) -> int:
    """Return how many characters of `source`, which has only whole lines, are finished blocks."""
    tokens = parser().parse(source, {})
    begins = [t.map[0] for t in tokens if t.level == 0 and t.nesting >= 0 and t.map]
    lines = source.split("\n")
    after_blank = [line for line in begins[1:] if not lines[line - 1].strip()]
    return sum(len(line) + 1 for line in lines[: after_blank[-1]]) if after_blank else 0


def close_open_marks(tail: str) -> str:
    """Return `tail` with the code span, emphasis or table at its end closed."""
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
    """Make the heading of a table look like one before its second line has arrived."""
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
    """Keep track of the stars that have begun emphasis and not ended it."""
    if open_marks and open_marks[-1][0] == marks[0]:
        open_marks.pop()
        return
    before = paragraph[marks.start() - 1 : marks.start()]
    after = paragraph[marks.end() : marks.end() + 1]
    # A star inside a word or before a space is only a star.
    if after and not after.isspace() and not before.isalnum():
        open_marks.append((marks[0], marks.end()))


def _emphasis_closer(paragraph: str, open_marks: list[tuple[str, int]]) -> str:
    """Return what closes the marks; after a space they would open something instead."""
    if not open_marks or paragraph[-1].isspace():
        return ""
    closer = "".join(run for run, _ in reversed(open_marks))
    # Only one star of the closing two has arrived.
    if paragraph.endswith("*") and closer == "**":
        return "*"
    return "" if paragraph.endswith("*") else closer
