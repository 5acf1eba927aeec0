"""Reads the catalogue from TOML files.

The files in the user's configuration folder are laid over the built-in ones, in the order of their
names: a table adds to, or replaces, the facts of the same provider, model or offer.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from decimal import Decimal
from functools import cache, lru_cache
from importlib.resources import files
from pathlib import Path
from typing import Any

from ..core.errors import InvalidValueError
from ..core.i18n import tr
from ..core.paths import config_folder
from ..core.price import Price
from .parameters import ParameterRule
from .schema import OF_PROVIDERS, Conflict, ModelInfo, Note, Offer, ProviderInfo, Source
from .validate import (
    batch_price as read_batch_price,
)
from .validate import build_dataclass, check_facts, check_keys, check_plan, names, table, tables
from .validate import price as read_price

_PRICE_KEYS = ("currency", "tiers")
_OFFER_KEYS = {f.name for f in fields(Offer)} - {
    "provider", "model", "is_listed", "price", "sources", "checked", "conflicts", "notes",
}  # fmt: skip
_BLOCK_KEYS = _OFFER_KEYS | {"providers", "note", "source", "checked", *_PRICE_KEYS}
_TOP_KEYS = {"source", "provider", "model"}
_NOT_INHERITED = ("free_quota_days", "free_quota_tokens", "is_fallback")
"""What is true of one provider, and of another only if its table says so."""
_NOT_FACTS = {"like", "think_tags"}
"""Keys of a provider that are no facts: ``think_tags``, of older files, no longer says anything."""


@dataclass(frozen=True, slots=True)
class Catalogue:
    """Providers, models and offers, by name."""

    providers: Mapping[str, ProviderInfo]
    """By name, in the order in which keys are looked for."""
    models: Mapping[str, ModelInfo]
    """By id."""
    offers: Mapping[tuple[str, str], Offer]
    """By provider name and model id."""
    sources: Mapping[str, Source]

    def of_provider(self, name: str) -> list[Offer]:
        """Return a provider's offers, newest model first, and last what was removed there."""
        offers = [offer for (provider, _), offer in self.offers.items() if provider == name]
        return sorted(
            offers,
            key=lambda offer: (offer.is_retired, -offer.model.rank, not offer.model.general),
        )

    def model_names(self) -> list[str]:
        """Return every model id and alias."""
        return [name for model in self.models.values() for name in (model.id, *model.aliases)]


def catalogue() -> Catalogue:
    """Return the built-in catalogue with the user's TOML files laid over it.

    Raises
    ------
    InvalidValueError
        A file is not TOML, or holds an unknown key or a value of the wrong type.
    """
    folder = config_folder()
    paths = sorted(path for path in folder.glob("*.toml") if path.is_file())
    return _load(tuple((path, path.stat().st_mtime_ns) for path in paths))


@lru_cache(maxsize=4)
def _load(overlay: tuple[tuple[Path, int], ...]) -> Catalogue:
    tables = [*_built_in(), *(_read(_content(path), path.name) for path, _ in overlay)]
    providers = _providers(tables)
    models = _models(tables)
    return Catalogue(providers, models, _offers(tables, providers, models), _sources(tables))


def _content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise _unreadable(path.name, error.strerror or str(error)) from None


@cache
def _built_in() -> tuple[tuple[str, dict[str, Any]], ...]:
    return tuple(_read_built_in())


def _read_built_in() -> Iterable[tuple[str, dict[str, Any]]]:
    root = files(__package__)
    yield _read((root / "sources.toml").read_bytes(), "sources.toml")
    for folder in ("providers", "models"):
        for entry in sorted((root / folder).iterdir(), key=lambda item: item.name):
            if entry.name.endswith(".toml"):
                yield _read(entry.read_bytes(), entry.name)


def _read(content: bytes, name: str) -> tuple[str, dict[str, Any]]:
    try:
        parsed = tomllib.loads(content.decode(), parse_float=Decimal)
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as error:
        raise _unreadable(name, error) from None
    check_keys(parsed, _TOP_KEYS, name)
    for key, value in parsed.items():
        for entry, facts in table(value, f"{name}, {key}").items():
            table(facts, f"{name}, {key}.{entry}")
    return name, parsed


