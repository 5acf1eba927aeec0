"""Usage and cost: what is unknown stays unknown, and money is exact."""

from __future__ import annotations

from dataclasses import replace
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


BY_OUTPUT = Price(
    "CNY",
    (
        Tier(input=D(2), output=D(8), cached=D("0.4"), below=32_000, output_below=200),
        Tier(input=D(3), output=D(14), cached=D("0.6"), below=32_000),
        Tier(input=D(4), output=D(16), cached=D("0.8"), below=200_000),
    ),
    date(2026, 11, 28),
    "somewhere",
)


@pytest.mark.parametrize(
    ("input_", "output", "expected"),
    [
        (0, 199, "0.001592"),  # 199 at 8
        (31_999, 199, "0.06559"),  # 31,999 at 2, 199 at 8
        (31_999, 200, "0.098797"),  # 31,999 at 3, 200 at 14
        (32_000, 199, "0.131184"),  # 32,000 at 4, 199 at 16
        (32_000, 200, "0.1312"),
        (32_768, 1, "0.131088"),
        (199_999, 0, "0.799996"),
    ],
)
def test_a_tier_may_go_by_the_output_too_and_leave_its_bound_out(input_, output, expected):
    assert BY_OUTPUT.cost(Usage(input_, output)) == Cost(D(expected), "CNY")


def test_past_a_bound_that_is_left_out_there_is_no_price():
    assert BY_OUTPUT.cost(Usage(200_000, 1)) is None


def test_before_the_output_is_known_the_tier_is_that_of_a_long_one():
    assert BY_OUTPUT.tier(10) == Tier(D(3), D(14), D("0.6"), below=32_000)
    assert TIERED.tier(10) == TIERS[0]


def test_tiers_are_shown_as_their_provider_bounds_them():
    assert [str(BY_OUTPUT.span(at)) for at in range(3)] == [
        "below 32,000 (output below 200)",
        "below 32,000 (output from 200)",
        "from 32,000 below 200,000",
    ]
    assert [str(TIERED.span(at)) for at in range(2)] == ["up to 32,768", "over 32,768 up to 98,304"]
    assert str(CACHED.span(0)) == "any"
    above = Price("CNY", (Tier(D(6), D(22), above=32768, up_to=204800),), date(2026, 11, 21), "s")
    assert str(above.span(0)) == "over 32,768 up to 204,800"


def test_at_an_address_that_may_charge_otherwise_a_cost_is_an_estimate():
    assert str(replace(TIERED, estimated=True).cost(Usage(1000, 500))) == "≈¥0.0100"


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
