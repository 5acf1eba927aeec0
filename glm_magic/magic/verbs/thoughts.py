"""The verb about the reasoning of a turn: to change it, and see what comes of that."""

from __future__ import annotations

from collections.abc import Sequence

from ...core.i18n import tr
from ...session.rethink import rethink as rethink_turn
from .. import prompt
from ..line.options import MagicOptions
from ..workspace import Workspace
from .arguments import matching
from .defaults import ANY_TEXT
from .registry import verb
from .turns import slot_at

_PLACE = matching(
    r"[1-9]\d{0,5}:[1-9]\d{0,5}", noun=tr("the number of a turn and of its sentence, as 2:5")
)


@verb(
    "rethink",
    "let turn N think again from sentence S of its reasoning on, which TEXT replaces",
    "N:S [TEXT] …",
    "N [TEXT] …",
    **{"N:S": _PLACE, "TEXT": ANY_TEXT},
)
def rethink(workspace: Workspace, words: Sequence[str]) -> None:
    """Let a turn think again, and show the new variant as it arrives."""
    place, *text = words
    number, _, sentence = place.partition(":")
    slot, _ = slot_at(workspace, [number])
    session, line = workspace.session, MagicOptions()
    stream = rethink_turn(session, slot, int(sentence or 1), " ".join(text))
    shown = prompt.view_options(workspace, line)
    prompt.show_reply(workspace, line, session, stream, shown)
