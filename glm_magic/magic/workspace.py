"""What the magics of one shell share: its settings, sessions, jobs and outputs.

It is made when the extension loads. What only a prompt needs is imported by the property that makes
it, so that ``%load_ext`` is fast and loads neither the engine nor the views.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Mapping
from dataclasses import replace
from functools import cached_property
from itertools import count
from typing import TYPE_CHECKING, Any

from ..catalogue.load import Catalogue, catalogue
from ..catalogue.resolve import LOCAL, find_model
from ..engine.options import Options
from ..session.notebook import RunningCell
from ..views.frontend import frontend_of
from .aliases import aliases
from .cells import Errors, prompt_namespace
from .config import GLM
from .line.lookup import look_up
from .line.options import MagicOptions
from .outputs import Outputs

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

    from ..session.session import Session
    from ..views.options import Position
    from .background import Jobs
    from .sessions import Sessions


class Workspace:
    """The state of the magics in one shell.

    Parameters
    ----------
    shell : InteractiveShell
        Where the cells run.
    """

    def __init__(self, shell: InteractiveShell) -> None:
        self.shell = shell
        self.config = GLM(parent=shell)
        self.errors = Errors(shell)
        self.cell = RunningCell(shell, self._in_use)
        self.outputs = Outputs()
        self._ordinals = count(1)

    @cached_property
    def jobs(self) -> Jobs:
        """The prompts in the background."""
        from .background import Jobs

        return Jobs()

    @cached_property
    def sessions(self) -> Sessions:
        """The sessions by name."""
        from .sessions import Sessions

        return Sessions()

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
        from .sessions import DEFAULT

        return self.sessions.chosen or self.config.session or DEFAULT

    @property
    def session(self) -> Session:
        """The session that prompts belong to."""
        return self.sessions.get(self.session_name)

    def _in_use(self) -> object | None:
        """Return the conversation that prompts belong to, unless nothing was asked yet."""
        sessions: Sessions | None = self.__dict__.get("sessions")
        session = sessions.find(self.session_name) if sessions is not None else None
        return session.conversation if session is not None else None

    def options(self, line: MagicOptions | None = None, session: Session | None = None) -> Options:
        """Return what a prompt is asked with: the line's options, the session's, ``%config``'s."""
        line = line or MagicOptions()
        names, suggestions = self.shell.user_ns, self.namespace()
        line = replace(
            line,
            model=line.model and self.aliases.get(line.model, line.model),
            tools=tuple(look_up("--tool", name, names, suggestions) for name in line.tools),
            schema=line.schema and look_up("--schema", line.schema, names, suggestions),
        )
        return self.over_config(line, (session or self.session).options)

    def over_config(self, *levels: Options) -> Options:
        """Return options with ``%config`` wherever none of them sets anything."""
        return Options.layered(self.catalogue, *levels, self.config.options())

    def default_speed(self) -> float:
        """Return how fast tapes play here: without waiting where nobody watches."""
        return math.inf if frontend_of(self.shell) == "executor" else 1.0

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
        return prompt_namespace(self.shell, self.errors)
