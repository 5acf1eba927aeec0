"""Which cell is running, as far as the kernel can tell."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..session import cell_key

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

Key = tuple[str, int]
"""A cell's id and the ordinal of the call within one execution of it."""


class RunningCell:
    """Tells prompt cells apart.

    Front ends send the cell's id in the metadata of the execute request. A loop, or two ``%glm``
    lines in one cell, are told apart by counting the calls within one execution.
    """

    def __init__(self, shell: InteractiveShell) -> None:
        self._shell = shell
        self._execution: str | None = None
        self._calls = 0

    def next_key(self) -> Key | None:
        """Return the key of the next prompt, or ``None`` where the host sends no cell id."""
        parent = parent_of(self._shell)
        cell = parent.get("metadata", {}).get("cellId")
        execution = parent.get("header", {}).get("msg_id")
        if not isinstance(cell, str) or not cell or not execution:
            return None
        if execution != self._execution:
            self._execution, self._calls = execution, 0
        self._calls += 1
        return cell, self._calls


def follow_cells() -> None:
    """Let sessions follow the cells of the running notebook, unless something does so already."""
    from IPython.core.getipython import get_ipython

    shell = get_ipython()
    if shell is not None and cell_key.slot_key is cell_key.no_slot_key:
        cell_key.slot_key = RunningCell(shell).next_key


def parent_of(shell: InteractiveShell) -> dict[str, Any]:
    """Return the request that is being executed; empty in a terminal."""
    get_parent = getattr(shell, "get_parent", None)
    try:
        parent = get_parent() if get_parent is not None else None
    except LookupError:  # a kernel that has not been asked for anything yet
        return {}
    return parent if isinstance(parent, dict) else {}
