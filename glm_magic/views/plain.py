"""One output at the end and nothing before: for executors, which only write a file.

A live widget would leave its state in the file there, about 27 kB for each turn.
"""

from __future__ import annotations

from collections.abc import Callable

from ..core.turn import Turn
from .facts import leaves_nothing
from .options import ViewOptions
from .saved.page import bundle


class PlainView:
    """Show a turn when it has ended."""

    def __init__(self, options: ViewOptions) -> None:
        self._options = options

    def start(self, turn: Turn, on_stop: Callable[[], None]) -> None:
        """Wait; there is nothing to show yet and nobody to press Stop."""

    def paint(self, turn: Turn) -> None:
        """Wait."""

    def finish(self, turn: Turn) -> None:
        """Publish the one output."""
        from IPython.display import publish_display_data

        if leaves_nothing(turn, self._options):
            return
        data, metadata = bundle(turn, self._options)
        publish_display_data(data, metadata)  # type: ignore[no-untyped-call]
