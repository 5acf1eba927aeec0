"""The one local server of this process."""

from __future__ import annotations

import atexit
import os
import threading

from .launch import launch
from .models import chosen
from .server import LocalServer

_lock = threading.Lock()
_server: LocalServer | None = None


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
    global _server  # noqa: PLW0603 - one server a process is the point
    with _lock:
        model = chosen()
        if _server and _server.model == model.name and _server.is_running():
            return _server
        stop_running()
        _server = launch(model, timeout_s)
        return _server


def stop_running() -> None:
    """End the server of this process, if there is one."""
    global _server  # noqa: PLW0603 - as above
    if _server:
        _server.stop()
    _server = None


def _after_fork() -> None:
    """Forget a lock another thread may have held, and let go of the parent's lifeline."""
    global _lock  # noqa: PLW0603 - as above
    _lock = threading.Lock()
    if _server:
        _server.process.disown()


atexit.register(stop_running)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
