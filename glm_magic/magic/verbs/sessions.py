"""The verbs about files and the disk: resume, save, load, forget."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from ...core.errors import InvalidValueError, UnknownNameError
from ...core.price import CostTotal
from ...session import export, repository
from ...session.conversation import Conversation
from ...session.notebook import conversations
from ...session.repository import saved_sessions
from ...session.rows import read_entries
from ...session.session import Session
from ...session.store import Store, current_store
from ..display import Displayable, Paragraph, Table, count_turns, from_home
from ..workspace import Workspace
from .arguments import COUNT, path_to
from .registry import verb

ALL = "all"
_MOST_SESSIONS = 50
"""Sessions on disk that are listed, the last used ones."""


@verb("resume", "continue this notebook's last session")
def resume(desk: Workspace, _: Sequence[str]) -> Displayable:
    """Continue the session that this notebook used last."""
    kept = repository.last_of_notebook(session.id for session in desk.conversations)
    if kept is None:
        raise InvalidValueError(
            f"nothing is kept of an earlier session of this notebook{_why()}",
            hint="%glm sessions lists what there is; %glm use NAME goes on from one",
        )
    session = Session.of(Conversation.load(kept))
    desk.conversations.add(session)
    desk.conversations.chosen = kept.name
    return Paragraph(f"The session {kept.name} goes on from {count_turns(len(session))}.")


def _why() -> str:
    """Say why nothing is kept, where there is a reason."""
    store = current_store()
    if store is None:
        return "; conversations are not kept here (GLM_STORE, GLM.store)"
    return f": {store.problem}" if store.problem else ""


@verb(
    "save",
    "write the session to a file: .jsonl, .md or .json (messages)",
    "PATH",
    PATH=path_to(".jsonl", ".json", ".md"),
)
def save(desk: Workspace, words: Sequence[str]) -> Displayable:
    """Write the session to a file."""
    path, session = Path(words[0]).expanduser(), desk.session
    export.save(path, session.name, session.slots, session.options.system)
    return Paragraph(f"{count_turns(len(session)).capitalize()} written to {path}.")


@verb(
    "load",
    "read a session from .jsonl, or messages from .json",
    "PATH",
    PATH=path_to(".jsonl", ".json"),
)
def load(desk: Workspace, words: Sequence[str]) -> Displayable:
    """Read a session from a file, under its own name, and use it."""
    name, slots, system = export.load(Path(words[0]).expanduser())
    options = desk.session.options
    session = Session(name, fresh=True)
    session.options = replace(options, system=system or options.system)
    session.take(slots)
    desk.conversations.add(session)
    desk.conversations.chosen = name
    return Paragraph(f"The session {name} has {count_turns(len(slots))}; prompts now belong to it.")


@verb(
    "forget",
    "delete a session, this one by default, or everything that is kept on disk",
    "[SESSION]",
    "all",
)
def forget(desk: Workspace, words: Sequence[str]) -> Displayable:
    """Delete a session, or everything, from memory and disk."""
    name = words[0] if words else desk.session_name
    if name == ALL and ALL not in desk.conversations:
        return _forget_all(desk)
    kept = repository.by_name(name)
    mine = [session for session in desk.conversations if session.name == name]
    if kept is None and not mine:
        raise UnknownNameError(
            f"there is no session named {name!r}",
            hint="%glm sessions lists them; %glm forget all deletes everything",
        )
    for session in mine:
        session.reset()
        desk.conversations.remove(session)
        conversations.pop(session.id, None)
    for id_ in {*(session.id for session in mine), *([kept.id] if kept else [])}:
        repository.forget(id_)
    return Paragraph(f"The session {name} is deleted; what it cost stays in the sums.")


def _forget_all(desk: Workspace) -> Displayable:
    for conversation in list(conversations.values()):
        conversation.forget()
    for session in list(desk.conversations):
        desk.conversations.remove(session)
        conversations.pop(session.id, None)
    desk.conversations.chosen = None
    store = current_store()
    if store is None:
        return Paragraph("Nothing is kept on disk.")
    try:
        store.erase()
    except OSError as error:
        raise InvalidValueError(
            f"{store.path} cannot be deleted: {error.strerror or error}",
            hint="delete it yourself",
        ) from None
    return Paragraph(f"Every session is deleted, and {from_home(store.path)} with all sums.")


@verb("sessions", "the sessions of this kernel")
def sessions(desk: Workspace, _: Sequence[str]) -> Displayable:
    """Show the sessions of this kernel, and those on disk, the last used one first."""
    current = desk.session  # it begins to exist when it is first named
    rows: list[tuple[Any, ...]] = [
        (s.name, "in use" if s is current else "", len(s), "now", str(s.cost))
        for s in desk.conversations
    ]
    store = current_store()
    if store is not None:
        rows += _on_disk(store, {session.id for session in desk.conversations})
    return Table(("session", "", "turns", "used", "cost"), rows, note=_kept(store))


def _on_disk(store: Store, mine: set[str]) -> Iterator[tuple[Any, ...]]:
    """Yield a row for each session that only the disk has."""
    others = [kept for kept in saved_sessions(store, "1") if kept.id not in mine]
    for kept in others[:_MOST_SESSIONS]:
        used = time.strftime("%Y-%m-%d %H:%M", time.localtime(kept.used_at))
        entries = read_entries(store, "session = ?", (kept.id,))
        cost = str(CostTotal.of(entry.cost for entry in entries))
        yield kept.name, "on disk", kept.turns, used, cost


def _kept(store: Store | None) -> str:
    """Say where conversations are kept, or why not."""
    if store is None:
        return "Conversations are not kept on disk."
    if store.problem:
        return f"Conversations are not kept: {store.problem}."
    where = from_home(store.path)
    return f"Kept in {where}; %glm forget deletes, %glm resume and %glm use go on."


@verb("new", "start a session afresh; its earlier turns are kept", "[NAME]")
def new(desk: Workspace, words: Sequence[str]) -> Displayable:
    """Start a session afresh and use it."""
    name = words[0] if words else desk.conversations.unused("session")
    options = desk.session.options
    kept = desk.conversations.start(name)
    desk.conversations.chosen = name
    desk.session.options = options
    remark = f" Its earlier turns are kept as {kept}." if kept else ""
    return Paragraph(f"Prompts now belong to the session {name}, which is empty.{remark}")


@verb("fork", "go on from the same turns under another name", "NAME")
def fork(desk: Workspace, words: Sequence[str]) -> Displayable:
    """Go on from the same turns under another name."""
    name = words[0]
    desk.conversations.add(desk.session.fork(name))
    desk.conversations.chosen = name
    return Paragraph(f"The session {name} goes on from {count_turns(len(desk.session))}.")


@verb("undo", "take back the last turns", "[N]", N=COUNT)
def undo(desk: Workspace, words: Sequence[str]) -> Displayable:
    """Take back the last turns."""
    taken = desk.session.undo(int(words[0]) if words else 1)
    left = count_turns(len(desk.session))
    return Paragraph(
        f"{count_turns(taken).capitalize()} taken back; {left} left in {desk.session_name}."
    )


@verb("reset", "forget the turns of the session")
def reset(desk: Workspace, _: Sequence[str]) -> Displayable:
    """Forget the turns of the session."""
    count = len(desk.session)
    desk.session.reset()
    return Paragraph(f"The session {desk.session_name} is empty; {count_turns(count)} forgotten.")
