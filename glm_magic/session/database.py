"""The SQLite file: opened, brought to the newest format, written, read, and emptied.

Whatever SQLite or Python raises is sorted here, and nowhere else: a value that cannot be stored
concerns its own statement, everything else (`FileProblem`) concerns the file.

A file that was deleted, moved away or replaced is noticed before each write by its device and
inode, and so is its write-ahead log: SQLite itself goes on writing into a file that has no name.
For the same reason nothing here opens the file other than by SQLite once it exists: closing any
descriptor of a file takes the locks of the whole process away.
"""

from __future__ import annotations

import os
import re
import sqlite3
import threading
import time
from collections.abc import Iterable, Sequence
from contextlib import suppress
from importlib.resources import files
from pathlib import Path
from typing import Any

from ..core.i18n import tr
from ..core.text import escape_surrogates
from .statements import NewerFileError, Rows, Statement, problem_of

READ_S = 1.0
"""How long a reader waits for a lock; in WAL mode it meets one hardly ever."""
ERASE_S = 3.0
"""How long to wait for other programs before everything can be deleted."""
LARGEST = 2**63 - 1
"""SQLite's integers have 64 bits; a larger one is stored as this."""

_FILE_CODES = frozenset(
    (
        sqlite3.SQLITE_PERM,
        sqlite3.SQLITE_BUSY,
        sqlite3.SQLITE_LOCKED,
        sqlite3.SQLITE_NOMEM,
        sqlite3.SQLITE_READONLY,
        sqlite3.SQLITE_INTERRUPT,
        sqlite3.SQLITE_IOERR,
        sqlite3.SQLITE_CORRUPT,
        sqlite3.SQLITE_FULL,
        sqlite3.SQLITE_CANTOPEN,
        sqlite3.SQLITE_PROTOCOL,
        sqlite3.SQLITE_SCHEMA,
        sqlite3.SQLITE_AUTH,
        sqlite3.SQLITE_NOTADB,
    )
)
"""Primary result codes that are about the file; all others are about a statement."""


class Database:
    """The connections of this process to one file: one that writes, and one that reads.

    Parameters
    ----------
    path : Path
        The file; it is made, for its owner only, when something is first written.
    schema : str
        The file of this package with its tables.
    """

    def __init__(self, path: Path, schema: str = "schema.sql") -> None:
        self.path = path
        self._schema = schema
        self._wal = Path(f"{path}-wal")
        self._writer: sqlite3.Connection | None = None
        self._reader: sqlite3.Connection | None = None
        self._reading = threading.Lock()
        self._file: Identity = None
        """The file that was opened to be written."""
        self._log: Identity = None
        """The write-ahead log of that connection."""
        self._read: Identity = None

    @property
    def is_another(self) -> bool:
        """Whether the file that this process wrote was deleted, moved away or replaced."""
        if self._file is None:
            return False
        if _identity(self.path) != self._file:
            return True
        return self._log is not None and _identity(self._wal) != self._log

    def write(self, statements: Iterable[Statement]) -> list[str]:
        """Write in one transaction.

        Returns
        -------
        list of str
            For each statement why it was refused; empty where it was not.

        Raises
        ------
        FileProblem
            Nothing was written.
        """
        try:
            refused = execute(self._opened(), statements)
            self._log = self._log or _identity(self._wal)
        except Exception as error:
            problem = problem_of(error, self.path)
            if problem.kind not in ("locked", "full"):
                self._close_writer()
            raise problem from error
        return refused

    def read(self, sql: str, values: Sequence[Any] = ()) -> Rows:
        """Return the rows of a query; none where there is no file.

        Raises
        ------
        FileProblem
            The file cannot be read.
        TypeError
            A value is none that can have been stored.
        """
        stored = [storable(value) for value in values]
        with self._reading:
            identity = _identity(self.path)
            if identity is None:
                return []
            try:
                if identity != self._read:
                    self._close_reader()
                if self._reader is None:
                    self._reader = connect(self.path, READ_S, self._schema)
                    self._read = identity
                return self._reader.execute(sql, stored).fetchall()
            except Exception as error:
                self._close_reader()
                raise problem_of(error, self.path) from error

    def shrink(self) -> bool:
        """Take what was deleted out of the write-ahead log too; False while somebody reads it."""
        if self._writer is None and _identity(self.path) is None:
            return True
        try:
            ((busy, *_),) = self._opened().execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
        except (sqlite3.Error, OSError):
            return False
        return not busy

    def erase(self) -> bool:
        """Delete every row, in the file and in its log, so that other kernels can go on.

        A file that is no database any more is deleted itself.

        Returns
        -------
        bool
            False when another program reads the log, so that it still holds what was deleted.

        Raises
        ------
        OSError
            The file cannot be written or deleted.
        """
        self.close()
        self._file = None
        if not self.path.exists():
            return True
        try:
            return _emptied(self.path)
        except sqlite3.Error as error:
            problem = problem_of(error, self.path)
            if problem.kind != "damaged":
                raise OSError(problem.message) from None
        for path in (self.path, self._wal, Path(f"{self.path}-shm")):
            path.unlink(missing_ok=True)
        return True

    def close(self) -> None:
        """Close both connections; they are opened again when they are needed."""
        self._close_writer()
        with self._reading:
            self._close_reader()

    def _opened(self) -> sqlite3.Connection:
        if self._writer is None:
            self._writer = connect(self.path, schema=self._schema)
            self._file = _identity(self.path)
        return self._writer

    def _close_writer(self) -> None:
        connection, self._writer, self._log = self._writer, None, None
        _close(connection)

    def _close_reader(self) -> None:
        connection, self._reader = self._reader, None
        _close(connection)


