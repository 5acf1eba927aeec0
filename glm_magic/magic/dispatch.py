"""A ``%glm`` line: the status, a verb, or a prompt."""

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


def refuse_verb(workspace: Workspace, line: str) -> None:
    """Refuse a ``%%glm`` cell without a body whose line is a verb.

    Raises
    ------
    InvalidValueError
        It is one; the hint says how to write it, and how to ask a model.
    """
    verb = line.strip()
    if verb and find_verb(workspace, verb) is not None:
        raise InvalidValueError(
            tr("%%glm {line} has no prompt below it", line=verb),
            hint=tr("write %glm {line}; to ask a model, %%glm -- {line}", line=verb),
        )
