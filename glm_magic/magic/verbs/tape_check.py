"""Whether a tape covers a notebook: its prompts are asked in order, from the tape alone.

The rehearsal has conversations of its own, so nothing is added to the notebook's; a later prompt is
asked with the replies that the tape gave to the earlier ones, exactly as in a Run All.
"""

from __future__ import annotations

import ast
import contextlib
import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from traitlets import TraitError

from ...core.errors import GlmError, InvalidValueError, NotOnTapeError
from ...core.i18n import translate
from ...core.text import shorten
from ...engine.compare import Lanes, expand_axes
from ...engine.options import WEB_SEARCH
from ...engine.tapes import NO_DELAY, TapeSetting
from ...wire.tape.tape import Tape
from ..config import GLM
from ..display import Displayable, Table
from ..line import parse
from ..prompt import prompt_of
from ..sessions import Sessions
from ..workspace import Workspace
from .registry import Verb, find_verb

_CELL = re.compile(r"%%glm(?![\w.])(?P<line>[^\n]*)\n?(?P<cell>.*)", re.DOTALL)
_LINE = re.compile(r"(?:[A-Za-z_]\w*\s*=\s*)?%glm(?![\w.])(?P<line>[^\n]*)")
_PYTHON = re.compile(r"\b(?:glm|chat|session)\w*\.a?(?:ask|stream)\(")
_SETTING = re.compile(r"%config\s+GLM\.(?P<name>\w+)\s*=\s*(?P<value>.+)")
_VALUE = re.compile(r"(?<!\{)\{([^\W\d]\w*)")
_HARMLESS = ("use", "new", "fork", "undo", "reset", "drop", "hide", "pin")
"""Verbs that change what a later prompt sends."""


@dataclass(frozen=True, slots=True)
class PromptCheck:
    """What a rehearsal found about one prompt."""

    cell: int
    prompt: str
    state: str
    covered: bool | None
    """``None`` where only running the notebook can tell."""


def check(desk: Workspace, tape: Tape, notebook: Path) -> Displayable:
    """Return which prompts of a notebook a tape covers.

    Raises
    ------
    InvalidValueError
        The notebook cannot be read.
    """
    found = list(_Rehearsal(desk, tape).findings(_cells(notebook)))
    rows = [(item.cell, shorten(item.prompt, 60), item.state) for item in found]
    missing = sum(item.covered is False for item in found)
    unknown = sum(item.covered is None for item in found)
    verdict = "Every prompt is on the tape."
    if missing:
        verdict = f"{missing} of {len(found)} prompts are not on the tape."
    elif unknown:
        verdict = "Every prompt that can be judged without running the notebook is on the tape."
    elif not found:
        verdict = "The notebook has no prompt."
    return Table(("cell", "prompt", ""), rows, f"{notebook.name} against {tape.path.name}", verdict)


def _cells(notebook: Path) -> list[str]:
    """Return the source of each cell; an empty one for what is no code."""
    try:
        cells = json.loads(notebook.read_text(encoding="utf-8"))["cells"]
    except (OSError, ValueError, LookupError, TypeError) as error:
        raise InvalidValueError(
            f"{notebook.name} cannot be read: {getattr(error, 'strerror', None) or 'no notebook'}",
            hint="the path is relative to the notebook's folder; save the notebook first",
        ) from None
    return ["".join(cell["source"]) if cell["cell_type"] == "code" else "" for cell in cells]


class _Config(GLM):
    """Settings of a rehearsal, which change nothing outside of it."""

    def apply(self) -> None:
        """Leave what belongs to the whole process alone."""


class _Rehearsal:
    """One walk through a notebook, on a desk of its own."""

    def __init__(self, desk: Workspace, tape: Tape) -> None:
        self._desk = Workspace(desk.shell)
        self._desk.conversations = Sessions(persistent=False)
        names = desk.config.trait_names(config=True)
        self._desk.config = _Config(**{name: getattr(desk.config, name) for name in names})
        self._use = TapeSetting(tape.path.absolute(), "replay", NO_DELAY)
        self._unsure = False
        """Whether an earlier prompt could not be judged, on whose reply later ones depend."""

    def findings(self, cells: Sequence[str]) -> Iterator[PromptCheck]:
        """Yield what is found, prompt by prompt."""
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
                setattr(self._desk.config, setting["name"], ast.literal_eval(setting["value"]))
            return
        found = _LINE.match(line)
        if found is None:
            if _PYTHON.search(line) or re.search(r"%glm\s", line):
                yield PromptCheck(number, line.strip(), "asked from Python: run it to see", None)
            return
        verb = find_verb(self._desk, found["line"])
        if verb is None and found["line"].strip():
            yield self._prompt(number, found["line"], None)
        elif verb is not None and verb[0].name in _HARMLESS:
            self._apply(*verb)

    def _apply(self, verb: Verb, words: Sequence[str]) -> None:
        with contextlib.suppress(GlmError):  # it fails in the notebook as well
            verb.run(self._desk, words)

    def _prompt(self, number: int, line: str, cell: str | None) -> PromptCheck:
        try:
            options = parse.parse(line.strip(), self._desk.is_model)
            prompt = prompt_of(self._desk, options, cell).text
            if options.dry_run or options.help:
                return PromptCheck(number, prompt, "sends nothing", True)
            for name in filter(None, (*options.tools, options.schema)):
                if name.partition(".")[0] not in self._desk.shell.user_ns and name != WEB_SEARCH:
                    return self._open(number, prompt, f"needs {name} from the notebook")
            self._ask(options, prompt)
        except NotOnTapeError as error:
            value = _VALUE.search(prompt)
            if value is not None:
                return self._open(number, prompt, f"needs {value[1]} from the notebook")
            if self._unsure and options.history:
                return self._open(number, prompt, "depends on a prompt above")
            return PromptCheck(number, prompt, translate(f"missing: {error.hint}"), False)
        except GlmError as error:
            told = translate(f"cannot be asked: {error.message}")
            return PromptCheck(number, cell or line, told, False)
        return PromptCheck(number, prompt, "covered", True)

    def _open(self, number: int, prompt: str, why: str) -> PromptCheck:
        """Return the finding for a prompt that only a run of the notebook can judge."""
        self._unsure = True
        return PromptCheck(number, prompt, f"{why}: run it to see", None)

    def _ask(self, options: Any, prompt: str) -> None:
        desk = self._desk
        name = options.session or desk.session_name
        if options.new:
            desk.conversations.start(name)
        session = desk.conversations.get(name)
        asked = replace(desk.asked(options, session), tape=self._use)
        if not options.history:
            session = desk.conversations.aside(session)
        ways = [way.options for way in expand_axes(options.compare, asked)]
        lanes = Lanes([""] * len(ways), session.open_lanes(prompt, ways))
        try:
            lanes.wait()
            for stream in lanes.streams:
                stream.raise_error()
        finally:
            lanes.close()
