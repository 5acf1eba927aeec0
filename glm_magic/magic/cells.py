"""The names that a prompt may use: the caller's, the notebook's, and its cells; the path of both.

``In``, ``Out`` and ``Err`` are the cells' sources, values and errors.

IPython keeps the inputs as it rewrote them and does not keep the errors on every version, so the
source as typed comes from its history and the errors are noted here.
"""

from __future__ import annotations

import inspect
import os
import re
import traceback
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path
from types import CodeType, FrameType, MappingProxyType
from typing import TYPE_CHECKING, Any

from ..core.errors import GlmError
from ..core.i18n import plural
from ..core.text import show_invisible
from .cell_pictures import CellPictures, Outputs

if TYPE_CHECKING:
    from IPython.core.interactiveshell import ExecutionResult, InteractiveShell

_FILE = re.compile(r'File "(?P<path>[^"\n]+)"')
_CELL_FILE = re.compile(r"[/\\]ipykernel_\d+[/\\]\d+\.py$|^<ipython-input-")
"""What ipykernel and IPython call the file of a cell."""

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


@dataclass(frozen=True, slots=True)
class Failure:
    """How a cell failed."""

    number: int | None
    """The cell's; ``None`` where it ran outside of the history, as a front end's own code does."""
    source: str
    text: str
    """The traceback."""


class Errors:
    """The last error of each cell, as text."""

    def __init__(self, shell: InteractiveShell) -> None:
        self._shell = shell
        self._texts: dict[int, str] = {}
        self.last: Failure | None = None
        """The cell that failed last, other than with a `GlmError`."""
        self.last_of_ours: Failure | None = None
        """The cell that failed after that one, with a `GlmError`."""

    def note(self, result: ExecutionResult) -> None:
        """Remember how a cell failed; a handler of IPython's ``post_run_cell``."""
        error = result.error_before_exec or result.error_in_exec
        if error is None or isinstance(error, KeyboardInterrupt):
            return
        number, text = result.execution_count, self._text(error)
        if number is not None:
            self._texts[number] = text
        source = getattr(result.info, "raw_cell", None) or ""
        failure = Failure(number, source, text)
        if isinstance(error, GlmError):
            self.last_of_ours = failure
        else:
            self.last, self.last_of_ours = failure, None

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
        return _FILE.sub(self._cell_name, text)

    def _cell_name(self, match: re.Match[str]) -> str:
        """Return the name of a cell in place of its file's, which is another in each process."""
        compiler: Any = self._shell.compile
        cell = compiler.format_code_name(match["path"])
        if cell:
            return " ".join(cell)
        return "Cell" if _CELL_FILE.search(match["path"]) else match[0]


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


_caller_names: ContextVar[Mapping[str, Any]] = ContextVar(
    "_caller_names", default=MappingProxyType({})
)

_NOT_THE_CALLER = ("glm_magic", "IPython", "ipykernel", "decorator")
"""Packages that stand between the caller and the magic, which is the first of them."""


@contextmanager
def called_from(frame: FrameType | None) -> Iterator[None]:
    """Let prompts use the variables of the function that calls, and of those around it.

    Parameters
    ----------
    frame : frame, optional
        Where to begin to look for the caller; IPython's frames are left out.
    """
    while frame is not None and _package(frame) in _NOT_THE_CALLER:
        frame = frame.f_back
    token = _caller_names.set(_variables(frame))
    try:
        yield
    finally:
        _caller_names.reset(token)


def caller_names() -> Mapping[str, Any]:
    """Return the variables of the function that runs the magic; none where a cell does."""
    return _caller_names.get()


def _package(frame: FrameType) -> str:
    return str(frame.f_globals.get("__name__", "")).partition(".")[0]


def _variables(frame: FrameType | None) -> dict[str, Any]:
    """Return the variables of a function and of those that it is written in, while they run."""
    names: dict[str, Any] = {}
    inner: CodeType | None = None
    while frame is not None:
        code = frame.f_code
        if code.co_flags & inspect.CO_NEWLOCALS and (inner is None or inner in code.co_consts):
            names = {**frame.f_locals, **names}
            inner = code
        elif inner is None:
            break  # the cell itself: its variables are the notebook's
        frame = frame.f_back
    return names


def prompt_namespace(
    shell: InteractiveShell, errors: Errors, pictures: CellPictures
) -> dict[str, Any]:
    """Return the names that a prompt may use: the caller's, the user's own, and the cells."""
    names = dict(shell.user_ns)
    hidden = shell.user_ns_hidden
    for name in _NOT_FOR_PROMPTS:
        if name in names and names[name] is hidden.get(name):
            del names[name]
    if names.get("In") is hidden.get("In"):
        history = shell.history_manager
        names["In"] = Inputs(history.input_hist_raw if history is not None else [""])
    if names.get("Out") is hidden.get("Out"):
        names["Out"] = Outputs(names.get("Out") or {}, pictures)
    names.setdefault("Err", errors)
    return {**names, **caller_names()}


def user_names(shell: InteractiveShell) -> list[str]:
    """Return the user's own names, without those that IPython put there."""
    hidden, names = shell.user_ns_hidden, dict(shell.user_ns)
    return sorted(n for n, v in names.items() if n[:1] != "_" and v is not hidden.get(n))


def notebook_of(shell: InteractiveShell) -> str:
    """Return the path of the notebook, or of the folder where no notebook is known.

    Jupyter servers name it in ``JPY_SESSION_NAME``, VS Code in a variable of the namespace.
    """
    path = shell.user_ns.get("__vsc_ipynb_file__") or os.environ.get("JPY_SESSION_NAME")
    return str(path) if path else str(Path.cwd())


_CODE = re.compile(
    r"(?ms)^[ ]{0,3}(?P<fence>`{3,}|~{3,})[^\n]*\n(?P<code>.*?)(?:^[ ]{0,3}(?P=fence)|\Z)"
)


def first_code_block(answer: str) -> str:
    """Return the first fenced block of an answer; empty when there is none."""
    match = _CODE.search(answer)
    return match["code"].rstrip("\n") if match else ""


def put_into_next_cell(shell: InteractiveShell, code: str) -> None:
    """Put code into a new cell, where it is run as it is read."""
    from .display import Paragraph, show  # loaded with the first prompt

    code, unseen = show_invisible(code)
    shell.set_next_input(code)
    if unseen:
        show(
            Paragraph(
                plural(
                    unseen,
                    "The code held {count} character that cannot be seen; it is marked in the new "
                    "cell.",
                    "The code held {count} characters that cannot be seen; they are marked in the "
                    "new cell.",
                )
            )
        )
