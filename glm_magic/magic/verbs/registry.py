"""The verbs of ``%glm``: which there are, and what a line says.

A verb is a function of one of the modules here, under `verb`. That row is all there is to it:
reading a line, the help, completion and the tables of the documentation ask the registry.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING

from ...core.errors import InvalidValueError, UnknownNameError
from ...core.i18n import tr
from ...core.text import suggest
from ..display import Displayable
from ..line.tokens import read_words
from .arguments import KINDS, ArgumentKind, one_of

if TYPE_CHECKING:
    from ..workspace import Workspace

Command = Callable[["Workspace", Sequence[str]], Displayable | None]
"""What a verb does; ``None`` where it has shown all there is itself."""

_MODULES = (
    "exceptions",
    "mcp_servers",
    "models",
    "sessions",
    "spending",
    "status",
    "tapes",
    "turns",
)

ORDER = (
    "models", "use", "sessions", "new", "fork", "undo", "retry", "drop", "hide", "pin", "choose",
    "show", "context", "reset", "resume", "save", "load", "usage", "budget", "record", "replay",
    "wire", "fix", "explain", "jobs", "stop", "mcp", "tape", "forget", "alias", "dealias",
    "preserve", "config", "help", "version",
)  # fmt: skip
"""How the help lists them: what is used together stands together."""

_ANYTHING = "…"
_NUMBER = re.compile(r"[¥￥$]?[\d.,_]+[kKmM]?")
_UNITS = ("tok", "token", "tokens", "cny", "usd", "rmb", "元")


@dataclass(frozen=True, slots=True)
class Verb:
    """A verb as its row declares it."""

    name: str
    help: str
    arguments: tuple[str, ...]
    """What may follow, one string for each form; ``[…]`` may be left out."""
    run: Command
    kinds: Mapping[str, ArgumentKind]

    @property
    def usage(self) -> str:
        """The verb as it is written."""
        forms = (f"%glm {self.name} {form}".rstrip() for form in self.arguments)
        return "  or  ".join(forms)

    def accepts(self, workspace: Workspace, words: Sequence[str]) -> bool:
        """Whether words can be its arguments."""
        rests = (self._rest(workspace, form, words) for form in self.arguments)
        return any(rest is not None and all(map(_is_optional, rest[:1])) for rest in rests)

    def completions(self, workspace: Workspace, before: Sequence[str]) -> list[str]:
        """Return what Tab offers after the arguments before the cursor."""
        words: list[str] = []
        for form in self.arguments:
            for argument in self._rest(workspace, form, before) or ():
                if argument != _ANYTHING:
                    words += self._kind(argument).completions(workspace, before)
                if not _is_optional(argument):
                    break
        return words

    def _rest(self, workspace: Workspace, form: str, words: Sequence[str]) -> list[str] | None:
        """Return the arguments of a form that come after words; ``None``: they do not fit it."""
        rest = form.split()
        for word in words:
            if rest[:1] == [_ANYTHING]:
                return rest
            if not rest or not self._kind(rest.pop(0)).accepts(workspace, word):
                return None
        return rest

    def _kind(self, argument: str) -> ArgumentKind:
        name = argument.strip("[]")
        return self.kinds.get(name) or one_of((name,))


def _is_optional(argument: str) -> bool:
    return argument == _ANYTHING or argument.startswith("[")


_declared: dict[str, Verb] = {}


def verb(
    name: str, help_text: str, *arguments: str, **kinds: ArgumentKind
) -> Callable[[Command], Command]:
    """Declare a function as what ``%glm NAME`` does.

    Parameters
    ----------
    name : str
        The verb.
    help_text : str
        What it shows or does, in English.
    *arguments : str
        What may follow, one string for each form; none: nothing may.
    **kinds : ArgumentKind
        The kinds of argument that only this verb has, or has otherwise than `KINDS`.
    """

    def declare(command: Command) -> Command:
        _declared[name] = Verb(name, help_text, arguments or ("",), command, {**KINDS, **kinds})
        return command

    return declare


@cache
def verbs() -> Mapping[str, Verb]:
    """Return every verb by its name, in the order of the help."""
    for module in _MODULES:  # by name: they import this one
        import_module(f".{module}", __package__)
    return {name: _declared[name] for name in ORDER}


def find_verb(workspace: Workspace, line: str) -> tuple[Verb, list[str]] | None:
    """Return the verb of a line with its arguments, or ``None`` when the line is a prompt.

    A first word is a verb only when the rest of the line can be its arguments.

    Parameters
    ----------
    workspace : Workspace
        Tells which models, sessions and aliases there are.
    line : str
        Everything after ``%glm``.
    """
    name, *words = read_words(line) or [""]
    verb = verbs().get(name)
    if verb is None:
        return None
    words = _with_units(words)
    return (verb, words) if verb.accepts(workspace, words) else None


def _with_units(words: list[str]) -> list[str]:
    """Return words with each number that has its unit behind it, as ``20k tokens``, as one."""
    merged: list[str] = []
    for word in words:
        if merged and _NUMBER.fullmatch(merged[-1]) and word.lower() in _UNITS:
            merged[-1] += f" {word}"
        else:
            merged.append(word)
    return merged


def reject_typo(line: str) -> None:
    """Refuse a line of one word that is a verb without its argument, or nearly a verb.

    Raises
    ------
    InvalidValueError
        The verb needs an argument; the hint shows how it is written.
    UnknownNameError
        The hint names the verb, and how to send the word all the same.
    """
    words = line.split()
    if len(words) != 1 or not words[0][0].isalpha():
        return
    word = words[0]
    verb = verbs().get(word)
    if verb is not None:
        raise InvalidValueError(
            tr("%glm {word} needs an argument", word=word),
            hint=tr("write {usage}; to ask a model, %glm -- {word}", usage=verb.usage, word=word),
        )
    guess = suggest(word, verbs(), 0.75)
    if guess is not None:
        raise UnknownNameError(
            tr("there is no verb {word!r}", word=word),
            hint=tr(
                "did you mean %glm {guess}? To ask a model, write %glm -- {word}",
                guess=guess,
                word=word,
            ),
        )
