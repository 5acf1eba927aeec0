"""Pictures and files of turns on the disk: each once, under its hash, as long as a run has it.

They have a file of their own. So an older version, which knows nothing of them, goes on with the
sessions' file as it is, and a turn is read without loading what it showed. Together they take
`MOST_BYTES` at most: those that were used longest ago go first, and their turns then name them.
"""

from __future__ import annotations

import base64
import binascii
import time
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import replace
from typing import Any

from ..core.attachments import Attachment, hash_of
from ..core.messages import ToolRun
from ..core.paths import data_folder
from ..core.process import PerProcess
from ..core.turn import Step, Turn
from .statements import Statement, insert
from .store import Store, current_store, is_on

FILE = "contents.db"
MOST_BYTES = 512 * 1024**2

Content = tuple[bytes, bytes]
"""The bytes of a picture or file, and its thumbnail."""

_inherited: list[object] = []
_shared = PerProcess(
    lambda: Store(data_folder() / FILE, "contents.sql", list),
    Store.close,
    is_current=lambda store: store.path == data_folder() / FILE,
    in_child=_inherited.append,
)


def contents_store() -> Store | None:
    """Return this process's file of pictures; ``None`` where conversations are not saved."""
    return _shared.get() if is_on() else None


def keep(run: str, turn: Turn) -> None:
    """Write what a run shows, unless it is there already."""
    shown = {one.hash: one for one in turn.all_attachments if one.hash and one.data}
    store = contents_store() if shown else None
    if store is not None:
        store.write([row for one in shown.values() for row in _rows(run, one)] + [_bound()])


def _rows(run: str, attachment: Attachment) -> list[Statement]:
    row = {
        "hash": attachment.hash,
        "data": attachment.data,
        "thumbnail": attachment.thumbnail,
        "size": len(attachment.data),
        "used_at": time.time(),
    }
    return [
        insert("content", row, update=["used_at"]),
        insert("use", {"run": run, "hash": attachment.hash}),
    ]


def _bound() -> Statement:
    """Return what deletes those that were used longest ago, where they take too much."""
    sql = (
        "DELETE FROM content WHERE hash IN (SELECT hash FROM"
        " (SELECT hash, sum(size) OVER (ORDER BY used_at DESC, hash) AS total FROM content)"
        " WHERE total > ?)"
    )
    return sql, (MOST_BYTES,)


def kept(hash_: str) -> Content | None:
    """Return what is on disk under a hash."""
    store = contents_store()
    sql = "SELECT data, thumbnail FROM content WHERE hash = ?"
    rows = store.read(sql, (hash_,)) if store is not None else []
    return (bytes(rows[0][0]), bytes(rows[0][1])) if rows else None


def filled(turn: Turn, find: Callable[[str], Content | None] = kept) -> Turn:
    """Return a turn that was read, with the content of what it showed, as far as it is kept."""
    if not turn.all_attachments:
        return turn

    def fill(attachments: Iterable[Attachment]) -> tuple[Attachment, ...]:
        return tuple(_filled(one, find) for one in attachments)

    def fill_run(run: ToolRun) -> ToolRun:
        return replace(run, attachments=fill(run.attachments))

    def fill_step(step: Step) -> Step:
        return replace(step, runs=tuple(map(fill_run, step.runs)))

    steps = tuple(map(fill_step, turn.steps))
    return replace(turn, attachments=fill(turn.attachments), steps=steps)


def _filled(attachment: Attachment, find: Callable[[str], Content | None]) -> Attachment:
    if attachment.data or not attachment.hash:
        return attachment
    content = find(attachment.hash)
    if content is None or hash_of(content[0]) != attachment.hash:
        return attachment
    return replace(attachment, data=content[0], thumbnail=content[1])


def sweep() -> None:
    """Delete what belongs to runs that are gone, and to no other."""
    store, sessions = contents_store(), current_store()
    if store is None or sessions is None or not store.path.exists():
        return
    runs = {run for (run,) in sessions.read("SELECT id FROM run")}
    used = {run for (run,) in store.read("SELECT DISTINCT run FROM use")}
    if sessions.problem or not used - runs:
        return
    rows: list[Statement] = [("DELETE FROM use WHERE run = ?", (run,)) for run in used - runs]
    unused = "DELETE FROM content WHERE NOT EXISTS (SELECT 1 FROM use WHERE hash = content.hash)"
    store.write([*rows, (unused, ())])
    store.shrink()


def written(turns: Iterable[Turn], but: Collection[str] = ()) -> dict[str, list[str]]:
    """Return what turns show as JSON: content and thumbnail in base64, by hash."""
    return {
        one.hash: [base64.b64encode(data).decode() for data in (one.data, one.thumbnail)]
        for turn in turns
        for one in turn.all_attachments
        if one.hash and one.data and one.hash not in but
    }


def read_from(contents: Mapping[str, Any]) -> Callable[[str], Content | None]:
    """Return what finds a content in what `written` returned, or else on the disk."""

    def find(hash_: str) -> Content | None:
        try:
            data, thumbnail = (base64.b64decode(text, validate=True) for text in contents[hash_])
        except (LookupError, TypeError, ValueError, binascii.Error):
            return kept(hash_)
        return data, thumbnail

    return find
