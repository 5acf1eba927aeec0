"""What is known of batches, on disk beside the answers: a batch, its parts, and its rows.

No key is here, and no login of an address. A batch that has ended is deleted with its answers,
after `answers.LIFE_S`.
"""

from __future__ import annotations

import json
import secrets
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, fields
from typing import Any

from ...core.errors import GlmError, UnavailableError
from ...core.i18n import Text, tr
from ...session.codec import decode, encode
from ...session.statements import Statement, insert
from ...session.store import Store, answers_store
from ..answers import LIFE_S, write_now

UNSENT, SENDING, UNKNOWN, WRITTEN = "unsent", "sending", "unknown", "written"
"""States of a part of which no id is known. ``unknown``: it may have been taken."""
NO_ID = (UNSENT, SENDING, UNKNOWN, WRITTEN)
_COLUMNS = "state, remote, sent_at, completed, failed, problem, is_collected"


@dataclass(frozen=True, slots=True)
class Problem:
    """Why a row or a part has nothing to show, as it is kept."""

    message: str
    hint: str = ""
    is_left: bool = False
    """Whether it was not answered, rather than answered with an error."""

    @classmethod
    def of(cls, error: GlmError) -> Problem:
        """Return an error as it is kept."""
        return cls(error.message, error.hint)

    def to_error(self) -> GlmError:
        """Return the error again."""
        return GlmError(self.message, hint=self.hint)

    def __str__(self) -> str:
        return " → ".join(filter(None, (self.message, self.hint)))


@dataclass(slots=True)
class Part:
    """One batch as its provider has it."""

    number: int
    provider: str
    model: str
    base_url: str
    lines: int
    state: str = UNSENT
    remote: str = ""
    """The provider's id."""
    sent_at: float = 0.0
    """When it was sent, in seconds since the epoch."""
    completed: int = 0
    failed: int = 0
    problem: Problem | None = None
    is_collected: bool = False
    """Whether nothing more will come of it."""


@dataclass(slots=True)
class Line:
    """One row of a batch."""

    number: int
    key: bytes
    body: str
    """The request, as JSON."""
    record: str
    """The row itself, as JSON."""
    part: int | None = None
    answer: int | None = None
    problem: Problem | None = None


@dataclass(slots=True)
class Record:
    """A batch."""

    run: str
    name: str
    template: str
    written: str
    kind: str
    schema: str = ""
    id: str = field(default_factory=lambda: secrets.token_hex(4))
    at: float = field(default_factory=time.time)
    parts: list[Part] = field(default_factory=list)

    @property
    def is_open(self) -> bool:
        """Whether anything may still come of it."""
        return not all(part.is_collected for part in self.parts)


