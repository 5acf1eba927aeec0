"""A call over many rows in a terminal: what is about to be asked, a bar, and the sums at its end.

The bar is rich's where rich is installed, which keeps it below what the program prints; else a
line that is drawn over itself. Where output is no terminal, there is no bar.
"""

from __future__ import annotations

import shutil
import sys
import threading
import time
from collections.abc import Callable, Sequence
from typing import Any, TextIO

from ..core.i18n import translate
from ..core.progress import Progress
from ..core.text import escape_controls
from ..core.turn import Turn
from .columns import text_width
from .labels import labels_for
from .options import ViewOptions
from .play import View
from .saved.map_page import Mapped, figures
from .terminal import has_colour

PAINT_EVERY_S = 0.25
BAR = 24
"""Characters of the bar."""
FAILURES = 3
"""Failed rows that are named at the end."""


def terminal_bar(result: Mapped, options: ViewOptions) -> View:
    """Return rich's bar where there is a terminal and rich is installed, else the plain one."""
    if has_colour(sys.stderr):
        try:
            import rich.progress  # noqa: F401 - whether it is there
        except ImportError:
            return TerminalBar(result, options)
        return RichBar(result, options)
    return TerminalBar(result, options)


class TerminalBar(View):
    """Print a bar that is drawn over itself; where output is no terminal, the sums alone.

    Parameters
    ----------
    result : Mapped
        The call.
    options : ViewOptions
        What the user chose.
    """

    def __init__(self, result: Mapped, options: ViewOptions) -> None:
        self._result = result
        self._labels = labels_for(options.language)
        self._lock = threading.Lock()
        """Held while something is printed."""
        self._painted_at = 0.0
        self._width = 0
        self._was_told = False

    def start(self, turn: Turn, on_stop: Callable[[], None]) -> None:
        """Wait for the estimate; Control-C stops the call."""
        del turn, on_stop
        self._out: TextIO = sys.stderr
        self._result.when_read(self._tell)

    def paint(self, turn: Turn) -> None:
        """Draw the bar again, if it is time."""
        del turn
        now = time.monotonic()
        if has_colour(self._out) and now - self._painted_at >= PAINT_EVERY_S:
            self._painted_at = now
            with self._lock:
                self._draw(self._result.progress)

    def finish(self, turn: Turn) -> None:
        """Print the sums, and what failed first."""
        del turn
        self._tell()
        now = self._result.progress
        with self._lock:
            if has_colour(self._out):
                self._draw(now)
                self._end()
            else:
                self._print(" · ".join(figures(now, self._labels)))
            for row in now.failures[:FAILURES]:
                number = self._labels.many_row.format(number=row.number)
                self._print(f"{number}: {translate(row.text, self._labels.language)}")
            if now.stopped is not None:
                self._print(translate(now.stopped, self._labels.language))

    def _tell(self) -> None:
        """Print the estimate, and what else the user should know, before anything is sent."""
        with self._lock:
            if not self._was_told:
                self._was_told = True
                now = self._result.progress
                for notice in now.notices:
                    self._print(translate(notice, self._labels.language))
                if now.link:
                    self._print(f"{self._labels.many_dask}: {now.link}")

    def _draw(self, now: Progress) -> None:
        filled = BAR * _done(now) // max(1, now.rows)
        line = f"{'━' * filled}{'╌' * (BAR - filled)} {self._text(now)}"
        width = text_width(line)
        self._out.write("\r" + line + " " * max(0, self._width - width))
        self._out.flush()
        self._width = width

    def _text(self, now: Progress) -> str:
        """Return as many of the figures as fit beside the bar: a line that wraps stays there."""
        texts = figures(now, self._labels)
        room = shutil.get_terminal_size().columns - BAR - 2
        while len(texts) > 1 and text_width(_joined(texts)) > room:
            texts.pop()
        return _joined(texts)

    def _print(self, line: str) -> None:
        """Print a line in place of the bar, which is drawn below it."""
        blank = "\r" + " " * self._width + "\r" if self._width else ""
        self._out.write(f"{blank}{escape_controls(line)}\n")
        self._out.flush()
        self._width = 0

    def _end(self) -> None:
        """Leave the bar as it is."""
        self._out.write("\n")
        self._width = 0


class RichBar(TerminalBar):
    """Show rich's bar."""

    def start(self, turn: Turn, on_stop: Callable[[], None]) -> None:
        """Show an empty bar, and wait for the estimate."""
        from rich.console import Console
        from rich.progress import BarColumn, TextColumn
        from rich.progress import Progress as Bars

        super().start(turn, on_stop)
        text = TextColumn("{task.description}", markup=False)
        self._bars: Any = Bars(
            BarColumn(bar_width=BAR), text, console=Console(file=self._out), auto_refresh=False
        )
        self._task = self._bars.add_task("", total=None)
        self._bars.start()

    def _draw(self, now: Progress) -> None:
        self._bars.update(
            self._task, total=now.rows, completed=_done(now), description=self._text(now)
        )
        self._bars.refresh()

    def _print(self, line: str) -> None:
        self._bars.console.print(escape_controls(line), markup=False, highlight=False)

    def _end(self) -> None:
        self._bars.stop()


def _done(now: Progress) -> int:
    return now.ended + now.failed if now.reading is None else now.reading


def _joined(texts: Sequence[str]) -> str:
    return escape_controls(" · ".join(texts))
