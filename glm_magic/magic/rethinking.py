"""The pencil in a panel: what its page asks of the kernel, between the cells."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from ..core.errors import InvalidValueError
from ..core.i18n import tr
from ..engine.stream import Stream
from ..session.rethink import check_can_rethink, rethink, thought_of
from ..session.session import Session
from ..session.slots import Slot, Variant, VariantChoice
from ..views.options import ViewOptions
from ..views.variants import stamp

if TYPE_CHECKING:
    from .workspace import Workspace


def thoughts_of(
    workspace: Workspace, session: Session, slot: Slot, stream: Stream
) -> Rethinking | None:
    """Return what changes the thoughts of a cell; ``None`` where its model does not go on."""
    call = stream.call
    can = call.offer.prefix_thinking == "yes" and call.tool_plan is None
    return Rethinking(workspace, session, slot) if can else None


@dataclass(frozen=True, slots=True)
class Rethinking:
    """The thoughts of one cell's runs; satisfies `views.options.Thoughts`."""

    workspace: Workspace
    session: Session
    slot: Slot

    def sentences(self, at: str) -> Sequence[str]:
        """Return the sentences of the run that was sent at that time.

        Raises
        ------
        GlmError
            It cannot think again.
        """
        variant = self._variant(at)
        check_can_rethink(variant)
        return [sentence.text for sentence in thought_of(variant.turn)]

    def rethink(self, at: str, sentence: int, text: str, output: str) -> None:
        """Let that run think again from a sentence on; what comes takes the place of an output.

        Raises
        ------
        GlmError
            It cannot.
        """
        from ..views.live.panel import PanelView  # its page has asked, so there are widgets

        workspace, session = self.workspace, self.session
        variant = self._variant(at)
        shown = workspace.outputs.options_of(self.slot) or ViewOptions()
        stream = rethink(session, self.slot, sentence, text, variant)
        choice = VariantChoice(
            session.conversation, self.slot, lambda: workspace.outputs.refresh(session)
        )
        options = replace(shown, variants=choice, thoughts=self, background=True, inserted=())
        view = PanelView(options, output)
        workspace.outputs.register(session, self.slot, view, options)
        job = workspace.jobs.add(stream)
        job.show(view, lambda _: None, lambda: workspace.outputs.finished(session, view))

    def _variant(self, at: str) -> Variant:
        """Return the run that was sent at that time.

        Raises
        ------
        InvalidValueError
            The session has none: the cell was dropped, or this is another kernel.
        """
        for variant in self.slot.variants:
            if stamp(variant.turn) == at:
                return variant
        raise InvalidValueError(
            tr("this kernel does not have that run"), hint=tr("run the cell again")
        )