class Records:
    """The batches on disk.

    Raises
    ------
    UnavailableError
        Nothing is saved here.
    """

    def __init__(self) -> None:
        store = answers_store()
        if store is None:
            raise UnavailableError(
                tr("a batch outlives the kernel, and nothing is saved on this disk"),
                hint=tr("unset GLM_STORE, or ask the rows one by one with mode='live'"),
            )
        self._store: Store = store

    def add(self, record: Record, lines: Iterable[Line]) -> None:
        """Write a batch, before anything is sent."""
        row = {f.name: getattr(record, f.name) for f in fields(Record) if f.name != "parts"}
        statements = [insert("batch", row)]
        statements += [self._part(record, part) for part in record.parts]
        statements += [self._line(record, line) for line in lines]
        self._expire()
        write_now(self._store, statements)

    def _part(self, record: Record, part: Part) -> Statement:
        row = {f.name: getattr(part, f.name) for f in fields(Part)}
        row |= {"batch": record.id, "problem": _saved(part.problem)}
        return insert("batch_part", row, update=_COLUMNS.split(", "))

    def _line(self, record: Record, line: Line) -> Statement:
        row = {f.name: getattr(line, f.name) for f in fields(Line)}
        return insert("batch_row", row | {"batch": record.id, "problem": _saved(line.problem)})

    def _expire(self) -> None:
        old = "SELECT id FROM batch WHERE at < ?"
        for (id_,) in self._store.read(old, (time.time() - LIFE_S,)):
            record = self.get(id_)
            if record is not None and not record.is_open:
                self.delete(record)

    def delete(self, record: Record) -> None:
        """Delete a batch here; what the provider has of it stays."""
        tables = (("batch", "id"), ("batch_part", "batch"), ("batch_row", "batch"))
        sql = "DELETE FROM {} WHERE {} = ?"
        write_now(self._store, [(sql.format(*table), (record.id,)) for table in tables])

    def save(self, record: Record, part: Part) -> None:
        """Write what became of a part."""
        write_now(self._store, [self._part(record, part)])

    def settle(
        self, record: Record, ended: Iterable[tuple[bytes, int | None, Problem | None]]
    ) -> None:
        """Write what became of rows, by their keys: the id of an answer, or why there is none."""
        sql = "UPDATE batch_row SET answer = ?, problem = ? WHERE batch = ? AND key = ?"
        write_now(
            self._store,
            [(sql, (answer, _saved(why), record.id, key)) for key, answer, why in ended],
        )

    def all(self) -> list[Record]:
        """Return every batch, the newest first."""
        names = [f.name for f in fields(Record) if f.name != "parts"]
        sql = f"SELECT {', '.join(names)} FROM batch ORDER BY at DESC, id"  # noqa: S608 - our words
        return [self._record(dict(zip(names, row, strict=True))) for row in self._store.read(sql)]

    def get(self, id_: str) -> Record | None:
        """Return a batch as the disk has it now."""
        return next((record for record in self.all() if record.id == id_), None)

    def _record(self, row: dict[str, Any]) -> Record:
        return Record(**row, parts=self.parts(row["id"]))

    def parts(self, id_: str) -> list[Part]:
        """Return the parts of a batch as the disk has them now."""
        names = [f.name for f in fields(Part)]
        sql = f"SELECT {', '.join(names)} FROM batch_part WHERE batch = ? ORDER BY number"  # noqa: S608
        parts = [Part(*row) for row in self._store.read(sql, (id_,))]
        for part in parts:
            part.problem = _read(part.problem)
            part.is_collected = bool(part.is_collected)
        return parts

    def lines(self, record: Record, part: int | None = None) -> Iterator[Line]:
        """Yield the rows of a batch, or of one part of it, in order."""
        names = [f.name for f in fields(Line)]
        only, values = ("", ()) if part is None else (" AND part = ?", (part,))
        sql = f"SELECT {', '.join(names)} FROM batch_row WHERE batch = ?{only} ORDER BY number"  # noqa: S608
        for row in self._store.read(sql, (record.id, *values)):
            line = Line(*row)
            line.problem = _read(line.problem)
            yield line

    def running(self, keys: Iterable[bytes]) -> dict[str, set[bytes]]:
        """Return the batches that still may answer requests of these keys, and which of them."""
        expected = set(keys)
        sql = (
            "SELECT r.batch, r.key FROM batch_row r JOIN batch_part p"
            " ON p.batch = r.batch AND p.number = r.part"
            " WHERE p.is_collected = 0 AND p.state != ? AND r.answer IS NULL AND r.problem = ''"
        )
        batches: dict[str, set[bytes]] = {}
        for id_, key in self._store.read(sql, (WRITTEN,)):
            if key in expected:
                batches.setdefault(id_, set()).add(key)
        return batches

    def has_running(self) -> bool:
        """Whether any batch has not ended."""
        sql = "SELECT 1 FROM batch_part WHERE is_collected = 0 AND state != ? LIMIT 1"
        return bool(self._store.read(sql, (WRITTEN,)))

    def of_key(self, key: bytes) -> Record | None:
        """Return the newest batch with a request of this key."""
        sql = (
            "SELECT r.batch FROM batch_row r JOIN batch b ON b.id = r.batch"
            " WHERE r.key = ? ORDER BY b.at DESC LIMIT 1"
        )
        rows: Sequence[tuple[str]] = self._store.read(sql, (key,))
        return self.get(rows[0][0]) if rows else None


def _saved(problem: Problem | None) -> str:
    return "" if problem is None else json.dumps(encode(problem), ensure_ascii=False)


def _read(text: Any) -> Problem | None:
    problem: Problem | None = decode(Problem, json.loads(text)) if text else None
    return problem


def left(why: Text) -> Problem:
    """Return why a row was not answered."""
    return Problem(why, is_left=True)
