"""Outputs that follow their session: the chosen variant, and whether a change came before it."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ..session.session import Session
    from ..session.slots import Slot, Variant
    from ..views.options import ViewOptions
    from ..views.play import View


@dataclass(slots=True)
class _Output:
    view: View
    cell: str | None
    variant: Variant
    stale: bool = False
    published: bool = False
    """Whether the output that stays is there, and can be repainted."""


class Outputs:
    """The outputs of this kernel that can be repainted; from any thread."""

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._outputs: dict[str, list[_Output]] = {}
        """By the slot's id."""
        self._options: dict[str, ViewOptions] = {}
        """How each variant is shown, by its id."""

    def register(self, slot: Slot | None, view: View, options: ViewOptions) -> None:
        """Remember which view shows a slot's newest variant.

        A cell that runs again loses its earlier output, so only other cells' outputs stay.
        """
        if slot is None:
            return
        cell = options.position[0] if options.position else None
        with self._lock:
            self._options[slot.current.id] = options
            earlier = self._outputs.pop(slot.id, [])
            others = [output for output in earlier if cell is not None and output.cell != cell]
            self._outputs[slot.id] = [*others, _Output(view, cell, slot.current)]

    def finished(self, session: Session, view: View) -> None:
        """Note that a view has published the output that stays, and repaint the others."""
        with self._lock:
            for outputs in self._outputs.values():
                for output in outputs:
                    output.published = output.published or output.view is view
            self.refresh(session)

    def refresh(self, session: Session) -> None:
        """Repaint the outputs of a session's turns that no longer show them as they are now."""
        with self._lock:
            stale_slots = session.stale()
            for slot in session.slots:
                variant = slot.current
                if variant.stream is None or variant.stream.done:
                    for output in self._outputs.get(slot.id, ()):
                        self._repaint(output, variant, stale=slot in stale_slots)

    def _repaint(self, output: _Output, variant: Variant, *, stale: bool) -> None:
        if output.published and (variant is not output.variant or stale != output.stale):
            output.variant, output.stale = variant, stale
            output.view.repaint(variant.turn, self._options.get(variant.id), stale=stale)
