"""One SQLite file with every conversation, shared by all kernels of a user.

The file is in WAL mode, so that kernels read while another writes, and has numbered migrations in
``schema.sql``. A running turn is written about once a second as a piece that holds only what is
new, and once as a whole when it ends; runs are shared by forks. What a run cost is kept in rows
without text, which outlive the turns they belong to, so that sums stay true after ``undo`` and
``forget``. There is no fsync for each turn: a killed process loses nothing, a power cut may lose
the last seconds.

Nothing here raises: a disk that is full, read-only or broken is a `Store.problem`, and the
conversation goes on in memory. Statements that could not be written are written later.
"""

from __future__ import annotations

import os
import re
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from ..core.i18n import Text, tr
from ..core.paths import data_folder
from ..core.process import PerProcess
from .notebook import hooks

if TYPE_CHECKING:
    from sqlite3 import Connection

T = TypeVar("T")
Statement = tuple[str, Sequence[Any]]
"""SQL and its values."""

FILE = "sessions.db"
BUSY_S = 3.0
"""How long to wait while another kernel writes."""
MOST_WAITING = 10_000
"""Statements that wait in memory for a disk that has room again."""
OFF = ("off", "0", "no", "false")
"""Values of ``GLM_STORE`` that keep conversations in memory only."""


