"""What may look on while a reply passes by: a budget that stops it, a store that keeps it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

from ...core.events import Event, Notice
from ...core.turn import Turn
from ..planning.call import Call


@dataclass(frozen=True, slots=True)
class Remark:
    """What a watcher has to say about a reply."""

    notice: Notice
    stop: bool = False
    """True ends the reply here; what has arrived stays."""


class Watcher(Protocol):
    """Sees one stream pass by, on the loop thread; whatever it does must be quick."""

    def sends(self, call: Call) -> None:
        """See a request of the stream before it is sent; raise `RefusedError` to prevent it."""

    def saw(self, events: Sequence[Event]) -> Iterable[Remark]:
        """See what one network chunk brought."""

    def ended(self, turn: Turn) -> None:
        """See the whole turn, before anybody who waits for it does."""
