"""Whether anybody at the other end understands the panel.

A front end without anywidget shows an error in the panel's place and never sends a word. Silence
alone proves nothing: many kernels read the page's messages only between two cells. So the verdict
falls after the kernel was idle for a while, or where messages are known to come at any time.
"""

from __future__ import annotations

import time

IDLE_S = 3.0
"""An idle kernel has read what a page sent before, after this time at most."""
PATIENCE_S = 5.0
"""How long a page may take to load the panel's module."""


class Handshake:
    """What is known of the pages that show this kernel's panels."""

    def __init__(self) -> None:
        self._shown = self._heard = self._missing = False
        self._idle_since: float | None = None

    @property
    def is_missing(self) -> bool:
        """Whether panels have been shown and no page understood them."""
        return self._missing and not self._heard

    def showed(self) -> None:
        """Know that a panel is displayed."""
        self._shown = True

    def heard(self) -> None:
        """Know that a page has sent a panel's message."""
        self._heard = True

    def cell_begins(self) -> None:
        """Know that the kernel is busy from now on."""
        idle_s = 0.0 if self._idle_since is None else time.monotonic() - self._idle_since
        if self._shown and not self._heard and idle_s > IDLE_S:
            self._missing = True

    def cell_ends(self) -> None:
        """Know that the kernel reads messages again."""
        self._idle_since = time.monotonic()

    def gives_up(self, waited_s: float) -> bool:
        """Whether a panel that heard nothing for so long should stop waiting for its page."""
        if not self._heard and waited_s > PATIENCE_S and _reads_while_busy():
            self._missing = True
        return self.is_missing


def _reads_while_busy() -> bool:
    """Whether messages of this page reach the kernel while a cell runs.

    A page that sends them over a subshell of ipykernel 7 has opened one by then; others send them
    to the shell that runs the cell. Seen with JupyterLab 4.6 and ipykernel 7.4, 2026-11.
    """
    from IPython.core.getipython import get_ipython

    kernel = getattr(get_ipython(), "kernel", None)
    manager = getattr(getattr(kernel, "shell_channel_thread", None), "manager", None)
    subshells = getattr(manager, "list_subshell", None)
    return bool(subshells is not None and subshells())


handshake = Handshake()
"""Of this kernel."""
