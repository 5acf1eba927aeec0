"""The texts of a message or delta, in whatever shape they come.

Notes
-----
A field may be a text, a list of typed parts, or one part alone, and the text of a part may be a
list again. A part is told by its ``type``, not by having a ``text``. Mistral sends
``{"type": "thinking", "thinking": [{"type": "text", "text": …}]}`` inside ``content``; OpenAI's
Responses have ``reasoning_text``, ``output_text`` and ``refusal``; OpenRouter has
``reasoning.text`` and ``reasoning.summary`` inside ``reasoning_details``. Documentation of the
three, seen 2026-11.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, Literal

Kind = Literal["reasoning", "content", "refusal"]
Piece = tuple[Kind, str]
"""A text, and what it is."""

REASONING_FIELDS = ("reasoning_content", "reasoning", "thinking")
"""One of them holds the reasoning; where several do, they repeat each other."""
_REASONING = frozenset(REASONING_FIELDS)

_DEEPEST = 8
"""How many lists and parts may stand inside each other."""
_TYPES: dict[str, Kind | None] = {
    "thinking": "reasoning",
    "reasoning": "reasoning",
    "reasoning_text": "reasoning",
    "reasoning_content": "reasoning",
    "reasoning.text": "reasoning",
    "reasoning.summary": "reasoning",
    "summary_text": "reasoning",
    "text": None,
    "output_text": None,
    "refusal": "refusal",
}
"""Type of a part -> what its text is; ``None``: what the list around it is."""
_TEXTS: dict[str, Kind | None] = {
    "text": None,
    "thinking": "reasoning",
    "reasoning": "reasoning",
    "refusal": "refusal",
    "content": None,
    "summary": "reasoning",
}
"""Where the text of a part may be, and what it is in a part without a type."""


def pieces_of(value: Any, kind: Kind = "content") -> list[Piece]:
    """Return the texts of a field that is a text, a part or a list of parts, in order.

    Parameters
    ----------
    value : object
        The field, as it came.
    kind : str
        What a text is that says nothing else of itself. All of a reasoning is reasoning.
    """
    if isinstance(value, str):
        return [(kind, value)] if value else []
    return list(_pieces(value, kind, 0)) if value else []


def reasoning_of(message: Mapping[str, Any]) -> str:
    """Return the reasoning that a message has in a field of its own."""
    if _REASONING.isdisjoint(message):
        return ""
    for name in REASONING_FIELDS:
        if value := message.get(name):
            text = value if isinstance(value, str) else joined(pieces_of(value, "reasoning"))
            if text:
                return text
    return ""


def joined(pieces: list[Piece], kind: Kind = "reasoning") -> str:
    """Return the text of all pieces of a kind."""
    return "".join(text for of, text in pieces if of == kind)


_BOX = re.compile(r"<\|(?:begin|end)_of_box\|>")
_BOX_MARKERS = ("<|begin_of_box|>", "<|end_of_box|>")


class BoxMarkers:
    """Takes out the marks that models which see put around their answer.

    They are special tokens of GLM-4.5V and its successors, and mean nothing to a reader (BigModel
    API documentation, seen 2026-07). A mark may be divided among pieces, so what may be the
    beginning of one is held back.
    """

    __slots__ = ("_held",)

    def __init__(self) -> None:
        self._held = ""

    def feed(self, text: str) -> str:
        """Return what is certain of a piece, without marks."""
        if not self._held and "<" not in text:
            return text
        text = _BOX.sub("", self._held + text)
        at = text.rfind("<", max(0, len(text) - len(_BOX_MARKERS[0])))
        is_held = at >= 0 and any(mark.startswith(text[at:]) for mark in _BOX_MARKERS)
        self._held = text[at:] if is_held else ""
        return text[:at] if is_held else text

    def finish(self) -> str:
        """Return what was held back, which no mark completed."""
        text, self._held = self._held, ""
        return text


def _pieces(value: Any, kind: Kind, depth: int) -> Iterator[Piece]:
    if isinstance(value, str):
        if value:
            yield kind, value
    elif depth > _DEEPEST:
        return
    elif isinstance(value, list):
        for item in value:
            yield from _pieces(item, kind, depth + 1)
    elif isinstance(value, Mapping):
        yield from _part(value, kind, depth)


def _part(part: Mapping[str, Any], kind: Kind, depth: int) -> Iterator[Piece]:
    type_ = part.get("type")
    if type_ and not (isinstance(type_, str) and type_.lower() in _TYPES):
        return  # an image, a tool call, a signature, …
    for name, untyped in _TEXTS.items():
        if value := part.get(name):
            own = _TYPES[type_.lower()] if type_ else untyped
            own = kind if own is None or kind == "reasoning" else own
            pieces = list(_pieces(value, own, depth + 1))
            if pieces:
                yield from pieces
                return
