"""Tab on a ``%glm`` line: options, verbs, models, providers, sessions and names of variables.

Nothing is evaluated and no key is looked for: names only.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from ...core.messages import EFFORT_LEVELS
from ...engine.compare import AXES
from ...engine.options import LineOption
from ..verbs.registry import BY_NAME, USAGE_FORMS, VERBS
from .options import BY_FLAG, OPTIONS, find_option

if TYPE_CHECKING:
    from ..workspace import Workspace

TAPES = ".glmtape"
_ASSIGNED = re.compile(r"(--[\w-]+)=(.*)", re.DOTALL)


def candidates(desk: Workspace, line: str, *, is_cell: bool) -> tuple[str, list[str]]:
    """Return what may stand at the end of a line.

    Parameters
    ----------
    desk : Desk
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
        return typed, _starting(typed, _axes(desk, typed))
    assigned = _ASSIGNED.fullmatch(typed)
    if assigned:
        option, typed = find_option(assigned[1]), assigned[2]
        return typed, _starting(typed, _values(desk, option) if option else [])
    return typed, _starting(typed, _words(desk, before, is_cell=is_cell))


def _words(desk: Workspace, before: list[str], *, is_cell: bool) -> Iterable[str]:
    option = find_option(before[-1]) if before else None
    if option is not None and option.takes_value:
        values = _values(desk, option)
        return [*values, *_options()] if option.reads == "think" else values
    if not before:
        return [*([] if is_cell else _verbs()), *_options(), *_models(desk)]
    if before[0] in BY_NAME and not is_cell:
        return _arguments(desk, *before)
    if not all(_is_written(desk, before, place) for place in range(len(before))):
        return []
    named = any(_names_model(desk, before, place) for place in range(len(before)))
    return [*_options(), *([] if named else _models(desk))]


def _is_written(desk: Workspace, before: list[str], place: int) -> bool:
    """Whether a word is an option, its value, or the model, and not part of the prompt."""
    if before[place].startswith("-") or _names_model(desk, before, place):
        return True
    option = find_option(before[place - 1]) if place else None
    return option is not None and option.takes_value


def _names_model(desk: Workspace, before: list[str], place: int) -> bool:
    option = find_option(before[place - 1]) if place else None
    is_value = option is not None and option.takes_value
    return option is BY_FLAG["--model"] or (not is_value and desk.is_model(before[place]))


def _options() -> list[str]:
    return [option.name for option in OPTIONS]


def _verbs() -> list[str]:
    return [verb.name for verb in VERBS]


def _models(desk: Workspace) -> list[str]:
    known = desk.catalogue
    return [
        *known.model_names(),
        *desk.aliases,
        *(f"{name}/{model}" for name, model in known.offers),
    ]


def _names(desk: Workspace) -> list[str]:
    hidden = desk.shell.user_ns_hidden
    names = desk.shell.user_ns.items()
    return sorted(n for n, v in names if not n.startswith("_") and v is not hidden.get(n))


def _servers() -> list[str]:
    from ...tools.mcp_registry import mcp_servers

    return [server.name for server in mcp_servers()]


def _functions(desk: Workspace) -> list[str]:
    names = desk.shell.user_ns
    return [n for n in _names(desk) if callable(names[n]) and not isinstance(names[n], type)]


def _values(desk: Workspace, option: LineOption) -> list[str]:
    kinds: dict[str, Callable[[], list[str]]] = {
        "model": lambda: _models(desk),
        "provider": lambda: list(desk.catalogue.providers),
        "session": lambda: desk.conversations.known_names,
        "name": lambda: _names(desk),
        "server": _servers,
        "function": lambda: _functions(desk),
        "tape": lambda: _files(TAPES),
    }
    return kinds[option.completes]() if option.completes else list(option.choices)


def _axes(desk: Workspace, typed: str) -> list[str]:
    """Return what may be compared, or the values of an axis behind those that stand there."""
    axis, equals, values = typed.partition("=")
    known = {
        "think": ["on", "off", *EFFORT_LEVELS],
        "model": list(desk.catalogue.model_names()),
        "provider": list(desk.catalogue.providers),
    }
    if not equals:
        return [f"{name}=" for name in AXES]
    given = values.split(",")[:-1]
    left = [word for word in known.get(axis, []) if word not in given]
    return [f"{axis}={','.join([*given, word])}" for word in left]


def _arguments(desk: Workspace, verb: str, *given: str) -> list[str]:
    """Return what may follow a verb and the arguments that stand there already."""
    known = desk.catalogue
    if verb == "mcp" and given == ("remove",):
        return _servers()
    if verb in ("choose", "show") and len(given) == 1:
        return _variants(desk, given[0])
    if verb == "alias" and len(given) == 1:
        return _models(desk)
    if verb == "budget" and given in (("day",), ("quota",)):
        return ["off"]
    if verb == "tape" and given[:1] == ("check",):
        return _files(TAPES, ".ipynb")
    if given:
        return []
    if verb in ("drop", "hide", "pin", "choose", "show", "wire"):
        return _numbers(len(desk.session))
    arguments = {
        "models": [*known.providers, *known.models],
        "mcp": ["add", "list", "remove"],
        "use": [*_models(desk), *known.providers, *desk.conversations.known_names],
        "help": [*BY_NAME, *BY_FLAG],
        "forget": [*desk.conversations.known_names, "all"] if verb == "forget" else [],
        "usage": list(USAGE_FORMS),
        "budget": ["off", "day", "quota"],
        "preserve": ["on", "off"],
        "alias": list(desk.aliases),
        "dealias": list(desk.aliases),
        "record": [*_files(TAPES), "off"],
        "replay": [*_files(TAPES), "off"],
        "tape": ["check"],
        "save": _files(".jsonl", ".json", ".md"),
        "load": _files(".jsonl", ".json"),
    }
    return arguments.get(verb, [])


def _files(*endings: str) -> list[str]:
    return sorted(path.name for path in Path().iterdir() if path.suffix in endings)


def _variants(desk: Workspace, number: str) -> list[str]:
    slots = desk.session.slots
    fits = number.isdecimal() and 0 < int(number) <= len(slots)
    return _numbers(len(slots[int(number) - 1].variants)) if fits else []


def _numbers(count: int) -> list[str]:
    return [str(number) for number in range(1, count + 1)]


def _starting(typed: str, words: Iterable[str]) -> list[str]:
    """Return the words that begin as typed; dashes and underscores are the same in an option."""
    if typed.startswith("--"):
        typed = typed.replace("_", "-")
    found = [word for word in words if word.startswith(typed)]
    return list(dict.fromkeys(found or [w for w in words if w.lower().startswith(typed.lower())]))
