"""Loads what the first prompt needs while the shell is idle, so that it goes out at once.

Libraries take most of the time from a first ``%%glm`` to its request. A thread imports them in
small steps once nothing has run for a moment, and stands back as soon as a cell starts: what a cell
computes is never slowed down by more than the step at hand. Nothing else happens here: no
connection, no file of the user's, no key is touched before a prompt asks for it.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from importlib import import_module

QUIET_S = 0.2
"""How long nothing must have run before the first step, and after each cell."""
PAUSE_S = 0.01
"""Between two steps; whoever waits for the interpreter gets it."""

PACKAGE = __package__.partition(".")[0]
LAST = f"{PACKAGE}.magic.prompt"
MODULES = (
    *("ssl", "anyio", "anyio._backends._asyncio", "h11", "httpcore", "httpx", "certifi"),
    *(f"{PACKAGE}.{name}" for name in ("catalogue.load", "dialects", "local", "tools.mcp")),
    *(f"{PACKAGE}.{name}" for name in ("wire.http", "engine.exchange", "engine.stream")),
    *(f"{PACKAGE}.{name}" for name in ("session.store", "session.session", "views.terminal")),
    *(f"{PACKAGE}.{name}" for name in ("views.saved.page", "views.select", "magic.workspace")),
    LAST,
)
"""In the order in which they need each other, so that no step is long."""


def _facts() -> None:
    import_module(f"{PACKAGE}.catalogue.load").catalogue()


STEPS: tuple[Callable[[], object], ...] = (
    *(lambda name=name: import_module(name) for name in MODULES),
    _facts,
)


class WarmUp:
    """Goes through its steps while no cell runs.

    Parameters
    ----------
    steps : sequence of callable
        What to do, each in a few hundredths of a second.
    """

    def __init__(self, steps: Sequence[Callable[[], object]] = STEPS) -> None:
        self._steps = steps
        self._busy, self._idle = threading.Event(), threading.Event()
        self._idle.set()
        self._is_stopped = False
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Begin once it is quiet; do nothing where everything is loaded already."""
        if LAST in sys.modules and self._steps is STEPS:
            return
        if _runs_in_a_cell():
            self.cell_started()
        self._thread = threading.Thread(target=self._run, name="glm-warm-up", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Do no further step."""
        self._is_stopped = True
        self.cell_ended()

    def cell_started(self, _: object = None) -> None:
        """Stand back."""
        self._idle.clear()
        self._busy.set()

    def cell_ended(self, _: object = None) -> None:
        """Go on, once it has been quiet for a moment."""
        self._busy.clear()
        self._idle.set()

    def join(self) -> None:
        """Wait until all steps are done."""
        if self._thread is not None:
            self._thread.join()

    def _run(self) -> None:
        wait_s = QUIET_S
        for step in self._steps:
            while self._busy.wait(wait_s):
                self._idle.wait()
                wait_s = QUIET_S
            if self._is_stopped:
                return
            with suppress(Exception):  # the prompt that needs it says what is wrong
                step()
            wait_s = PAUSE_S


def _runs_in_a_cell() -> bool:
    """Whether the code here was called by a cell, of which no event will tell that it started."""
    frame = sys._getframe()
    while frame is not None and frame.f_code.co_name != "run_cell_async":
        frame = frame.f_back  # type: ignore[assignment]
    return frame is not None
