"""What the notebook tells sessions: which cell is running, which cells are gone, what to save.

A host that knows more than this module, such as the extension, installs its `NotebookHooks`. In a
notebook where none did, the first `Session` follows the running shell's cells by itself, see
`follow_cells`.

The module is loaded with the extension, so it imports nothing but the standard library, and it
takes the shell as it finds it: IPython belongs to the rooms above.
"""

from __future__ import annotations

import sys
import time
from collections import Counter
from collections.abc import Callable, Collection, Hashable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Protocol
from weakref import WeakValueDictionary

CellKey = Hashable
"""What tells prompt cells apart: the cell's id and the ordinal of the call within one execution."""

_REMEMBERED = 64
"""Executions whose calls are still counted: a cell may await while another one runs."""


def _no_key() -> CellKey | None:
    return None


def _working_folder() -> str:
    try:
        return str(Path.cwd())
    except OSError:  # it was deleted
        return ""


def _no_choice() -> bool | None:
    return None


def _no_session() -> object | None:
    return None


@dataclass(frozen=True, slots=True, eq=False)
class NotebookHooks:
    """Questions that sessions ask their host; installed and removed as one value."""

    cell_key: Callable[[], CellKey | None] = _no_key
    """Tells which cell is running; ``None`` makes every question a new turn."""
    notebook_path: Callable[[], str] = _working_folder
    """Tells which notebook is running; by default the folder stands for it."""
    persistence: Callable[[], bool | None] = _no_choice
    """Tells whether conversations are saved on disk; ``None`` leaves it to ``GLM_STORE``."""
    session: Callable[[], object | None] = _no_session
    """Tells the session that the notebook's prompts belong to; ``None``: there is none."""


_NO_NOTEBOOK = NotebookHooks()
_installed: list[NotebookHooks] = []


def hooks() -> NotebookHooks:
    """Return the hooks that were installed last, or those of a program without cells."""
    return _installed[-1] if _installed else _NO_NOTEBOOK


def install(value: NotebookHooks) -> None:
    """Let sessions ask these hooks."""
    _installed.append(value)


def uninstall(value: NotebookHooks) -> None:
    """Take hooks away; those that were installed before hold again."""
    _installed.remove(value)


class CellFollower(Protocol):
    """A conversation, as far as the notebook's cells concern it."""

    def on_cells_deleted(self, cells: Sequence[str]) -> None:
        """Take note of cells that were deleted."""

    def keys_since(self, cell: str, since_s: float) -> set[CellKey]:
        """Return what a cell asked here since that time of the monotonic clock."""

    def on_cell_rerun(self, cell: str, since_s: float, but: Collection[CellKey] = ()) -> None:
        """Take note of a cell that ran again; `but`: what it asked this time, here or elsewhere."""

    def forget(self) -> None:
        """Forget everything, sums included."""


conversations: WeakValueDictionary[str, CellFollower] = WeakValueDictionary()
"""The conversations of this process by id: one object each, as long as a session uses it."""


class RunningCell:
    """Tells prompt cells apart, and tells conversations which of their cells are gone.

    Front ends send the cell's id in the metadata of the execute request, and JupyterLab the ids of
    cells that were deleted since the last one. A loop, or two ``%glm`` lines in one cell, are told
    apart by counting the calls within one execution.

    Parameters
    ----------
    shell : InteractiveShell
        Where the cells run.
    in_use : callable
        Returns the conversation that prompts belong to, once there is one.
    """

    def __init__(self, shell: Any, in_use: Callable[[], object | None] = lambda: None) -> None:
        self._shell = shell
        self._in_use = in_use
        self._calls: Counter[tuple[str, str]] = Counter()
        self._started_s = 0.0

    def install(self) -> None:
        """Listen to cells that start and end."""
        self._shell.events.register("pre_run_cell", self.started)
        self._shell.events.register("post_run_cell", self.ended)

    def uninstall(self) -> None:
        """Stop listening."""
        self._shell.events.unregister("pre_run_cell", self.started)
        self._shell.events.unregister("post_run_cell", self.ended)

    def next_key(self, kind: Literal["prompt", "output"] = "prompt") -> tuple[str, int] | None:
        """Return the key of the next prompt or output; ``None`` where the host sends no cell id.

        Prompts and outputs are counted apart: a prompt without history has an output and no key.
        """
        cell, execution = self._running()
        if cell is None or not execution:
            return None
        self._calls[execution, kind] += 1
        while len(self._calls) > _REMEMBERED:
            del self._calls[next(iter(self._calls))]
        return cell, self._calls[execution, kind]

    def started(self, _info: Any = None) -> None:
        """Note when a cell starts, and which cells were deleted before it."""
        self._started_s = time.monotonic()
        deleted = parent_of(self._shell).get("metadata", {}).get("deletedCells")
        if isinstance(deleted, list) and deleted:
            for conversation in list(conversations.values()):
                conversation.on_cells_deleted(deleted)

    def ended(self, _result: Any = None) -> None:
        """Orphan the turns that the cell asked when it ran before, and did not ask now."""
        cell, _ = self._running()
        if cell is None or not self._started_s:
            return
        followers = list(conversations.values())
        # The conversation in use shows what the cells show. Another, as the one that it was forked
        # from, keeps a turn whose cell was asked again here.
        asked, in_use = set(), self._in_use()
        for conversation in followers:
            asked |= conversation.keys_since(cell, self._started_s)
        for conversation in followers:
            but = () if conversation is in_use else asked
            conversation.on_cell_rerun(cell, self._started_s, but)

    def _running(self) -> tuple[str | None, str | None]:
        parent = parent_of(self._shell)
        cell = parent.get("metadata", {}).get("cellId")
        execution = parent.get("header", {}).get("msg_id")
        return (cell if isinstance(cell, str) and cell else None), execution


def parent_of(shell: Any) -> dict[str, Any]:
    """Return the request that is being executed; empty in a terminal."""
    get_parent = getattr(shell, "get_parent", None)
    try:
        parent = get_parent() if get_parent is not None else None
    except LookupError:  # a kernel that has not been asked for anything yet
        return {}
    return parent if isinstance(parent, dict) else {}


def follow_cells() -> None:
    """Follow the cells of the shell that runs this code, unless some hooks are installed."""
    # Where nobody imported IPython there is no shell, and a script need not wait for the import.
    get_ipython = getattr(sys.modules.get("IPython"), "get_ipython", None)
    shell = get_ipython() if get_ipython is not None and not _installed else None
    if shell is not None:
        cell = RunningCell(shell)
        cell.install()
        install(NotebookHooks(cell.next_key))
