"""Everything the magics keep between two cells.

It is made while the extension loads, so it imports what it needs only when it is asked.

Where outputs stand, so that one of a notebook can carry the style sheet for all.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Mapping
from dataclasses import replace
from functools import cached_property
from itertools import count
from typing import TYPE_CHECKING, Any

from ..session.notebook import RunningCell
from ..views.frontend import frontend_of
from .cells import Errors, prompt_namespace
from .config import GLM

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

    from ..catalogue.load import Catalogue
    from ..engine.options import Options
    from ..session.session import Session
    from .background import Jobs
    from .line.options import MagicOptions
    from .outputs import Outputs
    from .sessions import Sessions


class Workspace:
    """The shell, the settings, the sessions."""

    def __init__(self, shell: InteractiveShell) -> None:
        self.shell = shell
        self.config = GLM(parent=shell)
        self.errors = Errors(shell)
        self.cell = RunningCell(shell, self._in_use)

    @cached_property
    def jobs(self) -> Jobs:
        """The prompts in the background."""
        from .background import Jobs

        return Jobs()

    @cached_property
    def places(self) -> Places:
        """Where outputs stand."""
        return Places(self.shell)

    @cached_property
    def marks(self) -> Outputs:
        """The outputs that say when they were answered before a change."""
        from .outputs import Outputs

        return Outputs()

    @cached_property
    def conversations(self) -> Sessions:
        """The sessions by name."""
        from .sessions import Sessions

        return Sessions()

    @property
    def aliases(self) -> Mapping[str, str]:
        """The user's own names of models."""
        from .aliases import aliases

        return aliases()

    @property
    def catalogue(self) -> Catalogue:
        """What models and providers there are."""
        from ..catalogue.load import catalogue

        return catalogue()

    @property
    def session_name(self) -> str:
        """Name of the session that prompts belong to."""
        from .sessions import DEFAULT

        return self.conversations.chosen or self.config.session or DEFAULT

    @property
    def session(self) -> Session:
        """The session that prompts belong to."""
        return self.conversations.get(self.session_name)

    def _in_use(self) -> object | None:
        """Return the conversation that prompts belong to, unless nothing was asked yet."""
        made: Sessions | None = self.__dict__.get("conversations")
        session = made.find(self.session_name) if made is not None else None
        return session.conversation if session is not None else None

    def asked(self, options: MagicOptions | None = None, session: Session | None = None) -> Options:
        """Return what a prompt asks for: line, then session, then ``%config``."""
        from ..engine.options import Options
        from .line.lookup import look_up
        from .line.options import MagicOptions

        line = options or MagicOptions()
        names, suggestions = self.shell.user_ns, self.namespace()
        line = replace(
            line,
            model=line.model and self.aliases.get(line.model, line.model),
            tools=tuple(look_up("--tool", name, names, suggestions) for name in line.tools),
            schema=line.schema and look_up("--schema", line.schema, names, suggestions),
        )
        below = (session or self.session).options
        return Options.layered(self.catalogue, line, below, self.config.options())

    def usual_speed(self) -> float:
        """Return how fast tapes play here: without waiting where nobody looks on."""
        from ..views.frontend import frontend_of

        return math.inf if frontend_of(self.shell) == "executor" else 1.0

    def below(self, options: Options) -> Options:
        """Return a session's options with ``%config`` under them."""
        from ..engine.options import Options

        return Options.layered(self.catalogue, options, self.config.options())

    def is_model(self, word: str) -> bool:
        """Whether a word names a model, or a model at a provider."""
        from ..catalogue.resolve import LOCAL, find_model

        known = self.catalogue
        if word in self.aliases or find_model(known, word):
            return True
        head, slash, rest = word.partition("/")
        provider = known.providers.get(head)
        if slash and rest and provider is not None:
            if provider.self_hosted and head != LOCAL:
                return True  # its operator chose the names
            return self._is_listed(rest) or rest.lower().startswith("glm-")
        return self._is_listed(word)

    def _is_listed(self, name: str) -> bool:
        """Whether a name is a model's, with or without a vendor's prefix."""
        from ..catalogue.resolve import find_model

        prefixes = {"", *(info.model_prefix for info in self.catalogue.providers.values())}
        bare = (name.removeprefix(prefix) for prefix in prefixes if name.startswith(prefix))
        return any(find_model(self.catalogue, word) for word in bare)

    def namespace(self) -> dict[str, Any]:
        """Return the names that a prompt may use."""
        return prompt_namespace(self.shell, self.errors)


class Places:
    """Numbers the outputs of each cell."""

    def __init__(self, shell: InteractiveShell) -> None:
        self._shell = shell
        self._cell = RunningCell(shell)
        self._ordinals = count(1)

    def next(self) -> tuple[str, int] | None:
        """Return where the next output stands; ``None`` where outputs are not parts of one page."""
        if "google.colab" in sys.modules:  # each output has a page of its own there
            return None
        place = self._cell.next_key()
        if (
            place is None and frontend_of(self._shell) == "executor"
        ):  # runs each cell once, in order
            return "", next(self._ordinals)
        return place
