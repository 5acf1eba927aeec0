"""Names, keys and addresses -> one offer."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from glm_magic.catalogue.load import Catalogue
from glm_magic.catalogue.lookup import provider_at, split_address
from glm_magic.catalogue.resolve import Resolved, resolve
from glm_magic.catalogue.schema import Offer
from glm_magic.core.errors import InvalidValueError, MissingKeyError, UnknownNameError
from glm_magic.core.usage import Usage


def chosen(catalogue: Catalogue, keys: str = "", **asked: Any) -> Resolved:
    """Choose with keys for the providers that are named."""
    return resolve(catalogue, has_key=lambda info: info.name in keys.split(), **asked)


def offered(catalogue: Catalogue, keys: str = "", **asked: Any) -> Offer:
    return chosen(catalogue, keys, **asked).offer


def named(offer: Offer) -> tuple[str, str]:
    return offer.provider.name, offer.wire_id


def test_the_one_provider_with_a_key_is_the_default(built_in: Catalogue) -> None:
    assert named(offered(built_in, "zai")) == ("zai", "glm-5.2")
    assert named(offered(built_in, "wcode")) == ("wcode", "z-ai/glm-4.6")


def test_of_several_keys_the_first_provider_in_the_order_wins(built_in: Catalogue) -> None:
    every = " ".join(built_in.providers)
    assert offered(built_in, every).provider.name == "dashscope"
    assert offered(built_in, "openrouter zai bigmodel").provider.name == "bigmodel"


def test_of_several_keys_one_that_serves_the_model_wins(built_in: Catalogue) -> None:
    assert named(offered(built_in, "dashscope zai", model="glm-5-turbo")) == ("zai", "glm-5-turbo")
    assert named(offered(built_in, "dashscope zai", model="glm-5")) == ("dashscope", "glm-5")


def test_without_a_key_the_local_model_answers(built_in: Catalogue) -> None:
    offer = offered(built_in, local_available=lambda: True)
    assert named(offer) == ("local", "default")


def test_with_nothing_configured_two_lines_say_what_to_do(built_in: Catalogue) -> None:
    with pytest.raises(MissingKeyError) as caught:
        chosen(built_in)
    assert len(caught.value.lines()) == 2
    assert "ZAI_API_KEY" in caught.value.hint


@pytest.mark.parametrize(
    ("model", "expected"),
    [
        ("zai/glm-4.6", ("zai", "glm-4.6")),
        ("dashscope-native/glm-5", ("dashscope-native", "glm-5")),
        ("wcode/glm-4.5", ("wcode", "z-ai/glm-4.5")),
        ("wcode/z-ai/glm-4.5", ("wcode", "z-ai/glm-4.5")),
        ("openrouter/z-ai/glm-5", ("openrouter", "z-ai/glm-5")),
        ("vllm/zai-org/GLM-4.6-FP8", ("vllm", "zai-org/GLM-4.6-FP8")),
        ("dashscope/ZHIPU/GLM-5", ("dashscope", "ZHIPU/GLM-5")),
    ],
)
def test_a_slash_splits_a_provider_from_a_model(
    built_in: Catalogue, model: str, expected: tuple[str, str]
) -> None:
    assert named(offered(built_in, model=model)) == expected


@pytest.mark.parametrize(
    ("model", "provider", "wire_id"),
    [
        ("zhipu/glm-5", "dashscope", "ZHIPU/GLM-5"),
        ("ZHIPU/GLM-5", "dashscope", "ZHIPU/GLM-5"),
        ("zai-org/GLM-4.5", "vllm", "zai-org/GLM-4.5"),
        ("z-ai/glm-4.5", "vllm", "z-ai/glm-4.5"),
        ("openrouter/auto", "vllm", "openrouter/auto"),
    ],
)
def test_a_slash_after_anything_else_belongs_to_the_model(
    built_in: Catalogue, model: str, provider: str, wire_id: str
) -> None:
    assert named(offered(built_in, model=model, provider=provider)) == (provider, wire_id)


@pytest.mark.parametrize("provider", ["wcode", "openrouter"])
def test_the_vendor_prefix_makes_no_difference(built_in: Catalogue, provider: str) -> None:
    plain = offered(built_in, model="glm-4.5", provider=provider)
    assert offered(built_in, model="z-ai/glm-4.5", provider=provider) == plain
    assert plain.wire_id == "z-ai/glm-4.5"


@pytest.mark.parametrize("model", ["GLM-4.5", " glm-4.5 ", "Glm-4.5"])
def test_models_are_known_in_any_case(built_in: Catalogue, model: str) -> None:
    assert named(offered(built_in, model=model, provider="dashscope")) == ("dashscope", "glm-4.5")


def test_providers_are_known_in_any_case(built_in: Catalogue) -> None:
    assert offered(built_in, provider=" ZAI ").provider.name == "zai"


@pytest.mark.parametrize(
    ("model", "provider", "near"),
    [
        ("glm-4.55", "dashscope", "did you mean glm-4.5?"),
        ("glm5", "zai", "did you mean glm-5?"),
        ("glm-4.5-airr", "bigmodel", "did you mean glm-4.5-air?"),
        ("z-ai/glm-46", "wcode", "did you mean glm-4.6?"),
    ],
)
def test_an_unknown_model_is_told_with_the_nearest(
    built_in: Catalogue, model: str, provider: str, near: str
) -> None:
    with pytest.raises(UnknownNameError) as caught:
        chosen(built_in, model=model, provider=provider)
    assert len(caught.value.lines()) == 2
    assert near in caught.value.hint
    assert model in caught.value.message


def test_an_unknown_provider_is_told_with_the_nearest(built_in: Catalogue) -> None:
    with pytest.raises(UnknownNameError) as caught:
        chosen(built_in, model="glm-5", provider="dashscop")
    assert "did you mean dashscope?" in caught.value.hint
    assert "lmstudio" in caught.value.hint


def test_a_model_that_a_provider_does_not_serve_is_refused(built_in: Catalogue) -> None:
    with pytest.raises(UnknownNameError):
        chosen(built_in, model="glm-5-turbo", provider="dashscope")
    with pytest.raises(UnknownNameError):
        chosen(built_in, model="zhipu/glm-5", provider="dashscope-intl")


@pytest.mark.parametrize("provider", ["vllm", "sglang", "ollama", "lmstudio"])
def test_a_server_of_ones_own_wants_the_model_named(built_in: Catalogue, provider: str) -> None:
    with pytest.raises(UnknownNameError) as caught:
        chosen(built_in, provider=provider)
    assert "/models" in caught.value.hint


def test_an_unlisted_name_goes_unchanged_to_a_server_of_ones_own(built_in: Catalogue) -> None:
    choice = chosen(built_in, model="My-Own.Model", provider="ollama")
    assert choice.offer.wire_id == "My-Own.Model"
    assert not choice.offer.is_listed
    assert choice.offer.price is None
    assert [notice.code for notice in choice.notices] == ["unlisted-model"]


def test_an_unlisted_name_goes_unchanged_to_an_address_of_ones_own(built_in: Catalogue) -> None:
    offer = offered(built_in, model="new", provider="zai", base_url="http://127.0.0.1:9/v4/")
    assert (offer.wire_id, offer.provider.base_url) == ("new", "http://127.0.0.1:9/v4")


def test_what_is_known_of_a_model_holds_where_it_is_self_hosted(built_in: Catalogue) -> None:
    offer = offered(built_in, model="zai-org/GLM-5.3-FP8", provider="vllm")
    assert not offer.thinking_off
    assert offer.wire_id == "zai-org/GLM-5.3-FP8"


ADDRESSES = [
    ("https://dashscope.aliyuncs.com/compatible-mode/v1", "dashscope"),
    ("https://dashscope.aliyuncs.com/api/v1", "dashscope-native"),
    ("https://ws-1a2b.cn-beijing.maas.aliyuncs.com/compatible-mode/v1", "dashscope"),
    ("https://ws-1a2b.cn-beijing.maas.aliyuncs.com/api/v1", "dashscope-native"),
    ("https://trial.cn-beijing.maas.aliyuncs.com/compatible-mode/v1", "dashscope"),
    ("https://dashscope-intl.aliyuncs.com/compatible-mode/v1", "dashscope-intl"),
    ("https://dashscope-intl.aliyuncs.com/api/v1", "dashscope-native-intl"),
    ("https://dashscope-us.aliyuncs.com/compatible-mode/v1", "dashscope-intl"),
    ("https://cn-hongkong.dashscope.aliyuncs.com/compatible-mode/v1", "dashscope-intl"),
    ("https://ws.ap-southeast-1.maas.aliyuncs.com/compatible-mode/v1", "dashscope-intl"),
    ("https://ws.us-east-1.maas.aliyuncs.com/api/v1", "dashscope-native-intl"),
    ("https://ws.cn-hongkong.maas.aliyuncs.com/compatible-mode/v1", "dashscope-intl"),
    ("https://ws.eu-central-1.maas.aliyuncs.com/compatible-mode/v1", "dashscope-intl"),
    ("https://ws.ap-northeast-1.maas.aliyuncs.com/compatible-mode/v1", "dashscope-intl"),
    ("https://coding.dashscope.aliyuncs.com/v1", "dashscope"),
    ("https://coding-intl.dashscope.aliyuncs.com/v1", "dashscope-intl"),
    ("https://token-plan.cn-beijing.maas.aliyuncs.com/compatible-mode/v1", "dashscope"),
    ("https://open.bigmodel.cn/api/paas/v4", "bigmodel"),
    ("https://open.bigmodel.cn/api/coding/paas/v4", "bigmodel"),
    ("https://api.z.ai/api/paas/v4", "zai"),
    ("https://api.z.ai/api/coding/paas/v4", "zai"),
    ("https://wcode.net/api/gpt/v1", "wcode"),
    ("https://openrouter.ai/api/v1", "openrouter"),
    ("http://127.0.0.1:8000/v1", "vllm"),
    ("http://localhost:30000/v1", "sglang"),
    ("http://localhost:8080/v1", "llamacpp"),
    ("http://127.0.0.1:11434/v1", "ollama"),
    ("http://127.0.0.1:1234/v1", "lmstudio"),
    ("http://127.0.0.1:54321/v1", None),
    ("https://models.example.org/v1", None),
    ("https://api.z.ai.example.org/v1", None),
    ("https://notwcode.net/v1", None),
    ("https://maas.aliyuncs.com/compatible-mode/v1", None),
]  # fmt: skip


@pytest.mark.parametrize(("base_url", "provider"), ADDRESSES)
def test_an_address_tells_its_provider(
    built_in: Catalogue, base_url: str, provider: str | None
) -> None:
    assert provider_at(built_in, base_url) == provider


@pytest.mark.parametrize(("base_url", "provider"), ADDRESSES)
def test_an_address_alone_chooses_its_provider(
    built_in: Catalogue, base_url: str, provider: str | None
) -> None:
    offer = offered(built_in, "openrouter", model="glm-4.6", base_url=base_url)
    assert offer.provider.name == (provider or "openrouter")
    assert offer.provider.base_url == base_url


def test_an_unknown_address_without_a_key_is_taken_for_a_plain_server(built_in: Catalogue) -> None:
    offer = offered(built_in, model="glm-4.6", base_url="https://models.example.org/v1")
    assert offer.provider.name == "vllm"


def test_a_named_provider_keeps_its_grammar_at_another_address(built_in: Catalogue) -> None:
    offer = offered(
        built_in, model="glm-4.5", provider="dashscope", base_url="http://127.0.0.1:8000/v1"
    )
    assert offer.provider.dialect == "dashscope"
    assert offer.provider.base_url == "http://127.0.0.1:8000/v1"
    assert offer.price == replace(built_in.offers["dashscope", "glm-4.5"].price, estimated=True)


@pytest.mark.parametrize(
    ("provider", "base_url"),
    [
        *(
            ("dashscope", url)
            for url, at in ADDRESSES
            if at in ("dashscope-intl", "dashscope-native-intl")
        ),
        ("zai", "https://api.z.ai/api/coding/paas/v4"),
        ("dashscope", "https://coding.dashscope.aliyuncs.com/v1"),
        ("dashscope", "https://token-plan.cn-beijing.maas.aliyuncs.com/compatible-mode/v1"),
    ],
)
def test_a_price_stays_where_it_holds(built_in: Catalogue, provider: str, base_url: str) -> None:
    assert offered(built_in, model="glm-4.5", provider=provider).price is not None
    assert offered(built_in, model="glm-4.5", provider=provider, base_url=base_url).price is None


def test_a_workspace_in_beijing_has_the_prices_of_beijing(built_in: Catalogue) -> None:
    base_url = "https://ws.cn-beijing.maas.aliyuncs.com/compatible-mode/v1"
    price = offered(built_in, model="glm-4.5", base_url=base_url).price
    assert price == built_in.offers["dashscope", "glm-4.5"].price


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("https://host/v1/", "https://host/v1"),
        (" https://host/v1 ", "https://host/v1"),
        ("https://host/v1/chat/completions", "https://host/v1"),
        ("https://host/v1/chat/completions/", "https://host/v1"),
        ("http://[::1]:8000/v1", "http://[::1]:8000/v1"),
    ],
)
def test_an_address_is_brought_into_form(written: str, meant: str) -> None:
    assert split_address(written)[0] == meant


@pytest.mark.parametrize(
    "base_url",
    ["host/v1", "ftp://host/v1", "https://", "https:///v1", "http://host:port/v1", "http://h:99999",
     "http://[::1/v1", "   ", "localhost", "gpu:8000/v1"],
)  # fmt: skip
def test_what_is_no_web_address_is_told_in_two_lines(built_in: Catalogue, base_url: str) -> None:
    check: list[Callable[[], object]] = [
        lambda: split_address(base_url),
        lambda: chosen(built_in, "zai", base_url=base_url),
    ]
    for call in check:
        with pytest.raises(InvalidValueError) as caught:
            call()
        assert len(caught.value.lines()) == 2


def test_the_local_model_does_not_answer_for_another(built_in: Catalogue) -> None:
    with pytest.raises(MissingKeyError, match=r"glm-4\.6 needs a provider") as caught:
        offered(built_in, model="glm-4.6", local_available=lambda: True)
    assert "leave the model out" in caught.value.hint


@pytest.mark.parametrize(
    ("provider", "base_url", "priced"),
    [
        ("zai", None, True),
        ("zai", "https://proxy.lab/paas/v4", True),
        ("zai", "https://open.bigmodel.cn/api/paas/v4", False),
        ("dashscope", "https://dashscope.aliyuncs.com/compatible-mode/v1", True),
        ("dashscope-native", "https://dashscope.aliyuncs.com/api/v1", True),
        ("dashscope", "https://openrouter.ai/api/v1", False),
    ],
)
def test_another_providers_address_has_another_price(
    built_in: Catalogue, provider: str, base_url: str | None, priced: bool
) -> None:
    model = "glm-4.6" if provider == "zai" else "glm-4.5"
    offer = offered(built_in, provider=provider, model=model, base_url=base_url)
    assert (offer.price is not None) is priced


# ── names and addresses as people paste them ─────────────────────────────────────────────────────

VARIANTS = ("free", "nitro", "exacto", "floor", "online", "batch", "thinking", "extended")


@pytest.mark.parametrize("provider", ["openrouter", "wcode"])
@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("written", ["z-ai/glm-4.5:{}", "glm-4.5:{}", "Z-AI/GLM-4.5:{}"])
def test_a_variant_is_the_same_model_with_an_ending(
    built_in: Catalogue, provider: str, variant: str, written: str
) -> None:
    plain = offered(built_in, model="glm-4.5", provider=provider)
    for word in (variant, variant.upper()):
        offer = offered(built_in, model=written.format(word), provider=provider)
        assert offer.wire_id == f"z-ai/glm-4.5:{variant}"
        assert offer.model == plain.model
        assert (offer.context, offer.functions) == (plain.context, plain.functions)
        assert offer.is_listed
        if variant == "free":
            assert offer.price is not None
            cost = offer.price.cost(Usage(1000, 1000))
            assert cost is not None
            assert cost.amount == 0
        else:
            assert offer.price is None


@pytest.mark.parametrize(
    ("model", "provider", "expected"),
    [
        ("OpenRouter/Z-AI/GLM-4.6:Free", None, ("openrouter", "z-ai/glm-4.6:free")),
        ("openrouter/glm-4.6:nitro", None, ("openrouter", "z-ai/glm-4.6:nitro")),
        ("WCODE/z-ai/glm-4.5", None, ("wcode", "z-ai/glm-4.5")),
        ("ZAI/GLM-4.6", None, ("zai", "glm-4.6")),
        ("ZAI/GLM-4.6", "Zai", ("zai", "glm-4.6")),
        ("Z-AI/GLM-4.6", "OpenRouter", ("openrouter", "z-ai/glm-4.6")),
        ("~z-ai/glm-latest", "openrouter", ("openrouter", "~z-ai/glm-latest")),
        ("openrouter/~z-ai/glm-4.6-latest", None, ("openrouter", "~z-ai/glm-4.6-latest")),
        ("glm4:9b", "ollama", ("ollama", "glm4:9b")),
        ("glm-4.6:free", "vllm", ("vllm", "glm-4.6:free")),
    ],
)
def test_names_are_known_however_they_are_written(
    built_in: Catalogue, model: str, provider: str | None, expected: tuple[str, str]
) -> None:
    assert named(offered(built_in, model=model, provider=provider)) == expected


@pytest.mark.parametrize(
    ("model", "provider"),
    [("glm-4.5:fre", "openrouter"), ("glm-4.5:free", "zai"), ("z-ai/glm-4.55:free", "wcode")],
)
def test_another_ending_is_no_variant(built_in: Catalogue, model: str, provider: str) -> None:
    with pytest.raises(UnknownNameError) as caught:
        chosen(built_in, model=model, provider=provider)
    assert "did you mean glm-4.5?" in caught.value.hint


NATIVE = "/services/aigc/text-generation/generation"
PROTOCOLS = [
    # provider that is named, address, provider that is asked, address that is called
    ("dashscope", f"https://dashscope.aliyuncs.com/api/v1{NATIVE}", "dashscope-native", NATIVE),
    ("dashscope", "https://dashscope.aliyuncs.com/api/v1", "dashscope-native", NATIVE),
    ("dashscope-native", "https://dashscope.aliyuncs.com/compatible-mode/v1", "dashscope",
     "/compatible-mode/v1/chat/completions"),
    ("dashscope-native", "dashscope.aliyuncs.com/compatible-mode/v1/chat/completions", "dashscope",
     "/compatible-mode/v1/chat/completions"),
    ("dashscope-intl", f"https://dashscope-intl.aliyuncs.com/api/v1{NATIVE}",
     "dashscope-native-intl", NATIVE),
    ("dashscope-native-intl", "https://dashscope-intl.aliyuncs.com/compatible-mode/v1",
     "dashscope-intl", "/compatible-mode/v1/chat/completions"),
    ("dashscope", f"https://gateway.example/qwen/api/v1{NATIVE}", "dashscope-native", NATIVE),
    ("dashscope-native", "https://gateway.example/compatible-mode/v1", "dashscope",
     "/chat/completions"),
    ("dashscope-native", "https://gateway.example/v1/chat/completions", "dashscope",
     "/v1/chat/completions"),
    ("dashscope", "https://gateway.example/api/v1", "dashscope", "/api/v1/chat/completions"),
    ("dashscope-native", "https://gateway.example/api/v1", "dashscope-native", NATIVE),
    (None, f"https://dashscope.aliyuncs.com/api/v1{NATIVE}", "dashscope-native", NATIVE),
    (None, f"https://gateway.example/api/v1{NATIVE}", "dashscope-native", NATIVE),
    ("vllm", f"https://gateway.example/api/v1{NATIVE}", "vllm", "/api/v1/chat/completions"),
]  # fmt: skip


@pytest.mark.parametrize(("provider", "base_url", "asked", "path"), PROTOCOLS)
def test_an_address_is_asked_in_its_own_protocol(
    built_in: Catalogue, provider: str | None, base_url: str, asked: str, path: str
) -> None:
    choice = chosen(built_in, "dashscope", provider=provider, model="glm-5", base_url=base_url)
    info = choice.offer.provider
    assert info.name == asked
    assert info.endpoint.endswith(path)
    assert info.endpoint.count(path) == 1
    notices = [notice for notice in choice.notices if notice.code == "other-protocol"]
    assert len(notices) == (provider is not None and provider != asked)


@pytest.mark.parametrize("provider", ["zai", "dashscope", "dashscope-native", "openrouter", "vllm"])
def test_a_query_comes_after_the_path(built_in: Catalogue, provider: str) -> None:
    base_url = "https://gateway.example/v1/?api-version=2024-10-21&api_key=s3cret#top"
    choice = chosen(built_in, provider=provider, model="glm-5", base_url=base_url)
    info = choice.offer.provider
    assert (
        info.endpoint == f"https://gateway.example/v1{info.path}?api-version=2024-10-21&api_key=***"
    )
    assert choice.secret is not None
    assert choice.secret.query() == "api-version=2024-10-21&api_key=s3cret"
    assert "s3cret" not in repr(choice)
