"""Amounts of money or tokens: how they are written, and how much of one was spent."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal

from ..core.errors import InvalidValueError
from ..core.i18n import tr
from ..core.price import Cost, currency_symbol
from ..core.usage import Usage
from .ledger import Entry

TOKENS = "tokens"
WARN_AT = Decimal("0.8")
"""The part of a budget at which the user is warned."""
_SIGNS = {"¥": "CNY", "￥": "CNY", "$": "USD", "元": "CNY", "rmb": "CNY"}
_THOUSANDS = {"": 1, "k": 1000, "m": 1_000_000}
_AMOUNT = re.compile(
    r"(?P<sign>[¥￥$])?\s*(?P<number>\d[\d,_]*(?:\.\d+)?|\.\d+)\s*(?P<unit>[A-Za-z元]*(?:\s+tok(?:en)?s?)?)"
)


@dataclass(frozen=True, slots=True)
class Amount:
    """Money in one currency, or tokens."""

    number: Decimal
    unit: str
    """ISO 4217 code, or ``tokens``."""

    def __str__(self) -> str:
        number = f"{self.number:,f}"
        if self.unit == TOKENS:
            return f"{number} tokens"
        return f"{currency_symbol(self.unit)}{number}"

    @property
    def written(self) -> str:
        """The amount as it is saved on disk, for `parse_amount`."""
        return f"{self.number:f} {self.unit}"

    def of(self, usage: Usage, cost: Cost | None) -> Decimal:
        """Return how much of this unit a call takes."""
        if self.unit == TOKENS:
            return Decimal((usage.input or 0) + (usage.output or 0))
        return cost.amount if cost and cost.currency == self.unit else Decimal(0)

    def is_estimate(self, entries: Iterable[Entry]) -> bool:
        """Whether any part of what calls took of this unit is an estimate."""
        if self.unit == TOKENS:
            return any(entry.estimated for entry in entries)
        return any(e.is_estimate for e in entries if e.cost and e.cost.currency == self.unit)

    def spent(self, entries: Iterable[Entry]) -> Decimal:
        """Return how much of this unit calls took."""
        return sum((self.of(entry.usage, entry.cost) for entry in entries), Decimal(0))


def parse_amount(text: str) -> Amount:
    """Read ``¥0.50``, ``$1``, ``0.5 CNY``, ``20k``, ``20000 tokens``.

    Raises
    ------
    InvalidValueError
        It is none of these.
    """
    match = _AMOUNT.fullmatch(text.strip())
    unit = "".join(match["unit"].lower().split()) if match else ""
    if match is None:
        raise _unreadable(text)
    number = Decimal(match["number"].replace(",", "").replace("_", ""))
    currency = _SIGNS.get(match["sign"] or "") or _SIGNS.get(unit)
    if not currency and re.fullmatch(r"[a-z]{3}", unit) and unit != "tok":
        currency = unit.upper()
    if currency and (not unit or unit.upper() == currency or unit in _SIGNS):
        return _positive(Amount(number, currency), text)
    thousands = _THOUSANDS.get(re.sub(r"tok(en)?s?$", "", unit))
    if currency or thousands is None or (not unit and "." in match["number"]):
        raise _unreadable(text)
    return _positive(Amount(Decimal(int(number * thousands)), TOKENS), text)


def _positive(amount: Amount, text: str) -> Amount:
    if amount.number <= 0:
        raise _unreadable(text)
    return amount


def _unreadable(text: str) -> InvalidValueError:
    return InvalidValueError(
        tr("{text!r} is not an amount of money or tokens", text=text),
        hint=tr("write ¥0.50, $0.02, 0.5CNY, or 20k for tokens"),
    )
