"""Turns and other values as JSON, and back: what goes through both ways is unchanged."""

from __future__ import annotations

import types
from collections.abc import Iterator, Mapping
from dataclasses import MISSING, fields, is_dataclass, replace
from datetime import date
from decimal import Decimal
from functools import cache
from math import isnan
from typing import Any, Literal, TypeVar, Union, cast, get_args, get_origin, get_type_hints

from ..core.i18n import Text, has_message, tr
from ..core.text import join_surrogates
from ..core.turn import Turn

T = TypeVar("T")
Encoded = dict[str, Any]
_TEXT = "_text"
"""Ends the key beside a message, with its template and values."""
_LONGEST_SEPARATOR = 8
_OMITTED_EMPTY = ("attachments",)
"""Written only where there is something: files without pictures are those of older versions."""


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
    if isinstance(value, bool | None):
        return value
    return _bounded(value) if isinstance(value, int | float) else join_surrogates(str(value))


LARGEST = 2**63 - 1
"""Integers have 64 bits, here as in SQLite; a larger one is saved as this."""
LARGEST_FLOAT = 1e15
"""So has a time or a number of seconds its bounds; one that is not finite is no exception."""
MOST_DIGITS = 40
"""Decimal places of an amount, before or after the point."""


def _bounded(number: float) -> float:
    """Return a number within the bounds in which `decode` accepts it."""
    if isinstance(number, int):
        return max(-LARGEST - 1, min(int(number), LARGEST))
    return 0.0 if isnan(number) else max(-LARGEST_FLOAT, min(float(number), LARGEST_FLOAT))


def fits(number: float) -> bool:
    """Whether a number is finite and within the bounds of what is saved."""
    return abs(number) <= LARGEST_FLOAT


def _encoded_fields(value: Any) -> Iterator[tuple[str, Any]]:
    for name in _saved_fields(value.__class__):
        item = getattr(value, name)
        if item is not None and not (name in _OMITTED_EMPTY and not item):
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
    if not (isinstance(template, str) and _is_ours(template, parts)):
        raise ValueError(template)
    if isinstance(parts, list):
        return Text(template, tuple(map(_decoded_text, parts)))
    return Text(template, {name: _decoded_text(part) for name, part in parts.items()})


def _is_ours(template: str, parts: Any) -> bool:
    """Whether a message can be made of this; others' templates are not obeyed."""
    return len(template) <= _LONGEST_SEPARATOR if isinstance(parts, list) else has_message(template)


class MisfitError(ValueError):
    """Data that do not have the form of the value they should mean.

    Parameters
    ----------
    place : str
        Where, as ``steps[0].usage.input``.
    reason : Text
        What is wrong there.
    """

    def __init__(self, place: str, reason: Text) -> None:
        super().__init__(tr("{place} {reason}", place=place, reason=reason) if place else reason)


def decode(kind: Any, data: Any, place: str = "") -> Any:
    """Return the value of that type which JSON data mean.

    A key that the type does not have is left out, and a field that the data do not have gets its
    default: a file may be older or newer than this code.

    Parameters
    ----------
    kind : type
        A dataclass, or the type of a field of one.
    data
        What `json.loads` gave.
    place : str
        Where the data stand, for the error.

    Raises
    ------
    MisfitError
        The data have another form, or a number is out of bounds.
    """
    origin = get_origin(kind)
    if kind is Any:
        return data
    if origin in (Union, types.UnionType):
        if data is None and type(None) in get_args(kind):
            return None
        return decode(next(k for k in get_args(kind) if k is not type(None)), data, place)
    if origin is Literal:
        if not isinstance(data, str) or data not in get_args(kind):
            words = ", ".join(get_args(kind))
            raise MisfitError(place, tr("has to be one of {words}", words=words))
        return data
    if origin is tuple:
        items = _of_type(data, list, place)
        inner = get_args(kind)[0]
        return tuple(decode(inner, item, f"{place}[{n}]") for n, item in enumerate(items))
    if isinstance(kind, type) and is_dataclass(kind):
        return _decoded_fields(kind, _of_type(data, dict, place), place)
    return _decoded_leaf(kind, data, place)


def _decoded_fields(kind: type, data: Encoded, place: str) -> Any:
    hints = _hints(kind)
    values: dict[str, Any] = {}
    for name, hint in hints.items():
        at = f"{place}{' ' if place.endswith(':') else '.' if place else ''}{name}"
        if data.get(name) is not None:  # what is None is not written
            values[name] = decode(hint, data[name], at)
            if name + _TEXT in data:
                values[name] = _text(values[name], data[name + _TEXT])
        elif name in _required(kind):
            raise MisfitError(at, tr("is missing"))
    return kind(**values)


def _decoded_leaf(kind: Any, data: Any, place: str) -> Any:
    if kind is str:
        return join_surrogates(_of_type(data, str, place))
    if kind is bool:
        return _of_type(data, bool, place)
    if kind in (int, float):
        return kind(_number(data, place, (int,) if kind is int else (int, float)))
    if kind is Decimal:
        return _amount(_of_type(data, str, place), place)
    if kind is date:
        try:
            return date.fromisoformat(_of_type(data, str, place))
        except ValueError:
            raise MisfitError(place, tr("has to be a date")) from None
    return _of_type(data, dict, place)


_NAMES = {
    str: tr("has to be a text"),
    bool: tr("has to be true or false"),
    list: tr("has to be a list"),
    dict: tr("has to be an object"),
}


def _of_type(data: Any, kind: type[T], place: str) -> T:
    if not isinstance(data, kind):
        raise MisfitError(place, _NAMES[kind])
    return data


def _number(data: Any, place: str, kind: tuple[type, ...]) -> int | float:
    if isinstance(data, bool) or not isinstance(data, kind):
        reason = tr("has to be a whole number") if kind == (int,) else tr("has to be a number")
        raise MisfitError(place, reason)
    number = cast("int | float", data)
    if not -LARGEST - 1 <= number <= LARGEST or (isinstance(number, float) and not fits(number)):
        raise MisfitError(place, tr("is a number out of bounds"))
    return number


def _amount(text: str, place: str) -> Decimal:
    try:
        amount = Decimal(text)
    except ArithmeticError:
        raise MisfitError(place, tr("has to be an amount, such as 0.25")) from None
    if not amount.is_finite() or abs(amount.adjusted()) > MOST_DIGITS:
        raise MisfitError(place, tr("is a number out of bounds"))
    return amount


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
def _required(kind: type) -> frozenset[str]:
    return frozenset(
        f.name for f in fields(kind) if f.default is MISSING and f.default_factory is MISSING
    )


@cache
def _saved_fields(kind: type) -> tuple[str, ...]:
    return tuple(f.name for f in fields(kind) if f.init and f.metadata.get("saved", True))


TEXTS = ("reasoning", "content")


class TextDelta:
    """Encodes a growing turn as pieces, each with only what is new of its texts.

    How probable the tokens were is saved with the whole turn, when it has ended.
    """

    def __init__(self) -> None:
        self._steps: list[dict[str, str]] = []

    def piece(self, turn: Turn) -> Encoded:
        """Return the turn with only as much of its texts as is new since the last piece."""
        steps = tuple(replace(s, reasoning_figures=None, answer_figures=None) for s in turn.steps)
        encoded: Encoded = encode(replace(turn, steps=steps))
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
