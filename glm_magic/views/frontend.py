"""Which kind of front end shows the outputs, as far as a kernel can tell.

A kernel is not told what asks it. What a request looks like, and what its sender asked before, is
the evidence: a name of a process is none, since any program may embed a console, and a console may
join the kernel of a notebook.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

from ..core.i18n import tr
from ..core.interrupts import StoppedByUser

Frontend = Literal["page", "executor", "program", "console", "terminal", "script"]
"""
``page``: a notebook that shows widgets and updates of outputs. ``executor``: nbclient, papermill or
nbconvert, which only write a file. ``program``: something else in Python that runs code in a
kernel, such as an ipyparallel client, and shows or keeps what is displayed. ``console``: a text
front end of a kernel, which cannot update an output. ``terminal``: IPython itself. ``script``: no
IPython.
"""

cell_started: list[Callable[[str | None], object]] = []
"""Called with the id, if there is one, of each notebook cell that starts. Views that remember what
the page shows add themselves when they are first used."""
cell_ended: list[Callable[[], object]] = []
"""Called when a notebook cell has ended, and the kernel reads messages again."""

_COMPLETENESS = "is_complete_request"


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
    request = _request(shell)
    if request.get("content", {}).get("allow_stdin") is False:
        return "executor"  # which says in each request that nobody can answer `input()`
    if not _is_from_python(request):
        return "page"
    return "console" if request["header"]["session"] in _typed_in else "program"


def can_answer(shell: Any) -> bool:
    """Whether somebody can answer a question that ``input()`` asks in a shell.

    Text that is piped in may be the answers; no input, or the null device, has none.
    """
    kernel = getattr(shell, "kernel", None)
    if kernel is not None:
        # What the page of the last cell allowed also goes for a button's callback.
        return bool(getattr(kernel, "_allow_stdin", True)) and frontend_of(shell) != "executor"
    try:
        return not os.path.samestat(os.fstat(sys.stdin.fileno()), Path(os.devnull).stat())
    except (AttributeError, OSError, ValueError):  # no input, a closed one, or one of its own
        return sys.stdin is not None and not sys.stdin.closed


def stopped_by_user() -> StoppedByUser:
    """Return what ends a cell that the user interrupted; a kernel drops the cells that wait."""
    from IPython.core.getipython import get_ipython

    if getattr(get_ipython(), "kernel", None) is None:
        return StoppedByUser()
    return StoppedByUser(tr("Stopped by a kernel interrupt: cells that were queued did not run."))


def is_captured(shell: Any) -> bool:
    """Whether what is displayed now is kept by ``%%capture``, and shown later or never."""
    from IPython.core.displaypub import CapturingDisplayPublisher

    return isinstance(getattr(shell, "display_pub", None), CapturingDisplayPublisher)


def _request(shell: Any) -> dict[str, Any]:
    try:
        request = shell.kernel.get_parent()
    except (AttributeError, LookupError, TypeError):
        return {}
    return request if isinstance(request, dict) else {}


def _is_from_python(request: dict[str, Any]) -> bool:
    """Whether a request was made by jupyter_client, for no cell of a notebook.

    Notes
    -----
    ``Session.msg_id`` of jupyter_client is the session's id, the process's and a number; pages,
    VS Code and others make a new UUID for each message. A server that runs cells for a page names
    the cell. Seen with jupyter_client 6.1 to 8.10 and @jupyterlab/services 7, 2026-11.
    """
    header = request.get("header", {})
    session, message = header.get("session"), header.get("msg_id")
    if not session or request.get("metadata", {}).get("cellId"):
        return False
    return str(message).startswith(f"{session}_")


_typed_in: set[str] = set()
"""Ids of the sessions whose user types line by line."""


class TypedLines:
    """Watches who asks a kernel whether a line that was typed is complete: consoles do.

    Jupyter's console, qtconsole and all that embeds it ask so before they run anything.

    Parameters
    ----------
    shell : InteractiveShell
        That of the kernel; one without is not watched.
    """

    def __init__(self, shell: Any) -> None:
        self._handlers: dict[str, Callable[..., Any]] = {}
        handlers = getattr(getattr(shell, "kernel", None), "shell_handlers", None) or {}
        if _COMPLETENESS in handlers:
            self._handlers, self._before = handlers, handlers[_COMPLETENESS]

    def install(self) -> None:
        """Begin to watch."""
        if self._handlers:
            self._handlers[_COMPLETENESS] = self._note

    def uninstall(self) -> None:
        """Let the kernel answer as before."""
        if self._handlers:
            self._handlers[_COMPLETENESS] = self._before

    def _note(self, stream: Any, ident: Any, request: dict[str, Any]) -> Any:
        _typed_in.add(request["header"]["session"])
        return self._before(stream, ident, request)
