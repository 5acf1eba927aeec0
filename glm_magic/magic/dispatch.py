"""A line or a cell: verb or prompt, and what each leads to."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .display import Value, show
from .help import whole_help
from .line import parse
from .prompt import ask
from .verbs.commands import COMMANDS
from .verbs.models import filters
from .verbs.registry import Accepts, find_verb, reject_typo
from .verbs.status import status
from .workspace import Workspace


def run_line(desk: Workspace, line: str) -> Any:
    """Run ``%glm line``: a verb, the status, or a prompt whose reply is returned."""
    found = find_verb(line, judges(desk))
    if found is not None:
        verb, words = found
        shown = COMMANDS[verb.name](desk, words)
        desk.marks.refresh(desk.session)
        if shown is not None:
            show(shown)
        return shown.value if isinstance(shown, Value) else None
    if not line.strip():
        show(status(desk))
        return None
    if not desk.is_model(line.strip()):
        reject_typo(line)
    return run_prompt(desk, line, None)


def run_prompt(desk: Workspace, line: str, cell: str | None) -> Any:
    """Ask what a line, or a line and its cell, say; return the reply."""
    options = parse.parse(line, desk.is_model)
    if options.help:
        show(whole_help())
        return None
    return ask(desk, options, cell)


def judges(desk: Workspace) -> Mapping[str, Accepts]:
    """Return what tells whether a word can be an argument of a certain kind."""
    return {
        "FILTER": lambda word: filters(desk.catalogue, word),
        "SESSION": lambda word: word in desk.conversations,
        "ALIAS": lambda word: word in desk.aliases,
    }
