"""The verbs about whole sessions: which there are, in memory, on disk and in files."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from ...core.errors import InvalidValueError, UnknownNameError
from ...core.i18n import Text, from_data, joined, tr
from ...session import export, loading, repository, spending
from ...session.conversation import Conversation
from ...session.ledger import cost_of_all
from ...session.notebook import conversations
from ...session.repository import ALL, saved_sessions
from ...session.rows import read_entries
from ...session.search import search
from ...session.session import Session
from ...session.store import Store, answers_store, current_store
from ..display import Displayable, Paragraph, Table, from_home, turn_count
from ..workspace import Workspace, kept_as
from .arguments import COUNT, NEW_SESSION, matching, path_to
from .registry import verb

_MOST_MATCHES = 50
_MOST_SESSIONS = 50
"""Sessions on disk that are listed, the last used ones."""


@verb("resume", "continue this notebook's last session")
def resume(workspace: Workspace, _: Sequence[str]) -> Displayable:
    """Continue the session that this notebook used last; once more changes nothing."""
    resumed = workspace.sessions.resumed
    if resumed is not None and resumed in list(workspace.sessions):
        workspace.sessions.chosen = resumed.name
        return _continued(resumed)
    saved = repository.last_of_notebook(session.id for session in workspace.sessions)
    if saved is None:
        raise InvalidValueError(
            _nothing_saved(),
            hint=tr("%glm sessions lists the sessions; %glm use NAME continues one"),
        )
    session = Session.of(Conversation.load(saved))
    earlier = workspace.sessions.add(session)
    workspace.sessions.chosen = saved.name
    workspace.sessions.resumed = session
    return _continued(session, earlier)


def _nothing_saved() -> Text:
    nothing = tr("no earlier session of this notebook is saved")
    store = current_store()
    if store is None:
        return joined([nothing, tr("conversations are not saved here (GLM_STORE, GLM.store)")])
    if store.problem:
        return tr("no earlier session of this notebook is saved: {problem}", problem=store.problem)
    return nothing


def _continued(session: Session, earlier: str | None = None) -> Paragraph:
    turns = turn_count(len(session))
    message = tr("The session {name} continues from {turns}.", name=session.name, turns=turns)
    return _with_rename(message, session.name, earlier)


def _with_rename(message: Text, name: str, earlier: str | None) -> Paragraph:
    """Return a message, and where the turns are that had the session's name before."""
    return Paragraph(joined([message, kept_as(name, earlier)], " ") if earlier else message)


@verb(
    "save",
    "write the session to a file: .jsonl, .md or .json (messages)",
    "PATH",
    PATH=path_to(".jsonl", ".json", ".md"),
)
def save(workspace: Workspace, words: Sequence[str]) -> Displayable:
    """Write the session to a file."""
    path, session = Path(words[0]).expanduser(), workspace.session
    export.save(path, session.name, session.slots, session.options.system)
    return Paragraph(tr("{turns} written to {path}.", turns=turn_count(len(session)), path=path))


@verb(
    "load",
    "read a session from .jsonl, or messages from .json",
    "PATH",
    PATH=path_to(".jsonl", ".json"),
)
def load(workspace: Workspace, words: Sequence[str]) -> Displayable:
    """Read a session from a file, under its own name, and use it."""
    name, slots, system = loading.load(Path(words[0]).expanduser())
    if name == ALL:
        name = workspace.sessions.free_name(name)
    options = workspace.session.options
    session = Session(name, fresh=True)
    session.options = replace(options, system=system or options.system)
    session.take(slots)
    earlier = workspace.sessions.add(session)
    workspace.sessions.chosen = name
    message = tr(
        "The session {name} has {turns}; prompts now belong to it.",
        name=name,
        turns=turn_count(len(slots)),
    )
    return _with_rename(message, name, earlier)


@verb(
    "forget",
    "delete a session, this one by default, or everything that is kept on disk",
    "[SESSION]",
    "all",
)
def forget(workspace: Workspace, words: Sequence[str]) -> Displayable:
    """Delete a session, or everything, from memory and disk."""
    name = words[0] if words else workspace.session_name
    if name == ALL:
        return _forget_all(workspace)
    saved = repository.by_name(name)
    in_memory = [session for session in workspace.sessions if session.name == name]
    if saved is None and not in_memory:
        raise UnknownNameError(
            tr("there is no session named {name!r}", name=name),
            hint=tr("%glm sessions lists them; %glm forget all deletes everything"),
        )
    for session in in_memory:
        session.reset()
        workspace.sessions.remove(session)
        conversations.pop(session.id, None)
    ids = {*(session.id for session in in_memory), *([saved.id] if saved else [])}
    if [id_ for id_ in ids if not repository.forget(id_)]:
        store = current_store()
        raise InvalidValueError(
            tr(
                "the session {name} is not deleted on disk yet: {problem}",
                name=name,
                problem=store.problem if store else "",
            ),
            hint=tr("it will be as soon as the file can be written, while this kernel runs"),
        )
    return Paragraph(tr("The session {name} is deleted; its cost stays in the totals.", name=name))


