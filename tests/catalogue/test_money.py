"""What calls cost, worked out by hand from the published tables."""

from __future__ import annotations

from decimal import Decimal

import pytest

from glm_magic.catalogue.load import Catalogue
from glm_magic.core.price import Cost
from glm_magic.core.usage import Usage

BEIJING = ("dashscope", "dashscope-native")
ELSEWHERE = ("dashscope-intl", "dashscope-native-intl")

# model, input, output, yuan: input and output in thousands at the page's price per thousand
TABLE = [
    # 7 tokens at 0.003 a thousand, 290 at 0.014: 0.000021 + 0.00406
    ("glm-4.5", 7, 290, "0.004081"),
    ("glm-4.5", 1000, 1000, "0.017"),
    ("glm-4.5", 32767, 1000, "0.112301"),
    # the tier includes its bound: 32.768 x 0.003 + 0.014
    ("glm-4.5", 32768, 1000, "0.112304"),
    # one token more, and the whole call is in the upper tier: 32.769 x 0.004 + 0.016
    ("glm-4.5", 32769, 1000, "0.147076"),
    ("glm-4.5", 98304, 16384, "0.655360"),
    ("glm-4.5-air", 7, 290, "0.0017456"),
    ("glm-4.5-air", 32768, 1000, "0.0322144"),
    ("glm-4.5-air", 32769, 1000, "0.0473228"),
    ("glm-4.5-air", 98304, 16384, "0.2490368"),
    # the output never chooses the tier
    ("glm-4.5", 100, 49152, "0.688428"),
    ("glm-4.5", 0, 0, "0"),
]


# model, input, output, cached, yuan: worked out from BigModel's prices of a million tokens
BIGMODEL_TABLE = [
    # 31,999 at 2, 199 at 8: 0.063998 + 0.001592
    ("glm-4.7", 31_999, 199, 0, "0.06559"),
    # an output of 200 is no longer below 0.2 thousand: 31,999 at 3, 200 at 14
    ("glm-4.7", 31_999, 200, 0, "0.098797"),
    # 32 thousand themselves are dear: 32,000 at 4, 199 at 16
    ("glm-4.7", 32_000, 199, 0, "0.131184"),
    ("glm-4.7", 32_000, 200, 0, "0.1312"),
    # and so is what 1,024 times 32 would still call short: 32,767 at 4, 1 at 16
    ("glm-4.7", 32_767, 1, 0, "0.131084"),
    ("glm-4.7", 32_768, 1, 0, "0.131088"),
    # 10,000 at 3, of which 4,000 cached at 0.6; 1,000 at 14: 0.018 + 0.0024 + 0.014
    ("glm-4.7", 10_000, 1_000, 4_000, "0.0344"),
    ("glm-4.7", 199_999, 0, 0, "0.799996"),
    ("glm-5", 31_999, 1_000, 0, "0.145996"),  # 31,999 at 4, 1,000 at 18
    ("glm-5", 32_000, 1_000, 0, "0.214"),  # 32,000 at 6, 1,000 at 22
    ("glm-5", 50_000, 1_000, 20_000, "0.232"),  # 30,000 at 6, 20,000 at 1.5, 1,000 at 22
    ("glm-5-turbo", 31_999, 0, 0, "0.159995"),  # at 5
    ("glm-5-turbo", 32_000, 0, 0, "0.224"),  # at 7
    ("glm-5v-turbo", 32_000, 1_000, 0, "0.25"),  # and 1,000 at 26
    ("glm-5.1", 31_999, 0, 31_999, "0.0415987"),  # all cached, at 1.3
    ("glm-5.1", 32_000, 0, 0, "0.256"),  # at 8
    ("glm-5.2", 1_000_000, 1_000_000, 0, "36"),
    ("glm-5.3", 32_000, 1_000, 0, "0.284"),  # no tiers: 32,000 at 8, 1,000 at 28
    ("glm-5.3", 1_000_000, 1_000_000, 1_000_000, "30"),
    ("glm-5.3-flash", 1_000_000, 1_000_000, 500_000, "3.315"),  # 0.4 + 0.115 + 2.8
    ("glm-4.6v", 31_999, 1_000, 0, "0.034999"),  # at 1 and 3
    ("glm-4.6v", 32_000, 1_000, 1_000, "0.0684"),  # 31,000 at 2, 1,000 at 0.4, 1,000 at 6
]


@pytest.mark.parametrize(("model", "read", "written", "cached", "yuan"), BIGMODEL_TABLE)
def test_bigmodel_is_priced_by_input_and_output(
    built_in: Catalogue, model: str, read: int, written: int, cached: int, yuan: str
) -> None:
    money = cost(built_in, "bigmodel", model, Usage(read, written, cached=cached))
    assert money == Cost(Decimal(yuan), "CNY")


@pytest.mark.parametrize(("model", "read"), [("glm-4.7", 200_000), ("glm-4.6v", 128_000)])
def test_past_bigmodels_last_bound_there_is_no_price(
    built_in: Catalogue, model: str, read: int
) -> None:
    assert cost(built_in, "bigmodel", model, Usage(read, 1)) is None


