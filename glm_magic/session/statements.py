"""What is written to the store, and what becomes of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from ..core.i18n import Text, tr
from ..core.text import escape_surrogates

Statement = tuple[str, Sequence[Any]]
"""SQL and its values."""
Rows = list[tuple[Any, ...]]
Kind = Literal["locked", "full", "damaged", "newer", "unwritable"]
"""
``locked``: another program writes. ``full``: no room on the disk. ``damaged``: not a database, or
no longer one. ``newer``: written by a later version. ``unwritable``: everything else.
"""


class FileProblem(Exception):  # noqa: N818 - a state of the file, which the store keeps
    """The file cannot be used now.

    Parameters
    ----------
    kind : Kind
        What is wrong with it.
    message : Text
        The same for a person.
    """

    def __init__(self, kind: Kind, message: Text) -> None:
        super().__init__(message)
        self.kind, self.message = kind, message


class NewerFileError(OSError):
    """The file was written by a newer version."""


def problem_of(error: Exception, path: Path) -> FileProblem:
    """Return what is wrong with the file, from what was raised."""
    text, file = str(error).lower(), escape_surrogates(str(path))
    if isinstance(error, NewerFileError):
        return FileProblem(
            "newer",
            tr(
                "{file} was written by a newer glm_magic ({reason}); upgrade, or set GLM_HOME",
                file=file,
                reason=error.args[0],
            ),
        )
    if "not a database" in text or "malformed" in text:
        return FileProblem(
            "damaged",
            tr("{file} is damaged; move it away, or delete it with %glm forget all", file=file),
        )
    if "full" in text or "disk i/o" in text or "no space" in text:
        return FileProblem(
            "full",
            tr("{file} cannot grow: {reason}; make room on the disk", file=file, reason=str(error)),
        )
    if "locked" in text or "busy" in text:
        return FileProblem(
            "locked",
            tr("{file} is being written by another program; it is tried again", file=file),
        )
    reason = getattr(error, "strerror", None) or str(error)
    return FileProblem(
        "unwritable",
        tr(
            "{file} cannot be written ({reason}); set GLM_HOME to another folder",
            file=file,
            reason=escape_surrogates(reason),
        ),
    )


@dataclass(slots=True, eq=False)
class Batch:
    """Statements that are written together, and what became of them."""

    statements: list[Statement]
    generation: int | None = None
    """The `Store.generation` that it belongs to; ``None``: any."""
    state: Literal["waiting", "written", "refused", "dropped"] = "waiting"
    """``refused``: written, but for some statements; ``dropped``: not to be written any more."""
    refused: str = ""
    """Why a statement of it cannot be stored."""
    tries: int = 0
    """How often writing it failed."""


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
