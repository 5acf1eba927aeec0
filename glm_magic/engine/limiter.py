"""How many requests of one account run at a time: without limit, until its service refuses one.

Services limit how many requests of a key they serve at once (one, on some plans), and do not say
how many; they refuse what is too much (429, Zhipu's 1302 and 1305). So a limiter begins without a
limit. A refusal while other requests of ours run lowers it to what ran, and the refused request
waits for one of them to end, rather than for a time. Each time that a series of requests went
through at the limit, it goes up by one; the series get longer where that turned out too much.

There is one limiter for each server and key in the process, whoever sends: cells, lanes, jobs,
sessions in threads. It lives on the loop thread and is not to be touched from another.

::

    place = limiter_for(request).place()
    try:
        await place.take(say)        # waits while the account has no room
        …                            # send
        if refused and place.refused():
            await place.take(say)    # waits for another of ours to end
        place.succeeded()
    finally:
        place.leave()
"""

from __future__ import annotations

import asyncio
import os
import time
from bisect import insort
from collections.abc import Callable
from itertools import count
from urllib.parse import urlsplit

from ..core.process import PerProcess
from ..core.secret import Secret

FIRST_SERIES = 2
"""Requests that go through at the limit before it is tried with one more."""
LONGEST_SERIES = 64
SETTLE_S = 0.5
"""How long a service may take to notice that a request has ended."""
MAX_ACCOUNTS = 256
"""Limiters that are kept; beyond it, those that nothing uses are forgotten."""


class Limiter:
    """Lets requests of one account through, in the order in which they came.

    Only the loop thread uses it.
    """

    def __init__(self) -> None:
        self.limit: int | None = None
        """How many may run at a time; ``None``: nothing was refused so far."""
        self.running = 0
        """How many run."""
        self.refusals = 0
        """How often the service refused one while others of ours ran; may be read anywhere."""
        self._waiting: list[Place] = []
        """First come, first served; a request that was refused keeps its turn."""
        self._numbers = count()
        self._series = FIRST_SERIES
        self._successes = 0
        self._ended_s = -SETTLE_S
        """When the last request ended, on the monotonic clock."""
        self._is_trial = False
        """Whether the limit went up, and nothing has shown yet that this is right."""

    def place(self) -> Place:
        """Return the place of a new request, to be taken before it is sent."""
        return Place(self, next(self._numbers))

    @property
    def is_idle(self) -> bool:
        """Whether nothing runs or waits."""
        return not self.running and not self._waiting

    @property
    def _has_room(self) -> bool:
        return self.limit is None or self.running < self.limit

    def _admit(self) -> None:
        """Let those in front go, as far as there is room."""
        while self._waiting and self._has_room:
            self._waiting.pop(0).admit()

    def _lower(self, others: int) -> None:
        if self._is_trial:
            self._series = min(2 * self._series, LONGEST_SERIES)
            self._is_trial = False
        self.limit = max(1, others)
        self._successes = 0

    def _count_success(self) -> None:
        """Count a request that went through while as many ran as may."""
        if self.limit is None or self.running < self.limit:
            return
        self._successes += 1
        if self._successes >= self._series:
            self.limit += 1
            self._successes = 0
            self._is_trial = True


class Place:
    """The place of one request among those of its account.

    Places are ordered by when they were asked for.
    """

    def __init__(self, limiter: Limiter, number: int) -> None:
        self._limiter = limiter
        self._number = number
        self._runs = False
        self._turn: asyncio.Future[None] | None = None

    def __lt__(self, other: Place) -> bool:
        return self._number < other._number

    async def take(self, say: Callable[[int], None], at_latest_s: float | None = None) -> bool:
        """Wait until the account has room, and count as running from then on.

        Parameters
        ----------
        say : callable
            Called with the limit, once, if there is anything to wait for.
        at_latest_s : float, optional
            Go on after this time even without room: the service named it.

        Returns
        -------
        bool
            False when the time was up before there was room.
        """
        limiter = self._limiter
        if not limiter._waiting and limiter._has_room:
            self.admit()
            return True
        say(limiter.limit or 1)
        self._turn = asyncio.get_running_loop().create_future()
        insort(limiter._waiting, self)
        try:
            limiter._admit()
            await asyncio.wait([self._turn], timeout=at_latest_s)
        finally:
            if self in limiter._waiting:
                limiter._waiting.remove(self)
            self._turn = None
        in_turn = self._runs
        if not in_turn:
            self.admit()
        return in_turn

    def admit(self) -> None:
        """Count as running, and wake whoever waits for it."""
        self._limiter.running += 1
        self._runs = True
        if self._turn is not None and not self._turn.done():
            self._turn.set_result(None)

    @property
    def is_early(self) -> bool:
        """Whether another request ended so recently that the service may still count it."""
        return time.monotonic() - self._limiter._ended_s < 2 * SETTLE_S

    def refused(self) -> bool:
        """Lower the limit to what ran beside this request.

        Returns
        -------
        bool
            True when others ran: the place is given up, to be taken again when one of them ends.
            False when it ran alone, so that only time can help; it keeps its place.
        """
        limiter = self._limiter
        others = limiter.running - 1
        limiter._lower(others)
        if others:
            limiter.refusals += 1
            self._give_back()
        return others > 0

    def succeeded(self) -> None:
        """Count a request that the service served."""
        self._limiter._count_success()

    def leave(self) -> None:
        """Give the place up, to the next in line; without one, nothing happens."""
        if self._runs:
            self._limiter._ended_s = time.monotonic()
            self._give_back()

    def _give_back(self) -> None:
        self._runs = False
        self._limiter.running -= 1
        self._limiter._admit()


class _Accounts:
    """The limiters of a process, by server and key; it holds no key."""

    def __init__(self) -> None:
        self._salt = os.urandom(32)
        self._limiters: dict[tuple[str, bytes], Limiter] = {}

    def limiter(self, url: str, key: Secret | None) -> Limiter:
        host = urlsplit(url).netloc.rpartition("@")[2].lower()
        account = (host, b"" if key is None else key.digest(self._salt))
        if account not in self._limiters:
            self._forget_idle()
            self._limiters[account] = Limiter()
        return self._limiters[account]

    def _forget_idle(self) -> None:
        if len(self._limiters) >= MAX_ACCOUNTS:
            self._limiters = {k: v for k, v in self._limiters.items() if not v.is_idle}


_accounts = PerProcess(_Accounts)


def limiter_for(url: str, key: Secret | None) -> Limiter:
    """Return the limiter of the account that a key has at the server of an address."""
    return _accounts.get().limiter(url, key)


def forget() -> None:
    """Forget what was learnt of every account; requests that run keep their limiters."""
    _accounts.close()
