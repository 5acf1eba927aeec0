"""The variants of one slot, as a view offers them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from ..core.turn import Turn
from .session import Session
from .slots import Slot


@dataclass(frozen=True, slots=True)
class Choice:
    """Which variant of a slot later turns see; satisfies `views.options.Variants`."""

    session: Session
    slot: Slot
    changed: Callable[[], None] = lambda: None
    """Called when another variant was chosen."""

    @property
    def turns(self) -> Sequence[Turn]:
        """Every variant's turn as it stands now, oldest first."""
        return self.slot.turns

    @property
    def chosen(self) -> int:
        """Place of the variant that later turns see, from 0."""
        return self.slot.place

    def choose(self, place: int) -> None:
        """Let later turns see that variant."""
        self.session.choose(self.slot, place)
        self.changed()
