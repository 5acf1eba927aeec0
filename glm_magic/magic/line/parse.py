"""A magic line -> `MagicOptions`, by the table of `arguments`."""

from __future__ import annotations

import difflib
import json
import keyword
import math
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ...core.errors import InvalidValueError, UnknownNameError
from ...engine.tapes import checked_speed
from .options import BY_FLAG, THINKING_WORDS, MagicOptions, Option, find_option
from .tokens import read_word, skip_space

_OPTION = re.compile(r"--?[A-Za-z]")
_LONG = re.compile(r"(--[^\s=]*)(=?)")
_PARAMETER_NAME = re.compile(r"[A-Za-z_][\w.-]*")
_THINKING: dict[str, Any] = {"on": True, "off": False}


def parse(line: str, is_model: Callable[[str], bool] | None = None) -> MagicOptions:
    """Read the line of a ``%glm`` or ``%%glm`` magic.

    Parameters
    ----------
    line : str
        Everything after the magic's name.
    is_model : callable, optional
        Whether a word is a model, an alias or ``provider/model``; asked about the first word that
        is no option.

    Returns
    -------
    Options
        What the line says. ``-h`` ends the reading.

    Raises
    ------
    UnknownNameError
        There is no such option; the hint names the nearest.
    InvalidValueError
        An option's value is missing, out of its choices, or of the wrong type.
    """
    return _Parser(line, is_model or (lambda _: False)).run()


class _Parser:
    """Walk over one line: options, perhaps a model, then the prompt as typed."""

    def __init__(self, line: str, is_model: Callable[[str], bool]) -> None:
        self.line = line
        self.at = 0
        self.is_model = is_model
        self.options = MagicOptions()

    def run(self) -> MagicOptions:
        """Read the whole line."""
        while not self.options.help:
            self.at = skip_space(self.line, self.at)
            rest = self.line[self.at :]
            if rest == "--" or (rest[:2] == "--" and rest[2].isspace()):
                self.at = skip_space(self.line, self.at + 2)
                break
            if _OPTION.match(rest):
                self._option()
            elif not self._model():
                break
        self.options.prompt = self.line[self.at :].strip()
        return self.options

    def _model(self) -> bool:
        """Take the next word when it is the first and a known model."""
        if self.options.model is not None or self.at >= len(self.line):
            return False
        word = self.line[self.at :].split(None, 1)[0]
        if not self.is_model(word):
            return False
        self.options.model = word
        self.at += len(word)
        return True

    def _option(self) -> None:
        if self.line.startswith("--", self.at):
            self._long()
        else:
            self._short()

    def _long(self) -> None:
        match = _LONG.match(self.line, self.at)
        assert match is not None  # noqa: S101 - the caller saw the two dashes
        option = find_option(match[1])
        if option is None:
            raise _unknown(match[1])
        word, end = read_word(self.line, self.at)
        self.at = end if match[2] else match.end()
        self._take(option, word[len(match[1]) + 1 :] if match[2] else None)

    def _short(self) -> None:
        """Read ``-m NAME``, ``-mNAME``, ``-m=NAME``, and flags written together (``-qR``)."""
        option = find_option(self.line[self.at : self.at + 2])
        word, end = read_word(self.line, self.at)
        if option is None:
            raise _unknown(word)
        self.at = end
        rest = word[2:]
        if option.takes_value:
            self._take(option, rest.removeprefix("=") if rest else None)
            return
        flags = [find_option(f"-{letter}") for letter in word[1:]]
        for flag in flags:
            if flag is None or flag.takes_value:
                raise _unknown(word)
            self._take(flag, None)

    def _take(self, option: Option, value: str | None) -> None:
        self.options.given += (option,)
        if option.kind == "flag":
            if value is not None:
                raise InvalidValueError(f"{option.name} takes no value", hint=_see_help(option))
            setattr(self.options, option.field, option.value)
        elif option.kind == "think":
            self._store(option, self._thinking_word() if value is None else value)
        else:
            self._store(option, self._next_value(option) if value is None else value)

    def _thinking_word(self) -> str:
        """Return the word after ``--think`` when it is one of its own, else ``on``."""
        start = skip_space(self.line, self.at)
        word = (self.line[start:].split(None, 1) or [""])[0]
        if word not in THINKING_WORDS:
            return "on"
        self.at = start + len(word)
        return word

    def _next_value(self, option: Option) -> str:
        start = skip_space(self.line, self.at)
        word, end = read_word(self.line, start)
        typed = self.line[start:end]
        is_option = _OPTION.match(typed) and find_option(typed.partition("=")[0])
        if start == len(self.line) or is_option:
            raise InvalidValueError(f"{option.name} needs a value", hint=f"write {option.usage}")
        if typed == word and typed[0] in "\"'":
            raise InvalidValueError(
                f"the quotation after {option.name} is not closed",
                hint=f"close it before the next space, or write {option.usage} without quotes",
            )
        self.at = end
        return word

    def _store(self, option: Option, text: str) -> None:
        value = _CONVERT[option.kind](option, text)
        if option.kind == "pair":
            self.options.parameters[value[0]] = value[1]
        elif option.parameter:
            known = self.options.parameters
            known[option.field] = [*known.get(option.field, []), value] if option.repeats else value
        elif option.repeats:
            setattr(self.options, option.field, (*getattr(self.options, option.field), value))
        else:
            setattr(self.options, option.field, value)


