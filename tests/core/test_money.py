"""Usage and cost: what is unknown stays unknown, and money is exact."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest

from glm_magic.core.price import Cost, CostTotal, Price, Tier, format_money
from glm_magic.core.usage import Usage

D = Decimal
TIERS = (
    Tier(input=D(3), output=D(14), up_to=32768),
    Tier(input=D(4), output=D(16), up_to=98304),
)
TIERED = Price("CNY", TIERS, date(2026, 11, 21), "somewhere")
CACHED = Price("USD", (Tier(D("0.60"), D("2.20"), cached=D("0.11")),), date(2026, 11, 21), "s")


@pytest.mark.parametrize(
    ("input_", "output", "expected"),
    [
        (0, 0, "0"),
        (1000, 500, "0.010"),
        (32768, 1, "0.098318"),
        (32769, 1, "0.131092"),
        (98304, 0, "0.393216"),
    ],
)
def test_the_tier_follows_the_calls_own_input(input_, output, expected):
    assert TIERED.cost(Usage(input_, output)) == Cost(D(expected), "CNY")


def test_past_the_last_tier_there_is_no_price():
    assert TIERED.cost(Usage(98305, 1)) is None


@pytest.mark.parametrize("usage", [None, Usage(), Usage(10, None), Usage(None, 10)])
def test_without_counts_there_is_no_cost(usage):
    assert TIERED.cost(usage) is None


def test_cached_input_has_its_own_price():
    cost = CACHED.cost(Usage(input=1000, output=100, cached=400))
    assert cost == Cost(D("0.000624"), "USD")


def test_cached_input_without_a_price_is_counted_in_full_and_marked():
    cost = TIERED.cost(Usage(input=1000, output=0, cached=400))
    assert cost == Cost(D("0.003"), "CNY", estimated=True)
    assert str(cost).startswith("≈")


def test_reasoning_is_part_of_the_output_and_not_paid_twice():
    assert TIERED.cost(Usage(100, 50, reasoning=40)) == TIERED.cost(Usage(100, 50))


def test_a_sum_keeps_what_nobody_reported_unknown():
    assert Usage(1, 2) + Usage(3, 4, cached=1) == Usage(4, 6, cached=1, reasoning=None)
    assert (Usage() + Usage()).total is None
    assert Usage(0, 0).total == 0


def test_totals_are_kept_per_currency_and_count_what_has_no_price():
    total = CostTotal.of([Cost(D(1), "CNY"), None, Cost(D(2), "USD"), Cost(D(3), "CNY")])
    assert total.amounts == {"CNY": D(4), "USD": D(2)}
    assert total.unpriced == 1
    assert str(total) == "¥4.0000 + $2.0000 + 1 call n/a"


@pytest.mark.parametrize(
    ("total", "text"),
    [
        (CostTotal(), "nothing yet"),
        (CostTotal.of([None]), "n/a"),
        (CostTotal.of([None] * 2), "n/a"),
    ],
)
def test_an_unknown_total_is_never_shown_as_zero(total, text):
    assert str(total) == text


@pytest.mark.parametrize(
    ("amount", "text"),
    [("0", "¥0"), ("1234.5", "¥1,234.5000"), ("0.00041", "¥0.00041"), ("0.0000001", "¥<0.000001")],
)
def test_small_amounts_stay_readable(amount, text):
    assert format_money(D(amount), "CNY") == text