def current_store() -> Store | None:
    """Return this process's store, or ``None`` where conversations are not to be saved."""
    return _shared.get() if is_on() else None


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
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.problem: str = ""
        """Why conversations are not being saved; empty while all is well."""
        self._lock = threading.RLock()
        self._connection: Connection | None = None
        self._given_up = False
        self._reported = ""
        self._waiting: list[Statement] = []
        self._pid = os.getpid()

    def write(self, statements: Iterable[Statement], *, lasting: bool = True) -> bool:
        """Write in one transaction; return whether it is on disk.

        Parameters
        ----------
        statements : iterable of (str, sequence)
            SQL and its values.
        lasting : bool
            True writes later what cannot be written now.
        """
        new = list(statements)
        with self._lock:
            due = [*self._waiting, *new]
            written = self._do(lambda connection: _execute(connection, due), make=True)
            if written is not None:
                self._waiting = []
                return True
            if lasting and not self._given_up:
                self._waiting = due[-MOST_WAITING:]
            return False

    def read(self, sql: str, values: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """Return the rows of a query; none where nothing was saved."""
        rows = self._do(lambda connection: connection.execute(sql, values).fetchall(), make=False)
        return rows or []

    def new_problem(self) -> str:
        """Return the problem the first time that it is asked for; empty afterwards."""
        problem, before = self.problem, self._reported
        self._reported = problem
        return problem if problem != before else ""

    def shrink(self) -> None:
        """Remove what was deleted from the write-ahead log too."""
        self._do(
            lambda connection: connection.execute("PRAGMA wal_checkpoint(TRUNCATE)"), make=False
        )

    def erase(self) -> None:
        """Delete everything, whatever state the file is in.

        Raises
        ------
        OSError
            The file cannot be deleted.
        """
        with self._lock:
            self.close()
            self._waiting, self._given_up, self.problem = [], False, ""
            for path in (self.path, *(Path(f"{self.path}-{end}") for end in ("wal", "shm"))):
                path.unlink(missing_ok=True)

    def close(self) -> None:
        """Close the file; it is opened again when it is needed."""
        with self._lock:
            connection, self._connection = self._connection, None
            if connection is not None and self._pid == os.getpid():
                connection.close()

    def _do(self, action: Callable[[Connection], T], *, make: bool) -> T | None:
        import sqlite3

        with self._lock:
            if self._given_up or not (make or self.path.exists()):
                return None
            try:
                done = action(self._open())
            except (sqlite3.Error, OSError) as error:
                self._note(error)
                return None
            if make:
                self.problem = ""
            return done

    def _open(self) -> Connection:
        if self._connection is None or self._pid != os.getpid():
            self._pid = os.getpid()  # a connection must not be used across a fork
            self._connection = None
            self._connection = _connect(self.path)
        return self._connection

    def _note(self, error: Exception) -> None:
        self.problem, self._given_up = _described(error, self.path)


_shared = PerProcess(
    lambda: Store(data_folder() / FILE),
    Store.close,
    is_current=lambda store: store.path == data_folder() / FILE,
)


def insert(table: str, row: Mapping[str, Any], update: Sequence[str] = ()) -> Statement:
    """Return the statement that inserts a row.

    It names its columns and never replaces a whole row: the kernel of an older version goes on
    writing after a newer one, running at the same time, added a column.

    Parameters
    ----------
    table : str
        The table.
    row : mapping
        Values by column.
    update : sequence of str
        Columns that change where the row exists already; without any, such a row stays as it is.
    """
    columns, places = ", ".join(row), ", ".join("?" * len(row))
    changes = ", ".join(f"{column} = excluded.{column}" for column in update)
    conflict = f"UPDATE SET {changes}" if changes else "NOTHING"
    sql = f"INSERT INTO {table} ({columns}) VALUES ({places}) ON CONFLICT DO {conflict}"  # noqa: S608 - our own names
    return sql, tuple(row.values())


class NewerFileError(OSError):
    """The file was written by a newer version."""


def _execute(connection: Connection, statements: Iterable[Statement]) -> bool:
    from sqlite3 import IntegrityError

    connection.execute("BEGIN IMMEDIATE")
    try:
        for sql, values in statements:
            with suppress(IntegrityError):  # what it belongs to was deleted, here or elsewhere
                connection.execute(sql, values)
        connection.execute("COMMIT")
    except BaseException:  # an interrupt of the kernel may arrive anywhere
        if connection.in_transaction:
            connection.rollback()
        raise
    return True


def _connect(path: Path) -> Connection:
    import sqlite3

    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
    connection = sqlite3.connect(
        path, timeout=BUSY_S, isolation_level=None, check_same_thread=False
    )
    try:
        _migrate(connection)
        for pragma in ("synchronous = NORMAL", "foreign_keys = ON", "secure_delete = ON"):
            connection.execute(f"PRAGMA {pragma}")
    except BaseException:
        connection.close()
        raise
    return connection


def _migrate(connection: Connection) -> None:
    """Bring the file to the newest format; several kernels may try at once."""
    steps = migrations()
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    if version > len(steps):
        raise NewerFileError(
            tr(
                "it has format {format}, this version reads formats up to {newest}",
                format=version,
                newest=len(steps),
            )
        )
    if version == len(steps):
        return
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("BEGIN IMMEDIATE")
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    for sql in steps[version:]:
        for statement in sql.split(";"):
            connection.execute(statement)
    connection.execute(f"PRAGMA user_version = {len(steps)}")
    connection.execute("COMMIT")


def migrations() -> list[str]:
    """Return the SQL of each numbered step, oldest first."""
    text = files(__package__).joinpath("schema.sql").read_text(encoding="utf-8")
    steps = re.split(r"^-- migration \d+$", text, flags=re.MULTILINE)[1:]
    return [re.sub(r"(?m)^--.*$", "", step) for step in steps]


def _described(error: Exception, path: Path) -> tuple[Text, bool]:
    """Return what is wrong, and whether it will stay so."""
    text, file = str(error).lower(), str(path)
    if isinstance(error, NewerFileError):
        return tr(
            "{file} was written by a newer glm_magic ({reason}); upgrade, or set GLM_HOME",
            file=file,
            reason=error.args[0],
        ), True
    if "not a database" in text or "malformed" in text:
        return tr(
            "{file} is damaged; move it away, or delete it with %glm forget all", file=file
        ), True
    if "full" in text or "disk i/o" in text:
        return tr(
            "{file} cannot grow: {reason}; make room on the disk", file=file, reason=str(error)
        ), False
    if "locked" in text or "busy" in text:
        return tr("{file} is being written by another program; it is tried again", file=file), False
    reason = getattr(error, "strerror", None) or str(error)
    return tr(
        "{file} cannot be written ({reason}); set GLM_HOME to another folder",
        file=file,
        reason=reason,
    ), True
