"""A magic line -> `MagicOptions`, by the rows of its fields."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from ...catalogue.lookup import nearest
from ...core.errors import InvalidValueError, UnknownNameError
from ...core.i18n import tr
from ...core.thinking import THINKING_WORDS
from ...core.turn import Notice
from ...engine.compare import is_axis
from ...engine.interpolate import Interpolated, interpolate
from ...engine.options import LineOption
from .options import BY_FLAG, MagicOptions, find_option
from .tokens import read_word, skip_space
from .values import read_value, usage_of

_OPTION = re.compile(r"--?[A-Za-z]")
_LONG = re.compile(r"(--[^\s=]*)(=?)")


_AXIS = re.compile(r"(?P<name>[A-Za-z][\w-]*)=(?P<values>\S+)")
_MISPLACED = re.compile(r"(?<!\S)(?:--[A-Za-z][\w-]*|[A-Za-z]\w*(?==\S))")
"""What may be an option or an axis among the words of a prompt."""
_LEFT_OUT = {
    "think": re.compile("|".join(THINKING_WORDS)),
    "switch": re.compile(r"on|off|\d+"),
}
"""The values of options that may stand without one."""
_MOST_MISPLACED = 3
"""Notices on them; a prompt that has more is about options."""


def parse(
    line: str,
    is_model: Callable[[str], bool] | None = None,
    namespace: Callable[[], Mapping[str, Any]] = dict,
) -> MagicOptions:
    """Read the line of a ``%glm`` or ``%%glm`` magic.

    Parameters
    ----------
    line : str
        Everything after the magic's name.
    is_model : callable, optional
        Whether a word is a model, an alias or ``provider/model``; asked about the first word that
        is no option.
    namespace : callable, optional
        Returns the names whose values are put into those of the options, as into the prompt.

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
    return _Parser(line, is_model or (lambda _: False), namespace).run()


class _Parser:
    """One pass over a line: options, perhaps a model, then the prompt as typed."""

    def __init__(
        self,
        line: str,
        is_model: Callable[[str], bool],
        namespace: Callable[[], Mapping[str, Any]],
    ) -> None:
        self.line = line
        self.at = 0
        self.is_model = is_model
        self.namespace = namespace
        self.inserted: list[str] = []
        self.values: dict[str, Any] = {}
        """Fields of `MagicOptions` that the line sets."""

    def run(self) -> MagicOptions:
        """Read the whole line."""
        notices: tuple[Notice, ...] = ()
        while not self.values.get("help"):
            self.at = skip_space(self.line, self.at)
            rest = self.line[self.at :]
            if rest == "--" or (rest[:2] == "--" and rest[2].isspace()):
                self.at = skip_space(self.line, self.at + 2)
                break
            if _OPTION.match(rest):
                self._option()
            elif not self._model():
                notices = tuple(_misplaced(rest))
                break
        return MagicOptions(
            **self.values,
            prompt=self.line[self.at :].strip(),
            inserted=tuple(dict.fromkeys(self.inserted)),
            notices=notices,
        )

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
                    tr("{option} takes no value", option=option.name), hint=usage_of(option)
                )
            self.values[option.field] = option.value
            return
        if value is None:
            may_be_left_out = _LEFT_OUT.get(option.reads)
            value = self._word_if(may_be_left_out) if may_be_left_out else self._next_value(option)
        self._store(option, value)
        while option.field == "compare" and (axis := self._next_axis()):
            self.at = axis.end()
            self._store(option, axis[0])

    def _next_axis(self) -> re.Match[str] | None:
        """Return the word that comes next if it is another axis of ``--compare``."""
        axis = _AXIS.match(self.line, skip_space(self.line, self.at))
        return axis if axis and ("," in axis["values"] or is_axis(axis["name"])) else None

    def _word_if(self, fits: re.Pattern[str]) -> str:
        """Return the value after an option that needs none, or ``on`` where none follows."""
        start = skip_space(self.line, self.at)
        word = (self.line[start:].split(None, 1) or [""])[0]
        if not fits.fullmatch(word):
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
        filled = interpolate(text, self.namespace()) if "{" in text else Interpolated(text)
        self.inserted += filled.inserted
        is_text = option.reads == "file" and not text.startswith("@")
        value: Any = filled.text if is_text else read_value(option, filled.text)
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


def _misplaced(prompt: str) -> Iterator[Notice]:
    """Yield a notice on each known option or axis among the words of a prompt's first line."""
    words = dict.fromkeys(match[0] for match in _MISPLACED.finditer(prompt))
    options = [word for word in words if word[0] == "-" and find_option(word)]
    axes = [word for word in words if word[0] != "-" and is_axis(word)]
    if len(options) + len(axes) > _MOST_MISPLACED:
        return
    for word in options:
        text = tr("{option} is part of the prompt here; options come before it", option=word)
        yield Notice("misplaced-option", text)
    for word in axes:
        text = tr("{axis}= is part of the prompt here; axes come right after --compare", axis=word)
        yield Notice("misplaced-option", text)


def _unknown(flag: str) -> UnknownNameError:
    return UnknownNameError(
        tr("there is no option {flag}", flag=flag),
        hint=tr(
            "{guess}%glm help lists them; a prompt that starts with a dash goes after --",
            guess=nearest(flag.replace("_", "-"), BY_FLAG),
        ),
    )
