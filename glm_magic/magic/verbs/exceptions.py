"""The verbs about the last exception: fix, explain."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from ...core.errors import InvalidValueError
from ...core.i18n import Text, tr
from ...core.text import shorten
from ...core.turn import Notice
from .. import prompt
from ..cells import Errors, Failure
from ..line.options import MagicOptions
from ..workspace import Workspace
from .registry import verb

MOST_CHARACTERS = 12_000
"""Of a traceback or cell; of a longer one both ends are sent, which say most."""
_LONGEST_ERROR = 100
_FIX = (
    "This notebook cell failed. Say in one or two sentences why, then give the whole corrected cell"
    " in one Python code block."
)
_EXPLAIN = "This notebook cell failed. Explain the error and how to avoid it."


@verb("fix", "ask for a correction of the cell that failed last; it comes in a new cell")
def fix(workspace: Workspace, _: Sequence[str]) -> None:
    """Ask for a correction, which is put into a new cell."""
    prompt.ask(workspace, replace(_question(workspace, _FIX), format="code"), None)


@verb("explain", "ask what the last exception means")
def explain(workspace: Workspace, _: Sequence[str]) -> None:
    """Ask what the error means."""
    prompt.ask(workspace, _question(workspace, _EXPLAIN), None)


def _question(workspace: Workspace, task: str) -> MagicOptions:
    """Return the prompt about the cell that failed last, and notices on which it is."""
    errors = workspace.errors
    failure = errors.last
    if failure is None:
        raise _nothing_failed(errors)
    language = "" if workspace.config.language != "zh" else " 请用中文回答。"
    source = failure.source.strip()
    code = f"```python\n{_cut_middle(source)}\n```\n\n" if source else ""
    text = f"{task}{language}\n\n{code}```\n{_cut_middle(failure.text)}\n```"
    return MagicOptions(prompt=text, raw=True, notices=tuple(_notices(errors, failure)))


def _nothing_failed(errors: Errors) -> InvalidValueError:
    if errors.last_of_ours is None:
        return InvalidValueError(
            tr("no cell has failed yet since glm_magic was loaded"),
            hint=tr("run the failing cell again, then this"),
        )
    return InvalidValueError(
        tr("only a prompt has failed: {cell}", cell=_cell(errors.last_of_ours)),
        hint=tr("its message says what to do; %glm fix and %glm explain are for Python's errors"),
    )


def _notices(errors: Errors, failure: Failure) -> Iterator[Notice]:
    error = shorten(failure.text.rpartition("\n")[2], _LONGEST_ERROR)
    text = tr("about {cell}: {error}", cell=_cell(failure), error=error)
    yield Notice("about-cell", text)
    if errors.last_of_ours is not None:
        text = tr(
            "the prompt of {cell} failed later; its message says what to do",
            cell=_cell(errors.last_of_ours),
        )
        yield Notice("about-cell", text)


def _cell(failure: Failure) -> Text:
    if failure.number is None:
        return tr("the cell that failed last, which has no number")
    return tr("cell [{number}]", number=failure.number)


def _cut_middle(text: str) -> str:
    if len(text) <= MOST_CHARACTERS:
        return text
    half = MOST_CHARACTERS // 2
    return f"{text[:half]}\n… ({len(text) - MOST_CHARACTERS:,} characters left out)\n{text[-half:]}"
