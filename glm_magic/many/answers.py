"""What rows were answered, on disk: a row that was paid for is not asked again.

Each answer is written as soon as it has ended, before another row is asked in its place. It is kept
under the key of its request. A call without a name uses the answers of runs that did not reach
their end, and gives them up when it has reached its own; a name keeps its answers for good.
Where nothing is to be saved, answers are kept in memory.
"""

from __future__ import annotations

import asyncio
import json
import secrets
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice

from ..core.errors import GlmError, InvalidValueError, UnavailableError
from ..core.i18n import tr
from ..core.turn import Turn
from ..session.codec import decode, encode
from ..session.statements import Statement, insert
from ..session.store import Store, answers_store

LIFE_S = 30 * 86_400.0
"""How long the answers of a run without a name are kept after its end, for its result to read."""
PATIENCE_S = 10.0
"""How long a file that another program holds is waited for."""
POLL_S = 0.05
NUMBER_BITS = 22
"""Answers of a run that can be told apart; the other bits of an id are the run's own."""
AT_ONCE = 200
"""Answers that are read together."""


class Answers:
    """The answers of one call.

    Parameters
    ----------
    name : str, optional
        Under which they are kept for good.
    template : str
        What the call asks about each row; empty where that cannot be told.
    fresh : bool
        Ask again what was answered before.
    run : str, optional
        Go on with this run, in place of a new one.

    Raises
    ------
    InvalidValueError
        The name belongs to another prompt.
    """

    def __init__(
        self, name: str | None, template: str, *, fresh: bool = False, run: str | None = None
    ) -> None:
        self._name, self._template = name or "", template
        self.run = run or secrets.token_hex(8)
        self._next_id = secrets.randbits(62 - NUMBER_BITS) << NUMBER_BITS
        self._store: Store | None = answers_store()
        self._memory: dict[int, str] = {}
        """Answers by id, where there is no store."""
        self._is_fresh = fresh
        if self._name and not fresh:
            self._check_template()

    def _check_template(self) -> None:
        sql = "SELECT template FROM answer WHERE name = ? ORDER BY at DESC LIMIT 1"
        rows = self._store.read(sql, (self._name,)) if self._store else []
        if rows and self._template and rows[0][0] not in ("", self._template):
            raise InvalidValueError(
                tr(
                    "{name!r} names answers to another prompt, or of another model or options;"
                    " nothing was sent",
                    name=self._name,
                ),
                hint=tr("choose another name, or ask all rows again with fresh=True (--fresh)"),
            )

    def known(self, keys: Iterable[bytes]) -> dict[bytes, int]:
        """Return the ids of the answers that need not be asked for again, by key."""
        if self._store is None:
            return {}
        if self._is_fresh:
            self._release(set(keys))
            return {}
        expired = time.time() - LIFE_S
        old = "DELETE FROM answer WHERE name = '' AND is_open = 0 AND at < ?"
        if self._store.read("SELECT 1 FROM answer WHERE at < ? LIMIT 1", (expired,)):
            self._store.write([(old, (expired,))], lasting=False)
        mine = set(keys)
        return {key: id_ for id_, key in self._reusable() if key in mine}

    def _reusable(self) -> Sequence[tuple[int, bytes]]:
        """Return id and key of what may be used, the newest last."""
        which, values = ("name = ?", (self._name,)) if self._name else ("is_open = 1", ())
        sql = f"SELECT id, key FROM answer WHERE {which} ORDER BY at, id"  # noqa: S608 - our words
        rows: Sequence[tuple[int, bytes]] = self._store.read(sql, values) if self._store else []
        return rows

    def _release(self, keys: set[bytes]) -> None:
        """Let answers be used no more, since they are asked for again."""
        free = "UPDATE answer SET name = '', is_open = 0 WHERE id = ?"
        due = [(free, (id_,)) for id_, key in self._reusable() if self._name or key in keys]
        if due and self._store is not None:
            self._store.write(due)

    def save(self, ended: Iterable[tuple[bytes, Turn]]) -> list[int]:
        """Write answers to the disk, and return their ids.

        Raises
        ------
        UnavailableError
            They are not on disk; they are written later, if that can be while the process runs.
        """
        ids: list[int] = []
        statements: list[Statement] = []
        for key, turn in ended:
            text = json.dumps(encode(turn), ensure_ascii=False)
            ids.append(self._next_id)
            self._next_id += 1
            if self._store is None:
                self._memory[ids[-1]] = text
                continue
            row = {
                "id": ids[-1],
                "run": self.run,
                "name": self._name,
                "template": self._template,
                "key": key,
                "is_open": 1,
                "at": time.time(),
                "turn": text,
            }
            statements.append(insert("answer", row))
        if statements and self._store is not None:
            write_now(self._store, statements)
        return ids

    def finish(self, reused: Iterable[int]) -> None:
        """Let the next call without a name ask afresh: this one has reached its end."""
        if self._store is None or self._name:
            return
        free = "UPDATE answer SET is_open = 0 WHERE"
        statements = [(f"{free} id = ?", (id_,)) for id_ in reused]
        self._store.write([(f"{free} run = ?", (self.run,)), *statements])

    def turns(self, ids: Iterable[int]) -> Iterator[tuple[int, Turn]]:
        """Yield id and turn of answers, a part of them at a time.

        Raises
        ------
        UnavailableError
            They are not there any more.
        """
        rest = iter(ids)
        while some := list(islice(rest, AT_ONCE)):
            texts = self._texts(some)
            for id_ in some:
                if id_ not in texts:
                    raise UnavailableError(
                        tr("answers of this run are not on disk any more"),
                        hint=tr("they were deleted, or its file was; run the call again"),
                    )
                yield id_, decode(Turn, json.loads(texts[id_]))

    def _texts(self, ids: Sequence[int]) -> dict[int, str]:
        if self._store is None:
            return {id_: self._memory[id_] for id_ in ids}
        places = ", ".join("?" * len(ids))
        sql = f"SELECT id, turn FROM answer WHERE id IN ({places})"  # noqa: S608 - question marks
        return dict(self._store.read(sql, ids))


