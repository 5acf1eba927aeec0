"""The verbs about the turns of a session, and about what the next one will send."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from ...core.errors import InvalidValueError
from ...core.i18n import Text, from_data, joined, plural, tr
from ...core.text import shorten
from ...core.turn import Turn
from ...core.usage import Usage
from ...session.asked import KEPT_STREAMS
from ...session.conversation import Conversation
from ...session.slots import Slot
from .. import prompt
from ..display import Displayable, Paragraph, Table
from ..line.options import MagicOptions
from ..request_view import sent
from ..workspace import Workspace
from .registry import verb

_NEXT = "…"
"""Stands for the prompt that is not written yet."""


@verb(
    "show",
    "the turns of the session, or one of them, or its variant V; or a turn of another session",
    "[N]",
    "N V",
    "SESSION N",
)
def show(workspace: Workspace, words: Sequence[str]) -> Displayable:
    """Show the turns of the session, or one of them, or one of another session."""
    if len(words) == 2 and not words[0].isdecimal():
        return _of_another_session(workspace, *words)
    if not words:
        return _table(workspace)
    slot, number = slot_at(workspace, words)
    variant = _variant_at(slot, number, words[1]) if len(words) > 1 else slot.place
    return OneTurn(slot.variants[variant].turn, workspace.config.language)


def _of_another_session(workspace: Workspace, name: str, number: str) -> Displayable:
    conversation = Conversation.find(name)
    slots = list(conversation.slots) if conversation is not None else []
    if not 0 < int(number) <= len(slots):
        raise _no_turn(int(number), name, len(slots))
    return OneTurn(slots[int(number) - 1].turn, workspace.config.language)


def _table(workspace: Workspace) -> Displayable:
    stale = workspace.session.stale()
    rows = [_turn_row(n, slot, slot in stale) for n, slot in enumerate(workspace.session.slots, 1)]
    columns = ("", "prompt", "answer", "model", "status", "variant", "remarks", "tokens", "cost")
    return Table(columns, rows, title=tr("Session {name}", name=workspace.session_name))


def _turn_row(number: int, slot: Slot, stale: bool) -> tuple[Any, ...]:
    turn, count = slot.turn, len(slot.variants)
    which = f"{slot.place + 1}/{count}" if count > 1 else ""
    remarks = {
        "pinned": slot.pinned,
        "hidden": slot.hidden,
        "cell is gone": slot.orphaned,
        "answered before the change": stale,
    }
    remark = joined((from_data(text) for text, applies in remarks.items() if applies), ", ")
    texts = (
        shorten(turn.shown_prompt),
        shorten(turn.answer),
        turn.model,
        from_data(turn.status),
        which,
        remark,
    )
    return (number, *texts, *_spent(turn))


def _spent(turn: Turn) -> tuple[int | str | None, str | None]:
    total = turn.usage.total if turn.usage else None
    if turn.estimate is not None:
        total = ((turn.usage or Usage()) + turn.estimate).total
        return f"≈{total:,}", str(turn.cost) if turn.cost else None
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
def retry(workspace: Workspace, _: Sequence[str]) -> None:
    """Ask the prompt that ran last again, and show the reply as it arrives."""
    session = workspace.session
    line = MagicOptions()
    shown = prompt.view_options(workspace, line)
    prompt.show_reply(workspace, line, session, session.retry(), shown)


@verb("drop", "take one turn out", "N")
def drop(workspace: Workspace, words: Sequence[str]) -> Displayable:
    """Remove one turn."""
    slot, number = slot_at(workspace, words)
    workspace.session.drop(slot)
    name = workspace.session_name
    message = tr("Turn {number} is removed from the session {name}.", number=number, name=name)
    return _with_stale(workspace, message)


@verb("hide", "keep a turn visible but do not send it; once more: send it again", "N")
def hide(workspace: Workspace, words: Sequence[str]) -> Displayable:
    """Keep a turn visible but do not send it, or send it again."""
    slot, number = slot_at(workspace, words)
    workspace.session.hide(slot, hidden=not slot.hidden)
    if slot.hidden:
        return _with_stale(
            workspace, tr("Turn {number} stays visible but is not sent.", number=number)
        )
    return _with_stale(workspace, tr("Turn {number} is sent again.", number=number))


@verb("pin", "always send a turn; once more: like any other", "N")
def pin(workspace: Workspace, words: Sequence[str]) -> Displayable:
    """Keep a turn in the context always, or treat it like any other again."""
    slot, number = slot_at(workspace, words)
    workspace.session.pin(slot, pinned=not slot.pinned)
    if slot.pinned:
        return _with_stale(
            workspace, tr("Turn {number} is pinned: it is always sent.", number=number)
        )
    return _with_stale(workspace, tr("Turn {number} is no longer pinned.", number=number))


@verb("choose", "let later turns see variant V of turn N", "N V")
def choose(workspace: Workspace, words: Sequence[str]) -> Displayable:
    """Let later turns see another variant of a turn."""
    slot, number = slot_at(workspace, words)
    workspace.session.choose(slot, _variant_at(slot, number, words[1]))
    message = tr(
        "Later turns now see variant {variant} of {count} of turn {number}.",
        variant=slot.place + 1,
        count=len(slot.variants),
        number=number,
    )
    return _with_stale(workspace, message)


@verb(
    "preserve",
    "send earlier reasoning back with every turn, where the provider offers it",
    "[on]",
    "off",
)
def preserve(workspace: Workspace, words: Sequence[str]) -> Displayable:
    """Send earlier reasoning back with every turn, or stop doing so."""
    keep = words != ["off"]
    session = workspace.session
    if keep:
        options = replace(workspace.options(), preserve=True)
        session.plan(_NEXT, options, start_local=False)  # refuses where it is not offered
    session.options = replace(session.options, preserve=keep)
    if not keep:
        return Paragraph(tr("Earlier reasoning is not sent back."))
    return Paragraph(
        tr("Earlier reasoning is sent back with every turn; each panel shows what it costs.")
    )


def _with_stale(workspace: Workspace, message: Text) -> Displayable:
    """Return a message with how many turns were answered from other turns than they now follow."""
    stale = len(workspace.session.stale())
    if stale:
        remark = plural(
            stale,
            "{count} turn was answered before the change; %glm show marks it.",
            "{count} turns were answered before the change; %glm show marks them.",
        )
        message = joined([message, remark], " ")
    return Paragraph(message)


def _variant_at(slot: Slot, number: int, word: str) -> int:
    count = len(slot.variants)
    if int(word) > count:
        raise InvalidValueError(
            tr(
                "there is no variant {variant}; turn {number} has {count}",
                variant=word,
                number=number,
                count=count,
            ),
            hint=tr("running its cell again adds one"),
        )
    return int(word) - 1


def slot_at(workspace: Workspace, words: Sequence[str]) -> tuple[Slot, int]:
    """Return the slot of turn N, or of the last one, and its number.

    Raises
    ------
    InvalidValueError
        There is no such turn.
    """
    slots = workspace.session.slots
    if not slots:
        raise InvalidValueError(
            tr("the session {name} has no turn yet", name=workspace.session_name),
            hint=tr("ask something first, or choose another session with %glm use NAME"),
        )
    number = int(words[0]) if words else len(slots)
    if number > len(slots):
        raise _no_turn(number, workspace.session_name, len(slots))
    return slots[number - 1], number


def _no_turn(number: int, name: str, count: int) -> InvalidValueError:
    return InvalidValueError(
        tr(
            "there is no turn {number}; the session {name} has {count}",
            number=number,
            name=name,
            count=count,
        ),
        hint=tr("%glm show lists them"),
    )


@verb("wire", "a turn's request and raw reply; as curl and Python, key redacted", "[N]")
def wire(workspace: Workspace, words: Sequence[str]) -> Displayable:
    """Show a turn's request and its raw reply."""
    slot, number = slot_at(workspace, words)
    stream = slot.current.stream
    if stream is None and slot.current.was_let_go:
        raise InvalidValueError(
            tr(
                "the requests of turn {number} are no longer here; a session keeps those of its"
                " {count} newest runs",
                number=number,
                count=KEPT_STREAMS,
            ),
            hint=tr("run its cell again, or see %glm show {number}", number=number),
        )
    if stream is None:
        raise InvalidValueError(
            tr(
                "turn {number} was not asked by this kernel, which does not have its requests",
                number=number,
            ),
            hint=tr("run its cell again, or see %glm show {number}", number=number),
        )
    return sent(stream, number)
