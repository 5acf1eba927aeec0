"""English sentences of ours -> Chinese, by templates.

Messages are written in English where they arise, and stay so in the Python API; only what is shown
to a person is translated. ``zh.toml`` holds each sentence once, with holes for what it tells of:

``{name}``
    A value, which stays as it is.
``<kind>``
    Words of ours, which the table ``words.kind`` holds, or nothing. Anything else is another
    sentence, as a server's may be that begins and ends alike.
``<kind?>``
    Words that may be ours, such as a reason; others stay as they are.
``<kind;>``
    Several words of ours with semicolons between them.

The kind ``sentence`` is any sentence. A server's words may be in a text, megabytes of them: a
template is held against a text by finding its fixed parts one after the other, never going back,
and holes nest only a few times.

Which language a person reads.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import NamedTuple

from .i18n import is_chinese

_HOLE = re.compile(r"\{(?P<value>\w+)\}|<(?P<words>\w+)(?P<sign>[?;]?)>")

SENTENCE = "sentence"

_DEEPEST = 4
"""How often words may stand inside of words."""


def translated(text: str, language: str | None = None, kind: str = SENTENCE) -> str:
    """Return a sentence of ours in a language.

    Parameters
    ----------
    text : str
        The sentence in English, or anything else.
    language : str, optional
        ``"en"``, ``"zh"``, or ``None`` for the one that the user reads.
    kind : str
        What it is, where it is no whole sentence: the name of a table of words.

    Returns
    -------
    str
        The sentence in Chinese; the text itself where the language is another one, or where the
        sentence is not known.
    """
    said = _said(text, kind, _DEEPEST) if is_chinese(language) else None
    return text if said is None else said


class _Hole(NamedTuple):
    """A place of a template that holds something else each time."""

    name: str
    is_value: bool
    sign: str = ""

    @classmethod
    def of(cls, found: re.Match[str]) -> _Hole:
        """Return the hole that the expression for holes found."""
        is_value = found["value"] is not None
        return cls(found["value"] or found["words"], is_value, found["sign"] or "")


@dataclass(frozen=True, slots=True)
class _Template:
    """One sentence with holes, in both languages."""

    fixed: tuple[str, ...]
    """The English words before, between and after the holes."""
    holes: tuple[_Hole, ...]
    chinese: str

    @classmethod
    def of(cls, english: str, chinese: str) -> _Template:
        """Return the template of a line of the file."""
        fixed, holes, at = [], [], 0
        for found in _HOLE.finditer(english):
            fixed.append(english[at : found.start()])
            holes.append(_Hole.of(found))
            at = found.end()
        return cls((*fixed, english[at:]), tuple(holes), chinese)

    def values(self, text: str) -> list[str] | None:
        """Return what a text has in the holes; ``None`` for another sentence."""
        first, *inner, last = self.fixed
        at, end = len(first), len(text) - len(last)
        if at > end or not (text.startswith(first) and text.endswith(last)):
            return None
        values = []
        for words in inner:
            found = text.find(words, at, end)
            if found < 0:
                return None
            values.append(text[at:found])
            at = found + len(words)
        return [*values, text[at:end]]

    def filled(self, values: list[str], deeper: int) -> str | None:
        """Return the Chinese sentence; ``None`` where words in it are not ours."""
        said: dict[str, str] = {}
        for hole, value in zip(self.holes, values, strict=True):
            words = _in_hole(hole, value, deeper)
            if words is None:
                return None
            said[hole.name] = words
        return _HOLE.sub(lambda found: said[_Hole.of(found).name], self.chinese)


class _Table(NamedTuple):
    """What can stand in one kind of hole."""

    fixed: Mapping[str, str]
    """What has no hole itself."""
    templates: tuple[_Template, ...]
    """The others; what fixes more comes first."""


@cache
def _tables() -> Mapping[str, _Table]:
    """Read the file, once somebody reads Chinese."""
    import tomllib
    from importlib.resources import files

    text = files(__package__).joinpath("zh.toml").read_text(encoding="utf-8")
    known = tomllib.loads(text)
    sentences = {key: said for part in known["sentences"].values() for key, said in part.items()}
    kinds = {SENTENCE: sentences, **known["words"]}
    return {kind: _table(said) for kind, said in kinds.items()}


def _table(said: Mapping[str, str]) -> _Table:
    fixed = {english: chinese for english, chinese in said.items() if not _HOLE.search(english)}
    others = [_Template.of(*item) for item in said.items() if item[0] not in fixed]
    others.sort(key=lambda template: sum(map(len, template.fixed)), reverse=True)
    return _Table(fixed, tuple(others))


def _said(text: str, kind: str, deeper: int) -> str | None:
    """Return a text of some kind in Chinese; ``None`` where it is not known."""
    table = _tables()[kind]
    if text in table.fixed:
        return table.fixed[text]
    for template in table.templates if deeper else ():
        values = template.values(text)
        said = template.filled(values, deeper - 1) if values is not None else None
        if said is not None:
            return said
    return None


def _in_hole(hole: _Hole, value: str, deeper: int) -> str | None:
    """Return what stands in a hole in Chinese; ``None`` where it cannot stand there."""
    if hole.is_value or not value:
        return value
    if hole.sign == ";":
        parts = [_said(part, hole.name, deeper) for part in value.split("; ")]
        return None if None in parts else "；".join(part for part in parts if part)
    said = _said(value, hole.name, deeper)
    return value if said is None and hole.sign == "?" else said
