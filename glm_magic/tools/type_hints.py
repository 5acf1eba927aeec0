"""Type hints as pydantic takes them, on every supported Python."""

from __future__ import annotations

import functools
import operator
import sys
import types
import typing
from collections.abc import Callable
from typing import Annotated, Any, get_args, get_origin, get_type_hints, is_typeddict


def hints_of(function: Callable[..., Any]) -> dict[str, Any]:
    """Return a function's type hints, names in quotes resolved.

    Raises
    ------
    NameError
        A hint names something that does not exist.
    """
    return {
        name: usable(hint) for name, hint in get_type_hints(function, include_extras=True).items()
    }


def usable(hint: Any) -> Any:
    """Return a hint in which every ``typing.TypedDict`` is one that pydantic takes.

    Notes
    -----
    Before Python 3.12 pydantic takes only those of ``typing_extensions``: the others do not tell
    which keys a base class requires.
    """
    return hint if sys.version_info >= (3, 12) else _with_pydantic_dicts(hint)


def _with_pydantic_dicts(hint: Any) -> Any:
    if is_typeddict(hint):
        return _pydantic_dict(hint)
    origin, old = get_origin(hint), get_args(hint)
    if origin is None or origin is typing.Literal:
        return hint
    new = tuple(_with_pydantic_dicts(part) for part in (old[:1] if origin is Annotated else old))
    if origin is Annotated:
        return Annotated[(*new, *hint.__metadata__)]
    if all(a is b for a, b in zip(new, old, strict=True)):
        return hint
    if origin in (typing.Union, types.UnionType):
        return functools.reduce(operator.or_, new)
    return origin[new]


def _pydantic_dict(hint: Any) -> Any:
    from typing import NotRequired

    from typing_extensions import TypedDict

    if type(hint).__module__ == "typing_extensions":
        return hint
    keys = {name: _with_pydantic_dicts(kind) for name, kind in get_type_hints(hint).items()}
    fields = {
        name: kind if name in hint.__required_keys__ else NotRequired[kind]
        for name, kind in keys.items()
    }
    made: Any = TypedDict(hint.__name__, fields)  # type: ignore[misc]
    made.__doc__ = hint.__doc__
    return made
