"""A user's own TOML files, laid over the built-in catalogue."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import pytest

from glm_magic.catalogue.load import Catalogue, catalogue
from glm_magic.catalogue.lookup import default_model
from glm_magic.catalogue.resolve import resolve
from glm_magic.core.errors import InvalidValueError
from glm_magic.core.paths import config_folder
from glm_magic.core.price import Cost
from glm_magic.core.usage import Usage

Load = Callable[..., Catalogue]

GATEWAY = """
[provider.school]
like = "openrouter"
title = "the school's gateway"
base_url = "https://llm.school.example/v1"
key_env = ["SCHOOL_KEY"]
hosts = ["llm.school.example"]
model_prefix = ""

[provider.school.parameters]
temperature = { type = "number", min = 0, max = 1 }

[[model."glm-4.6".offer]]
providers = ["school"]
context = 65536
"""

MODEL = """
[model."glm-6"]
title = "GLM-6"
rank = 6.0
general = true
aliases = ["six"]

[[model."glm-6".offer]]
providers = ["zai", "wcode"]
context = 2000000
"""

PRICE = """
[source."my invoice"]
title = "the invoice of November"
kind = "official"
seen = 2026-11-20

[[model."glm-4.5".offer]]
providers = ["dashscope"]
currency = "CNY"
tiers = [{ input = 7.1, output = "8" }, { up_to = 100, input = "2.5", output = "3", cached = "1" }]
source = "my invoice"
checked = 2026-11-20
"""


def test_without_files_the_catalogue_is_the_built_in_one(isolated_home: Path) -> None:
    assert config_folder() == isolated_home / "glm"
    assert not config_folder().exists()
    assert len(catalogue().providers) == 14


def test_a_provider_can_be_added_in_the_likeness_of_another(overlay: Load) -> None:
    overlaid = overlay(GATEWAY)
    info = overlaid.providers["school"]
    assert (info.dialect, info.path, info.key_env) == (
        "openrouter",
        "/chat/completions",
        ("SCHOOL_KEY",),
    )
    assert info.parameters["temperature"].problem(1.5) is not None
    assert info.parameters["top_p"].problem(0.5) is None
    assert overlaid.providers["openrouter"].parameters["temperature"].problem(1.5) is None
    choice = resolve(overlaid, base_url="https://llm.school.example/v1", has_key=lambda _: False)
    assert choice.offer.provider.name == "school"
    assert choice.offer.wire_id == "glm-4.6"
    assert choice.offer.context == 65536


def test_what_is_true_of_one_provider_only_is_not_inherited(overlay: Load) -> None:
    table = '[provider.{0}]\nlike = "{1}"\norder = 1\nhosts = ["{0}.example"]\n'
    likes = {"lab": "vllm", "mirror": "dashscope", "native": "dashscope-native"}
    providers = overlay("".join(map(table.format, likes, likes.values()))).providers
    assert [name for name, info in providers.items() if info.is_fallback] == ["vllm"]
    free = {name for name, info in providers.items() if info.free_quota_days}
    assert free == {"dashscope", "dashscope-native"}
    assert providers["native"].host_path == ""
    assert providers["dashscope-native-intl"].host_path == "/api/v1"


def test_an_added_provider_comes_after_the_built_in_ones(overlay: Load) -> None:
    overlaid = overlay(
        '[provider.Mine]\ntitle = "mine"\ndialect = "vllm"\nbase_url = "https://mine.example/v1"\n'
    )
    assert list(overlaid.providers)[-1] == "Mine"
    choice = resolve(
        overlaid, model="x", provider="mine", base_url="http://h", has_key=lambda _: True
    )
    assert choice.offer.provider.title == "mine"


def test_a_provider_can_be_changed_in_one_place(overlay: Load) -> None:
    overlaid = overlay('[provider.vllm]\nbase_url = "http://gpu.example:9000/v1"\n')
    info = overlaid.providers["vllm"]
    assert info.base_url == "http://gpu.example:9000/v1"
    assert info.self_hosted
    assert list(overlaid.providers).index("vllm") == 8


def test_a_file_with_a_fact_that_is_no_longer_needed_is_read(overlay: Load) -> None:
    overlaid = overlay("[provider.vllm]\nthink_tags = true\nthink_open = true\n")
    assert overlaid.providers["vllm"].think_open


def test_a_model_can_be_added(overlay: Load) -> None:
    overlaid = overlay(MODEL)
    for provider, wire_id in (("zai", "glm-6"), ("wcode", "z-ai/glm-6")):
        newest = default_model(overlaid, provider)
        assert newest is not None
        assert newest.id == "glm-6"
        assert overlaid.offers[provider, "glm-6"].wire_id == wire_id
        assert overlaid.offers[provider, "glm-6"].price is None
    assert "six" in overlaid.model_names()
    choice = resolve(overlaid, model="zai/SIX", has_key=lambda _: True)
    assert choice.offer.context == 2_000_000


def test_a_price_can_be_replaced_and_all_else_stays(overlay: Load, built_in: Catalogue) -> None:
    overlaid = overlay(PRICE)
    old, new = built_in.offers["dashscope", "glm-4.5"], overlaid.offers["dashscope", "glm-4.5"]
    assert new.price is not None
    assert new.price.source == new.sources["price"] == "my invoice"
    assert overlaid.sources["my invoice"].title == "the invoice of November"
    assert (new.context, new.defaults, new.conflicts) == (old.context, old.defaults, old.conflicts)
    assert new.sources["context"] == old.sources["context"]
    assert overlaid.offers["dashscope-native", "glm-4.5"].price == old.price


def test_a_price_at_the_address_of_ones_own_provider_is_exact(overlay: Load) -> None:
    text = '[provider.lab]\nlike = "vllm"\nbase_url = "http://gpu.lab:9000/v1"\n' + PRICE
    offer = overlay(text.replace('["dashscope"]', '["lab"]')).offers["lab", "glm-4.5"]
    for address, exact in (
        ("http://gpu.lab:9000/v1", True),
        ("http://gpu.lab:9001/v1", True),
        ("http://elsewhere.lab:9000/v1", False),
    ):
        price = offer.at(address).price
        assert price is not None
        assert price.estimated is not exact


def test_tiers_may_be_written_in_any_order(overlay: Load) -> None:
    price = overlay(PRICE).offers["dashscope", "glm-4.5"].price
    assert price is not None
    assert price.cost(Usage(100, 0)) == Cost(Decimal("0.00025"), "CNY")
    assert price.cost(Usage(101, 0)) == Cost(Decimal("0.0007171"), "CNY")


def test_tiers_by_output_too_may_be_written_in_any_order(overlay: Load) -> None:
    price = (
        overlay(
            '[[model."glm-4.5".offer]]\nproviders = ["zai"]\ncurrency = "USD"\nsource = "x"\n'
            "checked = 2026-11-28\ntiers = [\n{ input = 4, output = 4 },\n"
            "{ below = 10, input = 2, output = 2 },\n"
            "{ below = 10, output_below = 5, input = 1, output = 1 },\n"
            "{ up_to = 19, input = 3, output = 3 },\n]\n"
        )
        .offers["zai", "glm-4.5"]
        .price
    )
    assert price is not None
    calls = [(9, 4), (9, 5), (10, 4), (19, 4), (20, 4)]
    tiers = [price.tier(*call) for call in calls]
    assert [tier.input for tier in tiers if tier] == [1, 2, 3, 3, 4]


def test_a_changed_file_is_read_again(overlay: Load) -> None:
    assert "glm-6" in overlay(MODEL).models
    later = overlay(MODEL.replace("glm-6", "glm-7").replace("GLM-6", "GLM-7") + "\n# longer\n")
    assert "glm-7" in later.models
    assert "glm-6" not in later.models


def test_files_are_laid_over_in_the_order_of_their_names(overlay: Load) -> None:
    overlay('[provider.zai]\ntitle = "second"\n', "b.toml")
    overlaid = overlay('[provider.zai]\ntitle = "first"\n', "a.toml")
    assert overlaid.providers["zai"].title == "second"


def test_other_files_of_the_folder_are_left_alone(overlay: Load) -> None:
    (config_folder() / "folder.toml").mkdir(parents=True)
    assert len(overlay("not toml at all", "notes.txt").providers) == 14


BROKEN = {
    "no TOML": ("[provider.x", "not valid TOML"),
    "an unknown table": ("[providers.x]\ntitle = 'x'\n", "did you mean 'provider'?"),
    "an unknown key of a provider": ("[provider.zai]\nbase_urll = 'x'\n", "'base_url'"),
    "an unknown key of a model": ("[model.'glm-5']\nrankk = 1\n", "'rank'"),
    "an unknown key of an offer": (
        "[[model.'glm-5'.offer]]\nproviders = ['zai']\ncontexts = 1\n", "'context'",
    ),
    "an unknown key of a tier": (
        "[[model.'glm-5'.offer]]\nproviders = ['zai']\ncurrency = 'USD'\nsource = 'x'\n"
        "checked = 2026-01-01\ntiers = [{input = 1, output = 1, upto = 5}]\n", "'up_to'",
    ),
    "an unknown key of a parameter": (
        "[provider.zai.parameters]\ntemperature = {minimum = 1}\n", "'min'",
    ),
    "an offer of an unknown provider": ("[[model.x.offer]]\nproviders = ['zay']\n", "available: "),
    "an offer of no provider": ("[[model.x.offer]]\ncontext = 1\n", 'providers = ["dashscope"]'),
    "providers that are no list": ("[[model.x.offer]]\nproviders = 'zai'\n", "providers = ["),
    "likeness to nobody": ("[provider.x]\nlike = 'zay'\n", "available: "),
    "a provider without an address": ("[provider.x]\ntitle = 'x'\n", "add what is missing"),
    "a source without a title": ("[source.x]\nkind = 'official'\n", "add what is missing"),
    "a price without a source": (
        "[[model.'glm-5'.offer]]\nproviders = ['zai']\ncurrency = 'USD'\n"
        "tiers = [{input = 1, output = 1}]\n", "a price needs",
    ),
    "a currency without tiers": (
        "[[model.'glm-5'.offer]]\nproviders = ['zai']\ncurrency = 'USD'\n", "a price needs",
    ),
    "a price that is no number": (
        "[[model.'glm-5'.offer]]\nproviders = ['zai']\ncurrency = 'USD'\nsource = 'x'\n"
        "checked = 2026-01-01\ntiers = [{input = 'much', output = 1}]\n", "a price needs",
    ),
    "a price below zero": (
        "[[model.'glm-5'.offer]]\nproviders = ['zai']\ncurrency = 'USD'\nsource = 'x'\n"
        "checked = 2026-01-01\ntiers = [{input = -1, output = 1}]\n", "a price needs",
    ),
    "a bound that is no number": (
        "[[model.'glm-5'.offer]]\nproviders = ['zai']\ncurrency = 'USD'\nsource = 'x'\n"
        "checked = 2026-01-01\ntiers = [{input = 1, output = 1, up_to = '32K'}]\n", "whole number",
    ),
    "a limit that is a text": (
        "[[model.'glm-5'.offer]]\nproviders = ['zai']\ncontext = '128K'\n", "a whole number",
    ),
    "a date in quotes": (
        "[[model.'glm-5'.offer]]\nproviders = ['zai']\nretires = '2026-12-01'\n", "without quotes",
    ),
    "a text where a list belongs": (
        "[provider.zai]\nkey_env = 'ZAI_API_KEY'\n", "a list of strings",
    ),
    "a list of the wrong things": ("[provider.zai]\nkey_env = [1]\n", "a list of strings"),
    "a number where a switch belongs": ("[provider.zai]\nself_hosted = 1\n", "true or false"),
    "a switch where a number belongs": ("[model.'glm-5']\nrank = true\n", "a number"),
    "a value where a table belongs": ("model = 5\n", "tables are"),
    "a value where a provider belongs": ("provider.zai = 5\n", "tables are"),
    "a value where an offer belongs": ("[model.x]\noffer = 5\n", "tables are"),
    "bytes that are no text": ("\udcff", "fix the file"),
}  # fmt: skip


@pytest.mark.parametrize("case", BROKEN)
def test_a_broken_file_is_told_in_two_lines(isolated_home: Path, case: str) -> None:
    text, words = BROKEN[case]
    folder = isolated_home / "glm"
    folder.mkdir()
    (folder / "mine.toml").write_bytes(text.encode("utf-8", "surrogateescape"))
    with pytest.raises(InvalidValueError) as caught:
        catalogue()
    lines = caught.value.lines()
    assert len(lines) == 2, lines
    assert "\n" not in "".join(lines)
    assert words in "".join(lines)
