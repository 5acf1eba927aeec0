"""The verbs about single turns: show, retry, drop, hide, pin, choose."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from ...core.errors import InvalidValueError
from ...session.slots import Slot
from .. import asking
from ..desk import Desk
from ..line.arguments import Options
from ..tables import Line, Shown
from . import overview


def show(desk: Desk, words: Sequence[str]) -> Shown:
    """Show the turns of the session, or one of them."""
    if not words:
        return overview.turns(desk)
    slot, number = slot_at(desk, words)
    place = _place(slot, number, words[1]) if len(words) > 1 else slot.place
    return overview.OneTurn(slot.variants[place].turn, desk.config.language)


def retry(desk: Desk, _: Sequence[str]) -> None:
    """Ask the prompt that ran last again, and show the reply as it arrives."""
    session = desk.session
    asking.shown(desk, Options(), session, session.retry())


def drop(desk: Desk, words: Sequence[str]) -> Shown:
    """Take one turn out."""
    slot, number = slot_at(desk, words)
    desk.session.drop(slot)
    return Line(f"Turn {number} is taken out of the session {desk.session_name}.{_later(desk)}")


def hide(desk: Desk, words: Sequence[str]) -> Shown:
    """Keep a turn visible but do not send it, or send it again."""
    slot, number = slot_at(desk, words)
    desk.session.hide(slot, hidden=not slot.hidden)
    state = "stays visible but is not sent" if slot.hidden else "is sent again"
    return Line(f"Turn {number} {state}.{_later(desk)}")


def pin(desk: Desk, words: Sequence[str]) -> Shown:
    """Keep a turn in the context always, or treat it like any other again."""
    slot, number = slot_at(desk, words)
    desk.session.pin(slot, pinned=not slot.pinned)
    state = "is pinned: it is always sent" if slot.pinned else "is no longer pinned"
    return Line(f"Turn {number} {state}.{_later(desk)}")


def choose(desk: Desk, words: Sequence[str]) -> Shown:
    """Let later turns see another variant of a turn."""
    slot, number = slot_at(desk, words)
    desk.session.choose(slot, _place(slot, number, words[1]))
    which = f"variant {slot.place + 1} of {len(slot.variants)}"
    return Line(f"Later turns now see {which} of turn {number}.{_later(desk)}")


def preserve(desk: Desk, words: Sequence[str]) -> Shown:
    """Send earlier reasoning back with every turn, or no more."""
    keep = words != ["off"]
    session = desk.session
    if keep:
        asked = replace(desk.asked(), preserve=True)
        session.plan("…", asked, start_local=False)  # refuses where it is not offered
    session.options = replace(session.options, preserve=keep)
    if not keep:
        return Line("Earlier reasoning stays here.")
    return Line("Earlier reasoning goes back with every turn; each panel says what it costs.")


def _later(desk: Desk) -> str:
    """Say how many turns were answered from something else than what stands before them now."""
    stale = len(desk.session.stale())
    if not stale:
        return ""
    was = "turn was" if stale == 1 else "turns were"
    return f" {stale} {was} answered before the change; %glm show marks them."


def _place(slot: Slot, number: int, word: str) -> int:
    count = len(slot.variants)
    if int(word) > count:
        raise InvalidValueError(
            f"there is no variant {word}; turn {number} has {count}",
            hint="running its cell again makes another one",
        )
    return int(word) - 1


def slot_at(desk: Desk, words: Sequence[str]) -> tuple[Slot, int]:
    """Return the slot of turn N, or of the last one, and its number.

    Raises
    ------
    InvalidValueError
        There is no such turn.
    """
    slots = desk.session.slots
    if not slots:
        raise InvalidValueError(
            f"the session {desk.session_name} has no turn yet",
            hint="ask something first, or choose another session with %glm use NAME",
        )
    number = int(words[0]) if words else len(slots)
    if number > len(slots):
        raise InvalidValueError(
            f"there is no turn {number}; the session {desk.session_name} has {len(slots)}",
            hint="%glm show lists them",
        )
    return slots[number - 1], number
