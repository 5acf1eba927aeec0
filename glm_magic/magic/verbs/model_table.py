"""The catalogue as a table, and whether the keys are there."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from ...catalogue.choose import LOCAL, find_model
from ...catalogue.load import Catalogue
from ...catalogue.schema import Offer, ProviderInfo
from ...core.errors import GlmError
from ...core.price import SYMBOLS, Price
from ...core.speech.translation import translated
from ...credentials import find_key
from ..tables import Shown, Table


def filters(known: Catalogue, word: str) -> bool:
    """Whether a word picks some of the catalogue."""
    return bool(_offers(known, word)) or word in known.providers


def models(known: Catalogue, word: str) -> Shown:
    """Return the catalogue, or the part that a provider's name or a part of a model's picks."""
    keys = {info.name: key_state(info) for info in known.providers.values()}
    rows = [_offer_row(offer, keys[offer.provider.name]) for offer in _offers(known, word)]
    free = [n for n, info in known.providers.items() if info.self_hosted and n != LOCAL]
    columns = ("model", "provider", "context", "longest reply", "price in", "price out",
               "thinking", "tools", "key")  # fmt: skip
    note = "Prices are for a million tokens; n/a: not known. "
    return Table(columns, rows, note=f"{note}Any model name goes to {', '.join(free)}.")


def _offers(known: Catalogue, word: str) -> list[Offer]:
    offers = [offer for name in known.providers for offer in known.of_provider(name)]
    if not word:
        return offers
    if word in known.providers:
        return known.of_provider(word)
    exact = find_model(known, word)
    if exact:
        return [offer for offer in offers if offer.model.id == exact.id]
    return [offer for offer in offers if word.lower() in offer.model.id]


def _offer_row(offer: Offer, key: str) -> tuple[Any, ...]:
    return (
        offer.model.id,
        offer.provider.name,
        offer.context,
        offer.max_output or offer.max_answer,
        _price(offer.price, "input"),
        _price(offer.price, "output"),
        ("on, off" if offer.thinking_off else "always on")
        + "".join(f", {e}" for e in offer.effort),
        None if offer.functions == "unknown" else offer.functions,
        key,
    )


def _price(price: Price | None, side: str) -> str | None:
    """Return a price with its currency; the range where it depends on the length."""
    if price is None:
        return None
    amounts: list[Decimal] = sorted({getattr(tier, side) for tier in price.tiers})
    ends = amounts if len(amounts) < 2 else (amounts[0], amounts[-1])
    symbol = SYMBOLS.get(price.currency, f"{price.currency} ")
    return symbol + "–".join(f"{amount.normalize():f}" for amount in ends)


def key_state(provider: ProviderInfo) -> str:
    """Return where a provider's key was found, or which variable is missing; never the key."""
    try:
        key = find_key(provider)
    except GlmError as error:
        return translated(error.message)
    if key is not None:
        return f"found in {key.source}"
    if provider.self_hosted:
        return "not needed"
    return f"missing: {provider.key_env[0]}" if provider.key_env else "missing"
