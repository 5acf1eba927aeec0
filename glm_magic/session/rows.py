"""Sessions, slots, runs and calls as rows of the store, and back."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import replace
from decimal import Decimal
from typing import Any

from ..core.address import HIDDEN, shown_query, shown_url, split
from ..core.price import Cost
from ..core.turn import Step, Turn
from ..core.usage import Usage
from ..engine.options import Options
from .amounts import Amount
from .codec import Encoded, apply_delta, decode, encode
from .ledger import Entry
from .notebook import CellKey, hooks
from .slots import Slot, Variant
from .store import Statement, Store, insert

USAGE, COST = 1, 2
"""Which figures of a call are estimates."""
_ENTRY = (
    "run, step, at, session_name, provider, model, input, output, cached, reasoning, estimated, "
    "amount, currency"
)

_SAVED_OPTIONS = ("model", "provider", "base_url", "system", "thinking", "preserve", "parameters")


def _without_secrets(base_url: str | None) -> str | None:
    """Return an address that may be saved: without its login, and without keys in its query.

    The session then asks at the same address, which refuses it until they are given anew.
    """
    parts = split(base_url) if base_url else None
    if parts is None:
        return base_url and shown_url(base_url)
    address, _, query = parts
    pairs = [pair for pair in shown_query(query).split("&") if not pair.endswith(HIDDEN)]
    return f"{address}?{'&'.join(pairs)}" if any(pairs) else address


def session_row(id_: str, name: str, options: Options, budget: Amount | None) -> Statement:
    """Return the statement that saves a session itself; keys and tools are never part of it."""
    now = time.time()
    saved = {option: getattr(options, option) for option in _SAVED_OPTIONS}
    saved["base_url"] = _without_secrets(options.base_url)
    saved["budget"] = budget.written if budget else None
    row = {
        "id": id_,
        "name": name,
        "notebook": hooks().notebook_path(),
        "began_at": now,
        "used_at": now,
        "options": json.dumps(encode({k: v for k, v in saved.items() if v not in (None, {})})),
    }
    return insert("session", row, update=["name", "notebook", "used_at", "options"])


def slot_rows(session: str, slot: Slot) -> list[Statement]:
    """Return what writes a slot's marks."""
    marks = {
        "place": slot.place,
        "hidden": slot.hidden,
        "pinned": slot.pinned,
        "gone": slot.orphaned,
    }
    row = {
        "session": session,
        "id": slot.id,
        "made_at": slot.made_at,
        "key": json.dumps(slot.key, default=str),
        **marks,
    }
    return [insert("slot", row, update=list(marks))]


def variant_row(session: str, slot: Slot, number: int, variant: Variant) -> Statement:
    """Return what makes a run a variant of a slot."""
    row = {"session": session, "slot": slot.id, "number": number, "run": variant.id}
    return insert("variant", row, update=["run"])


def new_variant_row(session: str, slot: Slot, variant: Variant) -> Statement:
    """Return what makes a run the last variant of a slot, those of other kernels included."""
    sql = (
        "INSERT INTO variant (session, slot, number, run)"
        " SELECT ?, ?, coalesce(max(number), -1) + 1, ? FROM variant"
        " WHERE session = ? AND slot = ?"
    )
    return sql, (session, slot.id, variant.id, session, slot.id)


def run_row(run: str, digest: str, turn: Turn) -> Statement:
    """Return what writes a run."""
    text = json.dumps(encode(turn), ensure_ascii=False)
    row = {"id": run, "basis": digest, "status": turn.status, "turn": text}
    return insert("run", row, update=["status", "turn"])


def ended_row(run: str, turn: Turn) -> Statement:
    """Return what writes the end of a run, unless it was deleted meanwhile."""
    text = json.dumps(encode(turn), ensure_ascii=False)
    return "UPDATE run SET status = ?, turn = ? WHERE id = ?", (turn.status, text, run)


def all_rows(session: str, slots: Iterable[Slot]) -> list[Statement]:
    """Return what writes slots with all of their variants."""
    rows: list[Statement] = []
    for slot in slots:
        rows += slot_rows(session, slot)
        for number, variant in enumerate(slot.variants):
            rows.append(run_row(variant.id, variant.context_digest, variant.turn))
            rows.append(variant_row(session, slot, number, variant))
    return rows


def drop_rows(session: str, slots: Iterable[Slot]) -> list[Statement]:
    """Return what deletes slots, and their runs where no fork has them."""
    rows: list[Statement] = []
    unused = (
        "DELETE FROM run WHERE id = ? AND NOT EXISTS (SELECT 1 FROM variant WHERE run = run.id)"
    )
    for slot in slots:
        rows.append(("DELETE FROM slot WHERE session = ? AND id = ?", (session, slot.id)))
        rows += [(unused, (variant.id,)) for variant in slot.variants]
    return rows


def call_row(session: str, entry: Entry) -> Statement:
    """Return what writes a call."""
    usage, cost = entry.usage, entry.cost
    guesses = entry.estimated * USAGE + bool(cost and cost.estimated) * COST
    figures = {
        "session": session,
        "session_name": entry.session,
        "at": entry.at,
        "day": entry.day,
        "provider": entry.provider,
        "model": entry.model,
        "input": usage.input,
        "output": usage.output,
        "cached": usage.cached,
        "reasoning": usage.reasoning,
        "estimated": guesses,
        "amount": str(cost.amount) if cost else None,
        "currency": entry.currency or None,
    }
    return insert("call", {"run": entry.run, "step": entry.step, **figures}, update=list(figures))


def read_entries(store: Store, where: str, values: Sequence[Any]) -> list[Entry]:
    """Return the calls of which a condition holds, oldest first."""
    sql = f"SELECT {_ENTRY} FROM call WHERE {where} ORDER BY at, step"  # noqa: S608 - our own words
    return [_entry(row) for row in store.read(sql, values)]


def _entry(row: Sequence[Any]) -> Entry:
    run, step, at, session, provider, model, *counts, estimated, amount, currency = row
    guessed = bool(estimated & COST)
    cost = Cost(Decimal(amount), currency, guessed) if amount is not None else None
    usage = Usage(*counts)
    return Entry(run, step, at, session, provider, model, usage, cost, bool(estimated & USAGE))


def read_slots(store: Store, session: str) -> list[Slot]:
    """Return the slots of a session, each with its variants."""
    columns = "id, made_at, key, place, hidden, pinned, gone"
    rows = store.read(f"SELECT {columns} FROM slot WHERE session = ? ORDER BY made_at", (session,))  # noqa: S608 - our own words
    slots = {row[0]: _slot(row) for row in rows}
    sql = (
        "SELECT slot, run, basis, turn FROM variant JOIN run ON run.id = run"
        " WHERE session = ? ORDER BY slot, number"
    )
    for slot, run, basis, text in store.read(sql, (session,)):
        if slot in slots:
            with suppress(ValueError, LookupError, TypeError):  # a damaged row hides no other one
                slots[slot].variants.append(Variant(_turn(store, run, text), basis, run))
    whole = [slot for slot in slots.values() if slot.variants]
    for slot in whole:
        slot.place = min(slot.place, len(slot.variants) - 1)
    return whole


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
