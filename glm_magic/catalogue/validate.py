"""Checks the tables of a catalogue file, and builds the catalogue's types from them.

Users write catalogue files too, so that a wrong key or value is an error that names the file, the
table and the key, and the remedy: nothing in a file is ignored.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import MISSING, fields
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from typing import Any
from urllib.parse import urlsplit

from ..core.errors import InvalidValueError
from ..core.i18n import Text, tr
from ..core.price import Price, Tier
from ..core.text import suggest
from ..core.thinking import EFFORT_LEVELS
from .schema import ABILITIES, Offer

SOURCE_KINDS = ("official", "recorded", "community", "lead")
PARAMETER_TYPES = ("number", "integer", "boolean", "string", "array", "object", "any")
ABILITY_WORDS = ("yes", "no", "unknown")
FILE_FORMS = ("url", "data")
DIALECT_NAMES = (
    *("dashscope", "dashscope_native", "bigmodel", "wcode", "openrouter"),
    *("vllm", "sglang", "llamacpp", "ollama", "lmstudio"),
)
"""The grammars in `glm_magic.dialects`, which this room does not import; a test compares."""

PLAN_FACTS = ("thinking_off", "effort")
"""What `Offer.plan` may say."""

_KINDS: dict[str, tuple[type | tuple[type, ...], Text]] = {
    "str": (str, tr("a string in quotes")),
    "bool": (bool, tr("true or false")),
    "int": (int, tr("a whole number")),
    "float": ((int, float), tr("a number")),
    "date": (date, tr("a date such as 2026-11-21, without quotes")),
    "tuple[str, ...]": (tuple, tr("a list of strings")),
    "Mapping[str, Any]": (Mapping, tr("a table")),
    "Mapping[str, str]": (Mapping, tr("a table of strings")),
}
"""By a field's annotation; fields of other types are built by the loader itself."""

_WORDS: dict[str, tuple[str, ...]] = {
    "ProviderInfo.dialect": DIALECT_NAMES,
    "ProviderInfo.effort": EFFORT_LEVELS,
    "ProviderInfo.file_forms": FILE_FORMS,
    "ModelInfo.effort": EFFORT_LEVELS,
    "ModelInfo.images": ABILITY_WORDS,
    "Offer.effort": EFFORT_LEVELS,
    "ParameterRule.type": PARAMETER_TYPES,
    "Source.kind": SOURCE_KINDS,
    **{f"Offer.{name}": ABILITY_WORDS for name in ABILITIES},
    "Offer.structured_output": (*ABILITY_WORDS, "non-thinking"),
}
"""The words that a field takes; a list of such words where it is a list."""

_AT_LEAST_ONE = (
    *("context", "max_input", "max_reasoning", "max_answer", "max_output", "max_images"),
    *("up_to", "below", "output_below"),
)
"""Numbers of tokens that cannot be zero."""


def _is_address(value: str) -> bool:
    try:
        parts = urlsplit(value)
        return parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != -1
    except ValueError:
        return False


_FORMS: dict[str, tuple[Callable[[Any], bool], Text]] = {
    "ProviderInfo.base_url": (_is_address, tr("an address such as https://host/path")),
    "ProviderInfo.path": (lambda value: value.startswith("/"), tr("a path that begins with /")),
    "ProviderInfo.hosts": (all, tr("a list of host names")),
    "ProviderInfo.key_env": (all, tr("a list of variables' names")),
    "Price.currency": (
        lambda value: re.fullmatch("[A-Z]{3}", value) is not None,
        tr("a currency such as CNY or USD"),
    ),
    **dict.fromkeys(
        (f"{cls}.{name}" for cls in ("Offer", "Tier") for name in _AT_LEAST_ONE),
        (lambda value: value > 0, tr("a whole number of at least 1")),
    ),
    **dict.fromkeys(
        ("ProviderInfo.free_quota_days", "ProviderInfo.free_quota_tokens", "Tier.above"),
        (lambda value: value >= 0, tr("a whole number of at least 0")),
    ),
    **dict.fromkeys(
        ("ModelInfo.rank", "ParameterRule.min", "ParameterRule.max"),
        (math.isfinite, tr("a number")),
    ),
    "Offer.wire_id": (bool, tr("a string in quotes")),
}
"""What else a value of the right kind has to be."""


def names(cls: type) -> set[str]:
    """Return the names of a dataclass's fields."""
    return {f.name for f in fields(cls)}


def table(value: Any, where: str) -> Mapping[str, Any]:
    """Return a value of a file that has to be a table.

    Raises
    ------
    InvalidValueError
        It is something else.
    """
    if not isinstance(value, Mapping):
        raise InvalidValueError(
            tr("there is a value where a table belongs ({where})", where=where),
            hint=tr('tables are [provider.NAME], [model."ID"] and [[model."ID".offer]]'),
        )
    return value


def tables(value: Any, where: str) -> list[Mapping[str, Any]]:
    """Return a value of a file that has to be a list of tables.

    Raises
    ------
    InvalidValueError
        It is something else.
    """
    if isinstance(value, Mapping):
        raise InvalidValueError(
            tr("there is one table where a list of them belongs ({where})", where=where),
            hint=tr(
                "write its head in double brackets: [[{name}]]", name=where.rpartition(", ")[2]
            ),
        )
    items = value if isinstance(value, list) else [value]
    return [table(item, where) for item in items]


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


def check_facts(cls: type, facts: Mapping[str, Any], where: str) -> None:
    """Check the values of a table by the fields of a dataclass; other keys are passed over.

    Raises
    ------
    InvalidValueError
        A value is of the wrong type, no word of its field, or out of its bounds.
    """
    for field in fields(cls):
        if field.name in facts:
            value = plain(facts[field.name])
            _check_kind(field.name, value, str(field.type), where)
            _check_value(f"{cls.__name__}.{field.name}", value, where)


