"""Outputs of a cell: publish, replace, clear; and the two views that only publish at the end.

`PlainView` is for executors (nbclient, papermill, nbconvert), which only write a file: a live
widget would leave its state in that file, about 27 kB for each turn.
"""

from __future__ import annotations

from typing import Any

from ..core.turn import Turn
from .header import is_error_only
from .options import ViewOptions
from .play import View
from .saved.page import bundle


def publish(
    data: dict[str, Any],
    metadata: dict[str, Any],
    display_id: str | None = None,
    *,
    update: bool = False,
) -> None:
    """Display an output of the running cell.

    Parameters
    ----------
    data, metadata : dict
        The output, by MIME type, and what it says for programs.
    display_id : str, optional
        What a later call names to replace the output.
    update : bool
        Whether to replace the output of that id.
    """
    from IPython.display import publish_display_data

    transient = {} if display_id is None else {"display_id": display_id}
    publish_display_data(data, metadata, transient=transient, update=update)  # type: ignore[no-untyped-call]


def clear_output(display_id: str, options: ViewOptions) -> None:
    """Leave no output, since the error that follows says everything."""
    from IPython.display import clear_output

    # An empty update hides this output among others of the cell. Where it is the only one, clearing
    # the cell removes it, but not before the error comes: otherwise the page would jump.
    publish({}, {}, display_id, update=True)
    if options.owns_cell:
        clear_output(wait=True)  # type: ignore[no-untyped-call]


class NullView(View):
    """A view that shows nothing."""


class PlainView(View):
    """Show a turn when it has ended, as one output.

    Parameters
    ----------
    options : ViewOptions
        What the user chose.
    """

    def __init__(self, options: ViewOptions) -> None:
        self._options = options

    def finish(self, turn: Turn) -> None:
        """Publish the one output."""
        if not is_error_only(turn, self._options):
            publish(*bundle(turn, self._options))