def _unreadable(name: str, reason: object) -> InvalidValueError:
    return InvalidValueError(
        tr("the catalogue file {file} is not valid TOML: {reason}", file=name, reason=reason),
        hint=tr("fix the file, or move it out of the configuration folder"),
    )


def _sources(tables: list[tuple[str, dict[str, Any]]]) -> dict[str, Source]:
    sources: dict[str, Source] = {}
    for where, parsed in tables:
        for name, facts in parsed.get("source", {}).items():
            place = f"{where}, source.{name}"
            check_keys(facts, names(Source) - {"name"}, place)
            sources[name] = build_dataclass(Source, {"name": name, **facts}, place)
    return sources


def _providers(tables: list[tuple[str, dict[str, Any]]]) -> dict[str, ProviderInfo]:
    facts: dict[str, dict[str, Any]] = {}
    places: dict[str, str] = {}
    for where, parsed in tables:
        for name, entry in parsed.get("provider", {}).items():
            place = places[name] = f"{where}, provider.{name}"
            _check_provider(entry, place)
            base = facts.get(name) or _base(entry, facts, where)
            merged = {
                **base,
                **{key: value for key, value in entry.items() if key not in _NOT_FACTS},
            }
            merged["parameters"] = {**base.get("parameters", {}), **entry.get("parameters", {})}
            facts[name] = {**merged, "name": name}
    built = [_provider(entry, places[name]) for name, entry in facts.items()]
    return {info.name: info for info in sorted(built, key=lambda info: info.order)}


def _check_provider(entry: dict[str, Any], place: str) -> None:
    """Refuse what a provider's table cannot say, where the file is still known."""
    check_keys(entry, names(ProviderInfo) - {"name"} | _NOT_FACTS, place)
    check_facts(ProviderInfo, entry, place)
    for name, rule in entry.get("parameters", {}).items():
        inside = f"{place}.parameters.{name}"
        check_keys(table(rule, inside), names(ParameterRule) - {"name"}, inside)
        check_facts(ParameterRule, rule, inside)


def _base(
    entry: Mapping[str, Any], facts: Mapping[str, dict[str, Any]], where: str
) -> dict[str, Any]:
    """Return the facts of the provider that an entry names with ``like``."""
    like = entry.get("like")
    if like is None:
        return {}
    if not isinstance(like, str) or like not in facts:
        raise _unknown_provider(like, facts, where)
    inherited = {key: value for key, value in facts[like].items() if key not in _NOT_INHERITED}
    if "hosts" in entry:
        inherited.pop("host_path", None)
    return inherited


def _unknown_provider(name: object, existing: Iterable[str], where: str) -> InvalidValueError:
    return InvalidValueError(
        tr("the catalogue file {file} names an unknown provider {name!r}", file=where, name=name),
        hint=tr("available: {names}", names=", ".join(existing)),
    )


def _provider(facts: dict[str, Any], where: str) -> ProviderInfo:
    rules = {
        name: build_dataclass(ParameterRule, {"name": name, **rule}, where)
        for name, rule in facts["parameters"].items()
    }
    built: ProviderInfo = build_dataclass(ProviderInfo, {**facts, "parameters": rules}, where)
    return built


def _models(tables: list[tuple[str, dict[str, Any]]]) -> dict[str, ModelInfo]:
    facts: dict[str, dict[str, Any]] = {}
    places: dict[str, str] = {}
    for where, parsed in tables:
        for name, entry in parsed.get("model", {}).items():
            plain = {key: value for key, value in entry.items() if key not in ("offer", "conflict")}
            place = places[name] = f"{where}, model.{name}"
            check_keys(plain, names(ModelInfo) - {"id"}, place)
            check_facts(ModelInfo, plain, place)
            facts[name] = {"title": name, **facts.get(name, {}), **plain, "id": name}
    return {name: build_dataclass(ModelInfo, entry, places[name]) for name, entry in facts.items()}