def build_dataclass(cls: type, facts: Mapping[str, Any], where: str) -> Any:
    """Return a dataclass made of facts.

    Raises
    ------
    InvalidValueError
        A fact is unknown, missing, or not what its field takes.
    """
    check_keys(facts, names(cls), where)
    check_facts(cls, facts, where)
    missing = [
        field.name
        for field in fields(cls)
        if field.default is MISSING and field.default_factory is MISSING
        if field.name not in facts
    ]
    if missing:
        raise InvalidValueError(
            tr(
                "an entry of the catalogue is incomplete ({where}): {reason}",
                where=where,
                reason=", ".join(missing),
            ),
            hint=tr("add what is missing"),
        )
    return cls(**{key: plain(value) for key, value in facts.items()})


def price(block: Mapping[str, Any], where: str) -> Price:
    """Return the price in an offer block.

    Raises
    ------
    InvalidValueError
        A part of it is missing, misspelt, or not an amount of money.
    """
    try:
        facts = {key: block[key] for key in ("currency", "checked", "source")}
        written = block["tiers"] or [{}]  # without any, it is the amounts of one that are missing
        tiers = [_tier(tier, where) for tier in tables(written, f"{where}, tiers")]
    except (KeyError, InvalidOperation, TypeError) as error:
        raise InvalidValueError(
            tr(
                "a price of the catalogue is incomplete ({where}): {reason}",
                where=where,
                reason=error,
            ),
            hint=tr("a price needs currency, checked, source and tiers with input and output"),
        ) from None
    check_facts(Price, facts, where)
    return Price(tiers=tuple(sorted(tiers, key=_ends)), **facts)


def batch_price(block: Mapping[str, Any], where: str) -> Price:
    """Return the price of the provider's batches in an offer block.

    Raises
    ------
    InvalidValueError
        A part of it is missing, misspelt, or not an amount of money.
    """
    inside = f"{where}, batch_price"
    facts = table(block["batch_price"], inside)
    check_keys(facts, {"currency", "tiers"}, inside)
    about = {key: block[key] for key in ("source", "checked") if key in block}
    return price({**facts, **about}, inside)


def _ends(tier: Tier) -> tuple[float, float]:
    """Sort key of tiers, which puts the narrower bounds first."""
    end = tier.below if tier.up_to is None else tier.up_to + 1
    bounds = (math.inf if bound is None else bound for bound in (end, tier.output_below))
    first, second = bounds
    return first, second


def _tier(facts: Mapping[str, Any], where: str) -> Tier:
    check_keys(facts, names(Tier), where)
    amounts: dict[str, Any] = {
        key: _amount(facts[key]) for key in ("input", "output", "cached") if key in facts
    }
    bounds = {key: value for key, value in facts.items() if key not in amounts}
    check_facts(Tier, bounds, where)
    if "up_to" in bounds and "below" in bounds:
        raise InvalidValueError(
            tr("a tier has up_to and below at once ({where})", where=where),
            hint=tr("up_to includes its figure, below does not; leave one of them out"),
        )
    return Tier(**bounds, **amounts)


def _amount(value: Any) -> Decimal:
    if isinstance(value, bool):
        raise InvalidOperation(f"{value!r} is not a price")
    amount = Decimal(str(value))
    if not amount.is_finite() or amount < 0:
        raise InvalidOperation(f"{value!r} is not a price")
    return amount


def check_plan(plan: Any, where: str) -> None:
    """Check the facts of an offer that are others at a subscription address."""
    facts = table(plan, where)
    check_keys(facts, set(PLAN_FACTS), where)
    check_facts(Offer, facts, where)


def _check_kind(name: str, value: Any, annotation: str, where: str) -> None:
    kind, description = _KINDS.get(annotation.removesuffix(" | None"), (object, tr("a value")))
    fits = isinstance(value, kind) and (kind in (bool, object) or not isinstance(value, bool))
    if fits and kind is tuple:
        fits = all(isinstance(item, str) for item in value)
    if fits and kind is date:
        fits = not isinstance(value, datetime)  # a time of day does not compare with days
    if fits and annotation == "Mapping[str, str]":
        fits = all(isinstance(item, str) for item in value.values())
    if not fits:
        raise _wrong(name, value, tr("{name} should be {kind}", name=name, kind=description), where)


def _check_value(field: str, value: Any, where: str) -> None:
    name = field.partition(".")[2]
    words = _WORDS.get(field, ())
    for word in (value if isinstance(value, tuple) else (value,)) if words else ():
        if word not in words:
            near = suggest(word, words)
            hint = (
                tr("did you mean {name!r}?", name=near)
                if near
                else tr("{name} takes {words}", name=name, words=", ".join(words))
            )
            raise _wrong(name, word, hint, where)
    fits, description = _FORMS.get(field, (None, None))
    if fits is not None and not fits(value):
        raise _wrong(name, value, tr("{name} should be {kind}", name=name, kind=description), where)


def _wrong(name: str, value: Any, hint: Text, where: str) -> InvalidValueError:
    shown = value if len(repr(value)) <= 60 else f"{str(value)[:57]}…"
    return InvalidValueError(
        tr("the catalogue has {name} = {value!r} ({where})", where=where, name=name, value=shown),
        hint=hint,
    )


def plain(value: Any) -> Any:
    """Return a value with tuples for lists, and floats for the decimals that are not prices."""
    if isinstance(value, list):
        return tuple(plain(item) for item in value)
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    return float(value) if isinstance(value, Decimal) else value
