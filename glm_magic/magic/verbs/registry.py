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
from itertools import chain
from typing import TYPE_CHECKING

from ...catalogue.lookup import nearest
from ...core.errors import InvalidValueError, UnknownNameError
from ...core.i18n import joined, tr
from ...core.text import suggest
from ...engine.interpolate import interpolate
from ..display import Displayable
from ..line.tokens import read_words, without_comment
from .arguments import KINDS, ArgumentKind, one_of

if TYPE_CHECKING:
    from ..workspace import Workspace

Command = Callable[["Workspace", Sequence[str]], Displayable | None]
"""What a verb does; ``None`` where it has shown all there is itself."""

_MODULES = (
    "context",
    "defaults",
    "exceptions",
    "mcp_servers",
    "models",
    "sessions",
    "spending",
    "status",
    "tapes",
    "thoughts",
    "turns",
)

ORDER = (
    "models", "use", "system", "tools", "schema", "sessions", "new", "fork", "undo", "retry",
    "rethink", "drop", "hide", "pin", "choose", "show", "find", "context", "reset", "resume",
    "save", "load", "usage", "budget", "record", "replay", "wire", "fix", "explain", "jobs",
    "stop", "mcp", "tape", "forget", "alias", "dealias", "preserve", "config", "help", "version",
)  # fmt: skip
"""How the help lists them: what is used together stands together."""

MOST_WORDS = 3
"""How many words after a verb are taken for its arguments, slips included; more are prose."""

_ANYTHING = "…"
_NUMBER = re.compile(r"[¥￥$]?[\d.,_]+[kKmM]?")
_UNITS = ("tok", "token", "tokens", "cny", "usd", "rmb", "元")


@dataclass(frozen=True, slots=True)
class Misfit:
    """What keeps words from being a verb's arguments."""

    at: int
    """How many of them fit."""
    kinds: tuple[ArgumentKind, ...]
    """What could stand next; nothing where a word is too many."""


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
        return self.misfit(workspace, words) is None

    def misfit(self, workspace: Workspace, words: Sequence[str]) -> Misfit | None:
        """Return what keeps words from being its arguments; ``None`` where they are."""
        misfits = [self._misfit(workspace, form.split(), words) for form in self.arguments]
        if None in misfits:
            return None
        most = max(misfit.at for misfit in misfits if misfit)
        furthest = [misfit.kinds for misfit in misfits if misfit and misfit.at == most]
        return Misfit(most, tuple(chain.from_iterable(furthest)))

    def _misfit(
        self, workspace: Workspace, form: Sequence[str], words: Sequence[str]
    ) -> Misfit | None:
        """Return what keeps words from filling one form."""
        for at, word in enumerate(words):
            if form[at : at + 1] == [_ANYTHING]:
                return None
            kinds = tuple(map(self._kind, form[at : at + 1]))
            if not any(kind.accepts(workspace, word) for kind in kinds):
                return Misfit(at, kinds)
        missing = form[len(words) : len(words) + 1]
        if all(map(_is_optional, missing)):
            return None
        return Misfit(len(words), tuple(map(self._kind, missing)))

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
    """Return the verb of a line with its arguments, or ``None`` where the line is no verb.

    A first word is a verb only when the rest of the line, without a comment, can be its arguments.

    Parameters
    ----------
    workspace : Workspace
        Tells which models, sessions and aliases there are.
    line : str
        Everything after ``%glm``.
    """
    name, *words = _words_of(workspace, line)
    verb = verbs().get(name)
    return (verb, words) if verb is not None and verb.accepts(workspace, words) else None


def _words_of(workspace: Workspace, line: str) -> list[str]:
    """Return the words of a line without its comment, and with values in a verb's arguments."""
    name, *words = _with_units(read_words(without_comment(line))) or [""]
    if name in verbs() and any("{" in word for word in words):
        names = workspace.namespace()
        words = [interpolate(word, names).text for word in words]
    return [name, *words]


def _with_units(words: list[str]) -> list[str]:
    """Return words with each number that has its unit behind it, as ``20k tokens``, as one."""
    merged: list[str] = []
    for word in words:
        if merged and _NUMBER.fullmatch(merged[-1]) and word.lower() in _UNITS:
            merged[-1] += f" {word}"
        else:
            merged.append(word)
    return merged


def refuse_misfit(workspace: Workspace, line: str) -> None:
    """Refuse a line that is nearly a verb, so that a slip is never sent and billed.

    That is a verb with at most `MOST_WORDS` words that do not fit it, or one word that is nearly a
    verb. Every other line is a prompt, whatever its first word is.

    Parameters
    ----------
    workspace : Workspace
        Tells which models, sessions and aliases there are.
    line : str
        Everything after ``%glm``, which `find_verb` took for no verb.

    Raises
    ------
    InvalidValueError
        The arguments do not fit; the hint shows how the verb is written.
    UnknownNameError
        It is no verb; the hint names the nearest. Both say how to send the line all the same.
    """
    typed = line.strip()
    if workspace.is_model(typed):
        return
    name, *words = _words_of(workspace, typed)
    verb = verbs().get(name)
    if verb is not None and len(words) <= MOST_WORDS:
        misfit = verb.misfit(workspace, words)
        if misfit is not None:
            raise _misfit_error(workspace, verb, words, misfit, typed)
    if verb is None and not words and name[:1].isalpha():
        guess = suggest(name, verbs(), 0.75)
        if guess is not None:
            raise UnknownNameError(
                tr("there is no verb {word!r}", word=name),
                hint=tr(
                    "did you mean %glm {guess}? To ask a model, write %glm -- {word}",
                    guess=guess,
                    word=name,
                ),
            )


def _misfit_error(
    workspace: Workspace, verb: Verb, words: Sequence[str], misfit: Misfit, typed: str
) -> InvalidValueError:
    fitting = " ".join([verb.name, *words[: misfit.at]])
    needs = joined(dict.fromkeys(kind.noun for kind in misfit.kinds), ", or ")
    word = words[misfit.at] if misfit.at < len(words) else None
    guess = ""
    if word is None:
        message = tr("%glm {verb} needs an argument: {needs}", verb=fitting, needs=needs)
    elif not misfit.kinds:
        message = tr("%glm {verb} is complete; {word!r} is too much", verb=fitting, word=word)
    else:
        message = tr(
            "%glm {verb} needs {needs}, not {word!r}", verb=fitting, needs=needs, word=word
        )
        names = [
            name
            for kind in misfit.kinds
            if kind.named
            for name in kind.completions(workspace, words[: misfit.at])
        ]
        guess = nearest(word, names)
    return InvalidValueError(
        message,
        hint=tr(
            "{guess}write {usage}; to ask a model, %glm -- {line}",
            guess=guess,
            usage=verb.usage,
            line=typed,
        ),
    )
