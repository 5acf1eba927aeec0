"""What calls over many rows take: a few sums in the ledger, however many rows there are.

A call over rows has one entry for each day, provider, model and currency. It is written whenever it
has grown, so that other kernels' budgets of the day see it, and outlives the answers.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable
from dataclasses import replace
from decimal import Decimal

from ..core.price import Cost
from .amounts import Amount
from .autosave import call_row
from .ledger import Entry
from .slots import new_id
from .statements import Statement
from .store import current_store, renewals


class Spending:
    """What one call over rows takes.

    Parameters
    ----------
    name : str
        What the sums show in place of a session's name.
    session : str
        Id of the conversation whose budget it counts towards; empty without one.
    """

    def __init__(self, name: str, session: str = "") -> None:
        self.name, self.session = name, session
        self.run = new_id()
        """Id of the run that its entries belong to."""
        self._sums: dict[tuple[str, ...], Entry] = {}
        self._lock = threading.Lock()
        self._grown = False
        """Whether the entries have grown since they were written."""

    @property
    def entries(self) -> list[Entry]:
        """The sums so far."""
        return list(self._sums.values())

    def spent(self, amount: Amount) -> Decimal:
        """Return how much of an amount's unit it has taken."""
        return amount.spent(self.entries)

    def add(self, entries: Iterable[Entry]) -> None:
        """Count what a row took."""
        with self._lock:
            for entry in entries:
                key = (entry.day, entry.provider, entry.model, entry.currency)
                sum_ = self._sums.get(key)
                self._sums[key] = (
                    replace(entry, run=self.run, step=len(self._sums), session=self.name)
                    if sum_ is None
                    else _added(sum_, entry)
                )
                self._grown = True
            if self._grown and self not in spendings:
                spendings.append(self)

    def write(self, *, lasting: bool = False) -> None:
        """Write the sums to the disk, if they have grown.

        Parameters
        ----------
        lasting : bool
            True writes later what cannot be written now.
        """
        store = current_store()
        with self._lock:
            if store is None or not self._grown:
                return
            self._grown = False
            rows = self.rows()
        if not store.write(rows, lasting=lasting):
            self._grown = not lasting

    def rows(self) -> list[Statement]:
        """Return what writes the sums."""
        return [call_row(self.session, entry) for entry in self.entries]


def _added(sum_: Entry, entry: Entry) -> Entry:
    cost = sum_.cost
    if cost is not None and entry.cost is not None:
        estimated = cost.estimated or entry.cost.estimated
        cost = Cost(cost.amount + entry.cost.amount, cost.currency, estimated)
    return replace(
        sum_,
        usage=sum_.usage + entry.usage,
        cost=cost,
        estimated=sum_.estimated or entry.estimated,
        calls=sum_.calls + entry.calls,
    )


spendings: list[Spending] = []
"""Of this process, those that have taken anything."""


def forget(session: str | None = None) -> None:
    """Forget what counts towards a conversation's budget; ``None``: all there is."""
    spendings[:] = [s for s in spendings if session is not None and s.session != session]


renewals.append(lambda: [row for spending in spendings for row in spending.rows()])
