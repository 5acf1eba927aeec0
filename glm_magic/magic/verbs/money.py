"""Tables of what was used and what it cost."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from decimal import Decimal
from typing import Any

from ...catalogue.schema import Offer
from ...core.price import SYMBOLS, Price
from ...session import limits
from ...session.ledger import Entry, Total, grouped
from ..desk import Desk
from ..tables import Shown, Table

_COUNTS = ("calls", "input", "cached", "output", "reasoning", "cost")
NOTE = "Cached tokens are part of the input, reasoning is part of the output; ≈ marks estimates."


def entries(desk: Desk) -> list[Entry]:
    """Return every call of this kernel's sessions."""
    return [entry for session in desk.conversations for entry in session.entries]


def by(
    found: Iterable[Entry], names: Sequence[str], key: Callable[[Entry], tuple[str, ...]]
) -> Shown:
    """Return sums of calls under these names."""
    calls = list(found)
    rows = [
        (*labels[: len(names)], *_row(total))
        for labels, total in grouped(calls, lambda e: (*key(e), e.currency)).items()
    ]
    note = f"Together: {Total.of(calls).cost}. {NOTE}{_free(calls)}"
    return Table((*names, *_COUNTS), rows, note=note)


def _row(total: Total) -> tuple[Any, ...]:
    usage = total.usage
    counts = (usage.input, usage.cached, usage.output, usage.reasoning)
    shown = (_about(count) if total.estimated else count for count in counts)
    return (total.calls, *shown, str(total.cost))


def _about(count: int | None) -> str | None:
    return None if count is None else f"≈{count:,}"


def turns(desk: Desk) -> Shown:
    """Return each call of the session in use, in order."""
    rows = []
    for entry in desk.session.entries:
        at = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(entry.at))
        cost = str(entry.cost) if entry.cost else None
        usage = entry.usage
        counts = (usage.input, usage.cached, usage.output, usage.reasoning)
        shown = (_about(count) if entry.estimated else count for count in counts)
        rows.append((at, entry.provider, entry.model, *shown, cost))
    columns = ("at", "provider", "model", *_COUNTS[1:])
    return Table(columns, rows, f"Session {desk.session_name}", NOTE)


def _free(calls: Iterable[Entry]) -> str:
    """Say what is left of the free quota of each model that was asked at Model Studio."""
    quota = limits.quota()
    if quota is None:
        return ""
    models = sorted({e.model for e in calls if e.provider in limits.FREE_PROVIDERS})
    every = limits.all_entries()
    left = ", ".join(f"{model} {quota.left(model, every):,}" for model in models)
    return f" Free tokens left since {quota.since}: {left or 'not touched'}; costs are list prices."


def prices(desk: Desk) -> Shown:
    """Return the price of each model that was asked, with date and source."""
    asked = {(entry.provider, entry.model) for entry in entries(desk)}
    call = desk.session.plan("…", desk.asked(), start_local=False)
    asked.add((call.offer.provider.name, call.offer.model.id))
    known = desk.catalogue
    rows: list[tuple[Any, ...]] = []
    for provider, model in sorted(asked):
        offer = known.offers.get((provider, model))
        rows += _price_rows(desk, offer) if offer else [(model, provider, "", *[None] * 3, "", "")]
    columns = ("model", "provider", "input tokens", "in", "cached", "out", "checked", "source")
    note = "Prices are for a million tokens, in the billed currency; n/a: not known."
    return Table(columns, rows, note=note)


def _price_rows(desk: Desk, offer: Offer) -> list[tuple[Any, ...]]:
    price, name = offer.price, (offer.model.id, offer.provider.name)
    if price is None:
        return [(*name, "", None, None, None, "", "")]
    source = desk.catalogue.sources.get(price.source)
    where = f"{source.title} {source.url}".strip() if source else price.source
    return [
        (*name, _span(price, at), *_money(price, at), price.checked.isoformat(), where)
        for at in range(len(price.tiers))
    ]


def _span(price: Price, at: int) -> str:
    tier = price.tiers[at]
    above = tier.above if tier.above is not None else (price.tiers[at - 1].up_to if at else None)
    low = f"over {above:,}" if above else ""
    high = f"up to {tier.up_to:,}" if tier.up_to else ""
    return " ".join(filter(None, (low, high))) or "any"


def _money(price: Price, at: int) -> list[str | None]:
    tier, symbol = price.tiers[at], SYMBOLS.get(price.currency, f"{price.currency} ")
    amounts: list[Decimal | None] = [tier.input, tier.cached, tier.output]
    return [None if amount is None else f"{symbol}{amount.normalize():f}" for amount in amounts]


def rows(found: Iterable[Entry]) -> list[dict[str, Any]]:
    """Return calls as rows of a DataFrame."""
    return [
        {
            "at": entry.at,
            "day": entry.day,
            "session": entry.session,
            "provider": entry.provider,
            "model": entry.model,
            "input": entry.usage.input,
            "cached": entry.usage.cached,
            "output": entry.usage.output,
            "reasoning": entry.usage.reasoning,
            "estimated": entry.estimated,
            "cost": entry.cost.amount if entry.cost else None,
            "currency": entry.currency or None,
        }
        for entry in found
    ]
