"""Names of the user's own functions and classes, as ``--tool`` and ``--schema`` take them."""

from __future__ import annotations

import builtins
import re
from typing import TYPE_CHECKING, Any

from ...catalogue.resolve import nearest
from ...core.errors import InvalidValueError, UnknownNameError
from ...engine.options import WEB_SEARCH

if TYPE_CHECKING:
    from ..workspace import Workspace

_DOTTED = re.compile(r"[^\W\d]\w*(\.[^\W\d]\w*)*")


def named(desk: Workspace, option: str, name: str) -> Any:
    """Return what a name, with dots if need be, stands for in the notebook; nothing is called.

    Raises
    ------
    InvalidValueError
        It is not a name.
    UnknownNameError
        There is nothing of that name.
    """
    if option == "--tool" and name == WEB_SEARCH and name not in desk.shell.user_ns:
        return name  # the provider's own
    if not _DOTTED.fullmatch(name):
        raise InvalidValueError(
            f"{option} takes a name, not {name!r}", hint=f"define it in a cell, then {option} NAME"
        )
    root, *attributes = name.split(".")
    value: Any = desk.shell.user_ns.get(root, _MISSING)
    for attribute in attributes:
        value = getattr(value, attribute, _MISSING) if value is not _MISSING else value
    if value is _MISSING:
        names = [n for n in desk.namespace() if not n.startswith("_")]
        raise UnknownNameError(
            f"{option} {name}: there is nothing of that name here",
            hint=f"write a function of your own that calls {root}, and run its cell first"
            if hasattr(builtins, root)
            else f"{nearest(root, names)}run the cell that defines it first",
        )
    return value


_MISSING = object()
