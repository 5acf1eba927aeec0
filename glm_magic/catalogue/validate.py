"""Facts as TOML holds them -> values of the schema, or words about what is wrong with them."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import fields
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import Any

from ..core.errors import InvalidValueError
from ..core.price import Price, Tier

_KINDS: dict[str, tuple[type | tuple[type, ...], str]] = {
    "str": (str, "a text in quotes"),
    "bool": (bool, "true or false"),
    "int": (int, "a whole number"),
    "float": ((int, float), "a number"),
    "date": (date, "a date such as 2026-11-21, without quotes"),
    "tuple[str, ...]": (tuple, "a list of texts"),
    "Mapping[str, Any]": (Mapping, "a table"),
    "Mapping[str, str]": (Mapping, "a table"),
}
"""What a field's annotation asks for; fields of other types are built by the loader itself."""


def names(cls: type) -> set[str]:
    """Return the names of a dataclass's fields."""
    return {f.name for f in fields(cls)}


def check_keys(table: Mapping[str, Any], known: set[str], where: str) -> None:
    """Raise `InvalidValueError` for a key that nobody would read."""
    for key in table:
        if key not in known:
            near = difflib.get_close_matches(key, known, 1)
            raise InvalidValueError(
                f"the catalogue file {where} has an unknown key {key!r}",
                hint=f"did you mean {near[0]!r}?"
                if near
                else f"it takes {', '.join(sorted(known))}",
            )


def build_dataclass(cls: type, facts: Mapping[str, Any], where: str) -> Any:
    """Return a dataclass made of facts.

    Raises
    ------
    InvalidValueError
        A fact is unknown, missing, or of the wrong kind.
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
            f"the catalogue's {where} is not complete: {error}", hint="add what is missing"
        ) from None


def price(block: Mapping[str, Any], where: str) -> Price:
    """Return the price in an offer block.

    Raises
    ------
    InvalidValueError
        A part of it is missing, misspelt, or no amount of money.
    """
    try:
        tiers = [_tier(tier, where) for tier in block["tiers"]]
        found = {key: block[key] for key in ("currency", "checked", "source")}
    except (KeyError, InvalidOperation, TypeError) as error:
        raise InvalidValueError(
            f"the price of {where} is not complete: {error}",
            hint="a price needs currency, checked, source and tiers with input and output",
        ) from None
    tiers.sort(key=lambda tier: (tier.up_to is None, tier.up_to or 0))
    built: Price = build_dataclass(Price, {**found, "tiers": tuple(tiers)}, where)
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
        raise InvalidOperation(f"{value!r} is no price")
    return amount


def _check_kind(name: str, value: Any, annotation: str, where: str) -> None:
    kind, words = _KINDS.get(annotation.removesuffix(" | None"), (object, ""))
    fits = isinstance(value, kind) and (kind in (bool, object) or not isinstance(value, bool))
    if kind is tuple and fits:
        fits = all(isinstance(item, str) for item in value)
    if not fits and value is not None:
        raise InvalidValueError(
            f"the catalogue's {where} has {name} = {value!r}", hint=f"{name} should be {words}"
        )


def _plain(value: Any) -> Any:
    """Return a value with tuples for lists, and floats for decimals outside of prices."""
    if isinstance(value, list):
        return tuple(_plain(item) for item in value)
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    return float(value) if isinstance(value, Decimal) else value
