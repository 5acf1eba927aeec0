"""One output of a cell: published, replaced, taken away."""

from __future__ import annotations

from typing import Any

from .options import ViewOptions


def publish(
    data: dict[str, Any], metadata: dict[str, Any], display_id: str, *, update: bool = False
) -> None:
    """Display an output, or replace it."""
    from IPython.display import publish_display_data

    transient = {"display_id": display_id}
    publish_display_data(data, metadata, transient=transient, update=update)  # type: ignore[no-untyped-call]


def take_away(display_id: str, options: ViewOptions) -> None:
    """Leave no output: the error that follows is all there is to say."""
    from IPython.display import clear_output

    # Empty, for what is beside other outputs; gone, as soon as the error comes, where alone.
    publish({}, {}, display_id, update=True)
    if options.alone:
        clear_output(wait=True)  # type: ignore[no-untyped-call]
