"""Tab on a ``%glm`` line: which options, verbs and values can stand at the cursor."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import TYPE_CHECKING

from ...engine.options import LineOption
from ..verbs.registry import verbs
from . import candidates
from .options import BY_FLAG, OPTIONS, find_option

if TYPE_CHECKING:
    from ..workspace import Workspace

_ASSIGNED = re.compile(r"(--[\w-]+)=(.*)", re.DOTALL)


def complete(workspace: Workspace, line: str, *, is_cell: bool) -> tuple[str, list[str]]:
    """Return what may stand at the end of a line.

    Parameters
    ----------
    workspace : Workspace
        Knows models, sessions and names.
    line : str
        What stands between the magic's name and the cursor.
    is_cell : bool
        Whether it is ``%%glm``, which has no verbs.

    Returns
    -------
    tuple of (str, list of str)
        The beginning that was typed, and the words that continue it.
    """
    *before, typed = re.split(r"\s+", line.lstrip()) if line.strip() else [""]
    if before and before[-1] == "--compare":
        return typed, _continuing(typed, candidates.axes(workspace, typed))
    option = find_option(before[-1]) if before else None
    assigned = _ASSIGNED.fullmatch(typed)
    if assigned:
        option, typed = find_option(assigned[1]), assigned[2]
    if option is not None and option.completes == "@file":
        return typed, _continuing(typed, candidates.at_files(workspace, typed))
    if option is not None and option.completes == "file":
        return typed, _continuing(typed, candidates.paths(typed))
    if assigned:
        return typed, _continuing(typed, _values(workspace, option) if option else [])
    return typed, _continuing(typed, _words(workspace, before, is_cell=is_cell))


def _words(workspace: Workspace, before: list[str], *, is_cell: bool) -> Iterable[str]:
    options = [option.name for option in OPTIONS]
    option = find_option(before[-1]) if before else None
    if option is not None and option.takes_value:
        values = _values(workspace, option)
        may_be_left_out = option.reads == "think"
        return [*values, *options] if may_be_left_out else values
    if not before:
        return [*([] if is_cell else verbs()), *options, *candidates.models(workspace)]
    verb = None if is_cell else verbs().get(before[0])
    if verb is not None:
        return verb.completions(workspace, before[1:])
    if not all(_is_written(workspace, before, at) for at in range(len(before))):
        return []  # the prompt has begun
    names_model = any(_names_model(workspace, before, at) for at in range(len(before)))
    return [*options, *([] if names_model else candidates.models(workspace))]


def _is_written(workspace: Workspace, before: list[str], at: int) -> bool:
    """Whether a word is an option, its value, or the model, and not part of the prompt."""
    return (
        before[at].startswith("-")
        or _names_model(workspace, before, at)
        or (_option_before(before, at) is not None)
    )


def _names_model(workspace: Workspace, before: list[str], at: int) -> bool:
    option = _option_before(before, at)
    if option is not None:
        return option is BY_FLAG["--model"]
    return workspace.is_model(before[at])


def _option_before(before: list[str], at: int) -> LineOption | None:
    """Return the option whose value a word is, if it is one's."""
    option = find_option(before[at - 1]) if at else None
    return option if option is not None and option.takes_value else None


def _values(workspace: Workspace, option: LineOption) -> list[str]:
    if option.completes:
        return candidates.VALUES[option.completes](workspace)
    return list(option.choices)


def _continuing(typed: str, words: Iterable[str]) -> list[str]:
    """Return the words that begin as typed; dashes and underscores are the same in an option."""
    if typed.startswith("--"):
        typed = typed.replace("_", "-")
    exact = [word for word in words if word.startswith(typed)]
    return list(dict.fromkeys(exact or [w for w in words if w.lower().startswith(typed.lower())]))
