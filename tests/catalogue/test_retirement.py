"""Models whose removal was announced: before the day, on it and after it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime, timedelta

import pytest

from glm_magic.catalogue.load import Catalogue
from glm_magic.catalogue.lookup import default_model, without_thinking
from glm_magic.catalogue.resolve import resolve
from glm_magic.core.errors import UnknownNameError
from glm_magic.core.i18n import translate

HOSTED = (
    *("dashscope", "dashscope-intl", "dashscope-native", "dashscope-native-intl"),
    *("bigmodel", "zai", "wcode", "openrouter"),
)


def in_days(days: int) -> date:
    return datetime.now().astimezone().date() + timedelta(days=days)


def retiring(overlay: Callable[..., Catalogue], model: str, provider: str, days: int) -> Catalogue:
    return overlay(
        f'[[model."{model}".offer]]\nproviders = ["{provider}"]\nretires = {in_days(days)}\n'
        'source = "me"\n'
    )


def notices(catalogue: Catalogue, model: str | None, provider: str) -> list[tuple[str, str]]:
    choice = resolve(catalogue, model=model, provider=provider, has_key=lambda _: True)
    return [(notice.code, notice.message) for notice in choice.notices]


@pytest.mark.parametrize("days", [1, 30])
def test_a_removal_to_come_is_told_in_the_future(
    overlay: Callable[..., Catalogue], days: int
) -> None:
    catalogue = retiring(overlay, "glm-5.2", "zai", days)
    (notice,) = notices(catalogue, "glm-5.2", "zai")
    assert notice == (
        "retires",
        f"the provider announced that glm-5.2 will be removed on {in_days(days)}",
    )
    newest = default_model(catalogue, "zai")
    assert newest is not None
    assert newest.id == "glm-5.2"


@pytest.mark.parametrize("days", [0, -1, -400])
@pytest.mark.parametrize("provider", HOSTED)
def test_a_removed_model_is_no_default_and_no_suggestion_and_ranks_last(
    overlay: Callable[..., Catalogue], built_in: Catalogue, provider: str, days: int
) -> None:
    before = default_model(built_in, provider)
    assert before is not None
    catalogue = retiring(overlay, before.id, provider, days)
    after = default_model(catalogue, provider)
    assert after is not None
    assert after.id != before.id
    alive = [offer.is_retired for offer in catalogue.of_provider(provider)]
    assert alive == sorted(alive), "what was removed comes last"
    for offer in catalogue.of_provider(provider):
        able = without_thinking(catalogue, offer)
        assert able is None or able.id != before.id
    with pytest.raises(UnknownNameError) as caught:
        resolve(catalogue, model=f"{before.id}x", provider=provider, has_key=lambda _: True)
    assert before.id not in caught.value.hint.replace(",", " ").split()


def test_asking_for_a_removed_model_says_that_it_was_removed(
    overlay: Callable[..., Catalogue],
) -> None:
    catalogue = retiring(overlay, "glm-5.2", "zai", -3)
    (notice,) = notices(catalogue, "glm-5.2", "zai")
    assert notice[0] == "retires"
    assert f"glm-5.2 was removed from Z.ai on {in_days(-3)}" in notice[1]
    assert "will be" not in notice[1]
    assert "There is glm-5.1" in notice[1]
    assert "下线" in translate(
        resolve(catalogue, model="glm-5.2", provider="zai", has_key=lambda _: True)
        .notices[0]
        .message,
        "zh",
    )


@pytest.mark.parametrize("model", ["glm-4.6", "glm-4.7"])
@pytest.mark.parametrize("provider", HOSTED[:4])
def test_what_model_studio_removed_in_october_is_told_in_the_past(
    built_in: Catalogue, provider: str, model: str
) -> None:
    (notice,) = notices(built_in, model, provider)
    assert "was removed" in notice[1]
    assert "2026-10-10" in notice[1]
    assert "There is glm-5.2" in notice[1]


def test_of_several_keys_one_whose_provider_still_serves_the_model_wins(
    built_in: Catalogue,
) -> None:
    keys = {"dashscope", "zai"}
    choice = resolve(built_in, model="glm-4.6", has_key=lambda info: info.name in keys)
    assert choice.offer.provider.name == "zai"
    assert choice.notices == ()
    alone = resolve(built_in, model="glm-4.6", has_key=lambda info: info.name == "dashscope")
    assert alone.offer.provider.name == "dashscope"


@pytest.mark.parametrize("provider", HOSTED)
def test_a_default_is_served_and_can_think_and_not_think_where_any_model_can(
    built_in: Catalogue, provider: str
) -> None:
    model = default_model(built_in, provider)
    assert model is not None
    offer = built_in.offers[provider, model.id]
    assert offer.is_served
    served = [other for other in built_in.of_provider(provider) if other.is_served]
    assert offer.thinking_off == any(other.thinking_off for other in served)
    assert notices(built_in, None, provider) == []


def test_where_every_model_always_thinks_the_newest_is_the_default(
    overlay: Callable[..., Catalogue],
) -> None:
    catalogue = overlay(
        "".join(
            f'[[model."{name}".offer]]\nproviders = ["wcode"]\nthinking_off = false\n'
            for name in ("glm-4.5", "glm-4.6")
        )
    )
    model = default_model(catalogue, "wcode")
    assert model is not None
    assert model.id == "glm-4.6"
