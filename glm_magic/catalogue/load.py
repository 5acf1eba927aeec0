"""TOML files -> the catalogue; the user's own files are laid over the built-in ones."""

from __future__ import annotations

import difflib
import os
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from datetime import date
from decimal import Decimal, InvalidOperation
from functools import lru_cache
from importlib.resources import files
from pathlib import Path
from typing import Any

from ..core.errors import InvalidValueError
from ..core.price import Price, Tier
from .schema import Conflict, ModelInfo, Offer, ParameterRule, ProviderInfo, Source

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


def config_folder() -> Path:
    """Return the folder of the user's own files; ``GLM_HOME`` moves it."""
    home = os.environ.get("GLM_HOME")
    if home:
        return Path(home).expanduser()
    import platformdirs

    return platformdirs.user_config_path("glm_magic", appauthor=False)


def catalogue() -> Catalogue:
    """Return the built-in catalogue with the user's TOML files laid over it.

    Raises
    ------
    InvalidValueError
        A file is not TOML, or holds a key or value that the catalogue does not know.
    """
    folder = config_folder()
    paths = sorted(folder.glob("*.toml")) if folder.is_dir() else []
    return _load(tuple((path, path.stat().st_mtime_ns) for path in paths))


@lru_cache(maxsize=4)
def _load(overlay: tuple[tuple[Path, int], ...]) -> Catalogue:
    tables = [*_built_in(), *(_read(path.read_bytes(), path.name) for path, _ in overlay)]
    providers = _providers(tables)
    models = _models(tables)
    return Catalogue(providers, models, _offers(tables, providers, models), _sources(tables))


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
    _check_keys(table, _TOP_KEYS, name)
    return name, table


def _check_keys(table: Mapping[str, Any], known: set[str], where: str) -> None:
    for key in table:
        if key not in known:
            near = difflib.get_close_matches(key, known, 1)
            raise InvalidValueError(
                f"the catalogue file {where} has an unknown key {key!r}",
                hint=f"did you mean {near[0]!r}?"
                if near
                else f"it takes {', '.join(sorted(known))}",
            )


def _names(cls: type) -> set[str]:
    return {f.name for f in fields(cls)}


def _sources(tables: list[tuple[str, dict[str, Any]]]) -> dict[str, Source]:
    found: dict[str, Source] = {}
    for where, table in tables:
        for name, facts in table.get("source", {}).items():
            found[name] = _build(Source, {"name": name, **facts}, where)
    return found


def _providers(tables: list[tuple[str, dict[str, Any]]]) -> dict[str, ProviderInfo]:
    facts: dict[str, dict[str, Any]] = {}
    for where, table in tables:
        for name, own in table.get("provider", {}).items():
            _check_keys(own, _names(ProviderInfo) | {"like"}, where)
            base = facts.get(name) or facts.get(own.get("like", ""), {})
            merged = {**base, **{key: value for key, value in own.items() if key != "like"}}
            merged["parameters"] = {**base.get("parameters", {}), **own.get("parameters", {})}
            facts[name] = {**merged, "name": name}
    built = [_provider(own) for own in facts.values()]
    return {info.name: info for info in sorted(built, key=lambda info: info.order)}


def _provider(facts: dict[str, Any]) -> ProviderInfo:
    where = f"provider {facts['name']}"
    rules = {
        name: _build(ParameterRule, {"name": name, **rule}, where)
        for name, rule in facts["parameters"].items()
    }
    built: ProviderInfo = _build(ProviderInfo, {**facts, "parameters": rules}, where)
    return built


def _models(tables: list[tuple[str, dict[str, Any]]]) -> dict[str, ModelInfo]:
    facts: dict[str, dict[str, Any]] = {}
    for where, table in tables:
        for name, own in table.get("model", {}).items():
            kept = {key: value for key, value in own.items() if key not in ("offer", "conflict")}
            _check_keys(kept, _names(ModelInfo), where)
            facts[name] = {"title": name, **facts.get(name, {}), **kept, "id": name}
    return {name: _build(ModelInfo, own, f"model {name}") for name, own in facts.items()}


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
                _check_keys(block, _BLOCK_KEYS, where)
                for name in _known_providers(block, providers, where):
                    blocks.setdefault((name, model_id), []).append(block)
            for conflict in own.get("conflict", ()):
                for name in _known_providers(conflict, providers, where):
                    facts = {key: value for key, value in conflict.items() if key != "providers"}
                    built = _build(Conflict, facts, where)
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
    names: list[str] = block.get("providers", [])
    for name in names:
        if name not in providers:
            raise InvalidValueError(
                f"the catalogue file {where} names an unknown provider {name!r}",
                hint=f"known are {', '.join(providers)}",
            )
    return names


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
        if "tiers" in block:
            price = _price(block, f"model {model.id}")
            own["price"] = price
        sources.update(dict.fromkeys(own, block.get("source", "")))
        checked.update({key: block["checked"] for key in own if "checked" in block})
    facts |= {"price": price, "sources": sources, "checked": checked, "conflicts": conflicts}
    facts |= {"provider": provider, "model": model}
    built: Offer = _build(Offer, facts, f"model {model.id}")
    return built


def _price(block: Mapping[str, Any], where: str) -> Price:
    try:
        tiers = [
            Tier(
                input=Decimal(str(tier["input"])),
                output=Decimal(str(tier["output"])),
                cached=Decimal(str(tier["cached"])) if "cached" in tier else None,
                up_to=tier.get("up_to"),
                above=tier.get("above"),
            )
            for tier in block["tiers"]
        ]
        return Price(block["currency"], tuple(tiers), block["checked"], block["source"])
    except (KeyError, InvalidOperation, TypeError) as error:
        raise InvalidValueError(
            f"the price of {where} is not complete: {error}",
            hint="a price needs currency, checked, source and tiers with input and output",
        ) from None


def _build(cls: type, facts: Mapping[str, Any], where: str) -> Any:
    _check_keys(facts, _names(cls), where)
    plain = {key: _plain(value) for key, value in facts.items()}
    try:
        return cls(**plain)
    except TypeError as error:
        raise InvalidValueError(
            f"the catalogue's {where} is not complete: {error}", hint="add what is missing"
        ) from None


def _plain(value: Any) -> Any:
    """Return a value with tuples for lists, and floats for decimals outside of prices."""
    if isinstance(value, list):
        return tuple(_plain(item) for item in value)
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    return float(value) if isinstance(value, Decimal) else value
