"""Prices and costs, in `Decimal` and in the billed currency."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal

from .i18n import Text, from_data, plural, tr
from .usage import Usage

MILLION = Decimal(1_000_000)
_SYMBOLS = {"CNY": "¥", "USD": "$"}


@dataclass(frozen=True, slots=True)
class Tier:
    """Prices that hold while a call's own input is above `above` and at most `up_to` tokens."""

    input: Decimal
    """Price of one million input tokens."""
    output: Decimal
    """Price of one million output tokens, reasoning included."""
    cached: Decimal | None = None
    """Price of one million input tokens read from cache; ``None`` when it is not known."""
    up_to: int | None = None
    """Largest input length, in tokens and inclusive; ``None`` means no bound."""
    above: int | None = None
    """Largest input length that is too short; only for a tier whose lower neighbour is unknown."""


@dataclass(frozen=True, slots=True)
class Price:
    """What a provider charges for a model."""

    currency: str
    """ISO 4217 code of the currency that is billed, such as ``"CNY"``."""
    tiers: tuple[Tier, ...]
    """Ordered by `Tier.up_to`, lowest first."""
    checked: date
    """When the figure was last compared with its source."""
    source: str
    """Name of the source in the catalogue."""

    def tier(self, input_tokens: int) -> Tier | None:
        """Return the tier of a call with that much input, or ``None`` where none is known."""
        for tier in self.tiers:
            if tier.up_to is None or input_tokens <= tier.up_to:
                return tier if tier.above is None or input_tokens > tier.above else None
        return None

    def cost(self, usage: Usage | None) -> Cost | None:
        """Price one call.

        Returns
        -------
        Cost or None
            ``None`` where the price or a needed count is unknown, never zero in its place. When
            cached tokens were reported but have no known price they are counted at the full
            input price, and the cost is marked as estimated; so it is when more of them were
            reported than there was input.
        """
        if usage is None or usage.input is None or usage.output is None:
            return None
        tier = self.tier(usage.input)
        if tier is None:
            return None
        cached = min(usage.cached or 0, usage.input)
        cached_price = tier.input if tier.cached is None else tier.cached
        output = usage.output * tier.output / MILLION
        read = (usage.input - cached) * tier.input + cached * cached_price
        estimated = (bool(cached) and tier.cached is None) or cached != (usage.cached or 0)
        return Cost(read / MILLION + output, self.currency, estimated, output)


@dataclass(frozen=True, slots=True)
class Cost:
    """What one call cost."""

    amount: Decimal
    currency: str
    """ISO 4217 code."""
    estimated: bool = False
    """True when a part of the figure is an estimate; shown with ``≈``."""
    output: Decimal | None = field(default=None, compare=False)
    """The part of `amount` that was paid for generated tokens; ``None`` when it is not known."""

    def __str__(self) -> str:
        return ("≈" if self.estimated else "") + format_money(self.amount, self.currency)


def currency_symbol(currency: str) -> str:
    """Return what stands before an amount: ``¥``, ``$``, or an ISO 4217 code and a space."""
    return _SYMBOLS.get(currency, f"{currency} ")


def format_money(amount: Decimal, currency: str) -> str:
    """Return an amount such as ``¥0.0041``: four decimals, or three significant digits below."""
    symbol = currency_symbol(currency)
    if amount == 0:
        return f"{symbol}0"
    if abs(amount) < Decimal("0.001"):
        return f"{symbol}{amount:.3g}" if abs(amount) >= Decimal("1e-6") else f"{symbol}<0.000001"
    return f"{symbol}{amount:,.4f}"


@dataclass(frozen=True, slots=True)
class CostTotal:
    """Costs added up, one sum per currency."""

    amounts: dict[str, Decimal] = field(default_factory=dict)
    """Sum per ISO 4217 code."""
    unpriced: int = 0
    """Calls whose cost is not known; they are in no sum."""
    estimated: bool = False
    """True when any of the sums holds an estimate."""

    @classmethod
    def of(cls, costs: Iterable[Cost | None]) -> CostTotal:
        """Add up costs; ``None`` counts as a call without a price."""
        amounts: dict[str, Decimal] = {}
        unpriced = 0
        estimated = False
        for cost in costs:
            if cost is None:
                unpriced += 1
                continue
            amounts[cost.currency] = amounts.get(cost.currency, Decimal(0)) + cost.amount
            estimated = estimated or cost.estimated
        return cls(amounts, unpriced, estimated)

    def to_text(self) -> Text:
        """Return the sums in words, which a view can show in another language."""
        sums = [format_money(amount, currency) for currency, amount in self.amounts.items()]
        text = ("≈" if self.estimated else "") + " + ".join(sums) if sums else ""
        if not self.unpriced:
            return from_data(text) if text else tr("nothing yet")
        if not text:
            return tr("n/a")
        return plural(
            self.unpriced, "{sums} + {count} call n/a", "{sums} + {count} calls n/a", sums=text
        )

    def __str__(self) -> str:
        return str(self.to_text())
