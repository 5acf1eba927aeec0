"""Sessions on disk: found by name or notebook, read back, renamed, forgotten."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING, Any

from ..core.errors import InvalidValueError
from ..engine.options import Options
from . import autosave as journals
from .amounts import Amount, parse_amount
from .codec import encode
from .rows import read_entries, read_slots
from .store import Statement, insert

if TYPE_CHECKING:
    from .autosave import Autosave
    from .conversation import Conversation

_KEPT_OPTIONS = ("model", "provider", "base_url", "system", "thinking", "preserve", "parameters")

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


def kept_sessions(journal: Autosave, where: str, values: Sequence[Any] = ()) -> list[SavedSession]:
    """Return the sessions with turns of which a condition holds, the last used one first."""
    sql = f"SELECT {_COLUMNS} FROM session WHERE {where} ORDER BY used_at DESC"  # noqa: S608 - our own words
    found: list[SavedSession] = []
    for id_, name, notebook, used_at, options, turns in journal.store.read(sql, values):
        with suppress(ValueError, TypeError, AttributeError):  # a damaged row hides no other one
            own, budget = _options(options), _budget(options)
            found.append(SavedSession(id_, name, notebook, used_at, own, budget, turns))
    return [session for session in found if session.turns]


def last_of_notebook(taken: Iterable[str]) -> SavedSession | None:
    """Return the session that this notebook used last, other than those with these ids."""
    journal = journals.current()
    if journal is None:
        return None
    found, ours = kept_sessions(journal, "notebook = ?", (journals.notebook(),)), set(taken)
    return next((kept for kept in found if kept.id not in ours), None)


def by_name(name: str) -> SavedSession | None:
    """Return the session of that name that was used last."""
    journal = journals.current()
    found = kept_sessions(journal, "name = ?", (name,)) if journal else []
    return found[0] if found else None


def fill(session: Conversation, kept: SavedSession) -> None:
    """Let a session go on from what is on disk; options that it has already win."""
    journal = journals.current()
    if journal is None:
        return
    session.id = kept.id
    session.options = session.options.over(kept.options)
    session.budget = kept.budget
    for slot in read_slots(journal.store, kept.id):
        session._slots.add(slot)
    session._past = read_entries(journal.store, "session = ?", (kept.id,))


def session_row(session: Conversation) -> Statement:
    """Return what writes a session itself; keys and tools are never part of it."""
    now = time.time()
    options = {name: getattr(session.options, name) for name in _KEPT_OPTIONS}
    options["budget"] = session.budget.written if session.budget else None
    text = json.dumps(encode({k: v for k, v in options.items() if v not in (None, {})}))
    row = {
        "id": session.id,
        "name": session.name,
        "notebook": journals.notebook(),
        "began_at": now,
        "used_at": now,
        "options": text,
    }
    return insert("session", row, update=["name", "notebook", "used_at", "options"])


def _options(text: str) -> Options:
    known = {field.name for field in fields(Options)}
    return replace(Options(), **{k: v for k, v in json.loads(text).items() if k in known})


def _budget(text: str) -> Amount | None:
    budget = json.loads(text).get("budget")
    with suppress(InvalidValueError):
        return parse_amount(budget) if budget else None
    return None


def rename_saved(name: str, other: str) -> None:
    """Give sessions on disk another name, so that the name begins anew."""
    journal = journals.current()
    if journal is not None:
        journal.store.write([("UPDATE session SET name = ? WHERE name = ?", (other, name))])


def names_on_disk() -> list[str]:
    """Return the names of the sessions on disk, the last used one first."""
    journal = journals.current()
    found = kept_sessions(journal, "1") if journal else []
    return list(dict.fromkeys(kept.name for kept in found))


def forget(id_: str) -> None:
    """Delete what a session's turns say; what they cost stays in the sums."""
    journal = journals.current()
    if journal is None:
        return
    unused = "DELETE FROM run WHERE NOT EXISTS (SELECT 1 FROM variant WHERE run = run.id)"
    nameless = "UPDATE call SET session_name = '' WHERE session = ?"
    statements = [("DELETE FROM session WHERE id = ?", (id_,)), (unused, ()), (nameless, (id_,))]
    journal.store.write(statements)
    journal.store.shrink()
