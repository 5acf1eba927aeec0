"""Names, order, addresses and keys of the providers."""

from __future__ import annotations

import pytest

from glm_magic.catalogue.load import Catalogue

NAMES = [
    "dashscope", "dashscope-intl", "dashscope-native", "dashscope-native-intl", "bigmodel", "zai",
    "wcode", "openrouter", "vllm", "sglang", "llamacpp", "ollama", "lmstudio", "local",
]  # fmt: skip

ENDPOINTS = {
    "dashscope": "https://dashscope.aliyuncs.com/compatible-mode/v1/chat/completions",
    "dashscope-intl": "https://dashscope-intl.aliyuncs.com/compatible-mode/v1/chat/completions",
    "dashscope-native": "https://dashscope.aliyuncs.com/api/v1/services/aigc/text-generation/generation",
    "dashscope-native-intl": "https://dashscope-intl.aliyuncs.com/api/v1/services/aigc/text-generation/generation",
    "bigmodel": "https://open.bigmodel.cn/api/paas/v4/chat/completions",
    "zai": "https://api.z.ai/api/paas/v4/chat/completions",
    "wcode": "https://wcode.net/api/gpt/v1/chat/completions",
    "openrouter": "https://openrouter.ai/api/v1/chat/completions",
    "vllm": "http://127.0.0.1:8000/v1/chat/completions",
    "sglang": "http://127.0.0.1:30000/v1/chat/completions",
    "llamacpp": "http://127.0.0.1:8080/v1/chat/completions",
    "ollama": "http://127.0.0.1:11434/v1/chat/completions",
    "lmstudio": "http://127.0.0.1:1234/v1/chat/completions",
    "local": "http://127.0.0.1:0/v1/chat/completions",
}

KEYS = {
    "dashscope": "DASHSCOPE_API_KEY",
    "dashscope-intl": "DASHSCOPE_API_KEY",
    "dashscope-native": "DASHSCOPE_API_KEY",
    "dashscope-native-intl": "DASHSCOPE_API_KEY",
    "bigmodel": "ZHIPUAI_API_KEY",
    "zai": "ZAI_API_KEY",
    "wcode": "WCODE_API_KEY",
    "openrouter": "OPENROUTER_API_KEY",
}

DIALECTS = {
    "dashscope": "dashscope",
    "dashscope-intl": "dashscope",
    "dashscope-native": "dashscope_native",
    "dashscope-native-intl": "dashscope_native",
    "zai": "bigmodel",
    "local": "llamacpp",
}


def test_the_providers_come_in_their_documented_order(built_in: Catalogue) -> None:
    assert list(built_in.providers) == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_a_provider_is_where_its_documentation_says(built_in: Catalogue, name: str) -> None:
    info = built_in.providers[name]
    assert info.base_url + info.path == ENDPOINTS[name]
    assert info.dialect == DIALECTS.get(name, name)
    assert info.title


@pytest.mark.parametrize("name", NAMES)
def test_a_service_has_one_key_and_a_page_to_make_it(built_in: Catalogue, name: str) -> None:
    info = built_in.providers[name]
    assert info.self_hosted == (name not in KEYS)
    assert info.key_env == ((KEYS[name],) if name in KEYS else ())
    assert info.key_url.startswith("https://") == (not info.self_hosted)
    assert bool(info.hosts) == (not info.self_hosted)


def test_gateways_put_the_vendor_before_the_model(built_in: Catalogue) -> None:
    prefixes = {name: info.model_prefix for name, info in built_in.providers.items()}
    assert prefixes.pop("wcode") == prefixes.pop("openrouter") == "z-ai/"
    assert set(prefixes.values()) == {""}


def test_effort_of_a_provider_is_listed_where_it_is_known(built_in: Catalogue) -> None:
    levels = ("minimal", "low", "medium", "high", "xhigh", "max")
    with_levels = {name: info.effort for name, info in built_in.providers.items() if info.effort}
    assert with_levels == {"openrouter": levels, "vllm": levels, "ollama": levels}


def test_a_key_page_is_never_a_different_vendors(built_in: Catalogue) -> None:
    assert built_in.providers["wcode"].key_url == "https://wcode.net/get-apikey"
    assert built_in.providers["zai"].key_url.startswith("https://z.ai/")
    assert built_in.providers["bigmodel"].key_url.startswith("https://bigmodel.cn/")
    assert built_in.providers["openrouter"].key_url.startswith("https://openrouter.ai/")
