"""Markdown in a terminal, where rich is installed: each finished block is printed once.

Only the open end is drawn again and again, in lines of the screen that rich takes back. A whole
reply drawn like that would be repeated in the scrollback.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from rich.console import Console
from rich.live import Live
from rich.markdown import Markdown

from ..core.text import escape_controls
from ..core.turn import Step, Turn
from .markup.escape import strip_blank_lines
from .markup.incremental import finished_length
from .terminal import TerminalView

SCREEN_LEFT = 4
"""Lines of the screen that the open end leaves free; what has scrolled off cannot be taken back."""


class RichTerminalView(TerminalView):
    """Print a turn as it grows, its answer as Markdown."""

    def start(self, turn: Turn, on_stop: Callable[[], None]) -> None:
        """Print which model is asked."""
        super().start(turn, on_stop)
        self._console = Console(file=self._out)
        self._live: Live | None = None
        self._cut = 0

    def finish(self, turn: Turn) -> None:
        """Print the open end, and how the turn ended."""
        self.paint(turn)
        self._print_rest()
        super().finish(turn)

    def _end_step(self, ended: Step, begins: Step) -> None:
        self._print_rest()
        super()._end_step(ended, begins)
        self._cut = 0

    def _print_rest(self) -> None:
        rest = "" if self._options.hold == "answer" else self._printed["answer"][self._cut :]
        self._cut = len(self._printed["answer"])
        self._print(rest)

    def _grow(self, part: str, text: str) -> None:
        if part != "answer" or self._options.hold == "answer":
            super()._grow(part, text)
            return
        text = escape_controls(strip_blank_lines(text))
        if text == self._printed["answer"]:
            return
        self._cut = self._cut if text.startswith(self._printed["answer"][: self._cut]) else 0
        self._printed["answer"] = text
        self._begin("answer")
        self._flush()
        open_part = text[self._cut :]
        length = finished_length(open_part[: open_part.rfind("\n") + 1])
        self._print(open_part[:length])
        self._cut += length
        self._draw(open_part[length:])

    def _print(self, block: str) -> None:
        """Print a block in place of the open end."""
        if self._live is not None:
            self._live.update("", refresh=True)
            self._live.stop()
            self._live = None
        if block.strip():
            self._console.print(self._markdown(block))

    def _draw(self, tail: str) -> None:
        """Draw the open end, or as much of it as can be taken back."""
        if self._live is None:
            self._live = Live(console=self._console, auto_refresh=False, transient=True)
            self._live.start()
        lines = tail.split("\n")[-max(1, self._console.size.height - SCREEN_LEFT) :]
        self._live.update(self._markdown("\n".join(lines)), refresh=True)

    def _markdown(self, text: str) -> Any:
        return Markdown(text, hyperlinks=False)
