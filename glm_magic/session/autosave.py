"""Turns on their way to the disk while they run: what is written, and when.

A killed kernel loses less than a second of a reply: a running turn is written piece by piece, each
with only what is new, and once as a whole when it ends.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterable, Sequence
from weakref import WeakSet

from ..core.events import Event
from ..core.i18n import tr
from ..core.process import PerProcess
from ..core.turn import Notice, Turn
from ..engine.prepared import PreparedRequest
from ..engine.turn_builder import Reaction
from .codec import TextDelta
from .ledger import entries_of
from .rows import call_row, ended_row, new_variant_row, run_row, slot_rows
from .slots import Slot, Variant
from .store import Statement, Store, insert

PIECE_S = 0.9
"""Time between two pieces of a running turn."""


def save(store: Store, session: str, name: str, slot: Slot, variant: Variant) -> None:
    """Write a run that is about to begin, and follow it to its end.

    Parameters
    ----------
    store : Store
        Where to write.
    session, name : str
        Id and name of its session, which has a row in the store.
    slot, variant
        The run, and where it stands.
    """
    rows = [*slot_rows(session, slot), run_row(variant.id, variant.context_digest, variant.turn)]
    store.write([*rows, new_variant_row(session, slot, variant)])
    _follow(TurnSaver(store, session, name, variant))


def save_calls(store: Store, session: str, name: str, variant: Variant) -> None:
    """Write what a run costs, and nothing of its texts."""
    _follow(TurnSaver(store, session, name, variant, texts=False))


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
                saver.write_piece()
            del savers


_shared = PerProcess(Autosave)


class TurnSaver:
    """Observer of a stream that saves its turn."""

    def __init__(
        self, store: Store, session: str, name: str, variant: Variant, *, texts: bool = True
    ) -> None:
        self._store = store
        self._session, self._name = session, name
        self.variant = variant
        self._texts = texts
        self._delta = TextDelta()
        self._pieces = 0
        self._lock = threading.Lock()
        self._ended = False

    def on_request(self, request: PreparedRequest) -> None:
        """Let every request pass."""

    def on_events(self, events: Sequence[Event]) -> Iterable[Reaction]:  # noqa: ARG002
        """Report, once, when the conversation is not being saved."""
        problem = self._store.new_problem()
        if problem:
            yield Reaction(
                Notice("not-kept", tr("this conversation is not kept: {problem}", problem=problem))
            )

    def on_end(self, turn: Turn) -> None:
        """Write the whole turn; a program that sees it has ended may rely on the disk."""
        with self._lock:
            self._ended = True
            rows: list[Statement] = []
            if self._texts:
                rows = [
                    ended_row(self.variant.id, turn),
                    ("DELETE FROM piece WHERE run = ?", (self.variant.id,)),
                ]
            self._store.write([*rows, *self._calls(turn), *self._nameless()])
        _shared.get().remove(self)

    def write_piece(self) -> None:
        """Write what is new since the last piece."""
        with self._lock:
            if self._ended or not self.variant.turn.steps:
                return
            turn = self.variant.turn
            rows = self._calls(turn)
            if self._texts:
                body = json.dumps(self._delta.piece(turn), ensure_ascii=False)
                row = {"run": self.variant.id, "number": self._pieces, "body": body}
                rows.append(insert("piece", row))
                self._pieces += 1
            if not self._store.write(rows, lasting=False):
                self._delta.lost()

    def _nameless(self) -> list[Statement]:
        """Return what clears the session's name from its calls, if it was forgotten meanwhile."""
        sql = (
            "UPDATE call SET session_name = '' WHERE session = ?"
            " AND NOT EXISTS (SELECT 1 FROM session WHERE id = ?)"
        )
        return [(sql, (self._session, self._session))] if self._texts else []

    def _calls(self, turn: Turn) -> list[Statement]:
        stream = self.variant.stream
        size = stream.call.size if stream else None
        price = stream.call.offer.price if stream else None
        entries = entries_of(self.variant.id, self._name, turn, size, price)
        return [call_row(self._session, entry) for entry in entries]
