"""The sessions of this kernel, by name, and which one prompts belong to."""

from __future__ import annotations

from collections.abc import Iterator

from ..session.session import Session

DEFAULT = "default"
ASIDE = "(no history)"


class Conversations:
    """Sessions by name; a name that is not there yet begins an empty one."""

    def __init__(self) -> None:
        self._sessions: dict[str, Session] = {}
        self.chosen: str | None = None
        """The session that ``%glm use`` or ``%glm new`` chose; ``None``: the configured one."""
        self._aside = Session(ASIDE)

    def __contains__(self, name: str) -> bool:
        return name in self._sessions

    def __iter__(self) -> Iterator[Session]:
        """Every session that was asked, and the prompts that belong to none."""
        yield from self._sessions.values()
        if self._aside.asked:
            yield self._aside

    @property
    def names(self) -> list[str]:
        """The names in use."""
        return list(self._sessions)

    def get(self, name: str) -> Session:
        """Return the session of that name."""
        if name not in self._sessions:
            self._sessions[name] = Session(name)
        return self._sessions[name]

    def add(self, session: Session) -> None:
        """Take in a session; one of the same name that was there is kept under another."""
        self._put_away(session.name)
        self._sessions[session.name] = session

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
        self.get(name).options = options
        return kept

    def _put_away(self, name: str) -> str | None:
        """Free a name; the session that had it goes on under another if it was asked anything."""
        before = self._sessions.pop(name, None)
        if before is None or not before.asked:
            return None
        before.name = self.unused(name)
        self._sessions[before.name] = before
        return before.name

    def unused(self, name: str) -> str:
        """Return the name with the first number that is free."""
        number = 2
        while f"{name}-{number}" in self._sessions:
            number += 1
        return f"{name}-{number}"
