"""One output of a cell: published, replaced, taken away.

One output at the end and nothing before: for executors, which only write a file.

A live widget would leave its state in the file there, about 27 kB for each turn.
"""

from __future__ import annotations

from typing import Any

from ..core.turn import Turn
from .header import is_error_only
from .options import ViewOptions
from .play import View
from .saved.page import bundle


def publish(
    data: dict[str, Any], metadata: dict[str, Any], display_id: str, *, update: bool = False
) -> None:
    """Display an output, or replace it."""
    from IPython.display import publish_display_data

    transient = {"display_id": display_id}
    publish_display_data(data, metadata, transient=transient, update=update)  # type: ignore[no-untyped-call]


def clear_output(display_id: str, options: ViewOptions) -> None:
    """Leave no output: the error that follows is all there is to say."""
    from IPython.display import clear_output

    # Empty, for what is beside other outputs; gone, as soon as the error comes, where alone.
    publish({}, {}, display_id, update=True)
    if options.owns_cell:
        clear_output(wait=True)  # type: ignore[no-untyped-call]


class NullView(View):
    """A view that shows nothing."""


class PlainView(View):
    """Show a turn when it has ended."""

    def __init__(self, options: ViewOptions) -> None:
        self._options = options

    def finish(self, turn: Turn) -> None:
        """Publish the one output."""
        from IPython.display import publish_display_data

        if is_error_only(turn, self._options):
            return
        data, metadata = bundle(turn, self._options)
        publish_display_data(data, metadata)  # type: ignore[no-untyped-call]
