"""Sessions on their way to the disk: what is written, and when."""

from __future__ import annotations

import atexit
import json
import os
import threading
import time
from collections.abc import Iterable, Sequence
from pathlib import Path
from weakref import WeakSet

from ..core.events import Event
from ..core.paths import data_folder
from ..core.turn import Notice, Turn
from ..engine.prepared import PreparedRequest
from ..engine.turn_builder import Reaction
from . import notebook as notebook_hooks
from .codec import TextDelta
from .ledger import Entry, entries_of
from .rows import call_row, ended_row, new_variant_row, run_row, slot_rows
from .slots import Slot, Variant
from .store import FILE, Statement, Store, insert

PIECE_S = 0.9
"""A running turn is written so often: a killed kernel loses less than a second of it."""

OFF = ("off", "0", "no", "false")


class Autosave:
    """Writes down the runs of this process's sessions while they happen."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self._running: WeakSet[TurnSaver] = WeakSet()
        self._told = ""
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None

    def keep(self, session: str, name: str, slot: Slot, variant: Variant) -> None:
        """Write down a run that is about to begin, and follow it to its end."""
        stream = variant.stream
        rows = [*slot_rows(session, slot), run_row(variant.id, variant.basis, variant.turn)]
        self.store.write([*rows, new_variant_row(session, slot, variant)])
        if stream is not None:
            keeper = TurnSaver(self, session, name, variant)
            stream.observers.append(keeper)
            self.follow(keeper)

    def count(self, session: str, name: str, variant: Variant) -> None:
        """Write down what a run costs, and nothing of what it says."""
        if variant.stream is not None:
            keeper = TurnSaver(self, session, name, variant, texts=False)
            variant.stream.observers.append(keeper)
            self.follow(keeper)

    def follow(self, keeper: TurnSaver) -> None:
        """Write what a run has brought about every second until it ends."""
        with self._lock:
            self._running.add(keeper)
            if self._thread is None or not self._thread.is_alive():
                self._thread = threading.Thread(target=self._run, name="glm-journal", daemon=True)
                self._thread.start()

    def done(self, keeper: TurnSaver) -> None:
        """Forget a run that has ended."""
        with self._lock:
            self._running.discard(keeper)

    def problem(self) -> str:
        """Return why conversations are not being kept, the first time that it is asked."""
        problem = self.store.problem
        if problem == self._told:
            return ""
        self._told = problem
        return problem

    def _run(self) -> None:
        while True:
            time.sleep(PIECE_S)
            with self._lock:
                keepers = list(self._running)
                if not keepers:
                    self._thread = None
                    return
            for keeper in keepers:
                keeper.write_piece()
            del keepers


class TurnSaver:
    """Follows one run to its end; an observer of its stream."""

    def __init__(
        self, journal: Autosave, session: str, name: str, variant: Variant, *, texts: bool = True
    ) -> None:
        self._journal = journal
        self._session, self._name = session, name
        self._variant = variant
        self._texts = texts
        self._growth = TextDelta()
        self._pieces = 0
        self._lock = threading.Lock()
        self._ended = False

    def on_request(self, request: PreparedRequest) -> None:
        """Let every call pass."""

    def on_events(self, events: Sequence[Event]) -> Iterable[Reaction]:  # noqa: ARG002
        """Tell, once, when the conversation is not being kept."""
        problem = self._journal.problem()
        return [Reaction(Notice("not-kept", f"this conversation is not kept: {problem}"))] * bool(
            problem
        )

    def on_end(self, turn: Turn) -> None:
        """Write the whole turn, before anybody is told that it has ended."""
        with self._lock:
            self._ended = True
            rows: list[Statement] = []
            if self._texts:
                rows = [
                    ended_row(self._variant.id, turn),
                    ("DELETE FROM piece WHERE run = ?", (self._variant.id,)),
                ]
            self._journal.store.write([*rows, *self._calls(turn), *self._nameless()])
        self._journal.done(self)

    def write_piece(self) -> None:
        """Write what is new since the last piece."""
        with self._lock:
            if self._ended or not self._variant.turn.steps:
                return
            turn = self._variant.turn
            rows = [*self._calls(turn)]
            if self._texts:
                body = json.dumps(self._growth.piece(turn), ensure_ascii=False)
                row = {"run": self._variant.id, "number": self._pieces, "body": body}
                rows.append(insert("piece", row))
                self._pieces += 1
            if not self._journal.store.write(rows, lasting=False):
                self._growth.lost()

    def _nameless(self) -> list[Statement]:
        """Return what takes the name of a session that was forgotten meanwhile off its calls."""
        sql = (
            "UPDATE call SET session_name = '' WHERE session = ?"
            " AND NOT EXISTS (SELECT 1 FROM session WHERE id = ?)"
        )
        return [(sql, (self._session, self._session))] if self._texts else []

    def _calls(self, turn: Turn) -> list[Statement]:
        stream = self._variant.stream
        size = stream.call.size if stream else None
        price = stream.call.offer.price if stream else None
        found: Iterable[Entry] = entries_of(self._variant.id, self._name, turn, size, price)
        return [call_row(self._session, entry) for entry in found]


_lock = threading.Lock()

_current: Autosave | None = None


def current() -> Autosave | None:
    """Return this process's journal, or ``None`` where conversations are not to be kept."""
    global _current  # noqa: PLW0603 - one file for each process
    if not is_on():
        return None
    path = data_folder() / FILE
    with _lock:
        if _current is None or _current.store.path != path:
            close()
            _current = Autosave(Store(path))
        return _current


def is_on() -> bool:
    """Whether conversations are kept: ``GLM_STORE=off`` or the setting ``store`` say no."""
    if notebook_hooks.kept is not None:
        return notebook_hooks.kept
    return os.environ.get("GLM_STORE", "").strip().lower() not in OFF


def notebook() -> str:
    """Return which notebook is running, or the folder where nobody knows."""
    return notebook_hooks.notebook() if notebook_hooks.notebook else str(Path.cwd())


def _after_fork() -> None:
    """Begin anew in a child: a lock may have been held, and a connection must not be shared."""
    global _current, _lock
    _current, _lock = None, threading.Lock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)


@atexit.register
def close() -> None:
    """Let go of the file."""
    if _current is not None:
        _current.store.close()
