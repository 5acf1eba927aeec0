"""Markdown that grows: what is finished is rendered once, only the open end again.

A block is finished when another one begins after a blank line below it, in lines that are
complete. Up to there nothing that follows can change it, except a link reference defined later:
whoever shows the end renders the whole text once more.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from .markdown import parser, plain_html, render
from .maths import OPEN_ENDED
from .mend import mended
from .safe import normalised

LONGEST_TAIL = 60_000
"""Characters of an open block; a longer one grows as plain text, and is rendered at its end."""
MOST_LINES = 1_500


@dataclass(frozen=True, slots=True)
class Growth:
    """What one more piece of text changed."""

    added: str
    """HTML of the blocks that were finished since the last time."""
    tail: str
    """HTML of the open end, whole."""
    restarted: bool = False
    """The text did not go on from the last one: forget what was shown."""


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
        """HTML of everything that is finished."""
        self.tail = ""
        """HTML of the open end."""

    def update(self, text: str) -> Growth:
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
            return Growth("", self.tail, restarted)
        self._text = text
        added = self._freeze()
        self.tail = self._render_tail()
        return Growth(added, self.tail, restarted)

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
        if _is_endless(tail):
            return plain_html(tail)
        env = {"references": dict(self._references), OPEN_ENDED: True}
        return render(mended(tail), env) if tail.strip() else ""


def _is_endless(tail: str) -> bool:
    """Whether an open block is so long that rendering it for each paint would take seconds.

    Code is cheap to render, however long; thousands of list items are not.
    """
    is_code = tail.lstrip().startswith(("```", "~~~"))
    return not is_code and (len(tail) > LONGEST_TAIL or tail.count("\n") > MOST_LINES)


def _without_spaces(source: str) -> str:
    return source.replace(" ", "").replace("\t", "")


def finished_length(source: str) -> int:
    """Return how many characters of `source`, in complete lines, belong to finished blocks."""
    tokens = parser().parse(source, {})
    begins = [t.map[0] for t in tokens if t.level == 0 and t.nesting >= 0 and t.map]
    lines = source.split("\n")
    sure = [line for line in begins[1:] if not lines[line - 1].strip()]
    return sum(len(line) + 1 for line in lines[: sure[-1]]) if sure else 0
