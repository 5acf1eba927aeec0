"""The sessions of this kernel, by name, and which one prompts belong to."""

from __future__ import annotations

from collections.abc import Iterator

from ..session import repository
from ..session.conversation import Conversation
from ..session.session import DEFAULT, Session

__all__ = ["ASIDE", "DEFAULT", "Sessions"]

ASIDE = "(no history)"


class Sessions:
    """Sessions by name; a name that is not there yet begins, or goes on from the disk.

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
        self._aside = Session.of(Conversation(ASIDE, persistent=False))

    def __contains__(self, name: str) -> bool:
        return name in self._sessions or (name != DEFAULT and repository.by_name(name) is not None)

    def __iter__(self) -> Iterator[Session]:
        """Every session of this kernel, and the prompts that belong to none."""
        yield from self._sessions.values()
        if self._aside.asked:
            yield self._aside

    @property
    def names(self) -> list[str]:
        """The names in use by this kernel."""
        return list(self._sessions)

    @property
    def known_names(self) -> list[str]:
        """The names in use, and those on disk."""
        return list(dict.fromkeys([*self._sessions, *repository.names_on_disk()]))

    def get(self, name: str) -> Session:
        """Return the session of that name; one from an earlier kernel goes on."""
        if name not in self._sessions:
            self._sessions[name] = self._open(name)
        return self._sessions[name]

    def _open(self, name: str, *, fresh: bool = False) -> Session:
        session = Session(name, fresh=fresh)
        if self._persistent:
            return session
        return Session.of(session.conversation.copy(name, session.options, persistent=False))

    def find(self, name: str) -> Session | None:
        """Return the session of that name, if this kernel has it."""
        return self._sessions.get(name)

    def add(self, session: Session) -> None:
        """Take in a session; one of the same name that was there is kept under another."""
        self._put_away(session.name)
        self._sessions[session.name] = session

    def remove(self, session: Session) -> None:
        """Let go of a session."""
        self._sessions = {n: s for n, s in self._sessions.items() if s is not session}

    def aside(self, like: Session) -> Session:
        """Return an empty session with another's options, for a prompt without history."""
        self._aside.options = like.options
        self._aside.reset()
        return self._aside

    def start(self, name: str) -> str | None:
        """Begin a session afresh.

        Returns
        -------
        str or None
            The name under which its earlier turns are kept, if there were any.
        """
        options = self.get(name).options
        kept = self._put_away(name)
        session = self._open(name, fresh=True)
        session.options = options
        self._sessions[name] = session
        return kept

    def _put_away(self, name: str) -> str | None:
        """Free a name; the session that had it goes on under another if it was asked anything."""
        before = self._sessions.pop(name, None)
        if before is None or not (before.asked or len(before)):
            return None
        other = self.unused(name)
        before.rename(other)
        self._sessions[other] = before
        if name != DEFAULT and self._persistent:
            repository.rename_saved(name, other)
        return other

    def unused(self, name: str) -> str:
        """Return the name with the first number that is free."""
        number, taken = 2, {*self._sessions, *repository.names_on_disk()}
        while f"{name}-{number}" in taken:
            number += 1
        return f"{name}-{number}"
