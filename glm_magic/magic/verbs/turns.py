"""The verbs about single turns: show, retry, drop, hide, pin, choose.

What stands before the next prompt, exactly as its provider gets it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from ...core.errors import InvalidValueError
from ...core.messages import ROLES
from ...core.text import shorten
from ...core.turn import Turn
from ...core.usage import TOKENS_PER_MESSAGE, TokenEstimate, Usage
from ...engine.prepared import PreparedRequest
from ...session.context import input_limit
from ...session.slots import Slot
from .. import prompt
from ..display import Displayable, Paragraph, Sections, Table
from ..line.options import MagicOptions
from ..request_view import sent
from ..workspace import Workspace
from .registry import verb


@verb("show", "the turns of the session, or one of them, or its variant V", "[N]", "N V")
def show(desk: Workspace, words: Sequence[str]) -> Displayable:
    """Show the turns of the session, or one of them."""
    if not words:
        return _table(desk)
    slot, number = slot_at(desk, words)
    place = _place(slot, number, words[1]) if len(words) > 1 else slot.place
    return OneTurn(slot.variants[place].turn, desk.config.language)


def _table(desk: Workspace) -> Displayable:
    """Return the turns of the session in use."""
    stale = desk.session.stale()
    rows = [_turn_row(n, slot, slot in stale) for n, slot in enumerate(desk.session.slots, 1)]
    columns = ("", "prompt", "answer", "model", "status", "variant", "remarks", "tokens", "cost")
    return Table(columns, rows, title=f"Session {desk.session_name}")


def _turn_row(number: int, slot: Slot, stale: bool) -> tuple[Any, ...]:
    turn, count = slot.turn, len(slot.variants)
    which = f"{slot.place + 1}/{count}" if count > 1 else ""
    marks = {
        "pinned": slot.pinned,
        "hidden": slot.hidden,
        "cell is gone": slot.orphaned,
        "answered before the change": stale,
    }
    told = ", ".join(mark for mark, holds in marks.items() if holds)
    texts = (shorten(turn.prompt), shorten(turn.answer), turn.model, turn.status, which, told)
    return (number, *texts, *_spent(turn))


def _spent(turn: Turn) -> tuple[int | str | None, str | None]:
    total = turn.usage.total if turn.usage else None
    if turn.estimate is not None:
        guess = ((turn.usage or Usage()) + turn.estimate).total
        return f"≈{guess:,}", str(turn.cost) if turn.cost else None
    return total, str(turn.cost) if turn.cost else None


class OneTurn(Displayable):
    """A turn as it was shown when it ended."""

    def __init__(self, turn: Turn, language: str | None) -> None:
        from ...views.options import ViewOptions
        from ...views.saved.page import bundle

        self._data, self._metadata = bundle(turn, ViewOptions(language=language))

    def html(self) -> str:
        """Return the saved form."""
        return str(self._data["text/html"])

    def text(self) -> str:
        """Return the plain text form."""
        return str(self._data["text/plain"])

    def _repr_mimebundle_(self, **_: Any) -> Any:
        return self._data, self._metadata


@verb("retry", "ask the prompt that ran last again, in its own place")
def retry(desk: Workspace, _: Sequence[str]) -> None:
    """Ask the prompt that ran last again, and show the reply as it arrives."""
    session = desk.session
    prompt.show_reply(desk, MagicOptions(), session, session.retry())


@verb("drop", "take one turn out", "N")
def drop(desk: Workspace, words: Sequence[str]) -> Displayable:
    """Take one turn out."""
    slot, number = slot_at(desk, words)
    desk.session.drop(slot)
    return Paragraph(
        f"Turn {number} is taken out of the session {desk.session_name}.{_later(desk)}"
    )


@verb("hide", "keep a turn visible but do not send it; once more: send it again", "N")
def hide(desk: Workspace, words: Sequence[str]) -> Displayable:
    """Keep a turn visible but do not send it, or send it again."""
    slot, number = slot_at(desk, words)
    desk.session.hide(slot, hidden=not slot.hidden)
    state = "stays visible but is not sent" if slot.hidden else "is sent again"
    return Paragraph(f"Turn {number} {state}.{_later(desk)}")


@verb("pin", "always send a turn; once more: like any other", "N")
def pin(desk: Workspace, words: Sequence[str]) -> Displayable:
    """Keep a turn in the context always, or treat it like any other again."""
    slot, number = slot_at(desk, words)
    desk.session.pin(slot, pinned=not slot.pinned)
    state = "is pinned: it is always sent" if slot.pinned else "is no longer pinned"
    return Paragraph(f"Turn {number} {state}.{_later(desk)}")


@verb("choose", "let later turns see variant V of turn N", "N V")
def choose(desk: Workspace, words: Sequence[str]) -> Displayable:
    """Let later turns see another variant of a turn."""
    slot, number = slot_at(desk, words)
    desk.session.choose(slot, _place(slot, number, words[1]))
    which = f"variant {slot.place + 1} of {len(slot.variants)}"
    return Paragraph(f"Later turns now see {which} of turn {number}.{_later(desk)}")


@verb(
    "preserve",
    "send earlier reasoning back with every turn, where the provider offers it",
    "[on]",
    "off",
)
def preserve(desk: Workspace, words: Sequence[str]) -> Displayable:
    """Send earlier reasoning back with every turn, or no more."""
    keep = words != ["off"]
    session = desk.session
    if keep:
        asked = replace(desk.asked(), preserve=True)
        session.plan("…", asked, start_local=False)  # refuses where it is not offered
    session.options = replace(session.options, preserve=keep)
    if not keep:
        return Paragraph("Earlier reasoning stays here.")
    return Paragraph("Earlier reasoning goes back with every turn; each panel says what it costs.")


def _later(desk: Workspace) -> str:
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


def slot_at(desk: Workspace, words: Sequence[str]) -> tuple[Slot, int]:
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


_NEXT = "…"
"""Stands for a prompt that is still to be written."""


@dataclass(frozen=True, slots=True, repr=False)
class Context(Displayable):
    """A table of the parts, and the messages in full as they would be sent."""

    table: Table
    messages: Sections

    def html(self) -> str:
        """Return the table, with the messages folded away below."""
        return self.table.html() + self.messages.html()

    def text(self) -> str:
        """Return the table, then the messages."""
        return f"{self.table.text()}\n\n{self.messages.text()}"


@verb("context", "exactly what the next turn would send")
def context(desk: Workspace, _: object = ()) -> Displayable:
    """Show what the next turn would send, with the size of each part."""
    call = desk.session.plan(_NEXT, desk.asked(), start_local=False)
    size = call.size
    rows = [
        (role, shorten(text, 200), f"≈{_tokens(role, text, size):,}") for role, text in _parts(call)
    ]
    title = f"Session {desk.session_name}"
    table = Table(("role", "text", "tokens"), rows, title, _note(call, size))
    body = json.dumps(_messages(call)[:-1], ensure_ascii=False, indent=2)
    return Context(table, Sections([("", ""), ("As it is sent", body)], folded=True))


def _tokens(role: str, text: str, size: TokenEstimate) -> int:
    """Return about how many tokens a part takes; a message's text bears what wraps the message."""
    wraps = role in ROLES
    return size.tokens(text) + round(size.scale * TOKENS_PER_MESSAGE * wraps)


