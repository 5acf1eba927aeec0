"""The verbs about files and the disk: resume, save, load, forget."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from ...core.errors import InvalidValueError, UnknownNameError
from ...session import cell_key, keeping, transcript
from ...session import journal as journals
from ...session.session import Session
from ..desk import Desk
from ..tables import Line, Shown, from_home

ALL = "all"


def resume(desk: Desk, _: Sequence[str]) -> Shown:
    """Continue the session that this notebook used last."""
    kept = keeping.last_of_notebook(session.id for session in desk.conversations)
    if kept is None:
        raise InvalidValueError(
            f"nothing is kept of an earlier session of this notebook{_why()}",
            hint="%glm sessions lists what there is; %glm use NAME goes on from one",
        )
    session = Session(kept.name, fresh=True)
    keeping.fill(session, kept)
    desk.conversations.add(session)
    desk.conversations.chosen = kept.name
    return Line(f"The session {kept.name} goes on from {turns(len(session))}.")


def _why() -> str:
    """Say why nothing is kept, where there is a reason."""
    journal = journals.current()
    if journal is None:
        return "; conversations are not kept here (GLM_STORE, GLM.store)"
    return f": {journal.store.problem}" if journal.store.problem else ""


def save(desk: Desk, words: Sequence[str]) -> Shown:
    """Write the session to a file."""
    path, session = Path(words[0]).expanduser(), desk.session
    transcript.save(path, session.name, session.slots, session.options.system)
    return Line(f"{turns(len(session)).capitalize()} written to {path}.")


def load(desk: Desk, words: Sequence[str]) -> Shown:
    """Read a session from a file, under its own name, and use it."""
    name, slots, system = transcript.load(Path(words[0]).expanduser())
    options = desk.session.options
    session = Session(name, fresh=True)
    session.options = replace(options, system=system or options.system)
    session.take(slots)
    desk.conversations.add(session)
    desk.conversations.chosen = name
    return Line(f"The session {name} has {turns(len(slots))}; prompts now belong to it.")


def forget(desk: Desk, words: Sequence[str]) -> Shown:
    """Delete a session, or everything, from memory and disk."""
    name = words[0] if words else desk.session_name
    if name == ALL and ALL not in desk.conversations:
        return _forget_all(desk)
    kept = keeping.by_name(name)
    mine = [session for session in desk.conversations if session.name == name]
    if kept is None and not mine:
        raise UnknownNameError(
            f"there is no session named {name!r}",
            hint="%glm sessions lists them; %glm forget all deletes everything",
        )
    for session in mine:
        session.reset()
        desk.conversations.remove(session)
        cell_key.followers.discard(session)
    for id_ in {*(session.id for session in mine), *([kept.id] if kept else [])}:
        keeping.forget(id_)
    return Line(f"The session {name} is deleted; what it cost stays in the sums.")


def _forget_all(desk: Desk) -> Shown:
    for follower in list(cell_key.followers):
        follower.forget()
    for session in list(desk.conversations):
        desk.conversations.remove(session)
        cell_key.followers.discard(session)
    desk.conversations.chosen = None
    journal = journals.current()
    if journal is None:
        return Line("Nothing is kept on disk.")
    try:
        journal.store.erase()
    except OSError as error:
        raise InvalidValueError(
            f"{journal.store.path} cannot be deleted: {error.strerror or error}",
            hint="delete it yourself",
        ) from None
    return Line(f"Every session is deleted, and {from_home(journal.store.path)} with all sums.")


def turns(count: int) -> str:
    """Return a count of turns in words."""
    return f"{count} turn{'' if count == 1 else 's'}"
