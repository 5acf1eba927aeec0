"""The one private thread that owns the asyncio loop and the HTTP client.

A notebook's main thread only ever waits, so a kernel interrupt always lands in a safe place, and
nothing here depends on the loop that the kernel itself runs.

The process's one loop thread and connection pool, made when first needed.
"""

from __future__ import annotations

import asyncio
import atexit
import os
import threading
from collections.abc import Coroutine
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any, TypeVar

from .http import HttpClient

T = TypeVar("T")


class LoopThread:
    """An asyncio loop on a daemon thread of its own."""

    def __init__(self) -> None:
        self.loop = asyncio.new_event_loop()
        self._pid = os.getpid()
        self._thread = threading.Thread(target=self._run, name="glm-io", daemon=True)
        self._thread.start()

    def _run(self) -> None:
        asyncio.set_event_loop(self.loop)
        self.loop.run_forever()

    @property
    def alive(self) -> bool:
        """Whether the thread runs in this process; a forked child has to start its own."""
        return self._pid == os.getpid() and self._thread.is_alive()

    def submit(self, coroutine: Coroutine[Any, Any, T]) -> Future[T]:
        """Run a coroutine on the loop, from any other thread."""
        return asyncio.run_coroutine_threadsafe(coroutine, self.loop)

    def close(self) -> None:
        """Stop the loop and end the thread."""
        if self.alive:
            self.loop.call_soon_threadsafe(self.loop.stop)
            self._thread.join(5)
            self.loop.close()


async def cancel_running() -> None:
    """Cancel every other task of the running loop, and wait until they have ended."""
    running = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
    for task in running:
        task.cancel()
    await asyncio.gather(*running, return_exceptions=True)


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
