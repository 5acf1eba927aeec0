"""Saved sessions: find them by name or notebook, read, rename and forget them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, fields, replace
from typing import Any

from ..core.errors import InvalidValueError
from ..core.i18n import tr
from ..engine.options import Options
from . import contents
from .amounts import Amount, parse_amount
from .autosave import run_row, slot_rows, turn_text
from .ledger import Entry
from .notebook import hooks
from .rows import read_entries, read_slots
from .slots import Slot, Variant
from .statements import Statement, insert
from .store import Store, current_store

_COLUMNS = (
    "id, name, notebook, used_at, options,"
    " (SELECT count(*) FROM slot WHERE slot.session = session.id)"
)


@dataclass(frozen=True, slots=True)
class SavedSession:
    """A session on disk."""

    id: str
    name: str
    notebook: str
    used_at: float
    options: Options
    budget: Amount | None
    turns: int


def saved_sessions(store: Store, where: str, values: Sequence[Any] = ()) -> list[SavedSession]:
    """Return the sessions with turns for which a condition holds, the last used one first."""
    sql = f"SELECT {_COLUMNS} FROM session WHERE {where} ORDER BY used_at DESC"  # noqa: S608 - our own words
    sessions: list[SavedSession] = []
    for id_, name, notebook, used_at, text, turns in store.read(sql, values):
        with suppress(ValueError, TypeError, AttributeError):  # a damaged row hides no other one
            options, budget = _options(text), _budget(text)
            sessions.append(SavedSession(id_, name, notebook, used_at, options, budget, turns))
    return [session for session in sessions if session.turns]


def last_of_notebook(but: Iterable[str]) -> SavedSession | None:
    """Return the session that this notebook used last, other than those with these ids."""
    store = current_store()
    if store is None:
        return None
    sessions = saved_sessions(store, "notebook = ?", (hooks().notebook_path(),))
    excluded = set(but)
    return next((session for session in sessions if session.id not in excluded), None)


def by_name(name: str) -> SavedSession | None:
    """Return the session of that name that was used last."""
    store = current_store()
    sessions = saved_sessions(store, "name = ?", (name,)) if store else []
    return sessions[0] if sessions else None


def read_session(id_: str) -> tuple[list[Slot], int, list[Entry]]:
    """Return the slots of a session, how many of its runs cannot be read, and its calls."""
    store = current_store()
    if store is None:
        return [], 0, []
    slots, damaged = read_slots(store, id_)
    for variant in (variant for slot in slots for variant in slot.variants):
        variant.source = contents.filled(variant.turn)
    return slots, damaged, read_entries(store, "session = ?", (id_,))


def variant_row(session: str, slot: Slot, number: int, variant: Variant) -> Statement:
    """Return what makes a run a variant of a slot."""
    row = {"session": session, "slot": slot.id, "number": number, "run": variant.id}
    return insert("variant", row, update=["run"])


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


def changed_runs(variants: Iterable[Variant]) -> set[str]:
    """Return the ids under which the disk has another turn than these variants."""
    store, changed = current_store(), set()
    for variant in variants if store else ():
        rows = store.read("SELECT turn FROM run WHERE id = ?", (variant.id,)) if store else []
        if rows and rows[0][0] != turn_text(variant.turn):
            changed.add(variant.id)
    return changed


ALL = "all"
"""What `%glm forget` calls everything, so that no session has this name."""


def check_name(name: str) -> None:
    """Refuse a name that means something else.

    Raises
    ------
    InvalidValueError
        It does, and no session of an earlier version has it.
    """
    if name == ALL and by_name(name) is None:
        raise InvalidValueError(
            tr("no session can be named {name}", name=name),
            hint=tr("%glm forget all deletes every session; choose another name"),
        )


def _options(text: str) -> Options:
    names = {field.name for field in fields(Options)}
    return replace(Options(), **{k: v for k, v in json.loads(text).items() if k in names})


def _budget(text: str) -> Amount | None:
    budget = json.loads(text).get("budget")
    with suppress(InvalidValueError):
        return parse_amount(budget) if budget else None
    return None


def rename_saved(name: str, other: str) -> None:
    """Give sessions on disk another name, so that theirs is free."""
    store = current_store()
    if store is not None:
        store.write([("UPDATE session SET name = ? WHERE name = ?", (other, name))])


def names_on_disk() -> list[str]:
    """Return the names of the sessions on disk, the last used one first."""
    store = current_store()
    sessions = saved_sessions(store, "1") if store else []
    return list(dict.fromkeys(session.name for session in sessions))


def forget(id_: str) -> bool:
    """Delete the texts of a session's turns; what they cost stays in the sums.

    Returns
    -------
    bool
        False while they are still on disk; they are deleted when it can be written.
    """
    store = current_store()
    if store is None:
        return True
    unused = "DELETE FROM run WHERE NOT EXISTS (SELECT 1 FROM variant WHERE run = run.id)"
    nameless = "UPDATE call SET session_name = '' WHERE session = ?"
    done = store.write(
        [("DELETE FROM session WHERE id = ?", (id_,)), (unused, ()), (nameless, (id_,))]
    )
    store.shrink()
    contents.sweep()
    return done
