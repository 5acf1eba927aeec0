"""The one shell that IPython has in a process, made anew for a test and ended with it."""

from __future__ import annotations

import atexit

from IPython.core.interactiveshell import InteractiveShell
from traitlets.config import Config

from glm_magic.engine import tapes


def new_shell(config: Config | None = None) -> InteractiveShell:
    """Return a new shell in place of the last one, without history and colours."""
    config = config or Config()
    config.HistoryManager.enabled = False
    config.InteractiveShell.colors = "nocolor"
    if InteractiveShell.initialized():
        end_shell()
    shell = InteractiveShell.instance(config=config)
    getattr(shell.history_manager, "outputs", {}).clear()  # IPython 9 has one for all shells
    return shell


def end_shell() -> None:
    """Let the shell go, and the tape in use; shells that stay are all cleaned up at exit, late."""
    tapes.insert(None)
    atexit.unregister(InteractiveShell.instance().atexit_operations)
    InteractiveShell.clear_instance()