def _messages(call: PreparedRequest) -> list[Any]:
    body = call.wire.body
    return list(body.get("input", body)["messages"])


def _parts(call: PreparedRequest) -> Iterator[tuple[str, str]]:
    """Yield role and text of each part that the body of the request would hold."""
    body = call.wire.body
    options = body.get("parameters", body)
    for message in _messages(call)[:-1]:
        for name, value in message.items():
            text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
            if name != "role" and text:
                role = str(message["role"])
                yield role if name == "content" else f"{role} ({name})", text
    if options.get("tools"):
        yield "tools", json.dumps(options["tools"], ensure_ascii=False)


def _note(call: PreparedRequest, size: TokenEstimate) -> str:
    limit = input_limit(call.offer, call.request.parameters)
    model = call.offer.model.id
    how = f"calibrated on {model}'s own counts" if size.scale != 1 else "estimated from the text"
    fits = f" of the {limit:,} that {model} takes" if limit else ""
    said = [notice.message for notice in call.notices if notice.code in ("left-out", "preserved")]
    lines = [f"≈{size.input:,} tokens{fits}, {how}; the next prompt comes after them.", *said]
    return " ".join(line if line.endswith(".") else f"{line}." for line in lines)


@verb("wire", "a turn's request and raw reply; as curl and Python, key redacted", "[N]")
def wire(desk: Workspace, words: Sequence[str]) -> Displayable:
    """Show a turn's request and its raw reply."""
    slot, number = slot_at(desk, words)
    stream = slot.current.stream
    if stream is None:
        raise InvalidValueError(
            f"turn {number} was not asked by this kernel, which has nothing of its wire",
            hint=f"run its cell again, or see %glm show {number}",
        )
    return sent(stream, number)
