"""A line or a cell: verb or prompt, and what each leads to."""

from __future__ import annotations

from typing import Any

from .display import Value, show
from .help import whole_help
from .line import parse
from .prompt import ask
from .verbs.registry import find_verb, reject_typo
from .workspace import Workspace


def run_line(workspace: Workspace, line: str) -> Any:
    """Run ``%glm line``: a verb, the status, or a prompt whose reply is returned."""
    match = find_verb(workspace, line)
    if match is not None:
        verb, words = match
        result = verb.run(workspace, words)
        workspace.outputs.refresh(workspace.session)
        if result is not None:
            show(result)
        return result.value if isinstance(result, Value) else None
    if not line.strip():
        from .verbs.status import status

        show(status(workspace))
        return None
    if not workspace.is_model(line.strip()):
        reject_typo(line)
    return run_prompt(workspace, line, None)


def run_prompt(workspace: Workspace, line: str, cell: str | None) -> Any:
    """Ask what a line, or a line and its cell, say; return the reply."""
    options = parse.parse(line, workspace.is_model)
    if options.help:
        show(whole_help())
        return None
    return ask(workspace, options, cell)
