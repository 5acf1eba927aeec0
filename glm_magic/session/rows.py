"""Sessions, slots, runs and calls, read back from the store."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal
from typing import Any

from ..core.price import Cost
from ..core.turn import Step, Turn
from ..core.usage import Usage
from .codec import Encoded, apply_delta, decode
from .ledger import Entry
from .notebook import CellKey
from .slots import Slot, Variant
from .store import Store

USAGE, COST = 1, 2
"""Which figures of a call are estimates."""
FURTHER = 4
"""What each further call adds to those, where an entry is the sum of several. A version of this
package that knows of no sums takes them for one call."""
_ENTRY = (
    "run, step, at, session_name, provider, model, input, output, cached, reasoning, estimated, "
    "amount, currency"
)


def read_entries(store: Store, where: str, values: Sequence[Any]) -> list[Entry]:
    """Return the calls of which a condition holds, oldest first."""
    sql = f"SELECT {_ENTRY} FROM call WHERE {where} ORDER BY at, step"  # noqa: S608 - our own words
    return [_entry(row) for row in store.read(sql, values)]


def _entry(row: Sequence[Any]) -> Entry:
    run, step, at, session, provider, model, *counts, estimated, amount, currency = row
    guessed = bool(estimated & COST)
    cost = Cost(Decimal(amount), currency, guessed) if amount is not None else None
    usage = Usage(*counts)
    calls = 1 + max(0, estimated) // FURTHER
    is_guess = bool(estimated & USAGE)
    return Entry(run, step, at, session, provider, model, usage, cost, is_guess, calls)


def read_slots(store: Store, session: str) -> tuple[list[Slot], int]:
    """Return the slots of a session in their order, and how many of their runs are damaged."""
    damaged = 0
    columns = "id, made_at, key, place, hidden, pinned, gone"
    rows = store.read(f"SELECT {columns} FROM slot WHERE session = ? ORDER BY made_at", (session,))  # noqa: S608 - our own words
    slots: dict[str, Slot] = {}
    for row in rows:
        try:
            slots[row[0]] = _slot(row)
        except (ValueError, TypeError, RecursionError):
            damaged += 1
    sql = (
        "SELECT slot, run, basis, turn FROM variant JOIN run ON run.id = run"
        " WHERE session = ? ORDER BY slot, number"
    )
    for slot, run, basis, text in store.read(sql, (session,)):
        if slot in slots:
            try:
                slots[slot].variants.append(Variant(_turn(store, run, text), basis, run))
            except (ValueError, LookupError, TypeError, AttributeError, RecursionError):
                damaged += 1  # one damaged row hides no other
    whole = [slot for slot in slots.values() if slot.variants]
    for slot in whole:
        slot.place = min(slot.place, len(slot.variants) - 1)
    return whole, damaged


def _slot(row: Sequence[Any]) -> Slot:
    id_, made_at, key, place, hidden, pinned, gone = row
    return Slot(
        _key(json.loads(key)), [], place, bool(hidden), bool(pinned), bool(gone), id_, made_at
    )


def _key(value: Any) -> CellKey | None:
    return tuple(value) if isinstance(value, list) else value


def _turn(store: Store, run: str, text: str) -> Turn:
    """Return a run's turn; of one that was cut short, as much as had been written."""
    whole: Encoded = json.loads(text)
    if whole["status"] == "streaming":
        pieces = store.read("SELECT body FROM piece WHERE run = ? ORDER BY number", (run,))
        turn: Encoded | None = None
        for (body,) in pieces:
            turn = apply_delta(turn, json.loads(body))
        whole = turn or whole
    return cut_short(decode(Turn, whole))


def cut_short(turn: Turn) -> Turn:
    """Return a turn whose kernel is gone: one that was running was interrupted."""
    if turn.status != "streaming":
        return turn
    return replace(turn, status="interrupted", steps=tuple(map(_cut_step, turn.steps)))


def _cut_step(step: Step) -> Step:
    runs = tuple(
        replace(run, status="interrupted") if run.status == "running" else run for run in step.runs
    )
    status = "interrupted" if step.status == "streaming" else step.status
    return replace(step, status=status, runs=runs)
