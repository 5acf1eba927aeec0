"""Limits, defaults and abilities of the models, compared with the published tables."""

from __future__ import annotations

from datetime import date

import pytest

from glm_magic.catalogue.load import Catalogue
from glm_magic.catalogue.lookup import default_model

MODEL_STUDIO = ("dashscope", "dashscope-intl", "dashscope-native", "dashscope-native-intl")
ZHIPU = ("bigmodel", "zai")

# context, longest input, chain of thought, answer; temperature
MODEL_STUDIO_TABLE = {
    "glm-4.5": (131072, 98304, 32768, 16384, 0.6),
    "glm-4.5-air": (131072, 98304, 32768, 16384, 0.6),
    "glm-4.6": (202752, 169984, 32768, 16384, 1.0),
    "glm-4.7": (202752, 169984, 32768, 16384, 1.0),
    "glm-5": (202752, 202752, 32768, 16384, 1.0),
}

# context, longest output; temperature
ZHIPU_TABLE = {
    "glm-4.5": (131072, 98304, 0.6),
    "glm-4.5-air": (131072, 98304, 0.6),
    "glm-4.5-x": (131072, 98304, 0.6),
    "glm-4.5-airx": (131072, 98304, 0.6),
    "glm-4.5-flash": (131072, 98304, 0.6),
    "glm-4.6": (204800, 131072, 1.0),
    "glm-4.7": (204800, 131072, 1.0),
    "glm-4.7-flash": (204800, 131072, 1.0),
    "glm-4.7-flashx": (204800, 131072, 1.0),
    "glm-5": (204800, 131072, 1.0),
    "glm-5-turbo": (204800, 131072, 1.0),
    "glm-5.1": (204800, 131072, 1.0),
    "glm-5.2": (1000000, 131072, 1.0),
    "glm-5.3": (1048576, 131072, None),
    "glm-5.3-flash": (1000000, 131072, None),
}
VISION_TABLE = {
    "glm-4.5v": (65536, 16384),
    "glm-4.6v": (131072, 32768),
    "glm-5v-turbo": (204800, 131072),
}
AT_ZAI_ALONE = {
    "glm-4.6v-flash", "glm-4.6v-flashx", "glm-5.1-highspeed", "glm-5.2-highspeed", "glm-5.3-flashx",
    "glm-5.3-highspeed", "glm-5.4",
}  # fmt: skip

# functions, structured output, tool_stream, context cache
ABILITIES = {
    "glm-4.5": ("unknown", "non-thinking", "no", "no"),
    "glm-4.5-air": ("unknown", "non-thinking", "no", "no"),
    "glm-4.6": ("yes", "non-thinking", "yes", "no"),
    "glm-4.7": ("yes", "non-thinking", "yes", "no"),
    "glm-5": ("yes", "non-thinking", "yes", "yes"),
    "glm-5.3": ("yes", "yes", "unknown", "yes"),
}


@pytest.mark.parametrize("provider", MODEL_STUDIO)
@pytest.mark.parametrize("model", MODEL_STUDIO_TABLE)
def test_limits_and_defaults_of_model_studio(
    built_in: Catalogue, provider: str, model: str
) -> None:
    offer = built_in.offers[provider, model]
    *limits, temperature = MODEL_STUDIO_TABLE[model]
    assert [offer.context, offer.max_input, offer.max_reasoning, offer.max_answer] == limits
    assert offer.defaults == {
        "enable_thinking": True,
        "temperature": temperature,
        "top_p": 0.95,
        "top_k": 20,
        "repetition_penalty": 1.0,
    }


@pytest.mark.parametrize("provider", ZHIPU)
@pytest.mark.parametrize("model", ZHIPU_TABLE)
def test_limits_and_defaults_of_zhipu(built_in: Catalogue, provider: str, model: str) -> None:
    offer = built_in.offers[provider, model]
    context, output, temperature = ZHIPU_TABLE[model]
    assert (offer.context, offer.max_output) == (context, output)
    assert offer.defaults.get("temperature") == temperature
    assert offer.defaults.get("top_p") == (0.95 if temperature else None)