def _offers(
    files: list[tuple[str, dict[str, Any]]],
    providers: Mapping[str, ProviderInfo],
    models: Mapping[str, ModelInfo],
) -> dict[tuple[str, str], Offer]:
    blocks: dict[tuple[str, str], list[tuple[str, Mapping[str, Any]]]] = {}
    conflicts: dict[tuple[str, str], list[Conflict]] = {}
    for where, parsed in files:
        for model_id, entry in parsed.get("model", {}).items():
            place = f"{where}, model.{model_id}"
            for block in tables(entry.get("offer", []), f"{place}.offer"):
                _check_block(block, f"{place}.offer")
                for name in _providers_of(block, providers, where):
                    blocks.setdefault((name, model_id), []).append((f"{place}.offer", block))
            for conflict in tables(entry.get("conflict", []), f"{place}.conflict"):
                for name in _providers_of(conflict, providers, where):
                    facts = {key: value for key, value in conflict.items() if key != "providers"}
                    built = build_dataclass(Conflict, facts, f"{place}.conflict")
                    conflicts.setdefault((name, model_id), []).append(built)
    return {
        (name, model_id): _offer(
            providers[name], models[model_id], listed, tuple(conflicts.get((name, model_id), ()))
        )
        for (name, model_id), listed in blocks.items()
    }


def _check_block(block: Mapping[str, Any], place: str) -> None:
    check_keys(block, _BLOCK_KEYS, place)
    check_facts(Offer, {key: block[key] for key in block if key in _OFFER_KEYS}, place)
    note = {"text": block.get("note", ""), "source": block.get("source", "")}
    build_dataclass(Note, note | {key: block[key] for key in ("checked",) if key in block}, place)
    check_plan(block.get("plan", {}), f"{place}.plan")


def _providers_of(
    block: Mapping[str, Any], providers: Mapping[str, ProviderInfo], where: str
) -> list[str]:
    served: list[str] = block.get("providers", [])
    if not served or not isinstance(served, list):
        raise InvalidValueError(
            tr(
                "an offer or conflict in the catalogue file {file} names no provider",
                file=where,
            ),
            hint=tr('say which, for example providers = ["dashscope"]'),
        )
    for name in served:
        if not isinstance(name, str) or name not in providers:
            raise _unknown_provider(name, providers, where)
    return served


def _offer(
    provider: ProviderInfo,
    model: ModelInfo,
    blocks: list[tuple[str, Mapping[str, Any]]],
    conflicts: tuple[Conflict, ...],
) -> Offer:
    facts: dict[str, Any] = {
        "wire_id": provider.model_prefix + model.id,
        "thinking_off": model.thinking_off,
        **{name: getattr(provider, name) for name in OF_PROVIDERS},
        "effort": model.effort,
    }
    known = [name for name in OF_PROVIDERS if facts[name] != "unknown"]
    sources = dict.fromkeys(known, provider.source)
    checked = dict.fromkeys(known, provider.checked) if provider.checked else {}
    notes: list[Note] = []
    price: Price | None = None
    place = ""
    for place, block in blocks:
        stated = {key: value for key, value in block.items() if key in _OFFER_KEYS}
        if "batch_price" in block:
            stated["batch_price"] = read_batch_price(block, place)
        facts.update(stated)
        if not block.keys().isdisjoint(_PRICE_KEYS):
            price = read_price(block, place)
            stated["price"] = price
        if "note" in block:
            notes.append(Note(block["note"], block.get("source", ""), block.get("checked")))
            stated["note"] = notes[-1]
        sources.update(dict.fromkeys(stated, block.get("source", "")))
        checked.update({key: block["checked"] for key in stated if "checked" in block})
    facts |= {"price": price, "sources": sources, "checked": checked, "conflicts": conflicts}
    facts |= {"provider": provider, "model": model, "notes": tuple(notes)}
    built: Offer = build_dataclass(Offer, facts, place)
    return built
