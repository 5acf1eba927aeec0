"""``--compare``: one prompt in several lanes, each a variant of the cell's turn."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..core.errors import InvalidValueError
from ..engine.lanes import Comparison, Lanes
from ..engine.planning.axes import lanes_of
from ..session.session import Session
from ..views.compare import compare_view
from ..views.play import play
from .asking import LAST, Asking, view_options
from .conversations import ASIDE
from .line.arguments import Options

if TYPE_CHECKING:
    from .desk import Desk


def compare(desk: Desk, options: Options, session: Session, asking: Asking) -> Comparison | None:
    """Ask a prompt in several ways at the same time, and show the lanes side by side.

    Returns
    -------
    Comparison or None
        ``None`` when a second interrupt ended the waiting.

    Raises
    ------
    GlmError
        A lane was refused, so nothing was sent; or every lane failed.
    """
    if options.bg or options.hold:
        raise InvalidValueError(
            f"--compare and --{'bg' if options.bg else 'hold'} exclude each other",
            hint="leave one of them out",
        )
    ways = lanes_of(options.compare, asking.options)
    streams = session.open_lanes(
        asking.prompt.text, [way.options for way in ways], asking.key, budget=asking.budget
    )
    lanes = Lanes([way.label for way in ways], streams)
    slot = session.slot_of(streams[0])
    first = next(n for n, v in enumerate(slot.variants) if v.stream is streams[0]) if slot else 0

    def choose(place: int) -> None:
        if slot is not None:
            session.choose(slot, first + place)
            desk.marks.refresh(session)

    looks = view_options(desk, options, asking.prompt.inserted)
    view = compare_view(desk.shell, lanes, looks)
    desk.marks.showed(slot, view, looks)
    desk.marks.refresh(session)
    found: Comparison | None = None
    try:
        play(lanes, view)
    finally:
        if lanes.done:
            found = Comparison(lanes, choose if session.name != ASIDE else lambda _: None)
            if not lanes.failed:
                desk.shell.user_ns[LAST] = found
        desk.marks.ended(session, view)
    lanes.raise_error()
    if found is not None and options.out:
        desk.shell.user_ns[options.out] = found
    return found