Identity = tuple[int, int] | None
"""Device and inode of a file; ``None``: there is none."""


def _identity(path: Path) -> Identity:
    try:
        status = path.stat()
    except (OSError, ValueError):
        return None
    return status.st_dev, status.st_ino


def _close(connection: sqlite3.Connection | None) -> None:
    if connection is not None:
        with suppress(sqlite3.Error):
            connection.close()


def storable(value: Any) -> Any:
    r"""Return a value as SQLite can hold it.

    An integer beyond 64 bits becomes the largest or smallest that fits. Text that is not Unicode,
    as the name of a folder need not be, is written with escapes such as ``\udcff``.

    Raises
    ------
    TypeError
        A column can hold nothing of this type.
    """
    if isinstance(value, str):
        return escape_surrogates(value)
    if value is None or isinstance(value, float | bytes):
        return value
    if isinstance(value, int):
        return max(-LARGEST - 1, min(int(value), LARGEST))
    raise TypeError(type(value).__name__)


def execute(connection: sqlite3.Connection, statements: Iterable[Statement]) -> list[str]:
    """Write statements in one transaction; return for each why it was refused, or nothing."""
    refused: list[str] = []
    connection.execute("BEGIN IMMEDIATE")
    try:
        for sql, values in statements:
            refused.append(_executed(connection, sql, values))
        connection.execute("COMMIT")
    except BaseException:  # an interrupt of the kernel may arrive anywhere
        if connection.in_transaction:
            connection.rollback()
        raise
    return refused


def _executed(connection: sqlite3.Connection, sql: str, values: Sequence[Any]) -> str:
    """Execute one statement; return why it cannot be stored, if it cannot."""
    try:
        connection.execute(sql, [storable(value) for value in values])
    except sqlite3.Error as error:
        if _is_of_file(error) or not connection.in_transaction:
            raise
        # What it belongs to was deleted, here or elsewhere: then it is not to be kept.
        is_gone = getattr(error, "sqlite_errorname", "") == "SQLITE_CONSTRAINT_FOREIGNKEY"
        return "" if is_gone else _reason(error)
    except (ArithmeticError, TypeError, ValueError, RecursionError, MemoryError) as error:
        return _reason(error)
    return ""


def _reason(error: Exception) -> str:
    """Return an error in one line, for a person."""
    return escape_surrogates(f"{type(error).__name__}: {error}".partition("\n")[0])


def _is_of_file(error: sqlite3.Error) -> bool:
    code = getattr(error, "sqlite_errorcode", None)
    return code is not None and code & 0xFF in _FILE_CODES


def connect(path: Path, timeout_s: float = 0.0, schema: str = "schema.sql") -> sqlite3.Connection:
    """Open the file, or make it, in the newest format."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    if not path.exists():
        os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
    connection = sqlite3.connect(
        path, timeout=timeout_s, isolation_level=None, check_same_thread=False
    )
    try:
        _migrate(connection, schema)
        for pragma in ("synchronous = NORMAL", "foreign_keys = ON", "secure_delete = ON"):
            connection.execute(f"PRAGMA {pragma}")
    except BaseException:
        connection.close()
        raise
    return connection


def _migrate(connection: sqlite3.Connection, schema: str) -> None:
    """Bring the file to the newest format; several kernels may try at once."""
    steps = migrations(schema)
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


def migrations(schema: str = "schema.sql") -> list[str]:
    """Return the SQL of each numbered step, oldest first."""
    text = files(__package__).joinpath(schema).read_text(encoding="utf-8")
    steps = re.split(r"^-- migration \d+$", text, flags=re.MULTILINE)[1:]
    return [re.sub(r"(?m)^\s*--.*$", "", step) for step in steps]


def _emptied(path: Path) -> bool:
    """Delete the rows of every table, whichever version made it; False: the log was in use."""
    connection = sqlite3.connect(path, timeout=ERASE_S, isolation_level=None)
    try:
        connection.execute("PRAGMA secure_delete = ON")
        names = "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'"
        connection.execute("BEGIN IMMEDIATE")
        for (name,) in connection.execute(names).fetchall():
            connection.execute(f'DELETE FROM "{name}"')  # noqa: S608 - a name from the schema
        connection.execute("COMMIT")
        with suppress(sqlite3.OperationalError):  # a smaller file is a courtesy
            connection.execute("VACUUM")
        until_s = time.monotonic() + ERASE_S
        while True:
            ((busy, *_),) = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
            if not busy or time.monotonic() > until_s:
                return not busy
    finally:
        connection.close()
