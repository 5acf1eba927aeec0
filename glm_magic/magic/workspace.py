"""What the magics of one shell share: its settings, sessions, jobs and outputs.

It is made when the first prompt or verb runs, so that ``%load_ext`` loads little of the package.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from dataclasses import replace
from itertools import count
from typing import TYPE_CHECKING, Any

from ..catalogue.load import Catalogue, catalogue
from ..catalogue.lookup import find_model
from ..catalogue.resolve import LOCAL
from ..core.i18n import Text, tr
from ..core.thinking import thinking_of
from ..engine.options import Options
from ..session import repository
from ..session.conversation import Conversation
from ..session.notebook import RunningCell
from ..session.session import DEFAULT, Session
from ..views.frontend import frontend_of
from .aliases import aliases
from .background import Jobs
from .cell_pictures import CellPictures
from .cells import Errors, RanCells, caller_names, prompt_namespace
from .config import GLM
from .line.lookup import look_up
from .line.options import MagicOptions
from .outputs import Outputs, ShownReplies

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

    from ..views.options import Position

LAST = "_glm"
"""The variable that always holds the last reply."""
NO_HISTORY = "(no history)"


def kept_as(name: str, other: str) -> Text:
    """Return the message that the earlier turns of a name have another one now."""
    return tr("The earlier turns of {name} are kept as {other}.", name=name, other=other)


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
        self.resumed: Session | None = None
        """The session that ``%glm resume`` continued."""
        self._no_history = Session.of(Conversation(NO_HISTORY, persistent=False))

    def __contains__(self, name: str) -> bool:
        return name in self._sessions or (name != DEFAULT and repository.by_name(name) is not None)

    def __iter__(self) -> Iterator[Session]:
        """Yield every session of this kernel, then that of the prompts without history."""
        yield from self._sessions.values()
        if self._no_history.conversation.was_asked:
            yield self._no_history

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

    def add(self, session: Session) -> str | None:
        """Add a session; one that has its name already is kept under another, which is returned."""
        archived = self._archive(session.name)
        self._sessions[session.name] = session
        return archived

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
        if before is None or not (before.conversation.was_asked or len(before)):
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


def config_options(config: GLM) -> Options:
    """Return what ``%config`` sets for every prompt."""
    names = ("model", "provider", "system", "thinking", "idle_timeout_s")
    values = {name: getattr(config, name) for name in names}
    values = {name: value for name, value in values.items() if value is not None}
    if "thinking" in values:
        values["thinking"] = thinking_of(values["thinking"])
    return Options(**values)


class Workspace:
    """The state of the magics in one shell.

    Parameters
    ----------
    shell : InteractiveShell
        Where the cells run.
    config : GLM
        The user's settings.
    errors : Errors
        What failed in other cells.
    cell : RunningCell
        Tells the cells of prompts and outputs apart.
    ran : RanCells, optional
        Which cells ran.
    shown : ShownReplies, optional
        Which replies the running cell shows.
    pictures : CellPictures, optional
        What other cells have shown.
    """

    def __init__(
        self,
        shell: InteractiveShell,
        config: GLM,
        errors: Errors,
        cell: RunningCell,
        ran: RanCells | None = None,
        *,
        shown: ShownReplies | None = None,
        pictures: CellPictures | None = None,
    ) -> None:
        self.shell, self.config, self.errors, self.cell = shell, config, errors, cell
        self.ran = ran or RanCells()
        self.shown = shown or ShownReplies(shell)
        self.pictures = pictures or CellPictures(shell)
        self.jobs = Jobs()
        self.sessions: Sessions = Sessions()
        self.outputs = Outputs()
        self._ordinals = count(1)

    @property
    def aliases(self) -> Mapping[str, str]:
        """The user's own names of models."""
        return aliases()

    @property
    def catalogue(self) -> Catalogue:
        """Which models and providers there are."""
        return catalogue()

    @property
    def session_name(self) -> str:
        """Name of the session that prompts belong to."""
        return self.sessions.chosen or self.config.session or DEFAULT

    @property
    def session(self) -> Session:
        """The session that prompts belong to."""
        return self.sessions.get(self.session_name)

    def in_use(self) -> Conversation | None:
        """Return the conversation that prompts belong to, unless nothing was asked yet."""
        session = self.sessions.find(self.session_name)
        return session.conversation if session is not None else None

    def options(self, line: MagicOptions | None = None, session: Session | None = None) -> Options:
        """Return what a prompt is asked with: the line's options, the session's, ``%config``'s."""
        line = line or MagicOptions()

        def named(flag: str, name: str) -> Any:
            names = {**self.shell.user_ns, **caller_names()}
            return look_up(flag, name, names, self.namespace())

        line = replace(
            line,
            model=line.model and self.aliases.get(line.model, line.model),
            tools=tuple(named("--tool", name) for name in line.tools),
            schema=line.schema and named("--schema", line.schema),
        )
        return self.over_config(line, (session or self.session).options)

    def over_config(self, *levels: Options) -> Options:
        """Return options with ``%config`` wherever none of them sets anything."""
        return Options.layered(self.catalogue, *levels, config_options(self.config))

    def next_position(self) -> Position | None:
        """Return where the next output is: its cell, and its number there.

        One output of a notebook can carry the style sheet for all that follow. ``None`` where each
        output is a page of its own.
        """
        if "google.colab" in sys.modules:
            return None
        position = self.cell.next_key("output")
        if position is None and frontend_of(self.shell) == "executor":
            return "", next(self._ordinals)  # it runs each cell once, in order
        return position

    def is_model(self, word: str) -> bool:
        """Whether a word names a model, or a model at a provider."""
        if word in self.aliases or find_model(self.catalogue, word):
            return True
        head, slash, rest = word.partition("/")
        provider = self.catalogue.providers.get(head)
        if slash and rest and provider is not None:
            if provider.self_hosted and head != LOCAL:
                return True  # its operator chose the names
            return self._is_listed(rest) or rest.lower().startswith("glm-")
        return self._is_listed(word)

    def _is_listed(self, name: str) -> bool:
        """Whether a name is a model's, with or without a vendor's prefix."""
        prefixes = {"", *(info.model_prefix for info in self.catalogue.providers.values())}
        bare = (name.removeprefix(prefix) for prefix in prefixes if name.startswith(prefix))
        return any(find_model(self.catalogue, word) for word in bare)

    def namespace(self) -> dict[str, Any]:
        """Return the names that a prompt may use."""
        return prompt_namespace(self.shell, self.errors, self.pictures)
