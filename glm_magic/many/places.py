"""What the workers of one call share of an account: how many requests it may have at a time.

They share so many places as the call has jobs, in a `distributed.Semaphore`, one for each account;
a row in flight has one. Where the service refuses a request, the process that sent it learns how
many it can send (`engine.limiter`), and keeps one place from all workers for a while. So workers
that begin later, and have learnt nothing, send no more than the account takes.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from urllib.parse import urlsplit

from ..engine.limiter import Limiter, limiter_for
from ..engine.prepared import PreparedRequest
from ..wire import io_thread

KEEP_S = 10.0
"""How long a place is kept from all workers after a request was refused."""
SLICE_S = 1.0
"""A row that waits for a place looks so often whether it was stopped."""


class Places:
    """The places that the workers of one call share at an account; used from the rows' threads.

    Parameters
    ----------
    name : str
        Of the semaphore.
    most : int
        How many there are.
    limiter : Limiter
        Knows how often the account refused a request of this process.
    """

    def __init__(self, name: str, most: int, limiter: Limiter) -> None:
        from distributed import Semaphore

        self.name = name
        self._semaphore = Semaphore(most, name)
        self._limiter = limiter
        self._lock = threading.Lock()
        self._taken = 0
        self._refusals = limiter.refusals
        """Those for which a place was kept already."""
        self._kept: set[threading.Timer] = set()

    def take(self, is_stopped: Callable[[], bool]) -> bool:
        """Wait for a place; False where the row was stopped before."""
        while not is_stopped():
            if self._semaphore.acquire(timeout=SLICE_S):
                with self._lock:
                    self._taken += 1
                return True
        return False

    def give_back(self) -> None:
        """Give a place back, later where the account refused a request meanwhile.

        The last place of a process is given back at once, so that rows always go on.
        """
        with self._lock:
            self._taken -= 1
            keeps = self._taken > 0 and self._limiter.refusals > self._refusals
            self._refusals += keeps
        if keeps:
            timer = threading.Timer(KEEP_S, lambda: self._give_back_kept(timer))
            timer.daemon = True
            self._kept.add(timer)
            timer.start()
        else:
            self._semaphore.release()

    def _give_back_kept(self, timer: threading.Timer) -> None:
        with self._lock:
            is_kept = timer in self._kept
            self._kept.discard(timer)
        if is_kept:
            self._semaphore.release()

    async def close(self) -> None:
        """Give back the places that are kept; on the worker's own loop."""
        with self._lock:
            kept, self._kept = self._kept, set()
        for timer in kept:
            timer.cancel()
            await self._semaphore.release()


def name_of(run: str, call: PreparedRequest) -> str:
    """Return the name of the places that a call has at the account of a request."""
    host = urlsplit(call.wire.url).netloc.lower()
    key = "" if call.key is None else call.key.digest(run.encode()).hex()
    return f"glm-{run}-{host}-{key}"


def limiter_of(call: PreparedRequest) -> Limiter:
    """Return the limiter of a request's account, from the thread that may ask for it."""

    async def get() -> Limiter:
        return limiter_for(call.wire.url, call.key)

    return io_thread.shared.get().submit(get()).result()
