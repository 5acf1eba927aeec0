"""What a function returned, as text for the model, with sizes capped; a value as records."""

from __future__ import annotations

import traceback
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import islice
from types import FunctionType
from typing import Any

from ..core.attachments import Attachment
from ..core.errors import GlmError
from ..core.format_value import format_value, records_in
from ..core.text import join_surrogates
from ..pictures.arrays import is_array
from ..pictures.values import picture_of
from .tool import ToolError

MAX_CHARACTERS = 20_000
"""Longest result that goes to the model; more would fill its context."""

_MOST_PICTURES = 20
"""A longer list is data; so many pictures no model is shown at a time."""
MAX_ITEMS = 1000
"""How many items are taken from a generator, which may never end."""


def result_text(value: Any) -> str:
    """Return a result as text: a string as it is, a table in Markdown, all else as JSON.

    What JSON cannot hold is written as Python shows it.

    Raises
    ------
    ToolError
        The value cannot be written as text.
    """
    try:
        return capped(join_surrogates(_text(value)))
    except Exception as error:
        kind = type(value).__name__
        raise ToolError(
            f"the function returned {kind}, which cannot be shown: {_summary(error)}"
        ) from None


@dataclass(frozen=True, slots=True)
class Result:
    """What a function returned, as the model gets it."""

    text: str
    attachments: tuple[Attachment, ...] = ()
    """Its pictures, which a model that sees is shown."""


def result_of(value: Any, name: str) -> Result:
    """Return what a function returned: its pictures, alone or among other values, and its text.

    An array is data here, not a picture.

    Raises
    ------
    ToolError
        The value cannot be written as text, or a picture cannot be shown.
    """
    several = isinstance(value, list | tuple) and len(value) <= _MOST_PICTURES
    values = list(value) if several else [value]
    try:
        pictures = [_picture(each, name) for each in values]
    except GlmError as error:
        raise ToolError(f"the picture that it returned cannot be shown: {error.message}") from None
    except Exception as error:  # what draws a figure is the user's code
        raise ToolError(f"the picture cannot be drawn: {_summary(error)}") from None
    shown = tuple(picture for picture in pictures if picture is not None)
    if not shown:
        return Result(result_text(value))
    texts = [
        result_text(each)
        if picture is None
        else f"(picture {name}, {picture.sides or picture.url})"
        for each, picture in zip(values, pictures, strict=True)
    ]
    return Result("\n".join(texts), shown)


def _picture(value: Any, name: str) -> Attachment | None:
    if isinstance(value, Attachment):  # an MCP server's, which was read already
        return replace(value, name=name)
    return None if is_array(value) else picture_of(value, name)


def capped(text: str) -> str:
    """Return a text cut to `MAX_CHARACTERS`, saying so."""
    if len(text) <= MAX_CHARACTERS:
        return text
    return f"{text[:MAX_CHARACTERS]}… (first {MAX_CHARACTERS:,} of {len(text):,} characters)"


def _text(value: Any) -> str:
    from pydantic_core import PydanticSerializationError, to_json

    if isinstance(value, str):
        return str(value)
    if _is_table(value):
        return format_value(value)[0]
    if isinstance(value, Iterator):
        items = list(islice(value, MAX_ITEMS + 1))
        more = f" (first {MAX_ITEMS:,} items)" * (len(items) > MAX_ITEMS)
        return _text(items[:MAX_ITEMS]) + more
    try:
        written = to_json(
            value,
            fallback=_plain,
            inf_nan_mode="strings",
            bytes_mode="base64",
            serialize_unknown=False,
        )
    except (PydanticSerializationError, ValueError, RecursionError):
        return repr(value)
    return written.decode()


def _is_table(value: Any) -> bool:
    kind = type(value)
    return hasattr(kind, "head") and hasattr(kind, "shape")


def _plain(value: Any) -> Any:
    """Return something JSON can hold for a value it cannot: lists for arrays."""
    if _is_table(value):
        return format_value(value)[0]
    to_list = getattr(type(value), "tolist", None)
    return to_list(value) if to_list is not None else repr(value)


def failure_text(error: BaseException, function: Any = None) -> str:
    """Return what went wrong in a function, and on which of its lines."""
    summary = _summary(error)
    code = getattr(function, "__code__", None) if isinstance(function, FunctionType) else None
    for frame, line in traceback.walk_tb(error.__traceback__):
        if code is not None and frame.f_code is code:
            return capped(f"{summary} (line {line} of {code.co_name})")
    return capped(summary)


def _summary(error: BaseException) -> str:
    try:
        message = " ".join(str(error).split())
    except Exception:
        message = ""
    name = type(error).__name__
    return join_surrogates(f"{name}: {message}" if message else name)


def records_of(value: Any) -> list[dict[str, Any]] | None:
    """Return the records that a value is or holds as its only list; ``None`` for anything else."""
    return records_in(_plain_record(value))


def _plain_record(value: Any) -> Any:
    """Return models and dataclasses as dicts, with Python values."""
    from pydantic import TypeAdapter

    items = [_plain_record(item) for item in value] if isinstance(value, list) else value
    return TypeAdapter(Any).dump_python(items)
