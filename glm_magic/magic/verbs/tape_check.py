"""Whether a tape covers a notebook: its prompts are asked in order, from the tape alone.

The rehearsal works on copies of the conversations, so nothing is added to the notebook's. A later
prompt is asked with the replies that the tape gave to the earlier ones, exactly as in a Run All.
"""

from __future__ import annotations

import ast
import contextlib
import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from traitlets import TraitError

from ...core.errors import GlmError, InvalidValueError, NotOnTapeError
from ...core.i18n import Text, tr
from ...core.messages import Message
from ...core.text import shorten
from ...engine.compare import Lanes, expand_axes
from ...engine.options import WEB_SEARCH
from ...engine.tapes import NO_DELAY, TapeSetting
from ...session.notebook import RunningCell
from ...wire.tape.tape import Tape
from ..config import GLM
from ..display import Displayable, Table
from ..line import parse
from ..line.options import MagicOptions
from ..prompt import prompt_text, session_of
from ..workspace import Sessions, Workspace
from .registry import Verb, find_verb, refuse_misfit

_CELL = re.compile(r"%%glm(?![\w.])(?P<line>[^\n]*)\n?(?P<cell>.*)", re.DOTALL)
_LINE = re.compile(r"(?:[A-Za-z_]\w*\s*=\s*)?%glm(?![\w.])(?P<line>[^\n]*)")
_PYTHON = re.compile(r"\b(?:glm|chat|session)\w*\.a?(?:ask|stream)\(")
_SETTING = re.compile(r"%config\s+GLM\.(?P<name>\w+)\s*=\s*(?P<value>.+)")
_VALUE = re.compile(r"(?<!\{)\{([^\W\d]\w*)")
_APPLIED = ("use", "new", "fork", "undo", "reset", "drop", "hide", "pin")
"""Verbs that change what a later prompt sends, and nothing outside of the session."""


@dataclass(frozen=True, slots=True)
class PromptCheck:
    """Whether the tape covers one prompt."""

    cell: int
    prompt: str
    state: str
    covered: bool | None
    """``None`` where only running the notebook can tell."""


def check(workspace: Workspace, tape: Tape, notebook: Path) -> Displayable:
    """Return which prompts of a notebook a tape covers.

    Raises
    ------
    InvalidValueError
        The notebook cannot be read.
    """
    checks = list(_Rehearsal(workspace, tape).check(_cells(notebook)))
    rows = [(item.cell, shorten(item.prompt, 60), item.state) for item in checks]
    title = tr("{notebook} against {tape}", notebook=notebook.name, tape=tape.path.name)
    return Table(("cell", "prompt", ""), rows, title, _summary(checks))


def _summary(checks: Sequence[PromptCheck]) -> Text:
    missing = sum(item.covered is False for item in checks)
    if missing:
        return tr("{count} of {all} prompts are not on the tape.", count=missing, all=len(checks))
    if any(item.covered is None for item in checks):
        return tr("Every prompt that can be judged without running the notebook is on the tape.")
    return tr("Every prompt is on the tape.") if checks else tr("The notebook has no prompt.")


def _cells(notebook: Path) -> list[str]:
    """Return the source of each cell; an empty one where it is not code."""
    try:
        cells = json.loads(notebook.read_text(encoding="utf-8"))["cells"]
    except (OSError, ValueError, LookupError, TypeError) as error:
        reason = getattr(error, "strerror", None) or tr("not a notebook")
        raise InvalidValueError(
            tr("{name} cannot be read: {reason}", name=notebook.name, reason=reason),
            hint=tr("the path is relative to the notebook's folder; save the notebook first"),
        ) from None
    return ["".join(cell["source"]) if cell["cell_type"] == "code" else "" for cell in cells]


class _Config(GLM):
    """Settings of a rehearsal, which change nothing outside of it."""

    def apply(self) -> None:
        """Change nothing that holds for the whole process."""


