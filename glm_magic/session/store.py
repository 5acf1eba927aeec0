"""One SQLite file with every conversation, shared by all kernels of a user.

The file is in WAL mode, so that kernels read while another writes, and has numbered migrations in
``schema.sql``. A running turn is written about once a second as a piece that holds only what is
new, and once as a whole when it ends; runs are shared by forks. What a run cost is kept in rows
without text, which outlive the turns they belong to, so that sums stay true after ``undo`` and
``forget``. There is no fsync for each turn: a killed process loses nothing, a power cut may lose
the last seconds.

One thread of the process writes, in the order in which it was asked. Who asks waits for it, but
not for a file that another program holds or that cannot be written: then the statements wait, the
thread tries again, and nobody's stream is delayed. Nothing here raises. What is not on disk is
`Batch.problem`, for the panel of its turn, and `Store.problem` while it lasts.
"""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

from ..core.i18n import Text
from ..core.paths import data_folder
from ..core.process import PerProcess
from .notebook import hooks
from .statements import Batch, FileProblem, Rows, Statement

_log = logging.getLogger(__name__)

FILE = "sessions.db"
ANSWERS_FILE = "answers.db"
BUSY_S = 0.25
"""How long a lock of another program is waited for before the statements wait in memory."""
PATIENCE_S = 5.0
"""How long who writes waits for a disk that is merely slow."""
POLL_S = 0.02
"""Time between two tries while another program holds the file."""
RETRY_S = 2.0
"""Time between two tries while the file cannot be written for another reason."""
CLOSE_S = 10.0
"""How long the end of the process waits for a file that another program holds."""
OFF = ("off", "0", "no", "false")
"""Values of ``GLM_STORE`` that keep conversations in memory only."""

renewals: list[Callable[[], Iterable[Statement]]] = []
"""Functions that return what this process knows, for a file that has to be made again."""


def current_store() -> Store | None:
    """Return this process's store, or ``None`` where conversations are not to be saved."""
    return _shared.get() if is_on() else None


def answers_store() -> Store | None:
    """Return the store of what rows were answered; ``None`` as for `current_store`."""
    return _answers.get() if is_on() else None


def is_on() -> bool:
    """Whether conversations are saved: as the notebook's settings or ``GLM_STORE`` say."""
    choice = hooks().persistence()
    if choice is not None:
        return choice
    return os.environ.get("GLM_STORE", "").strip().lower() not in OFF


