"""A store of a hundred thousand turns: open it and list its sessions."""

from __future__ import annotations

import statistics
import time
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

from glm_magic.core.turn import Step, Turn
from glm_magic.core.usage import Usage
from glm_magic.session.repository import all_rows, saved_sessions
from glm_magic.session.slots import Slot, Variant
from glm_magic.session.store import Store
from tests.benchmarks.figures import Figure

SESSIONS = 1_000
TURNS = 100
ROUNDS = 7
SESSION = (
    "INSERT INTO session (id, name, notebook, began_at, used_at, options) VALUES (?,?,?,?,?,?)"
)

COPIES = (
    "INSERT INTO run SELECT ? || id, basis, status, turn FROM run WHERE id IN"
    " (SELECT run FROM variant WHERE session = '0')",
    "INSERT INTO slot SELECT ?, id, made_at, key, place, hidden, pinned, gone FROM slot"
    " WHERE session = '0'",
    "INSERT INTO variant SELECT ?1, slot, number, ?1 || run FROM variant WHERE session = '0'",
)
"""What makes another session like the first one; making its turns anew takes much longer."""


def run() -> Iterator[Figure]:
    """Write the store once, and open it as a new kernel would."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / "store.sqlite"
        _fill(path)
        opened_s = statistics.median(_opened(path) for _ in range(ROUNDS))
    what = f"open {SESSIONS * TURNS:,} turns in {SESSIONS:,} sessions and list these"
    yield Figure("Store", what, opened_s * 1e3, "ms", reach=100)


def _fill(path: Path) -> None:
    store = Store(path)
    step = Step("Short waves scatter more. " * 20, "Blue. " * 20, usage=Usage(20, 200))
    turn = Turn("Why?", "vllm", "glm-4.6", (step,), "complete")
    slots = [Slot(variants=[Variant(turn)]) for _ in range(TURNS)]
    for number in range(SESSIONS):
        id_ = str(number)
        row = (id_, f"session {number}", "notebook", 0.0, float(number), "{}")
        turns = [(sql, (id_,)) for sql in COPIES] if number else all_rows(id_, slots)
        assert store.write([(SESSION, row), *turns])
    store.close()


def _opened(path: Path) -> float:
    began = time.perf_counter()
    store = Store(path)
    sessions = saved_sessions(store, "1")
    spent_s = time.perf_counter() - began
    store.close()
    assert sum(session.turns for session in sessions) == SESSIONS * TURNS
    return spent_s
