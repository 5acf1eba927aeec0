"""The outputs that stay follow the session: the chosen run, and whether a change came before it."""

from __future__ import annotations

import threading
from dataclasses import dataclass

from ..session.session import Session
from ..session.slots import Slot, Variant
from ..views.options import ViewOptions
from ..views.play import View


@dataclass(slots=True)
class _Output:
    view: View
    cell: str | None
    shows: Variant
    stale: bool = False
    ended: bool = False
    """Whether the output that stays was published."""


class Outputs:
    """The outputs of this kernel that can be changed; from any thread."""

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._outputs: dict[str, list[_Output]] = {}
        self._looks: dict[str, ViewOptions] = {}

    def showed(self, slot: Slot | None, view: View, looks: ViewOptions) -> None:
        """Remember where a slot's newest run is shown; a cell that runs again has no older one."""
        if slot is None:
            return
        cell = looks.position[0] if looks.position else None
        with self._lock:
            self._looks[slot.current.id] = looks
            others = self._outputs.pop(slot.id, [])
            kept = [output for output in others if cell is not None and output.cell != cell]
            self._outputs[slot.id] = [*kept, _Output(view, cell, slot.current)]

    def ended(self, session: Session, view: object) -> None:
        """Know that the output that stays was published in a view, and let the others follow."""
        with self._lock:
            for outputs in self._outputs.values():
                for output in outputs:
                    output.ended = output.ended or output.view is view
            self.refresh(session)

    def refresh(self, session: Session) -> None:
        """Show each turn of a session, in the outputs that it has, as it stands now."""
        with self._lock:
            stale_slots = session.stale()
            for slot in session.slots:
                shows = slot.current
                if shows.stream is None or shows.stream.done:
                    for output in self._outputs.get(slot.id, ()):
                        self._follow(output, shows, stale=slot in stale_slots)

    def _follow(self, output: _Output, shows: Variant, *, stale: bool) -> None:
        if output.ended and (shows is not output.shows or stale != output.stale):
            output.shows, output.stale = shows, stale
            output.view.repaint(shows.turn, self._looks.get(shows.id), stale=stale)