@pytest.mark.parametrize("provider", MODEL_STUDIO)
@pytest.mark.parametrize("model", ABILITIES)
def test_abilities_of_model_studio(built_in: Catalogue, provider: str, model: str) -> None:
    offer = built_in.offers[provider, model]
    actual = (offer.functions, offer.structured_output, offer.tool_stream, offer.context_cache)
    assert actual == ABILITIES[model]
    assert offer.web_search == "no"


def test_the_models_of_a_provider_are_those_it_serves(built_in: Catalogue) -> None:
    def served(provider: str) -> set[str]:
        return {offer.model.id for offer in built_in.of_provider(provider)}

    listed = {*MODEL_STUDIO_TABLE, "glm-5.1", "glm-5.2", "glm-5.3"}
    assert served("dashscope-intl") == served("dashscope-native-intl") == listed
    hosted = {"zhipu/glm-5", "zhipu/glm-5.2", "zhipu/glm-5.3"}
    assert served("dashscope") == served("dashscope-native") == listed | hosted
    assert served("bigmodel") == {*ZHIPU_TABLE, *VISION_TABLE, "glm-4.6v-flash", "glm-4-plus"}
    assert served("zai") == {*ZHIPU_TABLE, *VISION_TABLE, *AT_ZAI_ALONE}
    assert served("wcode") == {"glm-4.5", "glm-4.6"}


def test_the_wire_id_is_the_providers_own(built_in: Catalogue) -> None:
    for (provider, model), offer in built_in.offers.items():
        prefix = "z-ai/" if provider in ("wcode", "openrouter") else ""
        expected = model.upper() if model.startswith("zhipu/") else prefix + model
        assert offer.wire_id == ("~z-ai/glm-latest" if model == "glm-latest" else expected)


@pytest.mark.parametrize("provider", ZHIPU)
@pytest.mark.parametrize("model", VISION_TABLE)
def test_models_that_see_are_told_apart(built_in: Catalogue, provider: str, model: str) -> None:
    offer = built_in.offers[provider, model]
    assert (offer.context, offer.max_output) == VISION_TABLE[model]
    assert offer.images == "yes"
    assert built_in.offers[provider, "glm-4.6v-flash"].images == "yes"
    assert built_in.offers[provider, "glm-5.3-flash"].images == "yes"
    assert built_in.offers[provider, "glm-5.2"].images == "unknown"


def test_only_the_newest_generation_always_thinks(built_in: Catalogue) -> None:
    always = {model.id for model in built_in.models.values() if not model.thinking_off}
    assert {model for model in always if "5.3" in model} | {"glm-5.4", "glm-latest"} == always
    assert {"glm-5.3", "glm-5.3-flash", "glm-5.3-flashx", "zhipu/glm-5.3"} <= always
    for (_, model), offer in built_in.offers.items():
        assert offer.thinking_off == (model not in always)


def test_effort_levels_are_those_of_the_models_that_have_them(built_in: Catalogue) -> None:
    actual = {key: offer.effort for key, offer in built_in.offers.items() if offer.effort}
    six, three = ("minimal", "low", "medium", "high", "xhigh", "max"), ("low", "high", "max")
    assert actual == {
        **{(provider, "glm-5.2"): six for provider in ZHIPU},
        **{(provider, "glm-5.2"): six for provider in ("dashscope-intl", "dashscope-native-intl")},
        **{(provider, "glm-5.3-flash"): three for provider in ZHIPU},
        **{(provider, "glm-5.3"): three for provider in (*MODEL_STUDIO, *ZHIPU)},
    }


@pytest.mark.parametrize(
    ("provider", "model"),
    [
        *((name, "glm-5.2") for name in (*MODEL_STUDIO, *ZHIPU, "openrouter")),
        ("wcode", "glm-4.6"),
    ],
)
def test_the_default_is_the_newest_general_model_that_can_think_and_not_think(
    built_in: Catalogue, provider: str, model: str
) -> None:
    actual = default_model(built_in, provider)
    assert actual is not None
    assert actual.id == model
    assert built_in.offers[provider, model].is_served
    assert built_in.offers[provider, model].thinking_off


