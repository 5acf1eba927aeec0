"""A server that serves so many requests at a time, and turns every other one away."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence

from tests.servers.listener import Connection, Listener, Recorded
from tests.servers.raw_server import Send


class BusyServer(Listener):
    """Answer at most `most` requests at a time, each when it is released; refuse the others.

    Parameters
    ----------
    served : Send
        The answer to a request that is served.
    refused : Send
        The answer to one that is turned away.
    most : int
        How many are served at a time.
    lag_s : float
        How much later than its client the server notices that a request has ended.
    holds : bool
        Keep each request until `release` is called; False: for `pause_s`.
    fills : bool
        Keep the first requests until so many run that the next is refused.
    """

    def __init__(
        self,
        served: Send,
        refused: Send,
        most: int = 1,
        *,
        holds: bool = False,
        fills: bool = False,
        pause_s: float = 0.1,
        lag_s: float = 0.0,
    ) -> None:
        super().__init__()
        self.most = most
        self.served: list[Recorded] = []
        """The requests that were served, in order."""
        self.refused: list[Recorded] = []
        """The requests that were turned away."""
        self.peak = 0
        """The most that ever ran at a time."""
        self._answers = (served, refused)
        self._holds, self._pause_s, self._lag_s = holds, pause_s, lag_s
        self._fills = fills
        self._running = 0
        self._count = threading.Lock()
        self._released = threading.Semaphore(0)

    def release(self, count: int = 1) -> None:
        """Let requests that are kept end."""
        self._released.release(count)

    @property
    def prompts(self) -> Sequence[str]:
        """The prompts that were served, in order."""
        return [request.json["messages"][-1]["content"] for request in self.served]

    def respond(self, request: Recorded, connection: Connection) -> bool:
        """Serve or refuse one request."""
        with self._count:
            is_served = self._running < self.most
            self._running += is_served
            self.peak = max(self.peak, self._running)
            (self.served if is_served else self.refused).append(request)
        if not is_served:
            connection.send(self._answers[1].data)
            return False
        try:
            if self._holds:
                while not self._released.acquire(blocking=False):
                    connection.wait(0.01)  # which notices a client that leaves
            else:
                while self._fills and self.peak < self.most:
                    connection.wait(0.01)
                connection.wait(self._pause_s)
            if self._lag_s:
                connection.send(self._answers[0].data)
                time.sleep(self._lag_s)
        finally:
            with self._count:
                self._running -= 1
        if not self._lag_s:
            connection.send(self._answers[0].data)
        return False