def write_now(store: Store, statements: Iterable[Statement]) -> None:
    """Write to the disk, and wait for a file that another program holds.

    Raises
    ------
    UnavailableError
        It is not on disk; it is written later, if that can be while the process runs.
    """
    batch = store.submit(statements)
    until_s = time.monotonic() + PATIENCE_S
    while batch.state == "waiting" and time.monotonic() < until_s:
        if batch.tries and not store.is_locked:
            break
        time.sleep(POLL_S)
    if batch.state != "written":
        raise UnavailableError(
            batch.refused or store.problem or tr("the answers could not be written"),
            hint=tr("what was answered before is kept; the same call goes on from there"),
        )


class Saver:
    """Writes answers on a thread of its own, those together that end while another is written.

    Parameters
    ----------
    answers : Answers
        Where they are kept.
    count : callable, optional
        Writes what they took, so that an answer on disk is in the sums on disk, too.
    """

    def __init__(self, answers: Answers, count: Callable[[], object] = lambda: None) -> None:
        self._answers, self._count = answers, count
        self._waiting: list[tuple[bytes, Turn, asyncio.Future[int]]] = []
        self._task: asyncio.Task[None] | None = None

    async def save(self, key: bytes, turn: Turn) -> int:
        """Write an answer; return its id once it is on disk.

        Raises
        ------
        GlmError
            It is not on disk.
        """
        written: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self._waiting.append((key, turn, written))
        if self._task is None:
            self._task = asyncio.create_task(self._run())
        return await written

    async def _run(self) -> None:
        try:
            while self._waiting:
                batch, self._waiting = self._waiting, []
                await self._write(batch)
        finally:
            self._task = None

    async def _write(self, batch: list[tuple[bytes, Turn, asyncio.Future[int]]]) -> None:
        pairs = [(key, turn) for key, turn, _ in batch]
        try:
            ids = await asyncio.to_thread(self._answers.save, pairs)
            await asyncio.to_thread(self._count)
        except Exception as error:
            failure = error if isinstance(error, GlmError) else internal_error(error)
            for *_, written in batch:
                if not written.done():
                    written.set_exception(failure)
        else:
            for (*_, written), id_ in zip(batch, ids, strict=True):
                if not written.done():
                    written.set_result(id_)


def internal_error(error: Exception) -> GlmError:
    """Return the error that a bug here is told as."""
    fault = GlmError(
        tr("internal error: {error}", error=repr(error)), hint=tr("please report this")
    )
    fault.__cause__ = error
    return fault
