"""What running requests hold of the budgets that they share, in this process and in others.

A turn is registered from its first request to its end, and says how much of a budget it has taken
and reserved. Where nothing is left, a request waits until another one ends.

Of the day's budget, each turn in flight has a row on disk. A turn first takes its place among them,
and decides how much it may hold when all that came before it have decided, so that two kernels
never share out the same rest. A row is renewed every `RENEW_S` and counts for `LIFE_S`: one whose
kernel was killed expires.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable, Collection, Hashable
from contextlib import suppress
from decimal import Decimal
from typing import Any, Protocol

from ..core.process import PerProcess
from ..core.usage import Usage
from ..engine.prepared import PreparedRequest
from .amounts import TOKENS, Amount
from .statements import insert
from .store import Store

RENEW_S = 5.0
LIFE_S = 30.0
UNDECIDED_S = 0.05
"""How often a turn looks whether those before it have decided."""
_PREFIX = "holds of the day: "


class DayClaim:
    """One turn's row.

    Parameters
    ----------
    run : str
        Id of the run.
    amount : Amount
        The budget of the day.
    store : Store
        Where every kernel finds it.
    held : callable
        Returns how much the turn holds now, in the budget's unit.
    """

    def __init__(self, run: str, amount: Amount, store: Store, held: Callable[[], Decimal]) -> None:
        self._name = _PREFIX + run
        self._amount, self._store, self._held = amount, store, held
        self._renewal: asyncio.Task[None] | None = None
        self._is_placed = False

    async def enter(self) -> dict[str, Decimal]:
        """Take a place; return what the turns before it hold, by run, once all have decided."""
        self._is_placed = True
        await asyncio.to_thread(self._insert)
        while True:
            earlier = await asyncio.to_thread(self._earlier)
            if None not in earlier.values():
                return {run: held for run, held in earlier.items() if held is not None}
            await asyncio.sleep(UNDECIDED_S)

    async def decide(self) -> None:
        """Let the turns that came later see what this one holds, from now on until its end."""
        await asyncio.to_thread(self._write)
        if self._renewal is None:
            self._renewal = asyncio.create_task(self._renew())

    async def leave(self) -> None:
        """Give the place back; another try begins with `enter`."""
        self._is_placed = False
        await asyncio.to_thread(self._delete)

    def end(self) -> None:
        """Give back what is held: the turn has ended, and its calls are on disk."""
        if self._renewal is not None:
            self._renewal.cancel()
        if self._is_placed:
            self._delete()

    async def _renew(self) -> None:
        while True:
            await asyncio.sleep(RENEW_S)
            await asyncio.to_thread(self._write)

    def _insert(self) -> None:
        row = {"name": self._name, "value": _written(self._amount.unit, None)}
        # Inserted anew, the row comes after all others that are there.
        self._store.write([self._removal, insert("setting", row)], lasting=False)

    def _write(self) -> None:
        value = _written(self._amount.unit, self._held())
        update = ("UPDATE setting SET value = ? WHERE name = ?", (value, self._name))
        self._store.write([update], lasting=False)

    def _delete(self) -> None:
        self._store.write([self._removal])

    @property
    def _removal(self) -> tuple[str, tuple[str]]:
        return "DELETE FROM setting WHERE name = ?", (self._name,)

    def _earlier(self) -> dict[str, Decimal | None]:
        """Return what the turns before this one hold, by run; ``None``: not decided yet."""
        sql = (
            "SELECT name, value FROM setting WHERE name LIKE ? AND rowid < "
            "(SELECT rowid FROM setting WHERE name = ?)"
        )
        rows = self._store.read(sql, (_PREFIX + "%", self._name))
        holds: dict[str, Decimal | None] = {}
        for name, value in rows:
            with suppress(ValueError, KeyError, TypeError, ArithmeticError):
                claim = json.loads(value)
                is_alive = -LIFE_S < time.time() - claim["at"] < LIFE_S
                if is_alive and claim["unit"] == self._amount.unit:
                    held = claim["held"]
                    holds[name.removeprefix(_PREFIX)] = None if held is None else Decimal(held)
        return holds


def _written(unit: str, held: Decimal | None) -> str:
    amount = None if held is None else str(held)
    return json.dumps({"at": time.time(), "unit": unit, "held": amount})


POLL_S = 1.0
"""How often a request that waits looks at what other kernels hold."""
MANY = 1_000_000
"""Output of a request whose length nothing limits, to find the price of a token."""


class Share(Protocol):
    """One turn's part of the budgets that it counts towards."""

    run: str
    """Id of the run."""
    scopes: Collection[Hashable]
    """What it has in common with the other turns that count towards a budget."""

    @property
    def is_unsent(self) -> bool:
        """Whether the turn was checked, and nothing of it was sent yet."""

    @property
    def has_reserved(self) -> bool:
        """Whether the turn holds something that it may give back."""

    def taken(self, amount: Amount) -> Decimal:
        """Return how much in that unit the turn has taken, or is about to."""

    def held(self, amount: Amount) -> Decimal:
        """Return how much in that unit the turn has taken, and has reserved beyond that."""


