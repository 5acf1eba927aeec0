"""``make facts``: the comparison with genai-prices, on data of its form written here."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from decimal import Decimal
from types import SimpleNamespace
from typing import Any

import pytest

from glm_magic.catalogue.load import Catalogue
from scripts.compare_facts import differences, prices_on

TODAY = date(2026, 11, 28)
D = Decimal


def amounts(**prices: Any) -> SimpleNamespace:
    """Return a price as the package has it: attributes that are missing are not priced."""
    names = {"input": "input_mtok", "output": "output_mtok", "cached": "cache_read_mtok"}
    return SimpleNamespace(**{names[name]: price for name, price in prices.items()})


def model(
    name: str, prices: Any, context: int | None = None, deprecated: bool | None = None
) -> Any:
    return SimpleNamespace(id=name, prices=prices, context_window=context, deprecated=deprecated)


def provider(name: str, *models: Any) -> Any:
    return SimpleNamespace(id=name, models=list(models))


def since(start: date | None, prices: Any) -> Any:
    constraint = None if start is None else SimpleNamespace(start_date=start)
    return SimpleNamespace(constraint=constraint, prices=prices)


def tiered(base: Decimal) -> Any:
    return SimpleNamespace(base=base, tiers=[SimpleNamespace(start=32_000, price=base * 2)])


SAME = amounts(input=D("1.4"), output=D("4.4"), cached=D("0.26"))


def shown(catalogue: Catalogue, *providers: Any) -> set[tuple[str, str, str, str]]:
    """Return what differs for the models that the package lists; the rest is not listed there."""
    return {
        (d.model, d.fact, d.ours, d.theirs)
        for d in differences(catalogue, providers, TODAY)
        if d.theirs != "not listed"
    }


def test_what_agrees_is_not_shown(built_in: Catalogue) -> None:
    theirs = provider(
        "zai",
        model("GLM-5.3", SAME, 1_048_576),
        model("GLM-5.2", SAME, 1_000_000),
        model("GLM-4.7-Flash", amounts()),
    )
    assert shown(built_in, theirs) == set()


def test_one_length_written_with_either_kilo_agrees(built_in: Catalogue) -> None:
    theirs = provider("zai", model("glm-4.5-air", amounts(
        input=D("0.20"), output=D("1.10"), cached=D("0.03")), 128_000))  # fmt: skip
    assert shown(built_in, theirs) == set()


@pytest.mark.parametrize(
    ("theirs", "expected"),
    [
        (
            model("GLM-5.2", amounts(input=D("1.5"), output=D("4.4"), cached=D("0.26"))),
            {("glm-5.2", "input", "1.40 USD", "1.5 USD")},
        ),
        (
            model("GLM-5.2", amounts(input=D("1.4"), output=D("4.4"))),
            {("glm-5.2", "cached", "0.26 USD", "None USD")},
        ),
        (model("GLM-5.2", SAME, 200_000), {("glm-5.2", "context", "1,000,000", "200,000")}),
        (model("GLM-5.2", SAME, deprecated=True), {("glm-5.2", "served", "yes", "deprecated")}),
        (
            model("GLM-4.5-X", amounts(input=D("2"), output=D("8"))),
            {("glm-4.5-x", "price", "n/a", "2 / 8 USD (cached None)")},
        ),
        (model("GLM-6", SAME), {("glm-6", "model", "not listed", "listed")}),
        (model("GLM-4-Plus", SAME), set()),
        (model("GLM-OCR", SAME), set()),
    ],
    ids=lambda value: value.id if hasattr(value, "id") else "",
)
def test_what_differs_is_shown_once(
    built_in: Catalogue, theirs: Any, expected: set[tuple[str, str, str, str]]
) -> None:
    assert shown(built_in, provider("zai", theirs)) == expected


def test_what_they_do_not_list_is_told_where_it_has_a_price(built_in: Catalogue) -> None:
    listed = {
        (d.model, d.fact, d.theirs)
        for d in differences(built_in, [provider("zai", model("GLM-5.2", SAME))], TODAY)
    }
    assert ("glm-5.3", "price", "not listed") in listed
    assert not [entry for entry in listed if entry[0] == "glm-5.2"]


@pytest.mark.parametrize(
    ("dollars", "differs"), [("0.552", False), ("0.551", False), ("0.6", True), ("0.5", True)]
)
def test_yuan_are_compared_by_their_own_rate(
    built_in: Catalogue, dollars: str, *, differs: bool
) -> None:
    # 4, 18 and 1 yuan, at 7.25 for a dollar
    prices = amounts(input=D(dollars), output=D("2.483"), cached=D("0.138"))
    assert bool(shown(built_in, provider("zhipuai", model("GLM-5", prices)))) is differs


def test_the_price_of_the_day_counts(built_in: Catalogue) -> None:
    later = amounts(input=D(9), output=D(9), cached=D(9))
    prices = [
        since(None, amounts(input=D("0.7"), output=D("2.2"))),
        since(date(2026, 9, 10), SAME),
        since(date(2027, 1, 1), later),
        SimpleNamespace(constraint=SimpleNamespace(start_time=9), prices=later),
    ]
    assert prices_on(prices, TODAY) == {
        "input": D("1.4"), "output": D("4.4"), "cached": D("0.26"),
    }  # fmt: skip
    assert shown(built_in, provider("zai", model("GLM-5.2", prices))) == set()


def test_of_tiers_the_one_of_a_short_call_counts(built_in: Catalogue) -> None:
    prices = amounts(input=tiered(D("1.4")), output=tiered(D("4.4")), cached=tiered(D("0.26")))
    assert shown(built_in, provider("zai", model("GLM-5.2", prices))) == set()


def test_a_model_that_they_list_twice_is_listed(built_in: Catalogue) -> None:
    twice = [model(name, amounts()) for name in ("glm-5.2", "z-ai/glm-5.2")]
    assert shown(built_in, provider("openrouter", *twice)) == set()


def test_other_providers_are_passed_over(built_in: Catalogue) -> None:
    assert list(differences(built_in, [provider("novita", model("GLM-5.2", SAME))], TODAY)) == []


def test_vendors_before_a_name_make_no_difference(
    built_in: Catalogue, overlay: Callable[..., Catalogue]
) -> None:
    theirs = provider("openrouter", model("z-ai/glm-5.2", SAME))
    assert shown(built_in, theirs) == {
        ("glm-5.2", "price", "n/a", "1.4 / 4.4 USD (cached 0.26)")
    }  # fmt: skip
    priced = overlay(
        '[[model."glm-5.2".offer]]\nproviders = ["openrouter"]\ncurrency = "USD"\nsource = "me"\n'
        'checked = 2026-11-28\ntiers = [{ input = "1.4", output = "4.4", cached = "0.26" }]\n'
    )
    assert shown(priced, theirs) == set()
