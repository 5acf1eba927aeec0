"""The verbs about names of models: alias, dealias."""

from __future__ import annotations

from collections.abc import Sequence

from ...catalogue.choose import find_model
from ...core.errors import InvalidValueError, UnknownNameError
from .. import aliases
from ..desk import Desk
from ..tables import Line, Shown, Table


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
