"""Objects of the notebook by name, as ``--tool`` and ``--schema`` take them."""

from __future__ import annotations

import builtins
import re
from collections.abc import Iterable, Mapping
from typing import Any

from ...catalogue.lookup import nearest
from ...core.errors import InvalidValueError, UnknownNameError
from ...core.i18n import tr
from ...engine.options import WEB_SEARCH

_DOTTED = re.compile(r"[^\W\d]\w*(\.[^\W\d]\w*)*")
_MISSING = object()
_TYPES = {kind.__name__: kind for kind in (bool, int, float, str, list, dict)}
"""What an answer can be without a class of one's own."""


def look_up(
    option: str, name: str, namespace: Mapping[str, Any], suggestions: Iterable[str] = ()
) -> Any:
    """Return the object that a name stands for; attributes are read, nothing is called.

    Parameters
    ----------
    option : str
        The option that takes the name, for the messages.
    name : str
        A name, with dots if need be.
    namespace : mapping
        The notebook's names.
    suggestions : iterable of str
        What may be meant where there is no such name.

    Raises
    ------
    InvalidValueError
        It is not a name.
    UnknownNameError
        There is nothing of that name.
    """
    if option == "--tool" and name == WEB_SEARCH and name not in namespace:
        return name  # the search that the provider runs
    if not _DOTTED.fullmatch(name):
        raise InvalidValueError(
            tr("{option} takes a name, not {name!r}", option=option, name=name),
            hint=tr("define it in a cell, then {option} NAME", option=option),
        )
    root, *attributes = name.split(".")
    built_in = _TYPES.get(root, _MISSING) if option == "--schema" else _MISSING
    value: Any = namespace.get(root, built_in)
    for attribute in attributes:
        value = getattr(value, attribute, _MISSING) if value is not _MISSING else value
    if value is _MISSING:
        raise _no_such_name(option, name, root, suggestions)
    return value


def _no_such_name(
    option: str, name: str, root: str, suggestions: Iterable[str]
) -> UnknownNameError:
    if hasattr(builtins, root) and option == "--schema":
        hint = tr(
            "name a type such as {names}, or a class of the notebook", names=", ".join(_TYPES)
        )
    elif hasattr(builtins, root):
        hint = tr("write a function that calls {name}, and run its cell first", name=root)
    else:
        guess = nearest(root, (name for name in suggestions if not name.startswith("_")))
        hint = tr("{guess}run the cell that defines it first", guess=guess)
    return UnknownNameError(
        tr("{option} {name}: no such name in the notebook", option=option, name=name), hint=hint
    )
