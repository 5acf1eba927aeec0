"""Which cell is running, and which ones are gone, as far as the kernel can tell.

``In``, ``Out`` and ``Err`` in a prompt: the cells of this notebook.

IPython keeps the inputs as it rewrote them and does not keep the errors on every version, so the
source as typed comes from its history and the errors are noted here.

Which notebook this kernel runs, as far as it was told.
"""

from __future__ import annotations

import os
import time
import traceback
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..core.errors import GlmError
from ..session import notebook

if TYPE_CHECKING:
    from IPython.core.interactiveshell import ExecutionResult, InteractiveShell

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
            for session in list(notebook.followers):
                session.lose_cells(deleted)

    def ended(self, _result: Any = None) -> None:
        """Send no more what the cell asked when it ran before, and did not ask now."""
        cell, _ = self._running()
        if cell is not None and self._began_s:
            sessions = list(notebook.followers)
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
    if shell is not None and notebook.slot_key is notebook.no_slot_key:
        cell = RunningCell(shell)
        cell.install()
        notebook.slot_key = cell.next_key


def parent_of(shell: InteractiveShell) -> dict[str, Any]:
    """Return the request that is being executed; empty in a terminal."""
    get_parent = getattr(shell, "get_parent", None)
    try:
        parent = get_parent() if get_parent is not None else None
    except LookupError:  # a kernel that has not been asked for anything yet
        return {}
    return parent if isinstance(parent, dict) else {}


_NOT_FOR_PROMPTS = ("exit", "quit", "get_ipython", "open")


class Inputs:
    """The cells' source by number; a range is joined by empty lines."""

    def __init__(self, sources: Sequence[str]) -> None:
        self._sources = sources

    def __getitem__(self, index: int | slice) -> str:
        if isinstance(index, slice):
            return "\n\n".join(source for source in self._sources[index] if source)
        return self._sources[index]

    def __str__(self) -> str:
        return self[:]


class Errors:
    """The last error of each cell, as text."""

    def __init__(self, shell: InteractiveShell) -> None:
        self._shell = shell
        self._texts: dict[int, str] = {}
        self.last: int | None = None
        """Number of the cell that failed last, other than by a refusal or failure of our own."""

    def note(self, result: ExecutionResult) -> None:
        """Remember how a cell failed; a handler of IPython's ``post_run_cell``."""
        error = result.error_before_exec or result.error_in_exec
        if error is not None and result.execution_count is not None:
            self._texts[result.execution_count] = self._text(error)
            if not isinstance(error, GlmError | KeyboardInterrupt):
                self.last = result.execution_count

    def __getitem__(self, number: int) -> str:
        return self._texts[number]

    def __str__(self) -> str:
        return "\n\n".join(self._texts.values())

    def _text(self, error: BaseException) -> str:
        """Return the traceback from the cell on, which is named as the notebook names it."""
        frames = error.__traceback__
        while frames is not None and "IPython" in frames.tb_frame.f_code.co_filename:
            frames = frames.tb_next
        report = traceback.TracebackException(type(error), error, frames)
        text = "".join(report.format() if frames else report.format_exception_only()).strip()
        compiler: Any = self._shell.compile
        for file in {frame.filename for frame in report.stack}:
            cell = compiler.format_code_name(file)
            text = text.replace(f'File "{file}"', " ".join(cell)) if cell else text
        return text


def prompt_namespace(shell: InteractiveShell, errors: Errors) -> dict[str, Any]:
    """Return the names that a prompt may use: the user's own, and the cells."""
    names = dict(shell.user_ns)
    hidden = shell.user_ns_hidden
    for name in _NOT_FOR_PROMPTS:
        if name in names and names[name] is hidden.get(name):
            del names[name]
    if names.get("In") is hidden.get("In"):
        history = shell.history_manager
        names["In"] = Inputs(history.input_hist_raw if history is not None else [""])
    names.setdefault("Err", errors)
    return names


def notebook_of(shell: InteractiveShell) -> str:
    """Return the path of the notebook, or of the folder where no notebook is known.

    Jupyter servers name it in ``JPY_SESSION_NAME``, VS Code in a variable of the namespace.
    """
    told = shell.user_ns.get("__vsc_ipynb_file__") or os.environ.get("JPY_SESSION_NAME")
    return str(told) if told else str(Path.cwd())