@pytest.mark.parametrize(
    ("address", "dollars"),
    [
        ("https://dashscope-intl.aliyuncs.com/compatible-mode/v1", "0.0058"),
        ("https://ws.ap-southeast-1.maas.aliyuncs.com/compatible-mode/v1", "0.0058"),
        ("https://dashscope-us.aliyuncs.com/compatible-mode/v1", None),
        ("https://ws.eu-central-1.maas.aliyuncs.com/compatible-mode/v1", None),
        ("https://cn-hongkong.dashscope.aliyuncs.com/compatible-mode/v1", None),
        ("https://coding-intl.dashscope.aliyuncs.com/v1", None),
        ("https://token-plan.ap-southeast-1.maas.aliyuncs.com/compatible-mode/v1", None),
    ],
)
def test_singapores_price_holds_in_singapore_alone(
    built_in: Catalogue, address: str, dollars: str | None
) -> None:
    offer = built_in.offers["dashscope-intl", "glm-5.2"].at(address)
    # 1,000 at 1.4 and 1,000 at 4.4 dollars a million
    money = offer.price.cost(Usage(1000, 1000)) if offer.price else None
    assert money == (Cost(Decimal(dollars), "USD") if dollars else None)


@pytest.mark.parametrize("provider", ["dashscope", "bigmodel", "zai", "wcode"])
@pytest.mark.parametrize("address", ["http://127.0.0.1:4000/v1", "https://proxy.lab/v1"])
def test_at_an_unknown_address_a_cost_is_an_estimate(
    built_in: Catalogue, provider: str, address: str
) -> None:
    offer = next(o for o in built_in.of_provider(provider) if o.price)
    there = offer.at(address)
    assert offer.price is not None
    assert there.price is not None
    own, money = offer.price.cost(Usage(40_000, 10)), there.price.cost(Usage(40_000, 10))
    assert own is not None
    assert money is not None
    assert (own.estimated, money.estimated) == (False, True)
    assert own.amount == money.amount


def cost(catalogue: Catalogue, provider: str, model: str, usage: Usage) -> Cost | None:
    price = catalogue.offers[provider, model].price
    return price.cost(usage) if price else None


@pytest.mark.parametrize("provider", BEIJING)
@pytest.mark.parametrize(("model", "read", "written", "yuan"), TABLE)
def test_tiers_follow_the_calls_own_input(
    built_in: Catalogue, provider: str, model: str, read: int, written: int, yuan: str
) -> None:
    assert cost(built_in, provider, model, Usage(read, written)) == Cost(Decimal(yuan), "CNY")


@pytest.mark.parametrize("provider", BEIJING)
@pytest.mark.parametrize("model", ["glm-4.5", "glm-4.5-air"])
@pytest.mark.parametrize("read", [98305, 131072])
def test_input_past_the_last_tier_has_no_price(
    built_in: Catalogue, provider: str, model: str, read: int
) -> None:
    assert cost(built_in, provider, model, Usage(read, 1)) is None


@pytest.mark.parametrize(
    ("read", "written", "yuan"),
    [(10, 349, "0.007035"), (1000, 1000, "0.0255"), (1_000_000, 1_000_000, "25.5")],
)
def test_wcode_is_priced_by_the_thousand_on_its_page(
    built_in: Catalogue, read: int, written: int, yuan: str
) -> None:
    money = cost(built_in, "wcode", "glm-4.5", Usage(read, written))
    assert money == Cost(Decimal(yuan), "CNY")


def test_cached_input_is_cheaper_where_its_price_is_known(built_in: Catalogue) -> None:
    # 40,000 fresh at 6, 20,000 cached at 1.2, 1,000 out at 22 a million
    money = cost(built_in, "dashscope", "glm-5", Usage(60_000, 1000, cached=20_000))
    assert money == Cost(Decimal("0.286"), "CNY")
    # 500 fresh at 1.40, 500 cached at 0.26, 100 out at 4.40 dollars a million
    money = cost(built_in, "zai", "glm-5.2", Usage(1000, 100, cached=500))
    assert money == Cost(Decimal("0.00127"), "USD")


def test_cached_input_without_a_price_is_an_estimate(built_in: Catalogue) -> None:
    money = cost(built_in, "dashscope", "glm-4.5", Usage(1000, 0, cached=400))
    assert money == Cost(Decimal("0.003"), "CNY", estimated=True)


@pytest.mark.parametrize(
    ("read", "yuan"),
    [(1, None), (32768, None), (32769, "0.196614"), (202752, "1.216512"), (204801, None)],
)
def test_a_tier_that_nobody_stated_has_no_price(
    built_in: Catalogue, read: int, yuan: str | None
) -> None:
    money = cost(built_in, "dashscope", "glm-5", Usage(read, 0))
    assert money == (Cost(Decimal(yuan), "CNY") if yuan else None)


