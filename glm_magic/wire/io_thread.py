"""The private thread that owns the asyncio loop and the HTTP client of this process.

A notebook's main thread only ever waits, so a kernel interrupt always lands in a safe place, and
nothing here depends on the loop that the kernel itself runs.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Coroutine
from concurrent.futures import Future
from typing import TYPE_CHECKING, Any, TypeVar

from ..core.process import PerProcess

if TYPE_CHECKING:
    from .http import HttpClient

T = TypeVar("T")


class LoopThread:
    """An asyncio loop on a daemon thread of its own."""

    def __init__(self) -> None:
        self.loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, name="glm-io", daemon=True)
        self._thread.start()

    def _run(self) -> None:
        asyncio.set_event_loop(self.loop)
        self.loop.run_forever()

    @property
    def alive(self) -> bool:
        """Whether the thread runs in this process; a forked child has to start its own."""
        return self._thread.is_alive()

    def submit(self, coroutine: Coroutine[Any, Any, T]) -> Future[T]:
        """Run a coroutine on the loop, from any other thread."""
        return asyncio.run_coroutine_threadsafe(coroutine, self.loop)

    def close(self) -> None:
        """Stop the loop and end the thread."""
        if self.alive:
            self.loop.call_soon_threadsafe(self.loop.stop)
            self._thread.join(5)
            self.loop.close()


class IoThread(LoopThread):
    """The loop thread on which requests are sent, with the client that they share.

    Raises
    ------
    RefusedError
        A proxy or certificate variable of the environment cannot be used.
    """

    client: HttpClient

    def __init__(self) -> None:
        from .http import HttpClient  # loads httpx, which takes a while

        self.client = HttpClient()  # first: it may be refused, and a thread would be left over
        super().__init__()

    def close(self) -> None:
        """Close every connection and end the thread."""
        if self.alive:
            self.submit(self._end()).result(5)
        super().close()

    async def _end(self) -> None:
        await cancel_running()
        await self.client.aclose()


async def cancel_running() -> None:
    """Cancel every other task of the running loop, and wait until they have ended."""
    running = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
    for task in running:
        task.cancel()
    await asyncio.gather(*running, return_exceptions=True)


shared = PerProcess(IoThread, IoThread.close, lambda thread: thread.alive)
"""The one thread, and pool of connections, that every request of this process goes through."""
