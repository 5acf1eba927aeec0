"""The messages of a widget, read while a cell runs."""

from __future__ import annotations

from typing import Any


def receive_while_a_cell_runs(widget: Any) -> None:
    """Keep the page's messages on their own subshell.

    Notes
    -----
    ipykernel 7.4.0 sends a comm's messages to the shell that last published on it. That is the
    main one, where Stop would wait for the cell that it should stop. Seen 2026-11 with
    JupyterLab 4.6; earlier versions have neither the method nor the trouble.
    """
    comm = getattr(widget, "comm", None)
    if comm is not None and hasattr(comm, "_reply_subshell_for"):
        comm._reply_subshell_for = lambda _data, default: default