def test_the_model_that_zhipu_hosts_has_one_tier(built_in: Catalogue) -> None:
    money = cost(built_in, "dashscope", "zhipu/glm-5", Usage(1_000_000, 1_000_000, cached=500_000))
    assert money == Cost(Decimal("25.75"), "CNY")
    assert cost(built_in, "dashscope", "zhipu/glm-5", Usage(1, 0)) == Cost(
        Decimal("0.000006"), "CNY"
    )


def test_a_free_model_costs_nothing_and_that_is_known(built_in: Catalogue) -> None:
    money = cost(built_in, "bigmodel", "glm-4.5-flash", Usage(5000, 5000, cached=100))
    assert money == Cost(Decimal(0), "CNY")
    assert cost(built_in, "zai", "glm-4.5-flash", Usage(5000, 5000)) == Cost(Decimal(0), "USD")


@pytest.mark.parametrize(
    ("model", "dollars"),
    [
        ("glm-4.5", ("0.60", "2.20", "0.11")),
        ("glm-4.6", ("0.60", "2.20", "0.11")),
        ("glm-4.7", ("0.60", "2.20", "0.11")),
        ("glm-5", ("1.00", "3.20", "0.20")),
        ("glm-5-turbo", ("1.20", "4.00", "0.24")),
        ("glm-5.1", ("1.40", "4.40", "0.26")),
        ("glm-5.2", ("1.40", "4.40", "0.26")),
        ("glm-5.3", ("1.40", "4.40", "0.26")),
        ("glm-5.3-flash", ("0.15", "0.50", "0.03")),
        ("glm-5.3-flashx", ("0.37", "1.25", "0.075")),
        ("glm-4.5-air", ("0.20", "1.10", "0.03")),
        ("glm-4.7-flashx", ("0.07", "0.40", "0.01")),
        ("glm-4.7-flash", ("0", "0", "0")),
        ("glm-5v-turbo", ("1.20", "4.00", "0.24")),
        ("glm-4.6v", ("0.30", "0.90", "0.05")),
        ("glm-4.5v", ("0.60", "1.80", "0.11")),
    ],
)
def test_zai_is_priced_in_dollars(
    built_in: Catalogue, model: str, dollars: tuple[str, str, str]
) -> None:
    fresh, written, cached = (Decimal(amount) for amount in dollars)
    million = 1_000_000
    assert cost(built_in, "zai", model, Usage(million, 0)) == Cost(fresh, "USD")
    assert cost(built_in, "zai", model, Usage(0, million)) == Cost(written, "USD")
    assert cost(built_in, "zai", model, Usage(million, 0, cached=million)) == Cost(cached, "USD")


@pytest.mark.parametrize("provider", ELSEWHERE)
def test_no_figure_of_beijing_is_used_elsewhere(built_in: Catalogue, provider: str) -> None:
    priced = [offer for offer in built_in.of_provider(provider) if offer.price]
    assert [(offer.model.id, offer.price.currency) for offer in priced if offer.price] == [
        ("glm-5.2", "USD")
    ]


@pytest.mark.parametrize("provider", [*BEIJING, "bigmodel", "zai", "wcode", "openrouter"])
def test_a_price_that_is_unknown_is_no_price(built_in: Catalogue, provider: str) -> None:
    priced = {offer.model.id for offer in built_in.of_provider(provider) if offer.price}
    assert priced == {
        "dashscope": {"glm-4.5", "glm-4.5-air", "glm-5", "zhipu/glm-5"},
        "dashscope-native": {"glm-4.5", "glm-4.5-air", "glm-5", "zhipu/glm-5"},
        "bigmodel": {
            "glm-4-plus", "glm-4.5-flash", "glm-4.6v", "glm-4.7", "glm-5", "glm-5-turbo", "glm-5.1",
            "glm-5.2",
            "glm-5.3", "glm-5.3-flash", "glm-5v-turbo",
        },
        "zai": {
            "glm-4.5", "glm-4.6", "glm-4.7", "glm-5", "glm-5-turbo", "glm-5.1", "glm-5.2",
            "glm-5.3", "glm-5.3-flash", "glm-4.5-air", "glm-4.5-flash", "glm-4.5v", "glm-4.6v",
            "glm-4.6v-flash", "glm-4.7-flash", "glm-4.7-flashx", "glm-5.3-flashx", "glm-5v-turbo",
        },
        "wcode": {"glm-4.5"},
        "openrouter": set(),
    }[provider]  # fmt: skip


def test_a_batch_has_a_price_of_its_own(built_in: Catalogue) -> None:
    batched = {k: offer for k, offer in built_in.offers.items() if offer.batch_price}
    assert set(batched) == {("openrouter", "glm-5.3"), ("bigmodel", "glm-4-plus")}
    for offer in batched.values():
        assert offer.batch_price is not None
        assert offer.batch_price.source in built_in.sources
        assert offer.price is None or offer.batch_price.tiers[0].input < offer.price.tiers[0].input
    plus = batched["bigmodel", "glm-4-plus"]
    assert plus.at("https://open.bigmodel.cn/api/coding/paas/v4").batch_price is None
    elsewhere = plus.at("https://proxy.example/v4").batch_price
    assert elsewhere is not None
    assert elsewhere.estimated
    assert plus.variant("free").batch_price is None
