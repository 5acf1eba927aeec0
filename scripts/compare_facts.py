"""Compare the catalogue's prices and limits with those of the package genai-prices.

``make facts`` installs the newest one and prints where the two differ. Nothing is copied: a
difference is a reason to read the provider's own page, and to write down what it says with its
source and date. The package is open, reviewed and dated, see https://github.com/pydantic/genai-prices.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from importlib.metadata import version
from tempfile import TemporaryDirectory
from typing import Any

from glm_magic.catalogue.load import Catalogue, catalogue
from glm_magic.catalogue.lookup import find_model
from glm_magic.catalogue.schema import Offer

PROVIDERS = {"zai": "zai", "zhipuai": "bigmodel", "openrouter": "openrouter"}
"""Their provider -> ours."""

CNY_PER_USD = Decimal("7.25")
"""What they divide BigModel's prices by, as their comment on that provider says (2026-11)."""

CONVERTED = Decimal("0.01")
"""Share by which a converted price may differ: theirs are rounded to a thousandth of a dollar."""

AMOUNTS = {"input": "input_mtok", "output": "output_mtok", "cached": "cache_read_mtok"}
"""Our amount of a tier -> their field."""


@dataclass(frozen=True, slots=True)
class Difference:
    """One fact about which the two do not agree."""

    provider: str
    model: str
    fact: str
    ours: str
    theirs: str

    def __str__(self) -> str:
        place = f"{self.provider}/{self.model}"
        return f"{place:32} {self.fact:10} ours {self.ours:24} theirs {self.theirs}"


def differences(ours: Catalogue, theirs: Iterable[Any], today: date) -> Iterator[Difference]:
    """Yield what differs between the catalogue and the package's providers.

    Parameters
    ----------
    ours : Catalogue
        The catalogue.
    theirs : iterable
        The package's ``data.providers``, or objects of the same form.
    today : date
        The day whose prices count, where theirs change over time.
    """
    for provider in theirs:
        name = PROVIDERS.get(provider.id)
        if name is None:
            continue
        listed = dict(_listed(ours, name, provider.models))
        for model in provider.models:
            known = find_model(ours, _bare(model.id))
            if _is_glm(model.id) and (known is None or known.id not in listed):
                yield Difference(name, _bare(model.id), "model", "not listed", "listed")
        for offer in ours.of_provider(name):
            model = listed.get(offer.model.id)
            if model is not None:
                yield from _compare(offer, model, today)
            elif offer.price is not None:
                yield Difference(name, offer.model.id, "price", _span(offer), "not listed")


def _listed(ours: Catalogue, provider: str, models: Iterable[Any]) -> Iterator[tuple[str, Any]]:
    for model in models:
        known = find_model(ours, _bare(model.id))
        if known is not None and (provider, known.id) in ours.offers:
            yield known.id, model


def _bare(name: str) -> str:
    return name.lower().removeprefix("z-ai/")


def _is_glm(name: str) -> bool:
    """Whether it is one of the models that the catalogue is about: chat models since GLM-4.5."""
    match = re.fullmatch(r"glm-(\d(?:\.\d)?)[a-z-]*", _bare(name))
    return match is not None and Decimal(match[1]) >= Decimal("4.5")


def _compare(offer: Offer, model: Any, today: date) -> Iterator[Difference]:
    place = (offer.provider.name, offer.model.id)
    if model.context_window and offer.context and not _is_same_size(model, offer):
        theirs = f"{model.context_window:,}"
        yield Difference(*place, "context", f"{offer.context:,}", theirs)
    if model.deprecated and offer.is_served:
        yield Difference(*place, "served", "yes", "deprecated")
    theirs = prices_on(model.prices, today)
    if offer.price is None:
        if any(theirs.values()):
            yield Difference(*place, "price", "n/a", _shown(theirs))
        return
    tier = offer.price.tier(0, 0)
    for name in AMOUNTS:
        amount = getattr(tier, name)
        if not _agree(amount, theirs[name], offer.price.currency):
            yield Difference(
                *place, name, f"{amount} {offer.price.currency}", f"{theirs[name]} USD"
            )


def _is_same_size(model: Any, offer: Offer) -> bool:
    """Whether two limits are one: 128K is written 128,000 and 131,072, as 1M is."""
    low, high = sorted((model.context_window, offer.context or 0))
    return low == high or low * 1024 == high * 1000 or low * 1024**2 == high * 1000**2


def _agree(ours: Decimal | None, theirs: Decimal | None, currency: str) -> bool:
    if ours is None or theirs is None:
        return not ours and not theirs  # a price of nothing is often left out
    if currency == "USD":
        return ours == theirs
    converted = ours / CNY_PER_USD
    return abs(converted - theirs) <= max(converted * CONVERTED, Decimal("0.0005"))


def prices_on(prices: Any, today: date) -> Mapping[str, Decimal | None]:
    """Return their prices of a short call on a day, by our names.

    Parameters
    ----------
    prices : ModelPrice, or list of ConditionalPrice
        The last of a list whose constraint holds is the one that counts.
    today : date
        The day.
    """
    if isinstance(prices, list):
        holding = [entry.prices for entry in prices if _holds(entry.constraint, today)]
        prices = holding[-1] if holding else None
    amounts = {name: getattr(prices, field, None) for name, field in AMOUNTS.items()}
    return {name: getattr(amount, "base", amount) for name, amount in amounts.items()}


def _holds(constraint: Any, today: date) -> bool:
    """Whether a constraint holds; prices of a time of day are left out."""
    if constraint is None:
        return True
    start = getattr(constraint, "start_date", None)
    return start is not None and start <= today


def _span(offer: Offer) -> str:
    tier = offer.price.tiers[0] if offer.price else None
    return f"{tier.input} / {tier.output}" if tier else "n/a"


def _shown(amounts: Mapping[str, Decimal | None]) -> str:
    return f"{amounts['input']} / {amounts['output']} USD (cached {amounts['cached']})"


def main() -> None:
    """Print the differences."""
    from genai_prices import data

    with TemporaryDirectory() as empty:
        os.environ["GLM_HOME"] = empty  # the user's own files are not compared
        built_in = catalogue()
    compared = list(differences(built_in, data.providers, datetime.now(UTC).date()))
    lines = [*map(str, compared)]
    package = f"genai-prices {version('genai-prices')}"
    lines.append(f"{len(compared)} differences from {package}; nothing was changed.")
    lines.append("Read the provider's own page before changing a fact; write its source and date.")
    sys.stdout.write("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