class _Rehearsal:
    """One walk through a notebook, on a workspace of its own."""

    def __init__(self, workspace: Workspace, tape: Tape) -> None:
        names = workspace.config.trait_names(config=True)
        config = _Config(**{name: getattr(workspace.config, name) for name in names})
        shell = workspace.shell
        self._workspace = Workspace(shell, config, workspace.errors, RunningCell(shell))
        self._workspace.sessions = Sessions(persistent=False)
        self._tape = TapeSetting(tape.path.absolute(), "replay", NO_DELAY)
        self._unsure = False
        """Whether the reply to an earlier prompt is not known, on which later ones depend."""

    def check(self, cells: Sequence[str]) -> Iterator[PromptCheck]:
        """Yield the check of each prompt."""
        for number, source in enumerate(cells, 1):
            whole = _CELL.match(source.lstrip())
            if whole is not None:
                yield self._prompt(number, whole["line"], whole["cell"])
                continue
            for line in source.splitlines():
                yield from self._line(number, line)

    def _line(self, number: int, line: str) -> Iterator[PromptCheck]:
        setting = _SETTING.match(line)
        if setting is not None:
            with contextlib.suppress(ValueError, SyntaxError, TraitError):
                setattr(self._workspace.config, setting["name"], ast.literal_eval(setting["value"]))
            return
        magic = _LINE.match(line)
        if magic is None:
            if _PYTHON.search(line) or re.search(r"%glm\s", line):
                yield PromptCheck(number, line.strip(), _run_to_see(tr("asked from Python")), None)
            return
        verb = find_verb(self._workspace, magic["line"])
        if verb is None and magic["line"].strip():
            yield self._prompt(number, magic["line"], None)
        elif verb is not None and verb[0].name in _APPLIED:
            self._apply(*verb)

    def _apply(self, verb: Verb, words: Sequence[str]) -> None:
        with contextlib.suppress(GlmError):  # it fails in the notebook as well
            verb.run(self._workspace, words)

    def _prompt(self, number: int, line: str, cell: str | None) -> PromptCheck:
        try:
            if cell is None:
                refuse_misfit(self._workspace, line)
            options = parse.parse(line.strip(), self._workspace.is_model, self._workspace.namespace)
            interpolated = prompt_text(self._workspace, options, cell)
            prompt = interpolated.text
            if options.dry_run or options.help:
                return PromptCheck(number, prompt, tr("sends nothing"), True)
            for name in filter(None, (*options.tools, options.schema)):
                root, variables = name.partition(".")[0], self._workspace.shell.user_ns
                if root not in variables and name != WEB_SEARCH:
                    return self._unknown(number, prompt, _needs(name))
            self._ask(options, interpolated.message)
        except NotOnTapeError as error:
            value = _VALUE.search(prompt)
            if value is not None:
                return self._unknown(number, prompt, _needs(value[1]))
            if self._unsure and options.history:
                return self._unknown(number, prompt, tr("depends on a prompt above"))
            reason = tr("missing: {reason}", reason=error.hint)
            return PromptCheck(number, prompt, reason, False)
        except GlmError as error:
            reason = tr("cannot be asked: {reason}", reason=error.message)
            return PromptCheck(number, cell or line, reason, False)
        return PromptCheck(number, prompt, tr("covered"), True)

    def _unknown(self, number: int, prompt: str, reason: Text) -> PromptCheck:
        """Return the check of a prompt that only a run of the notebook can judge."""
        self._unsure = True
        return PromptCheck(number, prompt, _run_to_see(reason), None)

    def _ask(self, line: MagicOptions, prompt: Message) -> None:
        workspace = self._workspace
        session, _ = session_of(workspace, line)
        options = replace(workspace.options(line, session), tape=self._tape)
        specs = expand_axes(line.compare, options)
        streams = session.open_lanes(prompt, [spec.options for spec in specs])
        lanes = Lanes([spec.label for spec in specs], streams)
        try:
            lanes.wait()
            for stream in lanes.streams:
                stream.raise_error()
        finally:
            lanes.close()


def _needs(name: str) -> Text:
    return tr("needs {name} from the notebook", name=name)


def _run_to_see(reason: Text) -> Text:
    return tr("{reason}: run it to see", reason=reason)
