"""The sessions of this kernel by name, and which one prompts belong to."""

from __future__ import annotations

from collections.abc import Iterator

from ..session import repository
from ..session.conversation import Conversation
from ..session.session import DEFAULT, Session

__all__ = ["DEFAULT", "NO_HISTORY", "Sessions"]

NO_HISTORY = "(no history)"


class Sessions:
    """Sessions by name; a new name starts a session, or continues the one on disk.

    Parameters
    ----------
    persistent : bool
        False works on copies, and changes nothing of what this kernel or the disk has.
    """

    def __init__(self, *, persistent: bool = True) -> None:
        self._persistent = persistent
        self._sessions: dict[str, Session] = {}
        self.chosen: str | None = None
        """The session that ``%glm use`` or ``%glm new`` chose; ``None``: the configured one."""
        self._no_history = Session.of(Conversation(NO_HISTORY, persistent=False))

    def __contains__(self, name: str) -> bool:
        return name in self._sessions or (name != DEFAULT and repository.by_name(name) is not None)

    def __iter__(self) -> Iterator[Session]:
        """Yield every session of this kernel, then that of the prompts without history."""
        yield from self._sessions.values()
        if self._no_history.asked:
            yield self._no_history

    @property
    def names(self) -> list[str]:
        """The names of this kernel's sessions."""
        return list(self._sessions)

    @property
    def all_names(self) -> list[str]:
        """The names of this kernel's sessions, and of those on disk."""
        return list(dict.fromkeys([*self._sessions, *repository.names_on_disk()]))

    def get(self, name: str) -> Session:
        """Return the session of a name; one of an earlier kernel is continued."""
        if name not in self._sessions:
            self._sessions[name] = self._open(name)
        return self._sessions[name]

    def _open(self, name: str, *, fresh: bool = False) -> Session:
        session = Session(name, fresh=fresh)
        if self._persistent:
            return session
        return Session.of(session.conversation.copy(name, session.options, persistent=False))

    def find(self, name: str) -> Session | None:
        """Return the session of a name if this kernel has it."""
        return self._sessions.get(name)

    def add(self, session: Session) -> None:
        """Add a session; one that has its name already is kept under another."""
        self._archive(session.name)
        self._sessions[session.name] = session

    def remove(self, session: Session) -> None:
        """Remove a session; nothing on disk changes."""
        self._sessions = {n: s for n, s in self._sessions.items() if s is not session}

    def without_history(self, like: Session) -> Session:
        """Return an empty session with another's options, for a prompt without history."""
        self._no_history.options = like.options
        self._no_history.reset()
        return self._no_history

    def start(self, name: str) -> str | None:
        """Start a session afresh.

        Returns
        -------
        str or None
            The name under which its earlier turns are kept, if there were any.
        """
        options = self.get(name).options
        archived = self._archive(name)
        session = self._open(name, fresh=True)
        session.options = options
        self._sessions[name] = session
        return archived

    def _archive(self, name: str) -> str | None:
        """Free a name; its session gets another name, unless it was never asked anything."""
        before = self._sessions.pop(name, None)
        if before is None or not (before.asked or len(before)):
            return None
        other = self.free_name(name)
        before.rename(other)
        self._sessions[other] = before
        if name != DEFAULT and self._persistent:
            repository.rename_saved(name, other)
        return other

    def free_name(self, name: str) -> str:
        """Return a name with the first number that is free, as ``physics-2``."""
        number, taken = 2, {*self._sessions, *repository.names_on_disk()}
        while f"{name}-{number}" in taken:
            number += 1
        return f"{name}-{number}"
