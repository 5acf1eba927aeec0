"""What is written behind an option -> its value, by what the option's row reads."""

from __future__ import annotations

import json
import keyword
import math
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ...catalogue.lookup import nearest
from ...core.attachments import Attachment
from ...core.errors import InvalidValueError
from ...core.i18n import Text, from_data, tr
from ...core.thinking import thinking_of
from ...engine.options import LineOption
from ...engine.tapes import TapeSetting, parse_speed
from ...pictures.values import attachment_of

_PARAMETER_NAME = re.compile(r"[A-Za-z_][\w.-]*")


def read_value(option: LineOption, text: str) -> Any:
    """Return the value of an option.

    Raises
    ------
    InvalidValueError
        It is out of the option's choices, or of the wrong type.
    """
    return _READ[option.reads](option, text)


def usage_of(option: LineOption) -> Text:
    """Return the hint on how an option is written."""
    return tr("write {usage}: {help}", usage=option.usage, help=from_data(option.help))


def _text(option: LineOption, text: str) -> str:
    if not text.strip() and not option.parameter:
        raise InvalidValueError(
            tr("{option} needs a value", option=option.name), hint=usage_of(option)
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
            hint=usage_of(option),
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
            hint=usage_of(option),
        ) from None


def _count(option: LineOption, text: str) -> int:
    count = _integer(option, text)
    if count < 1:
        raise InvalidValueError(
            tr("{option} must be at least 1, not {value!r}", option=option.name, value=text),
            hint=usage_of(option),
        )
    return count


def _switch(option: LineOption, text: str) -> bool | int:
    words = {"on": True, "off": False}
    return words[text] if text in words else _count(option, text)


def _name(option: LineOption, text: str) -> str:
    if text.isidentifier() and not keyword.iskeyword(text):
        return text
    raise InvalidValueError(
        tr("{option} needs the name of a variable, not {value!r}", option=option.name, value=text),
        hint=usage_of(option),
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


def _attachment(option: LineOption, text: str) -> Attachment:
    return attachment_of(_text(option, text))


_READ: dict[str, Callable[[LineOption, str], Any]] = {
    "attachment": _attachment,
    "text": _text,
    "file": _file,
    "choice": _choice,
    "number": _number,
    "integer": _integer,
    "count": _count,
    "switch": _switch,
    "pair": _pair,
    "name": _name,
    "think": _think,
    "speed": _speed,
    "tape": _tape,
}