@pytest.mark.parametrize("base_url", [
    "https://api.z.ai/api/coding/paas/v4", "https://open.bigmodel.cn/api/coding/paas/v4",
])  # fmt: skip
def test_the_default_of_a_coding_plan_is_the_model_that_answers_there(
    built_in: Catalogue, base_url: str
) -> None:
    provider = "zai" if "z.ai" in base_url else "bigmodel"
    actual = default_model(built_in, provider, base_url)
    assert actual is not None
    assert actual.id == "glm-5.3"


@pytest.mark.parametrize("provider", ["vllm", "sglang", "llamacpp", "ollama", "lmstudio", "local"])
def test_a_server_of_ones_own_has_no_default(built_in: Catalogue, provider: str) -> None:
    assert default_model(built_in, provider) is None


def test_a_generation_has_one_general_model(built_in: Catalogue) -> None:
    general = [model.rank for model in built_in.models.values() if model.general]
    assert sorted(general) == [4.5, 4.6, 4.7, 5.0, 5.1, 5.2, 5.3]
    for model in built_in.models.values():
        assert model.id.removeprefix("zhipu/").startswith((f"glm-{model.rank:g}", "glm-latest"))


def test_announced_removals_are_recorded(built_in: Catalogue) -> None:
    retiring = {key: offer.retires for key, offer in built_in.offers.items() if offer.retires}
    assert retiring == {
        (provider, model): date(2026, 10, 10)
        for provider in MODEL_STUDIO
        for model in ("glm-4.6", "glm-4.7")
    }


CONFLICTS = {
    "glm-4.5": {"functions", "structured_output", "price", "stream only", "max_output"},
    "glm-4.5-air": {"functions", "structured_output", "price", "stream only", "max_output"},
    "glm-4.6": {"structured_output", "stream only", "thinking", "retires"},
    "glm-4.7": {"retires"},
    "glm-5": {"max_input", "structured_output"},
}


@pytest.mark.parametrize("model", CONFLICTS)
def test_contradictions_among_the_sources_are_recorded(built_in: Catalogue, model: str) -> None:
    actual = {conflict.fact for conflict in built_in.offers["dashscope", model].conflicts}
    assert actual == CONFLICTS[model]


def test_what_was_taken_is_what_the_offer_holds(built_in: Catalogue) -> None:
    for offer in built_in.offers.values():
        for conflict in offer.conflicts:
            if conflict.fact in (
                "functions",
                "structured_output",
                "max_input",
                "context",
                "retires",
            ):
                assert str(getattr(offer, conflict.fact)) == conflict.taken
            if conflict.fact == "price":
                assert offer.price is not None
                assert str(offer.price.tiers[-1].up_to) == conflict.taken


def test_a_coding_plan_is_told_by_its_address(built_in: Catalogue) -> None:
    offer = built_in.offers["zai", "glm-5.2"]
    plan = offer.at("https://api.z.ai/api/coding/paas/v4")
    assert not offer.is_coding_plan
    assert plan.is_coding_plan
    assert plan.price is None


@pytest.mark.parametrize("model", ["glm-5.1", "glm-5.2", "glm-5.3", "glm-5.3-flash"])
def test_a_coding_plan_has_facts_of_its_own(built_in: Catalogue, model: str) -> None:
    plan = built_in.offers["zai", model].at("https://api.z.ai/api/coding/paas/v4")
    assert not plan.thinking_off
    assert plan.effort == ("minimal", "low", "medium", "high", "xhigh", "max")
    older = built_in.offers["zai", "glm-4.7"].at("https://api.z.ai/api/coding/paas/v4")
    assert older.thinking_off


def test_what_only_subscribers_have_is_served_at_their_address_alone(built_in: Catalogue) -> None:
    offer = built_in.offers["zai", "glm-5.4"]
    assert not offer.is_served
    assert offer.at("https://api.z.ai/api/coding/paas/v4").is_served
