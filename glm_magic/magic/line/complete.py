"""Tab on a ``%glm`` line: which options, verbs and values can stand at the cursor."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from ...engine.options import LineOption
from ..verbs.registry import BY_NAME, USAGE_FORMS, VERBS
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
    assigned = _ASSIGNED.fullmatch(typed)
    if assigned:
        option, typed = find_option(assigned[1]), assigned[2]
        return typed, _continuing(typed, _values(workspace, option) if option else [])
    return typed, _continuing(typed, _words(workspace, before, is_cell=is_cell))


def _words(workspace: Workspace, before: list[str], *, is_cell: bool) -> Iterable[str]:
    options = [option.name for option in OPTIONS]
    option = find_option(before[-1]) if before else None
    if option is not None and option.takes_value:
        values = _values(workspace, option)
        return (
            [*values, *options] if option.reads == "think" else values
        )  # its word may be left out
    if not before:
        verbs = [] if is_cell else [verb.name for verb in VERBS]
        return [*verbs, *options, *candidates.models(workspace)]
    if before[0] in BY_NAME and not is_cell:
        return _arguments(workspace, *before)
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


def _arguments(workspace: Workspace, verb: str, *given: str) -> list[str]:
    """Return what may follow a verb and the arguments that stand there already."""
    catalogue = workspace.catalogue
    if verb == "mcp" and given == ("remove",):
        return candidates.servers(workspace)
    if verb in ("choose", "show") and len(given) == 1:
        return _variants(workspace, given[0])
    if verb == "alias" and len(given) == 1:
        return candidates.models(workspace)
    if verb == "budget" and given in (("day",), ("quota",)):
        return ["off"]
    if verb == "tape" and given[:1] == ("check",):
        return candidates.files(candidates.TAPE, ".ipynb")
    if given:
        return []
    if verb in ("drop", "hide", "pin", "choose", "show", "wire"):
        return candidates.numbers(len(workspace.session))
    first: dict[str, Callable[[], list[str]]] = {
        "models": lambda: [*catalogue.providers, *catalogue.models],
        "mcp": lambda: ["add", "list", "remove"],
        "use": lambda: [
            *candidates.models(workspace),
            *catalogue.providers,
            *candidates.sessions(workspace),
        ],
        "help": lambda: [*BY_NAME, *BY_FLAG],
        "forget": lambda: [*candidates.sessions(workspace), "all"],
        "usage": lambda: list(USAGE_FORMS),
        "budget": lambda: ["off", "day", "quota"],
        "preserve": lambda: ["on", "off"],
        "alias": lambda: list(workspace.aliases),
        "dealias": lambda: list(workspace.aliases),
        "record": lambda: [*candidates.tapes(workspace), "off"],
        "replay": lambda: [*candidates.tapes(workspace), "off"],
        "tape": lambda: ["check"],
        "save": lambda: candidates.files(".jsonl", ".json", ".md"),
        "load": lambda: candidates.files(".jsonl", ".json"),
    }
    return first[verb]() if verb in first else []


def _variants(workspace: Workspace, number: str) -> list[str]:
    slots = workspace.session.slots
    fits = number.isdecimal() and 0 < int(number) <= len(slots)
    return candidates.numbers(len(slots[int(number) - 1].variants)) if fits else []


def _continuing(typed: str, words: Iterable[str]) -> list[str]:
    """Return the words that begin as typed; dashes and underscores are the same in an option."""
    if typed.startswith("--"):
        typed = typed.replace("_", "-")
    exact = [word for word in words if word.startswith(typed)]
    return list(dict.fromkeys(exact or [w for w in words if w.lower().startswith(typed.lower())]))