def _unknown(flag: str) -> UnknownNameError:
    wanted = flag.replace("_", "-").lower()
    near = difflib.get_close_matches(wanted, BY_FLAG, 1, 0.5)
    guess = f"did you mean {near[0]}? " if near else ""
    return UnknownNameError(
        f"there is no option {flag}",
        hint=f"{guess}%glm help lists them; a prompt that starts with a dash goes after --",
    )


def _see_help(option: Option) -> str:
    return f"write {option.usage}: {option.help}"


def _text(option: Option, text: str) -> str:
    if not text.strip() and not option.parameter:
        raise InvalidValueError(f"{option.name} needs a value", hint=_see_help(option))
    return text


def _choice(option: Option, text: str) -> str:
    if text in option.choices:
        return text
    near = difflib.get_close_matches(text.lower(), option.choices, 1, 0.5)
    guess = f"did you mean {near[0]}? " if near else ""
    raise InvalidValueError(
        f"{option.name} cannot be {text!r}", hint=f"{guess}it is one of {', '.join(option.choices)}"
    )


def _think(option: Option, text: str) -> Any:
    word = _choice(option, text)
    return _THINKING.get(word, word)


def _number(option: Option, text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise InvalidValueError(
            f"{option.name} needs a number, not {text!r}", hint=_see_help(option)
        )
    return value


def _speed(option: Option, text: str) -> float:
    return math.inf if text == "max" else checked_speed(_number(option, text))


def _integer(option: Option, text: str) -> int:
    try:
        return int(text)
    except ValueError:
        raise InvalidValueError(
            f"{option.name} needs a whole number, not {text!r}", hint=_see_help(option)
        ) from None


def _name(option: Option, text: str) -> str:
    if text.isidentifier() and not keyword.iskeyword(text):
        return text
    raise InvalidValueError(
        f"{option.name} needs the name of a variable, not {text!r}", hint=_see_help(option)
    )


def _file(option: Option, text: str) -> str:
    """Return the text, or what the file holds whose name follows ``@``."""
    if not text.startswith("@"):
        return text
    try:
        return Path(text[1:]).expanduser().read_text(encoding="utf-8-sig")
    except (OSError, ValueError, RuntimeError) as error:
        reason = getattr(error, "strerror", None) or "it is not UTF-8 text"
        raise InvalidValueError(
            f"{option.name} cannot read {text[1:]!r}: {reason}",
            hint="the path is relative to the notebook's folder; text without @ is taken as it is",
        ) from None


def _pair(option: Option, text: str) -> tuple[str, Any]:
    name, equals, value = text.partition("=")
    if not equals or not _PARAMETER_NAME.fullmatch(name):
        raise InvalidValueError(
            f"{option.name} needs NAME=VALUE, not {text!r}",
            hint="the value is JSON: --param user=ada --param logprobs=true",
        )
    return name, _json_or_text(value)


def _json_or_text(text: str) -> Any:
    def refuse(word: str) -> None:
        raise ValueError(word)  # NaN and Infinity are no JSON, whatever Python's reader says

    try:
        return json.loads(text, parse_constant=refuse)
    except (ValueError, RecursionError):
        return text


_CONVERT: dict[str, Callable[[Option, str], Any]] = {
    "text": _text,
    "file": _file,
    "choice": _choice,
    "number": _number,
    "integer": _integer,
    "pair": _pair,
    "name": _name,
    "think": _think,
    "speed": _speed,
}
