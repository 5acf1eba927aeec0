"""A turn in a terminal: reasoning dim, the answer as it is, a line before and a line after.

Text is only appended, so the scrollback holds each word once; a line ends between words.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from dataclasses import replace
from typing import TextIO

from ..core.text import escape_controls
from ..core.turn import Step, Turn
from .columns import LineBreaker, columns_of, wrap
from .header import facts, failure, is_error_only, missing_answer, remarks, shown_line
from .labels import labels_for
from .markup.escape import strip_blank_lines
from .options import ViewOptions
from .play import View
from .saved.steps import call_lines, remark_of

DIM, RED, PLAIN = "\x1b[2m", "\x1b[31m", "\x1b[0m"
_HEADER_KINDS = ("model", "provider", "key", "note")
"""Facts that are known at the start; the others are printed at the end."""


def has_colour(out: TextIO) -> bool:
    """Whether `out` is a terminal, and the user has not asked for plain text.

    https://no-color.org: ``NO_COLOR`` counts when it is not empty.
    """
    plain = os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb"
    return out.isatty() and not plain


class TerminalView(View):
    """Print a turn as it grows.

    Parameters
    ----------
    options : ViewOptions
        What the user chose.
    out : TextIO, optional
        Where to print; standard output as it is at the start by default.
    """

    def __init__(self, options: ViewOptions, out: TextIO | None = None) -> None:
        self._options = options
        self._labels = labels_for(options.language)
        self._out = out
        self._colour = False
        self._breaker: LineBreaker | None = None
        self._part = ""
        self._step = 0
        self._thinking = "hide" if options.hold == "thinking" else options.show_thinking
        self._printed = {"reasoning": "", "answer": ""}

    def start(self, turn: Turn, on_stop: Callable[[], None]) -> None:
        """Print which model is asked; Control-C stops the reply."""
        del on_stop
        self._out = self._out or sys.stdout
        self._colour = has_colour(self._out)
        columns = columns_of(self._out)
        self._breaker = LineBreaker(columns) if columns else None
        items = facts(turn, self._options, self._labels)
        self._line(" · ".join(item.text for item in items if item.kind in _HEADER_KINDS), DIM)
        self._line(shown_line(turn.attachments, self._labels), DIM)

    def paint(self, turn: Turn) -> None:
        """Print what has arrived since the last paint."""
        for at in range(self._step, len(turn.steps)):
            if at > self._step:
                self._end_step(turn.steps[at - 1], turn.steps[at])
            self._step = at
            self._grow("reasoning", replace(turn, steps=turn.steps[: at + 1]).reasoning)
            self._grow("answer", turn.steps[at].content)
        self._flush()

    def _end_step(self, ended: Step, begins: Step) -> None:
        """Print the tool calls of a step, and why another request follows."""
        self._end_part()
        for line in (*call_lines(ended, self._labels), remark_of(begins, self._labels)):
            self._line(line, DIM)
        self._printed["answer"] = ""

    def finish(self, turn: Turn) -> None:
        """Print the rest, how it ended, and what it took."""
        self.paint(turn)
        if is_error_only(turn, self._options):
            return
        self._end_part()
        for line in call_lines(turn.steps[-1], self._labels) if turn.steps else ():
            self._line(line, DIM)
        self._line(missing_answer(turn, self._labels) or self._held(turn), DIM)
        if self._options.background:  # in the foreground the shell prints the error
            self._line(failure(turn, self._labels), RED)
        for remark in remarks(turn, self._options, self._labels):
            self._line(remark, DIM)
        items = facts(turn, self._options, self._labels)
        footer = [item.text for item in items if item.kind not in _HEADER_KINDS]
        self._line(" · ".join(footer), DIM)
        self._flush()

    def _held(self, turn: Turn) -> str:
        """Return how to see what is held back; empty when nothing is."""
        if self._options.hold == "thinking" and turn.reasoning.strip():
            return self._labels.reasoning_held
        return self._labels.answer_held if self._options.hold == "answer" else ""

    def _grow(self, part: str, text: str) -> None:
        """Print what a part has beyond the text printed so far."""
        text = escape_controls(strip_blank_lines(text))
        before = self._printed[part]
        if text == before:
            return
        # Text that turned out to be reasoning cannot be taken back from a terminal.
        new = text.removeprefix(before) if text.startswith(before) else ""
        self._printed[part] = text
        hidden = part == "reasoning" and self._thinking in ("closed", "hide")
        held = part == "answer" and self._options.hold == "answer"
        if not new or held or (hidden and self._thinking == "hide"):
            return
        self._begin(part)
        if not hidden:
            self._write(self._breaker.feed(new) if self._breaker else new)

    def _begin(self, part: str) -> None:
        """Begin a part, if it is not begun: dim for reasoning, a label where there is no colour."""
        if part == self._part:
            return
        self._end_part()
        self._part = part
        if part == "reasoning" and self._thinking == "closed":
            self._write(f"({self._labels.thinking} …)" if not self._colour else DIM + "…")
        elif self._colour:
            self._write(DIM if part == "reasoning" else PLAIN)
        else:
            label = self._labels.reasoning if part == "reasoning" else self._labels.answer
            self._write(f"[{label}]\n")

    def _end_part(self) -> None:
        if self._part:
            self._write(self._breaker.end() if self._breaker else "")
            self._write((PLAIN if self._colour else "") + "\n\n")
        self._part = ""

    def _line(self, text: str, style: str) -> None:
        if text:
            text = escape_controls(text)
            columns = columns_of(self._out)
            text = "\n".join(wrap(text, columns)) if columns else text
            self._write(f"{style}{text}{PLAIN}\n" if self._colour else f"{text}\n")

    def _write(self, text: str) -> None:
        if self._out is not None:
            self._out.write(text)

    def _flush(self) -> None:
        if self._out is not None:
            self._out.flush()
