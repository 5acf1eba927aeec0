"""The outputs that stay follow the session: the chosen run, and whether a change came before it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from ..core.turn import Turn
from ..engine.stream import Stream
from ..session.session import Session
from ..session.slots import Slot, Variant
from ..views.play import View


@runtime_checkable
class Repaintable(Protocol):
    """A view whose output can still be changed when its turn has ended."""

    def repaint(self, turn: Turn, *, stale: bool) -> None:
        """Show this run; `stale`: it was answered before a change."""


@dataclass(slots=True)
class _Output:
    stream: Stream
    view: Repaintable
    shows: Variant
    stale: bool = False


class Marks:
    """The outputs of this kernel that can be marked."""

    def __init__(self) -> None:
        self._outputs: dict[str, _Output] = {}

    def showed(self, slot: Slot | None, stream: Stream, view: View) -> None:
        """Remember where a turn is shown."""
        if slot is None:
            return
        self._outputs.pop(slot.id, None)
        if isinstance(view, Repaintable):
            self._outputs[slot.id] = _Output(stream, view, slot.current)

    def refresh(self, session: Session) -> None:
        """Show each turn of a session, in the output of its cell, as it stands now."""
        stale_slots = session.stale()
        for slot in session.slots:
            output = self._outputs.get(slot.id)
            if output is None or not output.stream.done:
                continue
            shows, stale = slot.current, slot in stale_slots
            if shows is not output.shows or stale != output.stale:
                output.shows, output.stale = shows, stale
                output.view.repaint(shows.turn, stale=stale)
