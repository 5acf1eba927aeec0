"""Builds the catalogue's types from TOML, or says what is wrong with a file.

Users write catalogue files too, so that a wrong key or value is an error that names the place and
the remedy: nothing in a file is ignored.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import Any

from ..core.errors import InvalidValueError
from ..core.i18n import tr
from ..core.price import Price, Tier
from ..core.text import suggest

_KINDS: dict[str, tuple[type | tuple[type, ...], str]] = {
    "str": (str, tr("a string in quotes")),
    "bool": (bool, tr("true or false")),
    "int": (int, tr("a whole number")),
    "float": ((int, float), tr("a number")),
    "date": (date, tr("a date such as 2026-11-21, without quotes")),
    "tuple[str, ...]": (tuple, tr("a list of strings")),
    "Mapping[str, Any]": (Mapping, tr("a table")),
    "Mapping[str, str]": (Mapping, tr("a table")),
}
"""By a field's annotation; fields of other types are built by the loader itself."""


def names(cls: type) -> set[str]:
    """Return the names of a dataclass's fields."""
    return {f.name for f in fields(cls)}


def check_keys(table: Mapping[str, Any], allowed: set[str], where: str) -> None:
    """Raise `InvalidValueError` for a key that would be ignored."""
    for key in table:
        if key not in allowed:
            near = suggest(key, allowed)
            raise InvalidValueError(
                tr("the catalogue has an unknown key {key!r} ({where})", where=where, key=key),
                hint=tr("did you mean {name!r}?", name=near)
                if near
                else tr("its keys are {names}", names=", ".join(sorted(allowed))),
            )


def build_dataclass(cls: type, facts: Mapping[str, Any], where: str) -> Any:
    """Return a dataclass made of facts.

    Raises
    ------
    InvalidValueError
        A fact is unknown, missing, or of the wrong type.
    """
    check_keys(facts, names(cls), where)
    plain = {key: _plain(value) for key, value in facts.items()}
    for field in fields(cls):
        if field.name in plain:
            _check_kind(field.name, plain[field.name], str(field.type), where)
    try:
        return cls(**plain)
    except TypeError as error:
        raise InvalidValueError(
            tr(
                "an entry of the catalogue is incomplete ({where}): {reason}",
                where=where,
                reason=error,
            ),
            hint=tr("add what is missing"),
        ) from None


def price(block: Mapping[str, Any], where: str) -> Price:
    """Return the price in an offer block.

    Raises
    ------
    InvalidValueError
        A part of it is missing, misspelt, or not an amount of money.
    """
    try:
        tiers = [_tier(tier, where) for tier in block["tiers"]]
        facts = {key: block[key] for key in ("currency", "checked", "source")}
    except (KeyError, InvalidOperation, TypeError) as error:
        raise InvalidValueError(
            tr(
                "a price of the catalogue is incomplete ({where}): {reason}",
                where=where,
                reason=error,
            ),
            hint=tr("a price needs currency, checked, source and tiers with input and output"),
        ) from None
    tiers.sort(key=lambda tier: (tier.up_to is None, tier.up_to or 0))
    built: Price = build_dataclass(Price, {**facts, "tiers": tuple(tiers)}, where)
    return built


def _tier(facts: Mapping[str, Any], where: str) -> Tier:
    check_keys(facts, names(Tier), where)
    amounts = {key: _amount(facts[key]) for key in ("input", "output", "cached") if key in facts}
    for bound in ("up_to", "above"):
        if bound in facts:
            _check_kind(bound, facts[bound], "int", where)
    return Tier(**{**facts, **amounts})


def _amount(value: Any) -> Decimal:
    amount = Decimal(str(value))
    if not amount.is_finite() or amount < 0:
        raise InvalidOperation(f"{value!r} is not a price")
    return amount


def _check_kind(name: str, value: Any, annotation: str, where: str) -> None:
    kind, description = _KINDS.get(annotation.removesuffix(" | None"), (object, ""))
    fits = isinstance(value, kind) and (kind in (bool, object) or not isinstance(value, bool))
    if kind is tuple and fits:
        fits = all(isinstance(item, str) for item in value)
    if not fits and value is not None:
        raise InvalidValueError(
            tr(
                "the catalogue has {name} = {value!r} ({where})",
                where=where,
                name=name,
                value=value,
            ),
            hint=tr("{name} should be {kind}", name=name, kind=description),
        )


def _plain(value: Any) -> Any:
    """Return a value with tuples for lists, and floats for the decimals that are not prices."""
    if isinstance(value, list):
        return tuple(_plain(item) for item in value)
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    return float(value) if isinstance(value, Decimal) else value
