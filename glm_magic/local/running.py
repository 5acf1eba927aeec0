"""The one local server of this process."""

from __future__ import annotations

import atexit
import os
import threading

from .launch import launch
from .models import LocalModel, chosen
from .server import LocalServer

_lock = threading.Lock()
_running: tuple[LocalModel, LocalServer] | None = None


def start(timeout_s: float = 60.0) -> LocalServer:
    """Return the local server of this process, started when there is none yet.

    A process forked from one that has a server uses that server as long as it answers. When
    ``GLM_LOCAL_MODEL`` has changed since, the old server makes place for a new one.

    Parameters
    ----------
    timeout_s : float
        Seconds until it must answer.

    Raises
    ------
    UnavailableError
        When something is missing, the server ends at once, or it is not ready in time.
    """
    global _running  # noqa: PLW0603 - one server a process is the point
    with _lock:
        model = chosen()
        if _running and _running[0] == model and _running[1].is_running():
            return _running[1]
        stop_running()
        _running = (model, launch(model, timeout_s))
        return _running[1]


def stop_running() -> None:
    """End the server of this process, if there is one."""
    global _running  # noqa: PLW0603 - as above
    if _running:
        _running[1].stop()
    _running = None


def _after_fork() -> None:
    """Forget a lock another thread may have held, and let go of the parent's lifeline."""
    global _lock  # noqa: PLW0603 - as above
    _lock = threading.Lock()
    if _running:
        _running[1].process.disown()


atexit.register(stop_running)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
