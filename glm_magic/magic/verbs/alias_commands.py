"""The verbs about names of models: alias, dealias."""

from __future__ import annotations

from collections.abc import Sequence

from ...catalogue.choose import find_model
from ...core.errors import InvalidValueError, UnknownNameError
from .. import aliases
from ..desk import Desk
from ..tables import Line, Shown, Table
from .index import BY_NAME

_OPENINGS = (
    " a an and are can could do does for give how i if in is it let list make name no of on or off"
    " please show tell that the then think this to what when where which who why will with write"
    " you "
)
"""Words that prompts begin with."""


def alias(desk: Desk, words: Sequence[str]) -> Shown:
    """List the names, show one, or give a model a name."""
    if len(words) == 2:
        return _give(desk, *words)
    known = desk.aliases
    if words and words[0] not in known:
        raise UnknownNameError(
            f"there is no alias {words[0]!r}", hint=f"%glm alias {words[0]} MODEL makes it one"
        )
    rows = [(name, known[name]) for name in (words or known)]
    return Table(("alias", "model"), rows, note="" if rows else "%glm alias NAME MODEL makes one.")


def _give(desk: Desk, name: str, model: str) -> Shown:
    model = desk.aliases.get(model, model)
    if f" {name.lower()} " in _OPENINGS or name in BY_NAME:
        raise InvalidValueError(
            f"{name!r} would be read as a model wherever a line begins with it",
            hint="choose a name that begins no sentence, such as fast or mine",
        )
    if find_model(desk.catalogue, name) or name in desk.catalogue.providers:
        raise InvalidValueError(
            f"{name!r} is a model or provider already", hint="choose another name"
        )
    if not desk.is_model(model):
        raise UnknownNameError(
            f"there is no model {model!r}",
            hint="%glm models lists them; one of another name goes as provider/model",
        )
    aliases.put(name, model)
    return Line(f"{name} now means {model}: %%glm {name}, %glm use {name}.")


def dealias(_: Desk, words: Sequence[str]) -> Shown:
    """Take a name away."""
    aliases.put(words[0], None)
    return Line(f"{words[0]} means nothing any more.")
