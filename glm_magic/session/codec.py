"""Turns and other values as JSON, and back: what goes through both ways is unchanged."""

from __future__ import annotations

import types
from collections.abc import Iterator, Mapping
from dataclasses import fields, is_dataclass
from datetime import date
from decimal import Decimal
from functools import cache
from typing import Any, TypeVar, Union, get_args, get_origin, get_type_hints

from ..core.i18n import Text
from ..core.text import join_surrogates
from ..core.turn import Turn

T = TypeVar("T")
_TEXT = "_text"
"""Ends the key beside a message, with its template and values."""


def encode(value: Any) -> Any:
    """Return a value as JSON has it, without the fields whose metadata say ``saved=False``.

    The template and values of a `Text` are saved beside it, so that it can be shown in Chinese.
    """
    if is_dataclass(value) and not isinstance(value, type):
        return dict(_encoded_fields(value))
    if isinstance(value, str):
        return join_surrogates(value)
    if isinstance(value, Decimal):
        return str(value)
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, Mapping):
        return {str(name): encode(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [encode(item) for item in value]
    return value if isinstance(value, bool | int | float | None) else str(value)


def _encoded_fields(value: Any) -> Iterator[tuple[str, Any]]:
    for name in _saved_fields(value.__class__):
        item = getattr(value, name)
        if item is not None:
            yield name, encode(item)
        if isinstance(item, Text):
            yield f"{name}{_TEXT}", _encoded_text(item)


def _encoded_text(value: Any) -> Any:
    """Return a message as its template and values; a plain value as itself."""
    if not isinstance(value, Text):
        return value if isinstance(value, bool | int | float | None) else encode(str(value))
    parts = value.values
    if isinstance(parts, tuple):
        return [value.template, [_encoded_text(part) for part in parts]]
    return [value.template, {name: _encoded_text(part) for name, part in parts.items()}]


def _decoded_text(data: Any) -> Any:
    if not isinstance(data, list):
        return data
    template, parts = data
    if isinstance(parts, list):
        return Text(template, tuple(map(_decoded_text, parts)))
    return Text(template, {name: _decoded_text(part) for name, part in parts.items()})


def decode(kind: type[T], data: Any) -> T:
    """Return the value of that type which JSON data mean.

    A key that the type does not have is left out, and a field that the data do not have gets its
    default: a file may be older or newer than this code.
    """
    return _decode(kind, data)  # type: ignore[no-any-return]


def _decode(kind: Any, data: Any) -> Any:
    if data is None:
        return None
    origin = get_origin(kind)
    if origin in (Union, types.UnionType):
        return _decode(next(k for k in get_args(kind) if k is not type(None)), data)
    if origin is tuple:
        return tuple(_decode(get_args(kind)[0], item) for item in data)
    if isinstance(kind, type) and is_dataclass(kind):
        types_ = _hints(kind)
        values = {n: _decode(types_[n], item) for n, item in data.items() if n in types_}
        values |= {
            n: _text(item, data[key]) for n, item in values.items() if (key := n + _TEXT) in data
        }
        return kind(**values)
    if kind is Decimal:
        return Decimal(data)
    return date.fromisoformat(data) if kind is date else data


def _text(text: str, made_of: Any) -> str:
    """Return a message with what it was made of, unless the file was changed by hand."""
    try:
        message = _decoded_text(made_of)
    except (LookupError, TypeError, ValueError, AttributeError):
        return text
    return message if message == text else text


@cache
def _hints(kind: type) -> dict[str, Any]:
    hints = get_type_hints(kind)
    return {name: hints[name] for name in _saved_fields(kind)}


@cache
def _saved_fields(kind: type) -> tuple[str, ...]:
    return tuple(f.name for f in fields(kind) if f.init and f.metadata.get("saved", True))


TEXTS = ("reasoning", "content")
Encoded = dict[str, Any]


class TextDelta:
    """Encodes a growing turn as pieces, each with only what is new of its texts."""

    def __init__(self) -> None:
        self._steps: list[dict[str, str]] = []

    def piece(self, turn: Turn) -> Encoded:
        """Return the turn with only as much of its texts as is new since the last piece."""
        encoded: Encoded = encode(turn)
        texts = [{name: step[name] for name in TEXTS} for step in encoded["steps"]]
        for place, step in enumerate(encoded["steps"]):
            before = self._steps[place] if place < len(self._steps) else {}
            step.update({name: _suffix(before.get(name, ""), step[name]) for name in TEXTS})
        self._steps = texts
        return encoded

    def lost(self) -> None:
        """Make the next piece whole: the last one was not written."""
        self._steps = []


def _suffix(before: str, text: str) -> list[Any]:
    """Return how many characters to keep, and what comes after them."""
    keep = len(before) if text.startswith(before) else 0
    return [keep, text[keep:]]


def apply_delta(before: Encoded | None, piece: Encoded) -> Encoded:
    """Return the turn after a piece, from the turn before it."""
    steps = before["steps"] if before else []
    whole = {**piece, "steps": [dict(step) for step in piece["steps"]]}
    for place, step in enumerate(whole["steps"]):
        texts = steps[place] if place < len(steps) else {}
        for name in TEXTS:
            keep, more = step[name]
            step[name] = texts.get(name, "")[:keep] + more
    return whole
