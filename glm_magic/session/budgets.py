"""The budgets that are set: for a session, and for a day over all sessions and kernels."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING

from ..catalogue.load import catalogue
from . import autosave as journals
from .amounts import Amount, parse_amount
from .budget_guard import BudgetGuard, Limit
from .ledger import Entry, day_of
from .notebook import followers
from .rows import read_entries
from .store import Statement, insert

if TYPE_CHECKING:
    from .conversation import Conversation

DAY = "budget day"
QUOTA = "quota"
REREAD_S = 1.0
"""How long the sums of other kernels are believed."""

_in_memory: dict[str, str] = {}


def put(name: str, value: str | None) -> None:
    """Keep a setting for every kernel of this user; ``None`` takes it away."""
    _in_memory.pop(name, None)
    if value is not None:
        _in_memory[name] = value
    journal = journals.current()
    if journal is not None:
        rows: list[Statement] = [("DELETE FROM setting WHERE name = ?", (name,))]
        if value is not None:
            rows.append(insert("setting", {"name": name, "value": value}))
        journal.store.write(rows)


def get(name: str) -> str | None:
    """Return a setting."""
    journal = journals.current()
    if journal is None or journal.store.problem:
        return _in_memory.get(name)
    rows = journal.store.read("SELECT value FROM setting WHERE name = ?", (name,))
    return str(rows[0][0]) if rows else None


def day_budget() -> Amount | None:
    """Return the budget of a day."""
    text = get(DAY)
    return parse_amount(text) if text else None


def all_entries(since: float = 0.0) -> list[Entry]:
    """Return every call since a time, of every kernel, that is known of."""
    journal = journals.current()
    found = read_entries(journal.store, "at >= ?", (since,)) if journal else []
    known = {(entry.run, entry.step): entry for entry in found}
    for session in list(followers):
        mine = getattr(session, "entries", [])
        known.update({(e.run, e.step): e for e in mine if e.at >= since})
    return sorted(known.values(), key=lambda entry: (entry.at, entry.step))


class Today:
    """What today's calls took, other than those of one run."""

    def __init__(self, amount: Amount, run: str) -> None:
        self._amount, self._run = amount, run
        self._read_at = 0.0
        self._spent = Decimal(0)

    def __call__(self) -> Decimal:
        """Return it; what other kernels spend is seen a second later."""
        now = time.time()
        if now - self._read_at > REREAD_S:
            today = day_of(now)
            calls = all_entries(now - 86_400 * 1.1)
            others = (e for e in calls if e.day == today and e.run != self._run)
            self._spent, self._read_at = self._amount.spent(others), now
        return self._spent


def limits_of(
    session: Conversation, run: str, cell: Amount | None, beside: Callable[[], list[BudgetGuard]]
) -> list[Limit]:
    """Return the budgets that hold for a run; `beside` gives the meters of the other lanes."""

    def waiting(amount: Amount) -> Decimal:
        return sum((meter.waiting(amount) for meter in beside()), Decimal(0))

    def in_cell() -> Decimal:
        return sum((meter.taken(cell) for meter in beside()), Decimal(0)) if cell else Decimal(0)

    limits = [Limit("cell", cell, in_cell)] if cell else []
    own = session.budget
    if own is not None:
        amount = own

        def spent() -> Decimal:
            return amount.spent(session.entries_without(run)) + waiting(amount)

        limits.append(Limit("session", amount, spent))
    day = day_budget()
    if day is not None:
        today = Today(day, run)
        limits.append(Limit("day", day, lambda: today() + waiting(day)))
    return limits


@dataclass(frozen=True, slots=True)
class Quota:
    """Free tokens of each model at Model Studio, counted down from a day on."""

    tokens: int
    since: str
    """First day, as ``2026-11-21``."""

    def left(self, model: str, entries: list[Entry]) -> int:
        """Return how many are left of a model's."""
        used = sum(
            (entry.usage.input or 0) + (entry.usage.output or 0)
            for entry in entries
            if has_free_quota(entry.provider) and entry.model == model and entry.day >= self.since
        )
        return max(0, self.tokens - used)


def has_free_quota(provider: str) -> bool:
    """Whether a provider gives free tokens for each model."""
    info = catalogue().providers.get(provider)
    return info is not None and info.free_quota_days > 0


def quota() -> Quota | None:
    """Return the free quota, where the user set it."""
    text = get(QUOTA)
    return Quota(**json.loads(text)) if text else None


def set_quota(found: Quota | None) -> None:
    """Count a free quota down from here on, or no more."""
    text = json.dumps({"tokens": found.tokens, "since": found.since}) if found else None
    put(QUOTA, text)
