"""Whether messages from the page of a panel reach this kernel.

A front end without anywidget shows an error in the panel's place and never sends a word. Silence
alone proves nothing: many kernels read the page's messages only between two cells. So the page is
only given up where its messages would have come: after the kernel was idle for three seconds, or
while a cell runs once the page has opened a subshell. Then plain ipywidgets take over (`fallback`).
"""

from __future__ import annotations

import time
from typing import Any

from IPython.core.getipython import get_ipython

from ..frontend import cell_ended, cell_started

IDLE_S = 3.0
"""After so long, an idle kernel has read what a page sent before."""
PATIENCE_S = 5.0
"""How long a page may take to load the panel's module."""


class Handshake:
    """Whether any page that shows this kernel's panels has answered."""

    def __init__(self) -> None:
        self._shown = self._acknowledged = self._missing = False
        self._idle_since: float | None = None

    @property
    def is_missing(self) -> bool:
        """Whether panels have been shown and no page understood them."""
        return self._missing and not self._acknowledged

    def shown(self) -> None:
        """Record that a panel is displayed."""
        self._shown = True

    def acknowledged(self) -> None:
        """Record that a page has sent a panel's message."""
        self._acknowledged = True

    def cell_started(self) -> None:
        """Record that the kernel is busy from now on."""
        idle_s = 0.0 if self._idle_since is None else time.monotonic() - self._idle_since
        if self._shown and not self._acknowledged and idle_s > IDLE_S:
            self._missing = True

    def cell_ended(self) -> None:
        """Record that the kernel reads messages again."""
        self._idle_since = time.monotonic()

    def timed_out(self, waited_s: float) -> bool:
        """Whether a panel that has waited so long for its page should stop waiting.

        Parameters
        ----------
        waited_s : float
            Seconds since the panel was displayed.
        """
        if not self._acknowledged and waited_s > PATIENCE_S and reads_while_busy():
            self._missing = True
        return self.is_missing


def reads_while_busy() -> bool:
    """Whether messages of this page reach the kernel while a cell runs.

    A page that sends them over a subshell of ipykernel 7 has opened one by then; others send them
    to the shell that runs the cell. Seen with JupyterLab 4.6 and ipykernel 7.4, 2026-11.
    """
    kernel = getattr(get_ipython(), "kernel", None)
    manager = getattr(getattr(kernel, "shell_channel_thread", None), "manager", None)
    subshells = getattr(manager, "list_subshell", None)
    return bool(subshells is not None and subshells())


def receive_while_a_cell_runs(widget: Any) -> None:
    """Let the page's messages stay on their own subshell, and let them come on the control channel.

    The kernel reads that channel while a cell runs, whatever the page and its version are.

    Notes
    -----
    ipykernel 7.4.0 sends a comm's messages to the shell that last published on it. That is the
    main one, where Stop would wait for the cell that it should stop. Seen 2026-11 with
    JupyterLab 4.6; earlier versions have neither the method nor the trouble.
    """
    kernel: Any = getattr(get_ipython(), "kernel", None)
    handlers = getattr(kernel, "control_handlers", None)
    if handlers is not None:
        handlers.setdefault("comm_msg", kernel.shell_handlers["comm_msg"])
    comm = getattr(widget, "comm", None)
    if comm is not None and hasattr(comm, "_reply_subshell_for"):
        comm._reply_subshell_for = lambda _data, default: default


handshake = Handshake()
"""The one of this kernel."""

cell_started.append(lambda _: handshake.cell_started())
cell_ended.append(handshake.cell_ended)
