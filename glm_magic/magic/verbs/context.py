"""The verb ``context``: exactly what the next turn would send, with the size of each part."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from ...core.attachments import Attachment, by_hash
from ...core.i18n import Text, joined, tr
from ...core.messages import ROLES
from ...core.text import shorten
from ...core.usage import TOKENS_PER_MESSAGE, TokenEstimate
from ...dialects.attachments import Shown
from ...engine.checks import input_limit
from ...engine.prepared import PreparedRequest
from ..display import Displayable, Sections, Table
from ..workspace import Workspace
from .registry import verb

_NEXT = "…"
"""Stands for the prompt that is not written yet."""


@dataclass(frozen=True, slots=True, repr=False)
class Context(Displayable):
    """A table of the parts, and the messages in full, as they would be sent."""

    table: Table
    messages: Sections

    def html(self) -> str:
        """Return the table, with the messages folded away below."""
        return self.table.html() + self.messages.html()

    def text(self) -> str:
        """Return the table, then the messages."""
        return f"{self.table.text()}\n\n{self.messages.text()}"


@verb("context", "exactly what the next turn would send")
def context(workspace: Workspace, _: object = ()) -> Displayable:
    """Show what the next turn would send, with the size of each part."""
    request = workspace.session.plan(_NEXT, workspace.options(), start_local=False)
    size = request.size
    rows = [(role, shorten(text, 200), f"≈{tokens:,}") for role, text, tokens in _parts(request)]
    title = tr("Session {name}", name=workspace.session_name)
    table = Table(("role", "text", "tokens"), rows, title, _note(request, size))
    body = json.dumps(_messages(request)[:-1], ensure_ascii=False, indent=2)
    return Context(table, Sections([("", ""), ("As it is sent", body)], folded=True))


def _tokens(role: str, text: str, size: TokenEstimate) -> int:
    """Return about how many tokens a part takes; a message's text bears what wraps the message."""
    wraps = role in ROLES
    return size.tokens(text) + round(size.scale * TOKENS_PER_MESSAGE * wraps)


def _messages(request: PreparedRequest) -> list[Any]:
    body = by_hash(request.wire.body)
    return list(body.get("input", body)["messages"])


def _parts(request: PreparedRequest) -> Iterator[tuple[str, str, int]]:
    """Yield role, text and size of each part that the body of the request would hold."""
    size = request.size
    options = request.wire.body.get("parameters", request.wire.body)
    shown = iter(Shown(request.request.messages, request.offer).in_order)
    for message in _messages(request)[:-1]:
        role = str(message["role"])
        for name, value in message.items():
            if name == "content" and isinstance(value, list):
                yield from _content_parts(role, value, shown, size)
                continue
            text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
            if name != "role" and text:
                of = role if name == "content" else f"{role} ({name})"
                yield of, text, _tokens(of, text, size)
    if options.get("tools"):
        text = json.dumps(options["tools"], ensure_ascii=False)
        yield "tools", text, _tokens("tools", text, size)


def _content_parts(
    role: str, parts: list[Any], shown: Iterator[Attachment], size: TokenEstimate
) -> Iterator[tuple[str, str, int]]:
    """Yield the texts of a message, and the name of what it shows; the first bears the wrapping."""
    wrapping = _tokens(role, "", size)
    for part in parts:
        if part["type"] == "text":
            yield role, part["text"], size.tokens(part["text"]) + wrapping
        else:
            one = next(shown)
            tokens = round(size.scale * one.tokens) + wrapping
            yield f"{role} ({one.kind})", f"{one.name} {one.sides}".rstrip(), tokens
        wrapping = 0


def _note(request: PreparedRequest, size: TokenEstimate) -> Text:
    limit = input_limit(request.offer, request.request.parameters)
    model = request.offer.model.id
    how = (
        tr("calibrated on {model}'s own counts", model=model)
        if size.scale != 1
        else tr("estimated from the text")
    )
    values = {"tokens": size.input, "model": model, "limit": limit, "how": how}
    total = (
        tr(
            "≈{tokens:,} tokens of the {limit:,} that {model} takes, {how}; "
            "the next prompt comes after them.",
            **values,
        )
        if limit
        else tr("≈{tokens:,} tokens, {how}; the next prompt comes after them.", **values)
    )
    notices = [
        tr("{notice}.", notice=notice.message)
        for notice in request.notices
        if notice.code in ("left-out", "preserved", "not-shown")
    ]
    return joined([total, *notices], " ")
