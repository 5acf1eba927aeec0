"""Which kind of front end shows the outputs, as far as a kernel can tell."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

Frontend = Literal["page", "executor", "console", "terminal", "script"]
"""
``page``: a notebook that shows widgets and updates of outputs. ``executor``: nbclient, papermill or
nbconvert, which only write a file. ``console``: a text front end of a kernel, which cannot update
an output. ``terminal``: IPython itself. ``script``: no IPython.
"""

cell_started: list[Callable[[str | None], object]] = []
"""Called with the id, if there is one, of each notebook cell that starts. Views that remember what
the page shows add themselves when they are first used."""
cell_ended: list[Callable[[], object]] = []
"""Called when a notebook cell has ended, and the kernel reads messages again."""

_CONSOLES = ("jupyter-console", "jupyter-qtconsole", "euporie", "console", "qtconsole")
"""Commands and modules, with ``-`` for ``_``: ``python -m jupyter_console`` counts too."""


def frontend_of(shell: Any) -> Frontend:
    """Return where the outputs of a shell go.

    Parameters
    ----------
    shell : InteractiveShell or None
        What ``get_ipython()`` returns.
    """
    if shell is None:
        return "script"
    if getattr(shell, "kernel", None) is None:
        return "terminal"
    if _is_executor(shell):
        return "executor"
    return "console" if _started_by_console() else "page"


def can_answer(shell: Any) -> bool:
    """Whether somebody can answer a question that ``input()`` asks in a shell.

    Text that is piped in may be the answers; no input, or the null device, has none.
    """
    kernel = getattr(shell, "kernel", None)
    if kernel is not None:
        # What the page of the last cell allowed also goes for a button's callback.
        return bool(getattr(kernel, "_allow_stdin", True)) and not _is_executor(shell)
    try:
        return not os.path.samestat(os.fstat(sys.stdin.fileno()), Path(os.devnull).stat())
    except (AttributeError, OSError, ValueError):  # no input, a closed one, or one of its own
        return sys.stdin is not None and not sys.stdin.closed


def _is_executor(shell: Any) -> bool:
    """Executors cannot answer ``input()``, and say so in each request."""
    try:
        content = shell.kernel.get_parent().get("content", {})
    except (AttributeError, LookupError, TypeError):
        return False
    return content.get("allow_stdin") is False


def _started_by_console() -> bool:
    """Whether the process that started the kernel is a text console.

    A request does not tell: a console's looks like that of an older notebook.
    """
    parent = os.environ.get("JPY_PARENT_PID") or str(os.getppid())
    words = _command_line(parent)[:4]
    names = [Path(word).name.lower().replace("_", "-") for word in words]
    return any(name.startswith(_CONSOLES) for name in names)


def _command_line(pid: str) -> list[str]:
    """Return the words of a process's command; empty where that cannot be seen."""
    try:
        return Path(f"/proc/{int(pid)}/cmdline").read_text(encoding="utf-8").split("\0")
    except (OSError, ValueError):
        return _command_line_elsewhere(pid)


def _command_line_elsewhere(pid: str) -> list[str]:
    """Ask psutil, which comes with ipykernel, where there is no ``/proc``."""
    try:
        import psutil  # type: ignore[import-untyped, unused-ignore]

        return list(psutil.Process(int(pid)).cmdline())
    except Exception:
        return []
