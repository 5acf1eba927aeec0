"""What stands before the next prompt, exactly as its provider gets it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from ...core.estimate import TOKENS_PER_MESSAGE, Size
from ...core.messages import ROLES
from ...engine.planning.call import Call
from ...session.context import room
from ..desk import Desk
from ..tables import Sheet, Shown, Table
from .overview import short

_NEXT = "…"
"""Stands for a prompt that is still to be written."""


@dataclass(frozen=True, slots=True, repr=False)
class Context(Shown):
    """A table of the parts, and the messages in full as they would be sent."""

    table: Table
    messages: Sheet

    def html(self) -> str:
        """Return the table, with the messages folded away below."""
        return self.table.html() + self.messages.html()

    def text(self) -> str:
        """Return the table, then the messages."""
        return f"{self.table.text()}\n\n{self.messages.text()}"


def context(desk: Desk, _: object = ()) -> Shown:
    """Show what the next turn would send, with the size of each part."""
    call = desk.session.plan(_NEXT, desk.asked(), start_local=False)
    size = call.size
    rows = [
        (role, short(text, 200), f"≈{_tokens(role, text, size):,}") for role, text in _parts(call)
    ]
    title = f"Session {desk.session_name}"
    table = Table(("role", "text", "tokens"), rows, title, _note(call, size))
    body = json.dumps(_messages(call)[:-1], ensure_ascii=False, indent=2)
    return Context(table, Sheet([("", ""), ("As it is sent", body)], folded=True))


def _tokens(role: str, text: str, size: Size) -> int:
    """Return about how many tokens a part takes; a message's text bears what wraps the message."""
    wraps = role in ROLES
    return size.tokens(text) + round(size.scale * TOKENS_PER_MESSAGE * wraps)


def _messages(call: Call) -> list[Any]:
    body = call.wire.body
    return list(body.get("input", body)["messages"])


def _parts(call: Call) -> Iterator[tuple[str, str]]:
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


def _note(call: Call, size: Size) -> str:
    limit = room(call.offer, call.request.parameters)
    model = call.offer.model.id
    how = f"calibrated on {model}'s own counts" if size.scale != 1 else "estimated from the text"
    fits = f" of the {limit:,} that {model} takes" if limit else ""
    said = [notice.message for notice in call.notices if notice.code in ("left-out", "preserved")]
    lines = [f"≈{size.input:,} tokens{fits}, {how}; the next prompt comes after them.", *said]
    return " ".join(line if line.endswith(".") else f"{line}." for line in lines)
