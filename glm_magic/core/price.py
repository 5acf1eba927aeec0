"""Prices and costs, in `Decimal` and in the billed currency."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal

from .i18n import Text, from_data, joined, plural, tr
from .usage import Usage

MILLION = Decimal(1_000_000)
_SYMBOLS = {"CNY": "¥", "USD": "$"}


@dataclass(frozen=True, slots=True)
class Tier:
    """Prices that hold while a call's own input, and its output, are within bounds, in tokens.

    Providers write their bounds in two ways, and a tier keeps the one of its provider: `up_to`
    includes its figure (Model Studio's "0-32K"), `below` does not (BigModel's ``[0, 32)``).
    """

    input: Decimal
    """Price of one million input tokens."""
    output: Decimal
    """Price of one million output tokens, reasoning included."""
    cached: Decimal | None = None
    """Price of one million input tokens read from cache; ``None`` when it is not known."""
    up_to: int | None = None
    """Largest input length; ``None`` means no such bound."""
    below: int | None = None
    """Smallest input length that is too long; ``None`` means no such bound."""
    output_below: int | None = None
    """Smallest output length that is too long; ``None`` means no bound."""
    above: int | None = None
    """Largest input length that is too short; only for a tier whose lower neighbour is unknown."""

    @property
    def input_end(self) -> int | None:
        """Smallest input length that is too long, however it is written; ``None``: no bound."""
        return self.up_to + 1 if self.up_to is not None else self.below

    def holds(self, input_tokens: int, output_tokens: int | None) -> bool:
        """Whether a call is within the bounds; an unknown output is within none."""
        if self.input_end is not None and input_tokens >= self.input_end:
            return False
        if self.above is not None and input_tokens <= self.above:
            return False
        return self.output_below is None or (
            output_tokens is not None and output_tokens < self.output_below
        )


@dataclass(frozen=True, slots=True)
class Price:
    """What a provider charges for a model."""

    currency: str
    """ISO 4217 code of the currency that is billed, such as ``"CNY"``."""
    tiers: tuple[Tier, ...]
    """The first one that holds is the price of a call: narrower bounds come first."""
    checked: date
    """When the figure was last compared with its source."""
    source: str
    """Name of the source in the catalogue."""
    estimated: bool = False
    """True where it is asked for at an address that may charge otherwise; costs show ``≈``."""

    def tier(self, input_tokens: int, output_tokens: int | None = None) -> Tier | None:
        """Return the tier of a call, or ``None`` where none is known.

        Parameters
        ----------
        input_tokens, output_tokens : int
            Lengths of the call. Without the output, as before a reply, the tier is the one of a
            long output.
        """
        holding = (tier for tier in self.tiers if tier.holds(input_tokens, output_tokens))
        return next(holding, None)

    def span(self, at: int) -> Text:
        """Return the lengths for which a tier holds, as its provider bounds them."""
        tier = self.tiers[at]
        start = tier.above or max(
            (t.input_end or 0 for t in self.tiers[:at] if t.input_end != tier.input_end), default=0
        )
        parts: list[Text] = []
        if start and (tier.above or any(t.up_to == start - 1 for t in self.tiers[:at])):
            parts.append(tr("over {tokens:,}", tokens=tier.above or start - 1))
        elif start:
            parts.append(tr("from {tokens:,}", tokens=start))
        if tier.up_to is not None:
            parts.append(tr("up to {tokens:,}", tokens=tier.up_to))
        elif tier.below is not None:
            parts.append(tr("below {tokens:,}", tokens=tier.below))
        output = self._output_span(at)
        if output:
            parts.append(output)
        return joined(parts, " ") if parts else tr("any")

    def _output_span(self, at: int) -> Text | None:
        tier = self.tiers[at]
        if tier.output_below is not None:
            return tr("(output below {tokens:,})", tokens=tier.output_below)
        beside = [t.output_below for t in self.tiers[:at] if t.input_end == tier.input_end]
        bounds = [bound for bound in beside if bound is not None]
        return tr("(output from {tokens:,})", tokens=max(bounds)) if bounds else None

    def cost(self, usage: Usage | None) -> Cost | None:
        """Price one call.

        Returns
        -------
        Cost or None
            ``None`` where the price or a needed count is unknown, never zero in its place. When
            cached tokens were reported but have no known price they are counted at the full
            input price, and the cost is marked as estimated; so it is when more of them were
            reported than there was input, and where the price itself is one of another address.
        """
        if usage is None or usage.input is None or usage.output is None:
            return None
        tier = self.tier(usage.input, usage.output)
        if tier is None:
            return None
        cached = min(usage.cached or 0, usage.input)
        cached_price = tier.input if tier.cached is None else tier.cached
        output = usage.output * tier.output / MILLION
        read = (usage.input - cached) * tier.input + cached * cached_price
        estimated = (bool(cached) and tier.cached is None) or cached != (usage.cached or 0)
        return Cost(read / MILLION + output, self.currency, estimated or self.estimated, output)


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
