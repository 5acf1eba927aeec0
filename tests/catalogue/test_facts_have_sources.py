"""Every fact of the catalogue says where it was read, and when."""

from __future__ import annotations

from datetime import date
from importlib.resources import files

from glm_magic.catalogue.load import Catalogue
from glm_magic.core.messages import EFFORT_LEVELS
from glm_magic.dialects import DIALECTS

ABILITIES = (
    *("functions", "structured_output", "tool_stream", "web_search", "context_cache"),
    "prefix",
)
LAST_DAY = date(2026, 11, 21)


def test_every_source_says_its_kind_and_day(built_in: Catalogue) -> None:
    for source in built_in.sources.values():
        assert source.title
        assert source.kind in ("official", "recorded", "community"), source.name
        assert date(2025, 1, 1) < source.seen <= LAST_DAY, source.name
        assert source.url.startswith("https://") or source.kind != "official", source.name


def test_every_source_is_used(built_in: Catalogue) -> None:
    named = {info.source for info in built_in.providers.values()}
    named |= {
        rule.source for info in built_in.providers.values() for rule in info.parameters.values()
    }
    named |= {model.source for model in built_in.models.values()}
    for offer in built_in.offers.values():
        named |= set(offer.sources.values())
        named |= {name for conflict in offer.conflicts for name in conflict.says}
    assert set(built_in.sources) - named == set()


def test_every_provider_and_parameter_has_a_source(built_in: Catalogue) -> None:
    for info in built_in.providers.values():
        assert info.source in built_in.sources, info.name
        assert info.checked is not None, info.name
        for rule in info.parameters.values():
            assert rule.source in built_in.sources, (info.name, rule.name)


def test_every_model_has_a_source_and_an_offer(built_in: Catalogue) -> None:
    served = {model_id for _, model_id in built_in.offers}
    for model in built_in.models.values():
        assert model.source in built_in.sources, model.id
        assert model.checked is not None, model.id
        assert model.id in served
        assert model.id == model.id.lower()


def test_every_fact_of_an_offer_has_a_source_and_a_day(built_in: Catalogue) -> None:
    for key, offer in built_in.offers.items():
        assert offer.sources, key
        for fact, source in offer.sources.items():
            assert source in built_in.sources, (key, fact)
            assert offer.checked[fact] <= LAST_DAY, (key, fact)


def test_no_stated_fact_lacks_its_source(built_in: Catalogue) -> None:
    for key, offer in built_in.offers.items():
        limits = ("context", "max_input", "max_reasoning", "max_answer", "max_output", "retires")
        stated = {name for name in (*limits, "price") if getattr(offer, name) is not None}
        stated |= {name for name in ABILITIES if getattr(offer, name) != "unknown"}
        stated |= {"defaults"} if offer.defaults else set()
        assert stated <= set(offer.sources), key


def test_prices_name_their_source_and_day(built_in: Catalogue) -> None:
    for key, offer in built_in.offers.items():
        if offer.price:
            assert offer.price.source == offer.sources["price"], key
            assert offer.price.checked == offer.checked["price"], key
            assert offer.price.currency in ("CNY", "USD"), key


def test_dollar_prices_are_marked_as_third_party_reports(built_in: Catalogue) -> None:
    dollars = [o.price for o in built_in.offers.values() if o.price and o.price.currency == "USD"]
    assert len(dollars) == 9
    assert {built_in.sources[price.source].kind for price in dollars} == {"community"}


def test_yuan_prices_come_from_official_pages(built_in: Catalogue) -> None:
    yuan = [o.price for o in built_in.offers.values() if o.price and o.price.currency == "CNY"]
    assert {built_in.sources[price.source].kind for price in yuan} == {"official"}


def test_conflicts_name_known_sources_and_what_is_taken(built_in: Catalogue) -> None:
    for key, offer in built_in.offers.items():
        for conflict in offer.conflicts:
            assert len(conflict.says) >= 2, key
            assert set(conflict.says) <= set(built_in.sources), key
            assert conflict.taken
            assert conflict.why


def test_words_of_the_catalogue_are_those_of_the_schema(built_in: Catalogue) -> None:
    for info in built_in.providers.values():
        assert info.dialect in DIALECTS
        assert set(info.effort) <= set(EFFORT_LEVELS)
        assert info.prefix in ("yes", "no", "unknown")
    for key, offer in built_in.offers.items():
        assert set(offer.effort) <= set(EFFORT_LEVELS), key
        for ability in ABILITIES:
            allowed = {"yes", "no", "unknown"}
            allowed |= {"non-thinking"} if ability == "structured_output" else set()
            assert getattr(offer, ability) in allowed, (key, ability)


def test_every_file_of_the_catalogue_ships_with_the_package() -> None:
    root = files("glm_magic.catalogue")
    assert (root / "sources.toml").is_file()
    assert sorted(entry.name for entry in (root / "models").iterdir()) == [
        "glm-4.5.toml", "glm-4.6.toml", "glm-4.7.toml", "glm-5.toml",
    ]  # fmt: skip
    assert sorted(entry.name for entry in (root / "providers").iterdir()) == [
        "bigmodel.toml", "dashscope.toml", "gateways.toml", "self_hosted.toml",
    ]  # fmt: skip
