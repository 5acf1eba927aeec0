"""Every fact of the catalogue says where it was read, and when."""

from __future__ import annotations

from datetime import date
from importlib.resources import files

from glm_magic.catalogue.load import Catalogue
from glm_magic.catalogue.schema import ABILITIES
from glm_magic.catalogue.validate import DIALECT_NAMES, SOURCE_KINDS
from glm_magic.core.thinking import EFFORT_LEVELS
from glm_magic.dialects import DIALECTS

LAST_DAY = date(2026, 11, 28)


def test_every_source_says_its_kind_and_day(built_in: Catalogue) -> None:
    for source in built_in.sources.values():
        assert source.title
        assert source.kind in SOURCE_KINDS, source.name
        assert date(2025, 1, 1) < source.seen <= LAST_DAY, source.name
        assert source.url.startswith("https://") or source.kind != "official", source.name


def test_every_source_is_used(built_in: Catalogue) -> None:
    named = {info.source for info in built_in.providers.values()}
    named |= {info.plan_source for info in built_in.providers.values()}
    named |= {
        rule.source for info in built_in.providers.values() for rule in info.parameters.values()
    }
    named |= {model.source for model in built_in.models.values()}
    for offer in built_in.offers.values():
        named |= set(offer.sources.values()) | {note.source for note in offer.notes}
        named |= {name for conflict in offer.conflicts for name in conflict.says}
    assert set(built_in.sources) - named == set()


def test_every_provider_and_parameter_has_a_source(built_in: Catalogue) -> None:
    for info in built_in.providers.values():
        assert info.source in built_in.sources, info.name
        assert info.checked is not None, info.name
        assert bool(info.plan_note) == bool(info.plan_addresses), info.name
        assert not info.plan_note or info.plan_source in built_in.sources, info.name
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
        for note in offer.notes:
            assert note.source in built_in.sources, (key, note.text)
            assert note.checked is not None, (key, note.text)
        for fact, source in offer.sources.items():
            assert source in built_in.sources, (key, fact)
            assert fact in offer.checked, (key, fact)
            assert offer.checked[fact] <= LAST_DAY, (key, fact)


def test_no_stated_fact_lacks_its_source(built_in: Catalogue) -> None:
    for key, offer in built_in.offers.items():
        limits = ("context", "max_input", "max_reasoning", "max_answer", "max_output", "retires")
        stated = {name for name in (*limits, "price") if getattr(offer, name) is not None}
        stated |= {name for name in ABILITIES if getattr(offer, name) != "unknown"}
        stated |= {name for name in ("defaults", "plan", "plan_only") if getattr(offer, name)}
        assert stated <= set(offer.sources), key


def test_prices_name_their_source_and_day(built_in: Catalogue) -> None:
    for key, offer in built_in.offers.items():
        if offer.price:
            assert offer.price.source == offer.sources["price"], key
            assert offer.price.checked == offer.checked["price"], key
            assert offer.price.currency in ("CNY", "USD"), key


COMMUNITY_PRICES = {
    *(("zai", model) for model in ("glm-4.5", "glm-4.6", "glm-4.7", "glm-5", "glm-5-turbo")),
    ("dashscope-intl", "glm-5.2"),
    ("dashscope-native-intl", "glm-5.2"),
}


def test_prices_that_no_official_page_gave_are_marked(built_in: Catalogue) -> None:
    kinds = {
        key: built_in.sources[offer.price.source].kind
        for key, offer in built_in.offers.items()
        if offer.price
    }
    assert {key for key, kind in kinds.items() if kind != "official"} == COMMUNITY_PRICES
    assert set(kinds.values()) == {"official", "community"}


def test_what_is_not_confirmed_is_never_taken(built_in: Catalogue) -> None:
    for key, offer in built_in.offers.items():
        leads = {name for name, source in built_in.sources.items() if source.kind == "lead"}
        facts = {source for fact, source in offer.sources.items() if fact != "note"}
        assert leads.isdisjoint(facts), key
        for conflict in offer.conflicts:
            confirmed = [word for name, word in conflict.says.items() if name not in leads]
            assert conflict.taken in confirmed or leads.isdisjoint(conflict.says), key
        for note in offer.notes:
            assert note.source not in leads or note.text.startswith("Not confirmed"), key


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
    assert set(DIALECT_NAMES) == set(DIALECTS)
    for info in built_in.providers.values():
        assert info.dialect in DIALECTS
        assert set(info.effort) <= set(EFFORT_LEVELS)
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
        "glm-4.5.toml", "glm-4.6.toml", "glm-4.7.toml", "glm-4.toml", "glm-5-variants.toml",
        "glm-5.2.toml", "glm-5.toml", "vision.toml",
    ]  # fmt: skip
    assert sorted(entry.name for entry in (root / "providers").iterdir()) == [
        "bigmodel.toml", "dashscope.toml", "gateways.toml", "self_hosted.toml",
    ]  # fmt: skip
