"""A ``%glm`` line or ``%%glm`` cell: the status, a verb, or a prompt."""

from __future__ import annotations

import re
from typing import Any

from ..core.errors import InvalidValueError
from ..core.i18n import tr
from .display import Value, show
from .prompt import run_prompt
from .verbs.registry import find_verb, refuse_misfit
from .workspace import Workspace

_COMMENT = re.compile(r"\s*(?:#+(?:\s.*)?)?", re.DOTALL)


def run_line(workspace: Workspace, line: str) -> Any:
    """Run ``%glm line``: a verb, the status, or a prompt whose reply is returned.

    Raises
    ------
    GlmError
        The line is nearly a verb, or the prompt was refused or failed.
    """
    match = find_verb(workspace, line)
    if match is not None:
        verb, words = match
        result = verb.run(workspace, words)
        workspace.outputs.refresh(workspace.session)
        if result is not None:
            show(result)
        return result.value if isinstance(result, Value) else None
    if _COMMENT.fullmatch(line):
        from .verbs.status import status  # which a cell with a prompt does not need

        show(status(workspace))
        return None
    refuse_misfit(workspace, line)
    return run_prompt(workspace, line, None)


def run_cell(workspace: Workspace, line: str, cell: str) -> None:
    """Run a ``%%glm`` cell: its prompt.

    Raises
    ------
    GlmError
        The cell is a verb without a prompt, or the prompt was refused or failed.
    """
    if line.strip() and not cell.strip() and find_verb(workspace, line) is not None:
        verb = line.strip()
        raise InvalidValueError(
            tr("%%glm {line} has no prompt below it", line=verb),
            hint=tr("write %glm {line}; to ask a model, %%glm -- {line}", line=verb),
        )
    run_prompt(workspace, line, cell)