class Store:
    """The file, as this process has it open.

    Parameters
    ----------
    path : Path
        The file; it is made, for its owner only, when something is first written.
    schema : str
        The file of this package with its tables.
    known : callable
        Returns what a file has to be given that has to be made again.
    """

    def __init__(
        self,
        path: Path,
        schema: str = "schema.sql",
        known: Callable[[], list[Statement]] | None = None,
    ) -> None:
        self.path = path
        self._schema = schema
        self._known = known or _known
        self._begin()

    def _begin(self) -> None:
        from .database import Database  # SQLite is loaded when something is saved

        self._pid = os.getpid()
        self._database = Database(self.path, self._schema)
        self._changed = threading.Condition()
        """Held while the queue is read or changed; notified when it was."""
        self._writing = threading.Lock()
        """Held by who writes."""
        self._queue: list[Batch] = []
        self._thread: threading.Thread | None = None
        self._closing = False
        self._wakes = 0
        """Counts what a waiting thread is to try at once."""
        self._shrink_due = False
        self._stuck: FileProblem | None = None
        """Why the last try failed."""
        self._unreadable: FileProblem | None = None
        self._renewing = False
        """Whether the file has to be given what this process knows, before anything else."""
        self._was_renewed = False
        self.generation = 0
        """Counts the files that were made anew; a piece continues one of the same file only."""

    @property
    def problem(self) -> Text | str:
        """Why conversations are not being saved; empty while all is well."""
        problem = self._stuck or self._unreadable
        return problem.message if problem else ""

    @property
    def is_locked(self) -> bool:
        """Whether another program holds the file, and nothing else is wrong with it."""
        return self._stuck is not None and self._stuck.kind == "locked"

    def write(self, statements: Iterable[Statement], *, lasting: bool = True) -> bool:
        """Write in one transaction; return whether all of it is on disk.

        Parameters
        ----------
        statements : iterable of (str, sequence)
            SQL and its values.
        lasting : bool
            True writes later what cannot be written now.
        """
        return self.submit(statements, lasting=lasting).state == "written"

    def submit(
        self,
        statements: Iterable[Statement],
        *,
        lasting: bool = True,
        generation: int | None = None,
    ) -> Batch:
        """Write in one transaction, as `write` does; return what becomes of it.

        Statements that continue what was written to the file of a `generation` are dropped where
        it is another one meanwhile.
        """
        batch = Batch(list(statements), generation)
        self._own()
        with self._changed:
            self._queue.append(batch)
        self._wait_for(batch)
        if not lasting:
            with self._changed:
                if batch.state == "waiting":
                    batch.state = "dropped"
                    self._queue = [other for other in self._queue if other is not batch]
        return batch

    def read(self, sql: str, values: Sequence[Any] = ()) -> Rows:
        """Return the rows of a query; none where nothing was saved."""
        self._own()
        try:
            rows = self._database.read(sql, values)
        except FileProblem as problem:
            self._unreadable = problem
            return []
        except TypeError:  # nothing that was stored equals a value that cannot be stored
            return []
        self._unreadable = None
        return rows

    def shrink(self) -> None:
        """Remove what was deleted from the write-ahead log too, now or as soon as that can be."""
        self._shrink_due = True
        self.submit(())

    def take_renewed(self) -> bool:
        """Return, once, whether the file was lost and has been made again."""
        renewed, self._was_renewed = self._was_renewed, False
        return renewed

    def erase(self) -> None:
        """Delete everything; other kernels go on with the empty file.

        Raises
        ------
        OSError
            The file cannot be written.
        """
        self._own()
        with self._writing:
            with self._changed:
                for batch in self._queue:
                    batch.state = "dropped"
                self._queue = []
            self._shrink_due = not self._database.erase()
            self._stuck = self._unreadable = None
            self._renewing = False

    def close(self) -> None:
        """Close the file; it is opened again when it is needed.

        What waits is tried once more, and waits up to `CLOSE_S` for a lock to go.
        """
        if self._pid != os.getpid():
            return
        self._settle()
        with self._changed:
            self._closing = True
            self._changed.notify_all()
            thread = self._thread
        if thread is not None and thread is not threading.current_thread():
            thread.join(PATIENCE_S)
        with self._writing:
            self._database.close()
        self._closing = False

    def _settle(self) -> None:
        until_s = time.monotonic() + CLOSE_S
        while self._queue:
            self._attempt()
            if not self._queue:
                return
            if not self.is_locked or time.monotonic() > until_s:
                _log.warning("glm_magic: what is not on disk is lost: %s", self.problem)
                return
            time.sleep(POLL_S)

    def _own(self) -> None:
        """Begin anew in a forked process: locks, threads and connections are its parent's."""
        if self._pid != os.getpid():
            _inherited.append(self._database)
            self._begin()

    # ---- the writer ------------------------------------------------------------------------------

    def _wait_for(self, batch: Batch) -> None:
        """Wait until a batch is written, or until it is known that it must wait."""
        with self._changed:
            self._wakes += 1
            self._changed.notify_all()
            if self._has_thread():
                self._changed.wait_for(
                    lambda: batch.state != "waiting" or batch.tries > 0, PATIENCE_S
                )
                return
        self._attempt()

    def _has_thread(self) -> bool:
        """Return whether a thread writes; at the end of a process none can be started."""
        if self._thread is not None and self._thread.is_alive():
            return True
        thread = threading.Thread(target=self._run, name="glm-store", daemon=True)
        try:
            thread.start()
        except RuntimeError:
            return False
        self._thread = thread
        return True

    def _run(self) -> None:
        while True:
            with self._changed:
                if self._closing:
                    self._thread = None
                    return
                wakes = self._wakes
                busy = bool(self._queue or self._shrink_due)
            try:
                done = not busy or self._attempt()
            except BaseException:  # other conversations depend on this thread
                _log.exception("the thread that saves conversations failed, and goes on")
                done = False
            pause_s = None if done else (POLL_S if self.is_locked else RETRY_S)
            with self._changed:
                self._changed.wait_for(lambda: self._closing or self._wakes != wakes, pause_s)  # noqa: B023

    def _attempt(self) -> bool:
        """Write what waits; return whether nothing is left to do."""
        with self._writing:
            with self._changed:
                batches = list(self._queue)
            since_s = time.monotonic()
            patient = not self.is_locked
            while True:
                problem = self._written(batches)
                waits = problem is not None and problem.kind == "locked" and patient
                if not waits or time.monotonic() - since_s > BUSY_S:
                    break
                time.sleep(POLL_S)
            with self._changed:
                self._stuck = problem
                for batch in batches if problem else ():
                    batch.tries += 1
                self._changed.notify_all()
                return not (self._queue or self._shrink_due)

    def _written(self, batches: Sequence[Batch]) -> FileProblem | None:
        """Write batches in one transaction, after what a file that was lost has to hold."""
        database = self._database
        if database.is_another:
            database.close()
            self._renewing = True
            self.generation += 1
        due = [b for b in batches if b.generation in (None, self.generation)]
        known = self._known() if self._renewing else []
        statements = [*known, *(statement for batch in due for statement in batch.statements)]
        try:
            refused = database.write(statements) if statements else []
        except FileProblem as problem:
            return problem
        self._was_renewed, self._renewing = self._was_renewed or self._renewing, False
        self._unreadable = None
        if self._shrink_due:
            self._shrink_due = not database.shrink()
        with self._changed:
            rest = iter(refused[len(known) :])
            for batch in due:
                batch.refused = next(filter(None, [next(rest) for _ in batch.statements]), "")
                batch.state = "refused" if batch.refused else "written"
            for batch in batches:
                batch.state = "dropped" if batch.state == "waiting" else batch.state
            self._queue = [batch for batch in self._queue if batch.state == "waiting"]
            self._changed.notify_all()
        return None


def _known() -> list[Statement]:
    """Return what this process knows, as far as it can be written."""
    statements: list[Statement] = []
    for renewal in renewals:
        try:
            statements += renewal()
        except Exception:  # one conversation must not keep the others off the disk
            _log.exception("a part of what was saved could not be written again")
    return statements


_inherited: list[object] = []
"""What a forked process has of its parent's: to close it would take the parent's locks away."""

_shared = PerProcess(
    lambda: Store(data_folder() / FILE),
    Store.close,
    is_current=lambda store: store.path == data_folder() / FILE,
    in_child=_inherited.append,
)

_answers = PerProcess(
    lambda: Store(data_folder() / ANSWERS_FILE, "answers.sql", list),
    Store.close,
    is_current=lambda store: store.path == data_folder() / ANSWERS_FILE,
    in_child=_inherited.append,
)
