"""TOML files -> the catalogue; the user's own files are laid over the built-in ones."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from datetime import date
from decimal import Decimal
from functools import lru_cache
from importlib.resources import files
from pathlib import Path
from typing import Any

from ..core.errors import InvalidValueError
from ..core.paths import config_folder
from ..core.price import Price
from .schema import Conflict, ModelInfo, Offer, ParameterRule, ProviderInfo, Source
from .validate import build_dataclass, check_keys, names
from .validate import price as read_price

_PRICE_KEYS = ("currency", "tiers")
_OFFER_KEYS = {f.name for f in fields(Offer)} - {
    "provider", "model", "known", "price", "sources", "checked", "conflicts",
}  # fmt: skip
_BLOCK_KEYS = _OFFER_KEYS | {"providers", "source", "checked", *_PRICE_KEYS}
_TOP_KEYS = {"source", "provider", "model"}


@dataclass(frozen=True, slots=True)
class Catalogue:
    """Everything that is known, and nothing that is not."""

    providers: Mapping[str, ProviderInfo]
    """By name, in the order in which keys are looked for."""
    models: Mapping[str, ModelInfo]
    """By id."""
    offers: Mapping[tuple[str, str], Offer]
    """By provider name and model id."""
    sources: Mapping[str, Source]

    def of_provider(self, name: str) -> list[Offer]:
        """Return a provider's offers, newest model first."""
        found = [offer for (provider, _), offer in self.offers.items() if provider == name]
        return sorted(found, key=lambda offer: (-offer.model.rank, not offer.model.general))

    def model_names(self) -> list[str]:
        """Return every model id and alias."""
        return [name for model in self.models.values() for name in (model.id, *model.aliases)]


def catalogue() -> Catalogue:
    """Return the built-in catalogue with the user's TOML files laid over it.

    Raises
    ------
    InvalidValueError
        A file is not TOML, or holds a key or value that the catalogue does not know.
    """
    folder = config_folder()
    paths = sorted(path for path in folder.glob("*.toml") if path.is_file())
    return _load(tuple((path, path.stat().st_mtime_ns) for path in paths))


@lru_cache(maxsize=4)
def _load(overlay: tuple[tuple[Path, int], ...]) -> Catalogue:
    tables = [*_built_in(), *(_read(path.read_bytes(), path.name) for path, _ in overlay)]
    try:
        providers = _providers(tables)
        models = _models(tables)
        return Catalogue(providers, models, _offers(tables, providers, models), _sources(tables))
    except (AttributeError, TypeError) as error:
        raise InvalidValueError(
            f"{', '.join(path.name for path, _ in overlay)} holds a value where a table belongs",
            hint='tables are [provider.NAME], [model."ID"] and [[model."ID".offer]]',
        ) from error


def _built_in() -> Iterable[tuple[str, dict[str, Any]]]:
    root = files(__package__)
    yield _read((root / "sources.toml").read_bytes(), "sources.toml")
    for folder in ("providers", "models"):
        for entry in sorted((root / folder).iterdir(), key=lambda item: item.name):
            if entry.name.endswith(".toml"):
                yield _read(entry.read_bytes(), entry.name)


def _read(content: bytes, name: str) -> tuple[str, dict[str, Any]]:
    try:
        table = tomllib.loads(content.decode(), parse_float=Decimal)
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InvalidValueError(
            f"the catalogue file {name} is not valid TOML: {error}",
            hint="mend the file, or move it out of the configuration folder",
        ) from None
    check_keys(table, _TOP_KEYS, name)
    return name, table


def _sources(tables: list[tuple[str, dict[str, Any]]]) -> dict[str, Source]:
    found: dict[str, Source] = {}
    for where, table in tables:
        for name, facts in table.get("source", {}).items():
            found[name] = build_dataclass(Source, {"name": name, **facts}, where)
    return found


def _providers(tables: list[tuple[str, dict[str, Any]]]) -> dict[str, ProviderInfo]:
    facts: dict[str, dict[str, Any]] = {}
    for where, table in tables:
        for name, own in table.get("provider", {}).items():
            check_keys(own, names(ProviderInfo) | {"like"}, where)
            base = facts.get(name) or _base(own, facts, where)
            merged = {**base, **{key: value for key, value in own.items() if key != "like"}}
            merged["parameters"] = {**base.get("parameters", {}), **own.get("parameters", {})}
            facts[name] = {**merged, "name": name}
    built = [_provider(own) for own in facts.values()]
    return {info.name: info for info in sorted(built, key=lambda info: info.order)}