class Reservations:
    """The turns that this process has in flight."""

    def __init__(self) -> None:
        self._shares: dict[str, Share] = {}
        self._waiting: list[tuple[asyncio.AbstractEventLoop, asyncio.Event]] = []
        self.ended = 0
        """How many turns have ended."""

    def add(self, share: Share) -> None:
        """Count a turn as running."""
        self._shares[share.run] = share

    def remove(self, share: Share) -> None:
        """Count a turn as ended; requests that wait look again."""
        if self._shares.pop(share.run, None) is not None:
            self.ended += 1
        self.wake()

    def has(self, share: Share) -> bool:
        """Whether a turn is running."""
        return share.run in self._shares

    def of(self, scope: Hashable) -> list[Share]:
        """Return the turns that count towards a budget."""
        return [share for share in list(self._shares.values()) if scope in share.scopes]

    def runs(self) -> tuple[str, ...]:
        """Return the ids of the runs in flight."""
        return tuple(self._shares)

    def wake(self) -> None:
        """Let the requests that wait look again; from any thread."""
        for loop, changed in list(self._waiting):
            with suppress(RuntimeError):  # its loop may be closed already
                loop.call_soon_threadsafe(changed.set)

    async def change(self) -> None:
        """Wait until a running request ends, or for `POLL_S`."""
        changed = asyncio.Event()
        waiting = (asyncio.get_running_loop(), changed)
        self._waiting.append(waiting)
        try:
            with suppress(TimeoutError):
                await asyncio.wait_for(changed.wait(), POLL_S)
        finally:
            self._waiting.remove(waiting)


in_flight = PerProcess(Reservations)
"""The turns that this process has in flight."""


def longest_output(request: PreparedRequest) -> int | None:
    """Return the most tokens that a reply can have; ``None`` where nothing limits it."""
    offer, parameters = request.offer, request.request.parameters
    whole = _count(parameters.get("max_completion_tokens")) or offer.max_output
    answer = _count(parameters.get("max_tokens")) or offer.max_answer
    if not _has_apart(request):
        limits = [limit for limit in (whole, answer) if limit is not None]
        return min(limits, default=None)
    thought = _count(parameters.get("thinking_budget")) or offer.max_reasoning or 0
    thought = 0 if request.request.thinking is False else thought
    apart = None if answer is None else answer + thought
    return apart if whole is None else min(whole, apart or whole)


def limit_output(request: PreparedRequest, tokens: int) -> PreparedRequest:
    """Return a request whose reply can have that many tokens at most, where the provider obeys.

    What goes through a tape stays as it is: a tape is matched by what is asked.
    """
    if request.tape is not None:
        return request
    names = ["max_tokens"]
    if _has_apart(request) and request.request.thinking is not False:
        names.append("thinking_budget")
    rules = request.offer.provider.parameters
    names = [name for name in names if name not in rules or not rules[name].refused]
    limits = dict.fromkeys(names, max(1, tokens // max(1, len(names))))
    parameters = request.request.parameters
    return request.with_request(parameters={**parameters, **limits}) if limits else request


def _has_apart(request: PreparedRequest) -> bool:
    """Whether reasoning and answer are limited apart, as at Model Studio."""
    return request.offer.max_output is None and request.offer.max_reasoning is not None


def output_for(amount: Amount, room: Decimal, request: PreparedRequest) -> int | None:
    """Return how many tokens of output fit beside a request's input; ``None``: any number."""
    input_ = request.size.input
    if amount.unit == TOKENS:
        return max(0, int(room) - input_)
    price = request.offer.price
    if price is None or price.currency != amount.unit:
        return None
    most = longest_output(request) or MANY
    # The longest reply has the highest prices, where they depend on the length.
    whole = price.cost(Usage(input_, most))
    if whole is None or not whole.output:
        return None
    return max(0, int((room - whole.amount + whole.output) * most / whole.output))


def _count(value: Any) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and value > 0 else None
