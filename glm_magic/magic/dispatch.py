"""A ``%glm`` line: the status, a verb, or a prompt."""

from __future__ import annotations

from typing import Any

from .display import Value, show
from .prompt import run_prompt
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
        from .verbs.status import status  # which a cell with a prompt does not need

        show(status(workspace))
        return None
    if not workspace.is_model(line.strip()):
        reject_typo(line)
    return run_prompt(workspace, line, None)
