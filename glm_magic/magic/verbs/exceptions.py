"""The verbs about the last exception: fix, explain."""

from __future__ import annotations

from collections.abc import Sequence

from ...core.errors import InvalidValueError
from ...core.i18n import tr
from .. import prompt
from ..cells import Inputs
from ..line.options import MagicOptions
from ..workspace import Workspace
from .registry import verb

MOST_CHARACTERS = 12_000
"""Of a traceback or cell; of a longer one both ends are sent, which say most."""
_FIX = (
    "This notebook cell failed. Say in one or two sentences why, then give the whole corrected cell"
    " in one Python code block."
)
_EXPLAIN = "This notebook cell failed. Explain the error and how to avoid it."


@verb("fix", "ask for a correction of the cell that failed last; it comes in a new cell")
def fix(workspace: Workspace, _: Sequence[str]) -> None:
    """Ask for a correction, which is put into a new cell."""
    prompt.ask(
        workspace, MagicOptions(prompt=_prompt(workspace, _FIX), format="code", raw=True), None
    )


@verb("explain", "ask what the last exception means")
def explain(workspace: Workspace, _: Sequence[str]) -> None:
    """Ask what the error means."""
    prompt.ask(workspace, MagicOptions(prompt=_prompt(workspace, _EXPLAIN), raw=True), None)


def _prompt(workspace: Workspace, task: str) -> str:
    number = workspace.errors.last
    if number is None:
        raise InvalidValueError(
            tr("no cell has failed yet since glm_magic was loaded"),
            hint=tr("run the failing cell again, then this"),
        )
    cells = workspace.namespace().get("In")
    source = cells[number] if isinstance(cells, Inputs) else ""
    language = "" if workspace.config.language != "zh" else " 请用中文回答。"
    code = f"```python\n{_cut_middle(source.strip())}\n```\n\n" if source else ""
    return f"{task}{language}\n\n{code}```\n{_cut_middle(workspace.errors[number])}\n```"


def _cut_middle(text: str) -> str:
    if len(text) <= MOST_CHARACTERS:
        return text
    half = MOST_CHARACTERS // 2
    return f"{text[:half]}\n… ({len(text) - MOST_CHARACTERS:,} characters left out)\n{text[-half:]}"
