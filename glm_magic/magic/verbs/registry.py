"""The verbs of ``%glm``: one table, from which reading, help, completion and the README come.

A new verb is one row here and one function in `commands`.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from ...core.errors import InvalidValueError, UnknownNameError
from ..line.options import BY_FLAG
from ..line.tokens import read_words


@dataclass(frozen=True, slots=True)
class Verb:
    """One row of the table."""

    name: str
    help: str
    arguments: tuple[str, ...] = ("",)
    """What may follow, one string for each form; ``[…]`` may be left out."""

    @property
    def usage(self) -> str:
        """The verb as it is written."""
        forms = (f"%glm {self.name} {form}".rstrip() for form in self.arguments)
        return "  or  ".join(forms)


VERBS: tuple[Verb, ...] = (
    Verb("models", "models with limits, price, abilities, and whether a key is there",
         ("[FILTER]",)),
    Verb("use", "choose model, provider or session from here on", ("MODEL|PROVIDER|SESSION",)),
    Verb("sessions", "the sessions of this kernel"),
    Verb("new", "start a session afresh; its earlier turns are kept", ("[NAME]",)),
    Verb("fork", "go on from the same turns under another name", ("NAME",)),
    Verb("undo", "take back the last turns", ("[N]",)),
    Verb("retry", "ask the prompt that ran last again, in its own place"),
    Verb("drop", "take one turn out", ("N",)),
    Verb("hide", "keep a turn visible but do not send it; once more: send it again", ("N",)),
    Verb("pin", "always send a turn; once more: like any other", ("N",)),
    Verb("choose", "let later turns see variant V of turn N", ("N V",)),
    Verb("show", "the turns of the session, or one of them, or its variant V", ("[N]", "N V")),
    Verb("context", "exactly what the next turn would send"),
    Verb("reset", "forget the turns of the session"),
    Verb("resume", "continue this notebook's last session"),
    Verb("save", "write the session to a file: .jsonl, .md or .json (messages)", ("PATH",)),
    Verb("load", "read a session from .jsonl, or messages from .json", ("PATH",)),
    Verb("usage", "tokens and cost so far, by session, provider and model; or by day, by turn, of "
         "all that is on disk; as a plot or a DataFrame; or the prices, with date and source",
         ("", "HOW")),
    Verb("budget", "limits of money or tokens for this session and for a day (¥5, $0.10, 200k); "
         "Model Studio's free quota, counted down from a day on",
         ("[AMOUNT]", "off", "day AMOUNT", "day off", "quota AMOUNT [DATE]", "quota off")),
    Verb("record", "write every reply from here on to a tape", ("FILE", "off")),
    Verb("replay", "answer from a tape from here on, without key or network",
         ("FILE [SPEED]", "off")),
    Verb("wire", "a turn's request and raw reply; as curl and Python, key redacted", ("[N]",)),
    Verb("fix", "ask for a correction of the cell that failed last; it comes in a new cell"),
    Verb("explain", "ask what the last exception means"),
    Verb("jobs", "turns that run in the background"),
    Verb("stop", "stop one background turn, or all", ("[N]",)),
    Verb("mcp", "servers of the Model Context Protocol", ("add NAME …", "list", "remove NAME")),
    Verb("tape", "what a tape holds, and whether it covers a notebook",
         ("", "check [FILE] [NOTEBOOK]")),
    Verb("forget", "delete a session, this one by default, or everything that is kept on disk",
         ("[SESSION]", "all")),
    Verb("alias", "give a model, or a model at a provider, a name; without one, list them",
         ("", "NAME [MODEL]")),
    Verb("dealias", "take such a name away", ("ALIAS",)),
    Verb("preserve", "send earlier reasoning back with every turn, where the provider offers it",
         ("[on]", "off")),
    Verb("config", "every setting and where it came from"),
    Verb("help", "options and verbs, or one of them", ("[WORD]",)),
    Verb("version", "versions of glm_magic and what it runs on"),
)  # fmt: skip

BY_NAME: dict[str, Verb] = {verb.name: verb for verb in VERBS}

USAGE_FORMS = ("turns", "day", "all", "plot", "frame", "prices")
"""What may follow ``%glm usage``."""

_NUMBER = re.compile(r"[¥￥$]?[\d.,_]+[kKmM]?")
_UNITS = ("tok", "token", "tokens", "cny", "usd", "rmb", "元")

Accepts = Callable[[str], bool]
"""Whether a word can be the argument of that name."""


def _matches(pattern: str) -> Accepts:
    return lambda word: re.fullmatch(pattern, word) is not None


ARGUMENTS: Mapping[str, Accepts] = {
    "N": _matches(r"[1-9]\d{0,5}"),
    "V": _matches(r"[1-9]\d{0,5}"),
    "NAME": _matches(r"[\w.-]+"),
    "FILE": _matches(r".+"),
    "PATH": _matches(r".+\.(jsonl|json|md)|.*[./~].*"),
    "SPEED": _matches(r"\d+(\.\d+)?|max"),
    "NOTEBOOK": _matches(r".+\.ipynb"),
    "AMOUNT": _matches(r"\S*\d\S*(\s\S+)?"),
    "DATE": _matches(r"\d{4}-\d\d-\d\d"),
    "HOW": lambda word: word in USAGE_FORMS,
    "MODEL": _matches(r"\S+"),
    "MODEL|PROVIDER|SESSION": _matches(r"\S+"),
    "WORD": lambda word: word in BY_NAME or word in BY_FLAG,
}


def find_verb(line: str, extra: Mapping[str, Accepts]) -> tuple[Verb, list[str]] | None:
    """Return the verb of a line with its arguments, or ``None`` when the line is a prompt.

    A first word is a verb only when the rest of the line can be its arguments.

    Parameters
    ----------
    line : str
        Everything after ``%glm``.
    extra : mapping
        Arguments that only the running program can judge.
    """
    name, *words = read_words(line) or [""]
    verb = BY_NAME.get(name)
    if verb is None:
        return None
    words, known = _with_units(words), {**ARGUMENTS, **extra}
    fits = any(_fits(form.split(), words, known) for form in verb.arguments)
    return (verb, words) if fits else None


def _with_units(words: list[str]) -> list[str]:
    """Return words with each number that has its unit behind it, as ``20k tokens``, as one."""
    joined: list[str] = []
    for word in words:
        if joined and _NUMBER.fullmatch(joined[-1]) and word.lower() in _UNITS:
            joined[-1] += f" {word}"
        else:
            joined.append(word)
    return joined


def _fits(form: list[str], words: list[str], known: Mapping[str, Accepts]) -> bool:
    if not form:
        return not words
    if form[0] == "…":
        return True
    optional = form[0].startswith("[")
    if not words:
        return optional
    wanted = form[0].strip("[]")
    accepts = known.get(wanted, wanted.__eq__)
    return accepts(words[0]) and _fits(form[1:], words[1:], known)


def reject_typo(line: str) -> None:
    """Refuse a line of one word that is a verb without its argument, or nearly a verb.

    Raises
    ------
    RefusedError
        The hint names the verb, and how to send the word all the same.
    """
    words = line.split()
    if len(words) != 1 or not words[0][0].isalpha():
        return
    if words[0] in BY_NAME:
        raise InvalidValueError(
            f"%glm {words[0]} needs to know more",
            hint=f"write {BY_NAME[words[0]].usage}; to ask a model, %glm -- {words[0]}",
        )
    near = difflib.get_close_matches(words[0].lower(), BY_NAME, 1, 0.75)
    if near:
        raise UnknownNameError(
            f"there is no verb {words[0]!r}",
            hint=f"did you mean %glm {near[0]}? To ask a model, write %glm -- {words[0]}",
        )
