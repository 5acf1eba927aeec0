"""What kind of value each option of a question takes."""

from __future__ import annotations

import difflib
import json
import math
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ...core.errors import InvalidValueError
from ...core.secret import Secret


@dataclass(frozen=True, slots=True)
class _Kind:
    words: str
    holds: Callable[[Any], bool]


def _is_sequence(value: Any) -> bool:
    return isinstance(value, Sequence) and not isinstance(value, (str, bytes))


def _is_duration(value: Any) -> bool:
    return isinstance(value, (int, float)) and math.isfinite(value) and value > 0


def _is_count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value > 0


def _is_mapping(value: Any) -> bool:
    return isinstance(value, Mapping) and all(isinstance(name, str) for name in value)


_TEXT = _Kind("a text", lambda value: isinstance(value, str))
_KINDS = {
    "model": _TEXT,
    "provider": _TEXT,
    "base_url": _TEXT,
    "api_key": _Kind("a text", lambda value: isinstance(value, (str, Secret))),
    "system": _TEXT,
    "thinking": _Kind(
        'True, False, "auto" or an effort level', lambda value: isinstance(value, (bool, str))
    ),
    "tools": _Kind("a list", _is_sequence),
    "mcp": _Kind("a list of names", _is_sequence),
    "max_rounds": _Kind("a whole number from 1 on", _is_count),
    "approve": _Kind(
        "True, False or a function", lambda value: isinstance(value, bool) or callable(value)
    ),
    "parallel": _Kind("True or False", lambda value: isinstance(value, bool)),
    "tool_timeout_s": _Kind("a positive number of seconds", _is_duration),
    "params": _Kind("a dict with names as keys", _is_mapping),
    "idle_timeout_s": _Kind("a positive number of seconds", _is_duration),
}


def check_kinds(asking: Mapping[str, Any], known: Collection[str]) -> None:
    """Refuse a keyword that does not exist and a value of the wrong kind.

    Raises
    ------
    TypeError
        There is no such keyword, as Python itself would say.
    InvalidValueError
        The value is of another kind than the option takes.
    """
    for name, value in asking.items():
        if name not in known:
            near = difflib.get_close_matches(name, known, 1, 0.5)
            hint = f" (did you mean {near[0]!r}?)" if near else ""
            raise TypeError(f"there is no option {name!r}{hint}; params= takes any other body key")
        kind = _KINDS.get(name)
        if kind is not None and value is not None and not kind.holds(value):
            shown = type(value).__name__ if name == "api_key" else repr(value)[:60]
            raise InvalidValueError(
                f"{name} takes {kind.words}, not {shown}", hint=f"change {name}, or leave it out"
            )


def check_json(name: str, value: Any) -> None:
    """Refuse a value that a JSON body cannot hold.

    Raises
    ------
    InvalidValueError
        It cannot be written as JSON.
    """
    try:
        json.dumps(value, allow_nan=False)
    except (TypeError, ValueError, RecursionError):
        raise InvalidValueError(
            f"{name} cannot be sent: {repr(value)[:60]} has no form in JSON",
            hint="use texts, finite numbers, true, false, null, lists and dicts of these",
        ) from None
