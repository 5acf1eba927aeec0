"""Turns on their way to the disk while they run: what is written, and when.

A killed kernel loses less than a second of a reply: a running turn is written piece by piece, each
with only what is new, and once as a whole when it ends.
"""

from __future__ import annotations

import json
import logging
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from weakref import WeakSet

from ..core.address import HIDDEN, shown_query, shown_url, split
from ..core.events import Event
from ..core.i18n import tr
from ..core.process import PerProcess
from ..core.text import escape_surrogates
from ..core.turn import Notice, Turn
from ..engine.options import Options
from ..engine.prepared import PreparedRequest
from ..engine.turn_builder import Reaction
from .amounts import Amount
from .codec import TextDelta, encode
from .ledger import Entry, entries_of
from .notebook import hooks
from .rows import COST, FURTHER, USAGE
from .slots import Slot, Variant
from .statements import Batch, Statement, insert
from .store import Store

_log = logging.getLogger(__name__)

PIECE_S = 0.9
"""Time between two pieces of a running turn."""


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
    """Return the statement that saves a session itself; keys and tools are never part of it.

    ``used_at`` is later than that of every other session, also where the clock was set back: it
    orders them.
    """
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
    sql, values = insert("session", row, update=["name", "notebook", "used_at", "options"])
    others = "coalesce((SELECT max(used_at) + 1e-6 FROM session WHERE id <> ?), 0)"
    sql = sql.replace("VALUES (?, ?, ?, ?, ?, ?)", f"VALUES (?, ?, ?, ?, max(?, {others}), ?)")
    return sql, (*values[:5], id_, *values[5:])


def as_new(statement: Statement) -> Statement:
    """Return a statement that leaves a row as it is where it exists already."""
    sql, values = statement
    return f"{sql.partition(' ON CONFLICT ')[0]} ON CONFLICT DO NOTHING", values


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


def new_variant_row(session: str, slot: Slot, variant: Variant) -> Statement:
    """Return what makes a run the last variant of a slot, those of other kernels included."""
    sql = (
        "INSERT INTO variant (session, slot, number, run)"
        " SELECT ?, ?, coalesce(max(number), -1) + 1, ? FROM variant"
        " WHERE session = ? AND slot = ?"
    )
    return sql, (session, slot.id, variant.id, session, slot.id)


def kept_variant_row(session: str, slot: Slot, variant: Variant) -> Statement:
    """Return what makes a run the last variant of a slot, unless it is one of them already."""
    sql, values = new_variant_row(session, slot, variant)
    absent = " HAVING NOT EXISTS (SELECT 1 FROM variant WHERE session = ? AND slot = ? AND run = ?)"
    return sql + absent, (*values, session, slot.id, variant.id)


def run_row(run: str, digest: str, turn: Turn) -> Statement:
    """Return what writes a run."""
    row = {"id": run, "basis": digest, "status": turn.status, "turn": turn_text(turn)}
    return insert("run", row, update=["status", "turn"])


def turn_text(turn: Turn) -> str:
    """Return a turn as the store has it."""
    return json.dumps(encode(turn), ensure_ascii=False)


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
        "estimated": guesses + FURTHER * (entry.calls - 1),
        "amount": str(cost.amount) if cost else None,
        "currency": entry.currency or None,
    }
    return insert("call", {"run": entry.run, "step": entry.step, **figures}, update=list(figures))


def save(
    store: Store,
    session: str,
    name: str,
    slot: Slot,
    variant: Variant,
    *,
    kept: Callable[[], Sequence[Statement]],
) -> None:
    """Write a run that is about to begin, and follow it to its end.

    Parameters
    ----------
    store : Store
        Where to write.
    session, name : str
        Id and name of its session, which has a row in the store.
    slot, variant
        The run, and where it stands.
    kept : callable
        Returns what writes the run and its place as they are now; nothing once it was taken back.
    """
    rows = [*slot_rows(session, slot), run_row(variant.id, variant.context_digest, variant.turn)]
    first = store.submit([*rows, new_variant_row(session, slot, variant)])
    _follow(TurnSaver(store, session, name, variant, kept=kept, first=first))


def save_calls(store: Store, session: str, name: str, variant: Variant) -> None:
    """Write what a run costs, and nothing of its texts."""
    _follow(TurnSaver(store, session, name, variant))


def _follow(saver: TurnSaver) -> None:
    if saver.variant.stream is not None:
        saver.variant.stream.observers.append(saver)
        _shared.get().add(saver)