def _forget_all(workspace: Workspace) -> Displayable:
    for conversation in list(conversations.values()):
        conversation.forget()
    for session in list(workspace.sessions):
        workspace.sessions.remove(session)
        conversations.pop(session.id, None)
    workspace.sessions.chosen = None
    spending.forget()
    store, answers = current_store(), answers_store()
    if store is None or answers is None:
        return Paragraph(tr("Nothing is saved on disk."))
    try:
        for each in (store, answers):
            if each.path.exists():
                each.erase()
    except OSError as error:
        raise InvalidValueError(
            tr(
                "{path} cannot be deleted: {reason}",
                path=each.path,
                reason=error.strerror or error,
            ),
            hint=tr("delete it yourself"),
        ) from None
    return Paragraph(
        tr("Every session is deleted, and {path} with all totals.", path=from_home(store.path))
    )


@verb(
    "find",
    "words in everything that is kept: prompts, answers and reasoning of every session",
    "WORDS …",
    WORDS=matching(r"\S+", noun=tr("words to look for")),
)
def find(_: Workspace, words: Sequence[str]) -> Displayable:
    """Show the turns that have all of some words, the newest first."""
    matches = search(words, current_store())
    if not matches:
        return Paragraph(tr("Nothing that is kept has {words}.", words=" ".join(words)))
    rows = [
        (
            match.session,
            match.number,
            match.at.strftime("%Y-%m-%d %H:%M") if match.at else "",
            from_data(match.part),
            match.excerpt,
        )
        for match in matches[:_MOST_MATCHES]
    ]
    first = next((match for match in matches if match.is_newest_of_name), None)
    notes: list[Text] = []
    if first is not None:
        name, number = first.session, first.number
        notes.append(tr("%glm show {name} {number} shows one.", name=name, number=number))
    more = len(matches) - len(rows)
    if more:
        notes.append(tr("{count} older ones are left out.", count=more))
    return Table(("session", "turn", "time", "part", "text"), rows, note=joined(notes, " "))


@verb("sessions", "the sessions of this kernel")
def sessions(workspace: Workspace, _: Sequence[str]) -> Displayable:
    """Show the sessions of this kernel, and those on disk, the last used one first."""
    current = workspace.session  # it begins to exist when it is first named
    rows: list[tuple[Any, ...]] = [
        (s.name, tr("in use") if s is current else "", len(s), tr("now"), s.cost.to_text())
        for s in workspace.sessions
    ]
    store = current_store()
    if store is not None:
        rows += _on_disk(store, {session.id for session in workspace.sessions})
    return Table(("session", "", "turns", "used", "cost"), rows, note=_where_saved(store))


def _on_disk(store: Store, in_memory: set[str]) -> Iterator[tuple[Any, ...]]:
    """Yield a row for each session that only the disk has."""
    others = [saved for saved in saved_sessions(store, "1") if saved.id not in in_memory]
    for saved in others[:_MOST_SESSIONS]:
        used = time.strftime("%Y-%m-%d %H:%M", time.localtime(saved.used_at))
        entries = read_entries(store, "session = ?", (saved.id,))
        cost = cost_of_all(entries).to_text()
        yield saved.name, tr("on disk"), saved.turns, used, cost


def _where_saved(store: Store | None) -> Text:
    """Return where conversations are saved, or why they are not."""
    if store is None:
        return tr("Conversations are not saved on disk.")
    if store.problem:
        return tr("Conversations are not saved: {problem}.", problem=store.problem)
    return tr(
        "Saved in {path}; %glm forget deletes, %glm resume and %glm use continue.",
        path=from_home(store.path),
    )


@verb("new", "start a session afresh; its earlier turns are kept", "[NAME]", NAME=NEW_SESSION)
def new(workspace: Workspace, words: Sequence[str]) -> Displayable:
    """Start a session afresh and use it."""
    name = words[0] if words else workspace.sessions.free_name("session")
    options = workspace.session.options
    earlier = workspace.sessions.start(name)
    workspace.sessions.chosen = name
    workspace.session.options = options
    message = tr("Prompts now belong to the session {name}, which is empty.", name=name)
    return _with_rename(message, name, earlier)


@verb("fork", "go on from the same turns under another name", "NAME", NAME=NEW_SESSION)
def fork(workspace: Workspace, words: Sequence[str]) -> Displayable:
    """Go on from the same turns under another name."""
    name = words[0]
    earlier = workspace.sessions.add(workspace.session.fork(name))
    workspace.sessions.chosen = name
    return _continued(workspace.session, earlier)


@verb("undo", "take back the last turns", "[N]", N=COUNT)
def undo(workspace: Workspace, words: Sequence[str]) -> Displayable:
    """Take back the last turns."""
    undone = workspace.session.undo(int(words[0]) if words else 1)
    left = turn_count(len(workspace.session))
    return Paragraph(
        tr(
            "{turns} taken back; {left} left in {name}.",
            turns=turn_count(undone),
            left=left,
            name=workspace.session_name,
        )
    )


@verb("reset", "forget the turns of the session")
def reset(workspace: Workspace, _: Sequence[str]) -> Displayable:
    """Forget the turns of the session."""
    count = len(workspace.session)
    workspace.session.reset()
    return Paragraph(
        tr(
            "The session {name} is empty; {turns} forgotten.",
            name=workspace.session_name,
            turns=turn_count(count),
        )
    )
