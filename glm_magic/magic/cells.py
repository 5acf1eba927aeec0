"""The cells of this notebook in a prompt, ``In``, ``Out`` and ``Err``, and the notebook's path.

IPython keeps the inputs as it rewrote them and does not keep the errors on every version, so the
source as typed comes from its history and the errors are noted here.
"""

from __future__ import annotations

import os
import traceback
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..core.errors import GlmError

if TYPE_CHECKING:
    from IPython.core.interactiveshell import ExecutionResult, InteractiveShell

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
        """Number of the cell that failed last, other than with a `GlmError`."""

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


class RanCells:
    """Which cells ran, each with the number of its newest run.

    Front ends send a cell's id with its source, so a cell that runs again takes its last place.
    """

    def __init__(self) -> None:
        self._numbers: dict[object, int] = {}

    def note(self, result: ExecutionResult) -> None:
        """Remember a cell that ran; a handler of IPython's ``post_run_cell``."""
        number = result.execution_count
        if number is None:
            return
        key = getattr(result.info, "cell_id", None) or number
        self._numbers.pop(key, None)
        self._numbers[key] = number

    def __iter__(self) -> Iterator[int]:
        """Yield the numbers, the newest first."""
        return reversed(self._numbers.values())


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
    path = shell.user_ns.get("__vsc_ipynb_file__") or os.environ.get("JPY_SESSION_NAME")
    return str(path) if path else str(Path.cwd())
