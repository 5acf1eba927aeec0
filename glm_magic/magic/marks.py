"""The outputs of later cells say it when they were answered before a change above them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from ..core.turn import Turn
from ..engine.stream import Stream
from ..session.session import Session
from ..session.slots import Slot
from ..views.play import View


@runtime_checkable
class Markable(Protocol):
    """A view whose output can still be changed when its turn has ended."""

    def mark(self, turn: Turn, *, stale: bool) -> None:
        """Say, or say no more, that the turn was answered before a change."""


@dataclass(slots=True)
class _Output:
    slot: Slot
    stream: Stream
    view: Markable
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
        if isinstance(view, Markable):
            self._outputs[slot.id] = _Output(slot, stream, view)

    def refresh(self, session: Session) -> None:
        """Mark the outputs of a session's turns, or take the marks away, as it is now."""
        for slot in session.slots:
            output = self._outputs.get(slot.id)
            if output is None or not output.stream.done or slot.current.stream is not output.stream:
                continue
            stale = session.is_stale(slot)
            if stale != output.stale:
                output.stale = stale
                output.view.mark(output.stream.turn, stale=stale)
