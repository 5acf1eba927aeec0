"""The budgets that were set: for a session, and for a day over all sessions and kernels."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from decimal import Decimal

from ..catalogue.load import catalogue
from .amounts import Amount, parse_amount
from .budget_guard import BudgetGuard
from .conversation import Conversation, open_conversations
from .ledger import Entry, day_of
from .limits import Limit
from .reservations import in_flight
from .rows import read_entries
from .spending import spendings
from .statements import Statement, insert
from .store import Store, current_store, renewals

DAY = "budget day"
QUOTA = "quota"
REREAD_S = 1.0
"""Time for which the sums of other kernels are reused."""

_in_memory: dict[str, str] = {}


def put(name: str, value: str | None) -> None:
    """Save a setting for every kernel of this user; ``None`` removes it."""
    _in_memory.pop(name, None)
    if value is not None:
        _in_memory[name] = value
    store = current_store()
    if store is not None:
        rows: list[Statement] = [("DELETE FROM setting WHERE name = ?", (name,))]
        if value is not None:
            rows.append(insert("setting", {"name": name, "value": value}))
        store.write(rows)


def _known() -> list[Statement]:
    """Return what writes the settings of this kernel to a file that was made anew."""
    return [
        insert("setting", {"name": n, "value": v}, update=["value"]) for n, v in _in_memory.items()
    ]


renewals.append(_known)


def get(name: str) -> str | None:
    """Return a setting."""
    return _read(current_store(), name)


def _read(store: Store | None, name: str) -> str | None:
    if store is None:
        return _in_memory.get(name)
    rows = store.read("SELECT value FROM setting WHERE name = ?", (name,))
    if store.problem:  # known before, or found out by that look
        return _in_memory.get(name)
    return str(rows[0][0]) if rows else None


def day_budget() -> Amount | None:
    """Return the budget of a day."""
    return _day_budget(current_store())


def _day_budget(store: Store | None) -> Amount | None:
    text = _read(store, DAY)
    return parse_amount(text) if text else None


def all_entries(since: float = 0.0) -> list[Entry]:
    """Return every call since a time: those on disk, of every kernel, and those of this one."""
    store = current_store()
    saved = read_entries(store, "at >= ?", (since,)) if store else []
    entries = {(entry.run, entry.step): entry for entry in saved}
    here = [e for conversation in open_conversations() for e in conversation.entries]
    here += [e for spending in spendings for e in spending.entries]
    entries.update({(e.run, e.step): e for e in here if e.at >= since})
    return sorted(entries.values(), key=lambda entry: (entry.at, entry.step))


class Settled:
    """What calls took of a budget, by run.

    Parameters
    ----------
    amount : Amount
        The budget.
    read : callable
        Returns the calls.
    reread_s : float
        How long the sums are reused while no turn of this process ends.
    """

    def __init__(
        self, amount: Amount, read: Callable[[], Iterable[Entry]], reread_s: float = math.inf
    ) -> None:
        self._amount, self._read, self._reread_s = amount, read, reread_s
        self._ended, self._read_at = -1, 0.0
        self._spent: dict[str, Decimal] = {}

    def forget(self) -> None:
        """Read the calls again when the sums are asked for."""
        self._ended = -1

    def __call__(self, but: Collection[str]) -> Decimal:
        """Return the amount, without the calls of some runs."""
        ended, now_s = in_flight.get().ended, time.monotonic()
        if ended != self._ended or now_s - self._read_at > self._reread_s:
            self._spent = {}
            for entry in self._read():
                amount = self._amount.of(entry.usage, entry.cost)
                self._spent[entry.run] = self._spent.get(entry.run, Decimal(0)) + amount
            self._ended, self._read_at = ended, now_s
        return sum((amount for run, amount in self._spent.items() if run not in but), Decimal(0))


def _todays_entries() -> list[Entry]:
    now = time.time()
    return [entry for entry in all_entries(now - 86_400 * 1.1) if entry.day == day_of(now)]


def limits_of(
    of: str, own: Amount | None, run: str, conversation: Conversation | None, store: Store | None
) -> list[Limit]:
    """Return the budgets that hold for a run: its own, its conversation's, and that of the day.

    Parameters
    ----------
    of : str
        Whose its own budget is: cell or call.
    own : Amount, optional
        That budget.
    run : str
        Id of the run.
    conversation : Conversation, optional
        Whose budget holds, too.
    store : Store or None
        Where the budget of the day is.
    """
    limits: list[Limit] = []
    if own is not None:
        limits.append(Limit(of, own, run, lambda _: Decimal(0)))
    if conversation is not None and conversation.budget is not None:
        total = conversation.budget
        settled = Settled(total, lambda: conversation.entries)
        limits.append(Limit("session", total, conversation.id, settled))
    day = _day_budget(store)
    if day is not None:
        taken = Settled(day, _todays_entries, REREAD_S)
        limits.append(Limit("day", day, DAY, taken, taken.forget))
    return limits


def guard_of(
    conversation: Conversation,
    run: str,
    cell: Amount | None,
    lanes: list[BudgetGuard],
    store: Store | None,
) -> BudgetGuard | None:
    """Return what holds a run to its budgets; it joins the guards of its prompt's other lanes.

    ``None`` where no budget is set.

    Parameters
    ----------
    conversation : Conversation
        Whose budget holds, besides that of the day.
    run : str
        Id of the run, which is counted by the guard itself.
    cell : Amount, optional
        What all lanes of the prompt together may take.
    lanes : list of BudgetGuard
        The guards of the lanes, which count what each other takes.
    store : Store or None
        Where the budget of the day is.
    """
    limits = limits_of("cell", cell, run, conversation, store)
    if not limits:
        return None
    scopes, running = (conversation.id, DAY), in_flight.get()
    guard = BudgetGuard(run, limits, lanes, scopes, running=running, store=store)
    lanes.append(guard)
    return guard


@dataclass(frozen=True, slots=True)
class Quota:
    """Free tokens of each model at Model Studio, counted down from a day on."""

    tokens: int
    since: str
    """First day, as ``2026-11-21``."""

    def left(self, model: str, entries: list[Entry]) -> int:
        """Return how many are left of a model's."""
        counted = self.counted(model, entries)
        used = sum((entry.usage.input or 0) + (entry.usage.output or 0) for entry in counted)
        return max(0, self.tokens - used)

    def counted(self, model: str, entries: Iterable[Entry]) -> list[Entry]:
        """Return the calls that count against a model's free tokens."""
        return [
            entry
            for entry in entries
            if entry.model == model and entry.day >= self.since and has_free_quota(entry.provider)
        ]


def has_free_quota(provider: str) -> bool:
    """Whether a provider gives free tokens for each model."""
    info = catalogue().providers.get(provider)
    return info is not None and info.free_quota_days > 0


def quota() -> Quota | None:
    """Return the free quota, where the user set it."""
    text = get(QUOTA)
    return Quota(**json.loads(text)) if text else None


def set_quota(quota: Quota | None) -> None:
    """Set the free quota that is counted down; ``None`` ends the counting."""
    text = json.dumps({"tokens": quota.tokens, "since": quota.since}) if quota else None
    put(QUOTA, text)
