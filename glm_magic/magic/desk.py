"""Everything the magics keep between two cells.

It is made while the extension loads, so it imports what it needs only when it is asked.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

from .config import GLM
from .host import RunningCell
from .line.cells import Errors, prompt_namespace

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

    from ..catalogue.load import Catalogue
    from ..engine.planning.options import Options as Asked
    from ..session.session import Session
    from .background import Jobs
    from .conversations import Conversations
    from .line.arguments import Options
    from .marks import Marks
    from .places import Places


class Desk:
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
        from .places import Places

        return Places(self.shell)

    @cached_property
    def marks(self) -> Marks:
        """The outputs that say when they were answered before a change."""
        from .marks import Marks

        return Marks()

    @cached_property
    def conversations(self) -> Conversations:
        """The sessions by name."""
        from .conversations import Conversations

        return Conversations()

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
        from .conversations import DEFAULT

        return self.conversations.chosen or self.config.session or DEFAULT

    @property
    def session(self) -> Session:
        """The session that prompts belong to."""
        return self.conversations.get(self.session_name)

    def _in_use(self) -> Session | None:
        """Return the session that prompts belong to, unless nothing was asked yet."""
        made: Conversations | None = self.__dict__.get("conversations")
        return made.find(self.session_name) if made is not None else None

    def asked(self, options: Options | None = None, session: Session | None = None) -> Asked:
        """Return what a prompt asks for: line, then session, then ``%config``."""
        from ..engine.planning.levels import merge
        from .line.arguments import Options
        from .line.named import named
        from .settings import from_line

        below = self.below((session or self.session).options)
        given = options or Options()
        tools = tuple(named(self, "--tool", name) for name in given.tool)
        schema = named(self, "--schema", given.schema) if given.schema else None
        line = replace(from_line(given), tools=tools, schema=schema)
        if line.model is not None:
            line = replace(line, model=self.aliases.get(line.model, line.model))
        return merge(self.catalogue, line, below)

    def usual_speed(self) -> float:
        """Return how fast tapes play here: without waiting where nobody looks on."""
        from ..views.host import host_of

        return math.inf if host_of(self.shell) == "executor" else 1.0

    def below(self, options: Asked) -> Asked:
        """Return a session's options with ``%config`` under them."""
        from ..engine.planning.levels import merge
        from .settings import from_config

        return merge(self.catalogue, options, from_config(self.config))

    def is_model(self, word: str) -> bool:
        """Whether a word names a model, or a model at a provider."""
        from ..catalogue.choose import LOCAL, find_model

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
        from ..catalogue.choose import find_model

        prefixes = {"", *(info.model_prefix for info in self.catalogue.providers.values())}
        bare = (name.removeprefix(prefix) for prefix in prefixes if name.startswith(prefix))
        return any(find_model(self.catalogue, word) for word in bare)

    def namespace(self) -> dict[str, Any]:
        """Return the names that a prompt may use."""
        return prompt_namespace(self.shell, self.errors)
