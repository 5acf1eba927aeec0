"""What a provider accepts for one parameter of the request body."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ..core.i18n import from_data, tr


@dataclass(frozen=True, slots=True)
class ParameterRule:
    """The values that a provider accepts for one parameter of the request body."""

    name: str
    type: str = "any"
    """``number``, ``integer``, ``boolean``, ``string``, ``array``, ``object`` or ``any``."""
    min: float | None = None
    max: float | None = None
    min_exclusive: bool = False
    max_exclusive: bool = False
    values: tuple[str, ...] = ()
    """The words accepted; empty: any. An object is accepted as well, where `type` allows one."""
    max_items: int | None = None
    min_chars: int | None = None
    max_chars: int | None = None
    default: Any = None
    """What the provider assumes where it is not sent; ``None``: not documented."""
    requires: str = ""
    """Another parameter that must be true as well."""
    not_with: str = ""
    """Another parameter that the provider advises not to set as well."""
    word: str = ""
    """A word that some message must hold for it to work, such as JSON for ``json_object``."""
    refused: str = ""
    """Why the provider refuses it; empty: it does not."""
    source: str = ""

    def problem(self, value: Any) -> str | None:
        """Return what is wrong with a value, as a message about `name`, or ``None``."""
        if self.refused:
            return from_data(self.refused)
        if not _has_type(value, self.type):
            kind = _KINDS[self.type]
            return tr(
                "{name} must be {kind}, not {value!r}", name=self.name, kind=kind, value=value
            )
        if self.values and not isinstance(value, Mapping) and value not in self.values:
            names = ", ".join(self.values)
            return tr(
                "{name} must be one of {names}, not {value!r}",
                name=self.name,
                names=names,
                value=value,
            )
        if self.max_items is not None and _is_list(value) and len(value) > self.max_items:
            return tr(
                "{name} takes at most {most} items, not {count}",
                name=self.name,
                most=self.max_items,
                count=len(value),
            )
        least, most = self.min_chars or 0, self.max_chars
        if isinstance(value, str) and (len(value) < least or (most and len(value) > most)):
            return tr(
                "{name} takes {least} to {most} characters, not {count}",
                name=self.name,
                least=least,
                most=most,
                count=len(value),
            )
        if self.type in ("number", "integer") and not self._in_range(value):
            allowed = self.range_text
            return tr(
                "{name} must be {range}, not {value}", name=self.name, range=allowed, value=value
            )
        return None

    def _in_range(self, value: float) -> bool:
        if self.min is not None and (
            value < self.min or (self.min_exclusive and value == self.min)
        ):
            return False
        return self.max is None or not (
            value > self.max or (self.max_exclusive and value == self.max)
        )

    @property
    def range_text(self) -> str:
        """The range in words, such as ``from 0 to below 2``."""
        least, most = _exact(self.min), _exact(self.max)
        if least and most:
            match self.min_exclusive, self.max_exclusive:
                case False, False:
                    return tr("from {least} to {most}", least=least, most=most)
                case False, True:
                    return tr("from {least} to below {most}", least=least, most=most)
                case True, False:
                    return tr("above {least} to {most}", least=least, most=most)
                case _:
                    return tr("above {least} to below {most}", least=least, most=most)
        if least and self.min_exclusive:
            return tr("above {least}", least=least)
        if least:
            return tr("at least {least}", least=least)
        if most and self.max_exclusive:
            return tr("below {most}", most=most)
        return tr("at most {most}", most=most) if most else tr("a number")


_KINDS = {
    "number": tr("a number"),
    "integer": tr("a whole number"),
    "boolean": tr("true or false"),
    "string": tr("a string"),
    "array": tr("a list"),
    "object": tr("an object"),
}


def _exact(bound: float | None) -> str:
    """Return a bound with all of its digits, without a needless ``.0``."""
    return "" if bound is None else str(bound).removesuffix(".0")


def _is_list(value: Any) -> bool:
    return isinstance(value, (list, tuple))


def _has_type(value: Any, type_name: str) -> bool:
    if type_name in ("number", "integer"):
        kinds = (int,) if type_name == "integer" else (int, float)
        # NaN, the only number that differs from itself, is in no range
        return isinstance(value, kinds) and not isinstance(value, bool) and value == value  # noqa: PLR0124
    python = {"boolean": bool, "string": str, "array": (list, tuple), "object": Mapping}
    return type_name not in python or isinstance(value, python[type_name])  # type: ignore[arg-type]
