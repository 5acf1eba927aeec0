"""A running local server, as the rest of the package sees it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from .http import answers

if TYPE_CHECKING:
    from glm_magic.core.secret import Secret

    from .process import ServerProcess


@dataclass(frozen=True, slots=True)
class LocalServer:
    """Where a model on this computer answers, and as what."""

    base_url: str
    """Base address of its OpenAI-style API."""
    model: str
    """Short id of the model it runs."""
    title: str
    """What to call the model in a sentence."""
    context: int
    """Tokens that one conversation may hold."""
    secret: Secret
    """Key of this start; without it the server refuses."""
    process: ServerProcess

    def stop(self) -> None:
        """End the server; does nothing the second time, or in a process forked from its owner."""
        self.process.end()

    def is_running(self) -> bool:
        """Return whether the server still answers."""
        return self.process.exit_code is None and answers(self.base_url)
