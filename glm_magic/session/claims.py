"""What the running requests of every kernel hold of the day's budget.

Each turn in flight has a row on disk. A turn first takes its place among them, and decides how much
it may hold when all that came before it have decided, so that two kernels never share out the same
rest. A row is renewed every `RENEW_S` and counts for `LIFE_S`: one whose kernel was killed expires.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable
from contextlib import suppress
from decimal import Decimal

from .amounts import Amount
from .store import Store, insert

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