class Autosave:
    """Writes what has arrived of each running turn about every second, on its own thread."""

    def __init__(self) -> None:
        self._savers: WeakSet[TurnSaver] = WeakSet()
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None

    def add(self, saver: TurnSaver) -> None:
        """Write a turn's pieces until it ends."""
        with self._lock:
            self._savers.add(saver)
            if self._thread is None or not self._thread.is_alive():
                self._thread = threading.Thread(target=self._run, name="glm-autosave", daemon=True)
                self._thread.start()

    def remove(self, saver: TurnSaver) -> None:
        """Write no more pieces of a turn."""
        with self._lock:
            self._savers.discard(saver)

    def _run(self) -> None:
        while True:
            time.sleep(PIECE_S)
            with self._lock:
                savers = list(self._savers)
                if not savers:
                    self._thread = None
                    return
            for saver in savers:
                try:
                    saver.write_piece()
                except Exception:  # the other turns depend on this thread
                    _log.exception("a piece of a running turn could not be saved")
            del savers


_shared = PerProcess(Autosave)


class TurnSaver:
    """Observer of a stream that saves its turn.

    Parameters
    ----------
    store : Store
        Where to write.
    session, name : str
        Id and name of its session.
    variant : Variant
        The run.
    kept : callable, optional
        What writes the whole run, unless it was taken back; without it only its cost is saved.
    first : Batch, optional
        What was written as it began.
    """

    def __init__(
        self,
        store: Store,
        session: str,
        name: str,
        variant: Variant,
        *,
        kept: Callable[[], Sequence[Statement]] | None = None,
        first: Batch | None = None,
    ) -> None:
        self._store = store
        self._session, self._name = session, name
        self.variant = variant
        self._kept = kept
        self._first = first
        self._delta = TextDelta()
        self._pieces = 0
        self._generation = store.generation
        self._lock = threading.Lock()
        self._ended = False
        self._is_reported = False

    def on_request(self, request: PreparedRequest) -> None:
        """Let every request pass."""

    def on_events(self, events: Sequence[Event]) -> Iterable[Reaction]:  # noqa: ARG002
        """Report while the reply arrives that its conversation is not being saved."""
        if not self._is_reported and self._store.problem and not self._store.is_locked:
            self._is_reported = True
            yield Reaction(_not_kept(self._store.problem))

    def on_end(self, turn: Turn) -> Iterable[Notice]:
        """Write the whole turn; a program that sees it has ended may rely on the disk.

        Where it is not there, a notice says so.
        """
        with self._lock:
            self._ended = True
            try:
                last = self._store.submit(self._whole(turn))
            except (ArithmeticError, TypeError, ValueError, OSError, RecursionError) as error:
                _log.exception("a turn could not be saved")
                last = Batch([], state="dropped", refused=f"{type(error).__name__}: {error}")
        _shared.get().remove(self)
        return self._notices(last)

    def _whole(self, turn: Turn) -> list[Statement]:
        rows: list[Statement] = []
        if self._kept is not None:
            rows = [*self._kept(), ("DELETE FROM piece WHERE run = ?", (self.variant.id,))]
        return [*rows, *self._calls(turn), *self._nameless()]

    def _notices(self, last: Batch) -> Iterable[Notice]:
        """Yield what the user should know of how the turn was saved."""
        if self._store.take_renewed():
            file = escape_surrogates(str(self._store.path))
            text = tr(
                "{file} was deleted or replaced; what this kernel has is saved again", file=file
            )
            yield Notice("saved-again", text)
        refused = last.refused or (self._first.refused if self._first else "")
        if refused:
            yield _not_kept(tr("a part of it cannot be stored ({reason})", reason=refused))
        elif last.state != "written" and not self._is_reported:
            yield _not_kept(self._store.problem or tr("the disk has not answered yet"))

    def write_piece(self) -> None:
        """Write what is new since the last piece."""
        with self._lock:
            if self._ended or not self.variant.turn.steps:
                return
            turn = self.variant.turn
            rows = self._calls(turn)
            if self._generation != self._store.generation:
                self._generation = self._store.generation
                self._delta.lost()
            if self._kept is not None:
                body = json.dumps(self._delta.piece(turn), ensure_ascii=False)
                row = {"run": self.variant.id, "number": self._pieces, "body": body}
                rows.append(insert("piece", row))
                self._pieces += 1
            batch = self._store.submit(rows, lasting=False, generation=self._generation)
            if batch.state != "written":
                self._delta.lost()

    def _nameless(self) -> list[Statement]:
        """Return what clears the session's name from its calls, if it was forgotten meanwhile."""
        sql = (
            "UPDATE call SET session_name = '' WHERE session = ?"
            " AND NOT EXISTS (SELECT 1 FROM session WHERE id = ?)"
        )
        return [(sql, (self._session, self._session))] if self._kept is not None else []

    def _calls(self, turn: Turn) -> list[Statement]:
        stream = self.variant.stream
        size = stream.call.size if stream else None
        price = stream.call.offer.price if stream else None
        entries = entries_of(self.variant.id, self._name, turn, size, price)
        return [call_row(self._session, entry) for entry in entries]


def _not_kept(problem: str) -> Notice:
    return Notice("not-kept", tr("this conversation is not kept: {problem}", problem=problem))
