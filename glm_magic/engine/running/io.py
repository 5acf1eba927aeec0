"""The process's one loop thread and connection pool, made when first needed."""

from __future__ import annotations

import atexit
import os
import threading
from dataclasses import dataclass

from ...wire.http import HttpClient
from ...wire.loop import LoopThread, cancel_running


@dataclass(frozen=True, slots=True)
class Io:
    """A loop thread and the client that lives on it."""

    thread: LoopThread
    client: HttpClient

    def close(self) -> None:
        """Close the connections and end the thread."""
        if self.thread.alive:
            self.thread.submit(self._end()).result(5)
            self.thread.close()

    async def _end(self) -> None:
        await cancel_running()
        await self.client.aclose()


_lock = threading.Lock()
_current: Io | None = None


def current() -> Io:
    """Return the pair of this process; after a fork the child gets its own.

    Raises
    ------
    RefusedError
        A proxy or certificate variable of the environment cannot be used.
    """
    global _current  # noqa: PLW0603  one pair for each process
    with _lock:
        if _current is None or not _current.thread.alive:
            client = HttpClient()  # first, as it may be refused, and a thread would be left over
            _current = Io(LoopThread(), client)
        return _current


def close() -> None:
    """Close every connection and end the thread; the next call starts anew."""
    global _current
    with _lock:
        io, _current = _current, None
    if io is not None:
        io.close()


def _forget() -> None:
    """Start anew in a forked child: its threads are gone, and a lock may be held for ever."""
    global _lock, _current
    _lock, _current = threading.Lock(), None


atexit.register(close)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget)
