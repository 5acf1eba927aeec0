"""Messages in the language that a person reads: English or Chinese.

A message is written in English where it arises, as ``tr("no model named {name}", name=name)``.
The result is that English text, and everything that handles text handles it; but it remembers its
template and values, so whoever shows it to a person can say the same in Chinese. ``zh.toml`` has
the Chinese of each template. The Python API stays English.

A message that another process wrote down, such as a notice of a stored turn, keeps its template
and values beside the text (`session.codec`). One that was stored before this was so, and the words
of a server, are shown as they are.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from functools import cache
from typing import Any, Self

LOCALE_VARIABLES = ("LC_ALL", "LC_MESSAGES", "LANG")

chosen: str | None = None
"""The user's own choice for this process; ``None`` leaves it to the locale."""


def set_language(language: str | None) -> None:
    """Choose the language of this process: ``"en"``, ``"zh"``, or ``None`` for the locale's."""
    global chosen  # noqa: PLW0603 - one user reads what this process writes
    chosen = language


Values = Mapping[str, Any] | tuple[Any, ...]


class Text(str):
    """A message in English that can be shown in another language.

    Parameters
    ----------
    template : str
        The English text with a replacement field for each value, as `str.format` has them; or,
        where the values are a tuple, what stands between them.
    values : mapping or tuple
        What the fields stand for, or the parts of a joined text. A value may be a `Text` itself.
    """

    __slots__ = ("template", "values")

    template: str
    values: Values

    def __new__(cls, template: str, values: Values) -> Self:
        """Fill the template."""
        text = super().__new__(cls, _filled(template, values))
        text.template, text.values = template, values
        return text

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.template, self.values)

    def mapped(self, change: Callable[[str], str]) -> Text:
        """Return the text with each of its values changed; the template is ours and stays."""
        return Text(self.template, _each(self.values, lambda value: _changed(value, change)))


def tr(template: str, /, **values: Any) -> Text:
    """Return a message, in English.

    Parameters
    ----------
    template : str
        The text, with ``{name}`` for each value; a brace that is meant literally is doubled.
    **values
        What the names stand for; a part that is a message too is translated with the whole.
    """
    return Text(template, values)


def plural(count: int, one: str, many: str, /, **values: Any) -> Text:
    """Return the message that fits a count, which is ``{count}`` in both templates."""
    return tr(one if count == 1 else many, count=count, **values)


def from_data(text: str) -> Text:
    """Return a text of a data file, such as a reason in the catalogue, as a message."""
    return Text(text.replace("{", "{{").replace("}", "}}"), {})


def joined(parts: Iterable[str], separator: str = "; ") -> Text:
    """Return several messages as one."""
    return Text(separator, tuple(parts))


def translate(text: str, language: str | None = None) -> str:
    """Return a message in a language.

    Parameters
    ----------
    text : str
        A message made by `tr` or `joined`; a fixed English text that ``zh.toml`` has; or anything
        else, which stays as it is.
    language : str, optional
        ``"en"``, ``"zh"``, or ``None`` for the one that the user reads.
    """
    return _in_chinese(text) if is_chinese(language) else str(text)


def has_message(template: str) -> bool:
    """Return whether a template is one of ours, which all have their Chinese."""
    return template in _chinese()


def is_chinese(language: str | None = None) -> bool:
    """Return whether a language is Chinese.

    Parameters
    ----------
    language : str, optional
        ``"en"``, ``"zh"`` or another tag; by default the user's choice, or else the locale.
    """
    tag = language or chosen or next(filter(None, map(os.environ.get, LOCALE_VARIABLES)), "en")
    return tag.lower().startswith("zh")


def _in_chinese(text: str) -> str:
    if not isinstance(text, Text):
        return _chinese().get(text, text)
    template = _chinese().get(text.template, text.template)
    return _filled(template, _each(text.values, _value_in_chinese))


def _value_in_chinese(value: Any) -> Any:
    return _in_chinese(value) if isinstance(value, Text) else value  # other words are not ours


def _filled(template: str, values: Values) -> str:
    if isinstance(values, tuple):
        return template.join(map(str, values))
    return template.format_map(values)


def _each(values: Values, change: Callable[[Any], Any]) -> Values:
    if isinstance(values, tuple):
        return tuple(map(change, values))
    return {name: change(value) for name, value in values.items()}


def _changed(value: Any, change: Callable[[str], str]) -> Any:
    if isinstance(value, Text):
        return value.mapped(change)
    return change(value) if isinstance(value, str) else value


@cache
def _chinese() -> Mapping[str, str]:
    """Read both files, of the code and the catalogue, once somebody reads Chinese."""
    import tomllib
    from importlib.resources import files

    package = files(__package__.rpartition(".")[0])
    texts = [
        package.joinpath(room, "zh.toml").read_text(encoding="utf-8")
        for room in ("catalogue", "core")
    ]
    tables = [table for text in texts for table in tomllib.loads(text).values()]
    return {english: text for table in tables for english, text in table.items()}
