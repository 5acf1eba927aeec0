"""Which cell is running, and which ones are gone, as far as the kernel can tell."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from ..session import cell_key

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

Key = tuple[str, int]
"""A cell's id and the ordinal of the call within one execution of it."""
_REMEMBERED = 64
"""Executions whose calls are still counted, as those of a cell that awaits beside another."""


class RunningCell:
    """Tells prompt cells apart, and tells sessions which of their cells are gone.

    Front ends send the cell's id in the metadata of the execute request, and JupyterLab the ids of
    cells that were deleted since the last one. A loop, or two ``%glm`` lines in one cell, are told
    apart by counting the calls within one execution.

    Parameters
    ----------
    shell : InteractiveShell
        Where the cells run.
    in_use : callable
        Returns the session that prompts belong to, once there is one.
    """

    def __init__(
        self, shell: InteractiveShell, in_use: Callable[[], object | None] = lambda: None
    ) -> None:
        self._shell = shell
        self._in_use = in_use
        self._calls: Counter[str] = Counter()
        self._began_s = 0.0

    def install(self) -> None:
        """Listen to cells that begin and end."""
        self._shell.events.register("pre_run_cell", self.began)
        self._shell.events.register("post_run_cell", self.ended)

    def uninstall(self) -> None:
        """Listen no more."""
        self._shell.events.unregister("pre_run_cell", self.began)
        self._shell.events.unregister("post_run_cell", self.ended)

    def next_key(self) -> Key | None:
        """Return the key of the next prompt, or ``None`` where the host sends no cell id."""
        cell, execution = self._running()
        if cell is None or not execution:
            return None
        self._calls[execution] += 1
        while len(self._calls) > _REMEMBERED:
            del self._calls[next(iter(self._calls))]
        return cell, self._calls[execution]

    def began(self, _info: Any = None) -> None:
        """Take note of a cell that begins, and of those that were deleted before it."""
        self._began_s = time.monotonic()
        deleted = parent_of(self._shell).get("metadata", {}).get("deletedCells")
        if isinstance(deleted, list) and deleted:
            for session in list(cell_key.followers):
                session.lose_cells(deleted)

    def ended(self, _result: Any = None) -> None:
        """Send no more what the cell asked when it ran before, and did not ask now."""
        cell, _ = self._running()
        if cell is not None and self._began_s:
            sessions = list(cell_key.followers)
            # The session in use shows what the cells show. Another, as the one that it was forked
            # from, keeps a turn whose cell was asked again here.
            asked, in_use = set(), self._in_use()
            for session in sessions:
                asked |= session.asked_since(cell, self._began_s)
            for session in sessions:
                session.lose_older(cell, self._began_s, () if session is in_use else asked)

    def _running(self) -> tuple[str | None, str | None]:
        parent = parent_of(self._shell)
        cell = parent.get("metadata", {}).get("cellId")
        execution = parent.get("header", {}).get("msg_id")
        return (cell if isinstance(cell, str) and cell else None), execution


def follow_cells() -> None:
    """Let sessions follow the cells of the running notebook, unless something does so already."""
    from IPython.core.getipython import get_ipython

    shell = get_ipython()
    if shell is not None and cell_key.slot_key is cell_key.no_slot_key:
        cell = RunningCell(shell)
        cell.install()
        cell_key.slot_key = cell.next_key


def parent_of(shell: InteractiveShell) -> dict[str, Any]:
    """Return the request that is being executed; empty in a terminal."""
    get_parent = getattr(shell, "get_parent", None)
    try:
        parent = get_parent() if get_parent is not None else None
    except LookupError:  # a kernel that has not been asked for anything yet
        return {}
    return parent if isinstance(parent, dict) else {}
