"""The outputs of cells: what a reply's output shows later, and that it has no more than one.

An output follows its session: it shows the chosen variant, and says when a change came before it.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Hashable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

from IPython.core.displayhook import CapturingDisplayHook, DisplayHook

from ..session.notebook import parent_of

if TYPE_CHECKING:
    from ..engine.reply import TurnProperties
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


@dataclass(slots=True)
class _Shown:
    """What there is of one slot on the pages."""

    conversation: str
    """Id of the conversation that the slot belongs to."""
    outputs: list[_Output] = field(default_factory=list)
    runs: list[str] = field(default_factory=list)
    """Ids of the variants that were shown."""


class Outputs:
    """The outputs of this kernel that can be repainted; from any thread."""

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._shown: dict[str, _Shown] = {}
        """By the slot's id."""
        self._options: dict[str, ViewOptions] = {}
        """How each variant is shown, by its id."""

    def register(
        self, session: Session, slot: Slot | None, view: View, options: ViewOptions
    ) -> None:
        """Remember which view shows a slot's newest variant.

        A cell that runs again loses its earlier output, so only other cells' outputs stay. A view
        that cannot be repainted is not kept, nor is what shows a slot that was taken out.
        """
        if slot is None:
            return
        cell = options.position[0] if options.position else None
        with self._lock:
            self._forget_gone(session)
            shown = self._shown.setdefault(slot.id, _Shown(session.id))
            shown.runs.append(slot.current.id)
            self._options[slot.current.id] = options
            shown.outputs = [o for o in shown.outputs if cell is not None and o.cell != cell]
            if view.can_repaint:
                shown.outputs.append(_Output(view, cell, slot.current))

    def _forget_gone(self, session: Session) -> None:
        """Forget the outputs of slots that a session had; nothing repaints them any more."""
        there = {slot.id for slot in session.slots}
        of_session = (id_ for id_, shown in self._shown.items() if shown.conversation == session.id)
        for id_ in [id_ for id_ in of_session if id_ not in there]:
            for run in self._shown.pop(id_).runs:
                self._options.pop(run, None)

    def options_of(self, slot: Slot) -> ViewOptions | None:
        """Return how the newest variant is shown that has an output; ``None`` where none has."""
        with self._lock:
            known = (self._options.get(variant.id) for variant in reversed(slot.variants))
            return next((options for options in known if options is not None), None)

    def finished(self, session: Session, view: View) -> None:
        """Note that a view has published the output that stays, and repaint the others."""
        with self._lock:
            for shown in self._shown.values():
                for output in shown.outputs:
                    output.published = output.published or output.view is view
            self.refresh(session)

    def refresh(self, session: Session) -> None:
        """Repaint the outputs of a session's turns that no longer show them as they are now."""
        with self._lock:
            stale_slots = session.stale()
            for slot in session.slots:
                variant = slot.current
                if variant.stream is None or variant.stream.done:
                    shown = self._shown.get(slot.id)
                    for output in shown.outputs if shown is not None else ():
                        self._repaint(output, variant, stale=slot in stale_slots)

    def _repaint(self, output: _Output, variant: Variant, *, stale: bool) -> None:
        if output.published and (variant is not output.variant or stale != output.stale):
            output.variant, output.stale = variant, stale
            output.view.repaint(variant.turn, self._options.get(variant.id), stale=stale)


SHOWN = ("glm_magic.engine.reply", "TurnProperties")
"""Module and name of the class of all that `ShownReplies.show` is asked about."""


class ShownReplies:
    """Replies whose output stands in the cell that runs: its value does not show them once more.

    The value of a cell may be a reply that was shown as it arrived: the last line is ``%glm`` below
    ``%%time``, or calls a function that asks, or names the variable.

    Parameters
    ----------
    shell : InteractiveShell
        Where the cells run.
    """

    def __init__(self, shell: Any) -> None:
        self._shell = shell
        self._shown_in: WeakKeyDictionary[TurnProperties, Hashable] = WeakKeyDictionary()

    def add(self, reply: TurnProperties) -> None:
        """Note that the running cell has the output of a reply."""
        self._shown_in[reply] = self._execution()

    def show(self, reply: TurnProperties) -> None:
        """Show nothing of the value of a cell that has its output; a formatter of IPython's.

        Whoever calls ``display`` wants to see it, and so does a later cell.

        Raises
        ------
        NotImplementedError
            IPython shows the reply in the ordinary way.
        """
        if self._shown_in.get(reply) != self._execution() or not _is_value_of_a_cell():
            raise NotImplementedError

    def _execution(self) -> Hashable:
        """Return what tells executions apart: the request, or in a terminal the number."""
        request = parent_of(self._shell).get("header", {}).get("msg_id")
        return request, self._shell.execution_count


def _is_value_of_a_cell() -> bool:
    """Whether it is IPython's display hook that asks for the forms of a value."""
    frame = sys._getframe(1)
    while frame.f_back is not None:
        if isinstance(frame.f_locals.get("self"), DisplayHook | CapturingDisplayHook):
            return True
        frame = frame.f_back
    return False