def _base(
    own: Mapping[str, Any], facts: Mapping[str, dict[str, Any]], where: str
) -> dict[str, Any]:
    """Return the facts of the provider that another one is like."""
    like = own.get("like")
    if like is None:
        return {}
    if like not in facts:
        raise _unknown_provider(like, facts, where)
    return facts[like]


def _unknown_provider(name: str, known: Iterable[str], where: str) -> InvalidValueError:
    return InvalidValueError(
        f"the catalogue file {where} names an unknown provider {name!r}",
        hint=f"known are {', '.join(known)}",
    )


def _provider(facts: dict[str, Any]) -> ProviderInfo:
    where = f"provider {facts['name']}"
    rules = {
        name: build_dataclass(ParameterRule, {"name": name, **rule}, where)
        for name, rule in facts["parameters"].items()
    }
    built: ProviderInfo = build_dataclass(ProviderInfo, {**facts, "parameters": rules}, where)
    return built


def _models(tables: list[tuple[str, dict[str, Any]]]) -> dict[str, ModelInfo]:
    facts: dict[str, dict[str, Any]] = {}
    for where, table in tables:
        for name, own in table.get("model", {}).items():
            kept = {key: value for key, value in own.items() if key not in ("offer", "conflict")}
            check_keys(kept, names(ModelInfo), where)
            facts[name] = {"title": name, **facts.get(name, {}), **kept, "id": name}
    return {name: build_dataclass(ModelInfo, own, f"model {name}") for name, own in facts.items()}


def _offers(
    tables: list[tuple[str, dict[str, Any]]],
    providers: Mapping[str, ProviderInfo],
    models: Mapping[str, ModelInfo],
) -> dict[tuple[str, str], Offer]:
    blocks: dict[tuple[str, str], list[dict[str, Any]]] = {}
    conflicts: dict[tuple[str, str], list[Conflict]] = {}
    for where, table in tables:
        for model_id, own in table.get("model", {}).items():
            for block in own.get("offer", ()):
                check_keys(block, _BLOCK_KEYS, where)
                for name in _known_providers(block, providers, where):
                    blocks.setdefault((name, model_id), []).append(block)
            for conflict in own.get("conflict", ()):
                for name in _known_providers(conflict, providers, where):
                    facts = {key: value for key, value in conflict.items() if key != "providers"}
                    built = build_dataclass(Conflict, facts, where)
                    conflicts.setdefault((name, model_id), []).append(built)
    return {
        (name, model_id): _offer(
            providers[name], models[model_id], own, tuple(conflicts.get((name, model_id), ()))
        )
        for (name, model_id), own in blocks.items()
    }


def _known_providers(
    block: Mapping[str, Any], providers: Mapping[str, ProviderInfo], where: str
) -> list[str]:
    served: list[str] = block.get("providers", [])
    if not served or not isinstance(served, list):
        raise InvalidValueError(
            f"an offer or conflict in the catalogue file {where} belongs to no provider",
            hint='say which, for example providers = ["dashscope"]',
        )
    for name in served:
        if name not in providers:
            raise _unknown_provider(name, providers, where)
    return served


def _offer(
    provider: ProviderInfo,
    model: ModelInfo,
    blocks: list[dict[str, Any]],
    conflicts: tuple[Conflict, ...],
) -> Offer:
    facts: dict[str, Any] = {
        "wire_id": provider.model_prefix + model.id,
        "thinking_off": model.thinking_off,
        "effort": model.effort,
    }
    sources: dict[str, str] = {}
    checked: dict[str, date] = {}
    price: Price | None = None
    for block in blocks:
        own = {key: value for key, value in block.items() if key in _OFFER_KEYS}
        facts.update(own)
        if not block.keys().isdisjoint(_PRICE_KEYS):
            price = read_price(block, f"model {model.id}")
            own["price"] = price
        sources.update(dict.fromkeys(own, block.get("source", "")))
        checked.update({key: block["checked"] for key in own if "checked" in block})
    facts |= {"price": price, "sources": sources, "checked": checked, "conflicts": conflicts}
    facts |= {"provider": provider, "model": model}
    built: Offer = build_dataclass(Offer, facts, f"model {model.id}")
    return built
