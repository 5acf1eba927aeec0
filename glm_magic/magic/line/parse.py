"""A magic line -> `MagicOptions`, by the rows of its fields."""

from __future__ import annotations

import json
import keyword
import math
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ...catalogue.resolve import nearest
from ...core.errors import InvalidValueError, UnknownNameError
from ...core.i18n import Text, from_data, tr
from ...core.messages import THINKING_WORDS, thinking_of
from ...engine.options import LineOption
from ...engine.tapes import TapeSetting, parse_speed
from .options import BY_FLAG, MagicOptions, find_option
from .tokens import read_word, skip_space

_OPTION = re.compile(r"--?[A-Za-z]")
_LONG = re.compile(r"(--[^\s=]*)(=?)")
_PARAMETER_NAME = re.compile(r"[A-Za-z_][\w.-]*")


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
    MagicOptions
        What the line sets. ``-h`` ends the reading.

    Raises
    ------
    UnknownNameError
        There is no such option; the hint names the nearest.
    InvalidValueError
        An option's value is missing, out of its choices, or of the wrong type.
    """
    if not line.strip():
        return MagicOptions()
    return _Parser(line, is_model or (lambda _: False)).run()


class _Parser:
    """One pass over a line: options, perhaps a model, then the prompt as typed."""

    def __init__(self, line: str, is_model: Callable[[str], bool]) -> None:
        self.line = line
        self.at = 0
        self.is_model = is_model
        self.values: dict[str, Any] = {}
        """Fields of `MagicOptions` that the line sets."""

    def run(self) -> MagicOptions:
        """Read the whole line."""
        while not self.values.get("help"):
            self.at = skip_space(self.line, self.at)
            rest = self.line[self.at :]
            if rest == "--" or (rest[:2] == "--" and rest[2].isspace()):
                self.at = skip_space(self.line, self.at + 2)
                break
            if _OPTION.match(rest):
                self._option()
            elif not self._model():
                break
        return MagicOptions(**self.values, prompt=self.line[self.at :].strip())

    def _model(self) -> bool:
        """Take the next word if it is a model and none was named yet."""
        if "model" in self.values or self.at >= len(self.line):
            return False
        word = self.line[self.at :].split(None, 1)[0]
        if not self.is_model(word):
            return False
        self.values["model"] = word
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

    def _take(self, option: LineOption, value: str | None) -> None:
        if not option.takes_value:
            if value is not None:
                raise InvalidValueError(
                    tr("{option} takes no value", option=option.name), hint=_usage(option)
                )
            self.values[option.field] = option.value
            return
        if value is None:
            thinks = option.reads == "think"
            value = self._thinking_word() if thinks else self._next_value(option)
        self._store(option, value)

    def _thinking_word(self) -> str:
        """Return the level after ``--think``, or ``on`` where no level follows."""
        start = skip_space(self.line, self.at)
        word = (self.line[start:].split(None, 1) or [""])[0]
        if word not in THINKING_WORDS:
            return "on"
        self.at = start + len(word)
        return word

    def _next_value(self, option: LineOption) -> str:
        start = skip_space(self.line, self.at)
        word, end = read_word(self.line, start)
        typed = self.line[start:end]
        is_option = _OPTION.match(typed) and find_option(typed.partition("=")[0])
        if start == len(self.line) or is_option:
            raise InvalidValueError(
                tr("{option} needs a value", option=option.name),
                hint=tr("write {usage}", usage=option.usage),
            )
        if typed == word and typed[0] in "\"'":
            raise InvalidValueError(
                tr("the quotation after {option} is not closed", option=option.name),
                hint=tr(
                    "close it before the next space, or write {usage} without quotes",
                    usage=option.usage,
                ),
            )
        self.at = end
        return word

    def _store(self, option: LineOption, text: str) -> None:
        value = _READ[option.reads](option, text)
        target, key = self.values, option.field
        if option.parameter or option.reads == "pair":
            target = self.values.setdefault("parameters", {})
            key, value = value if option.reads == "pair" else (option.body_key, value)
        if option.repeats and option.parameter:
            value = [*target.get(key, []), value]  # as JSON has it
        elif option.repeats:
            value = (*target.get(key, ()), value)
        elif option.reads == "tape" and target.get(key, value).mode != value.mode:
            raise InvalidValueError(
                tr("--record and --replay exclude each other"),
                hint=tr("record first; the tape then answers with --replay"),
            )
        target[key] = value


def _unknown(flag: str) -> UnknownNameError:
    return UnknownNameError(
        tr("there is no option {flag}", flag=flag),
        hint=tr(
            "{guess}%glm help lists them; a prompt that starts with a dash goes after --",
            guess=nearest(flag.replace("_", "-"), BY_FLAG),
        ),
    )


def _usage(option: LineOption) -> Text:
    return tr("write {usage}: {help}", usage=option.usage, help=from_data(option.help))


def _text(option: LineOption, text: str) -> str:
    if not text.strip() and not option.parameter:
        raise InvalidValueError(
            tr("{option} needs a value", option=option.name), hint=_usage(option)
        )
    return text


def _choice(option: LineOption, text: str) -> str:
    if text in option.choices:
        return text
    raise InvalidValueError(
        tr("{option} cannot be {value!r}", option=option.name, value=text),
        hint=tr(
            "{guess}it is one of {choices}",
            guess=nearest(text, option.choices),
            choices=", ".join(option.choices),
        ),
    )


def _think(option: LineOption, text: str) -> Any:
    return thinking_of(_choice(option, text))


def _number(option: LineOption, text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise InvalidValueError(
            tr("{option} needs a number, not {value!r}", option=option.name, value=text),
            hint=_usage(option),
        )
    return value


def _speed(option: LineOption, text: str) -> float:
    if text != "max":
        _number(option, text)
    return parse_speed(text)


def _integer(option: LineOption, text: str) -> int:
    try:
        return int(text)
    except ValueError:
        raise InvalidValueError(
            tr("{option} needs a whole number, not {value!r}", option=option.name, value=text),
            hint=_usage(option),
        ) from None


def _count(option: LineOption, text: str) -> int:
    count = _integer(option, text)
    if count < 1:
        raise InvalidValueError(
            tr("{option} must be at least 1, not {value!r}", option=option.name, value=text),
            hint=_usage(option),
        )
    return count


def _name(option: LineOption, text: str) -> str:
    if text.isidentifier() and not keyword.iskeyword(text):
        return text
    raise InvalidValueError(
        tr("{option} needs the name of a variable, not {value!r}", option=option.name, value=text),
        hint=_usage(option),
    )


def _tape(option: LineOption, text: str) -> TapeSetting:
    return TapeSetting(Path(_text(option, text)), option.value)


def _file(option: LineOption, text: str) -> str:
    """Return the text, or what the file holds whose name follows ``@``."""
    if not text.startswith("@"):
        return text
    try:
        return Path(text[1:]).expanduser().read_text(encoding="utf-8-sig")
    except (OSError, ValueError, RuntimeError) as error:
        reason = getattr(error, "strerror", None) or tr("it is not UTF-8 text")
        raise InvalidValueError(
            tr("{option} cannot read {file!r}: {reason}", option=option.name, file=text[1:],
               reason=reason),
            hint=tr(
                "the path is relative to the notebook's folder; text without @ is taken as it is"
            ),
        ) from None  # fmt: skip


def _pair(option: LineOption, text: str) -> tuple[str, Any]:
    name, equals, value = text.partition("=")
    if not equals or not _PARAMETER_NAME.fullmatch(name):
        raise InvalidValueError(
            tr("{option} needs NAME=VALUE, not {value!r}", option=option.name, value=text),
            hint=tr("the value is JSON: --param user=ada --param logprobs=true"),
        )
    return name, _json_or_text(value)


def _json_or_text(text: str) -> Any:
    def refuse(word: str) -> None:
        raise ValueError(word)  # NaN and Infinity are not JSON, although Python's parser takes them

    try:
        return json.loads(text, parse_constant=refuse)
    except (ValueError, RecursionError):
        return text


_READ: dict[str, Callable[[LineOption, str], Any]] = {
    "text": _text,
    "file": _file,
    "choice": _choice,
    "number": _number,
    "integer": _integer,
    "count": _count,
    "pair": _pair,
    "name": _name,
    "think": _think,
    "speed": _speed,
    "tape": _tape,
}
