"""What each provider accepts for each parameter, tried at the edges."""

from __future__ import annotations

import math
from typing import Any

import pytest

from glm_magic.catalogue.load import Catalogue
from glm_magic.catalogue.parameters import ParameterRule

# provider, parameter, accepted values, refused values
EDGES: list[tuple[str, str, list[Any], list[Any]]] = [
    ("dashscope", "temperature", [0, 0.0, 0.6, 1.999], [-0.001, 2, 2.0, 2.1, math.nan, math.inf]),
    ("dashscope", "top_p", [0.0001, 0.95, 1, 1.0], [0, 0.0, 1.0001, -1]),
    ("dashscope", "top_k", [0, 1, 20, 100000], [-1, 0.5, "20"]),
    ("dashscope", "repetition_penalty", [0.01, 1.0, 5], [0, 0.0, -1]),
    ("dashscope", "presence_penalty", [-2, -2.0, 0, 2], [-2.001, 2.001]),
    ("dashscope", "seed", [0, 1234, 2**31 - 1], [-1, 2**31, 1.5]),
    ("dashscope", "max_tokens", [1, 16384], [0, -1, 1.5, True]),
    ("dashscope", "thinking_budget", [1, 32768], [0, -5, "100"]),
    ("dashscope", "enable_thinking", [True, False], [1, 0, "true", None]),
    ("dashscope", "tool_choice", ["auto", "none", {"type": "function"}], ["required", "any", 5]),
    ("dashscope", "tool_stream", [True, False], ["yes", 1]),
    ("dashscope", "stop", ["END", ["a", "b"]], []),
    ("dashscope", "response_format", [{"type": "json_object"}], ["json_object", []]),
    ("dashscope-native", "seed", [0, 2**31, 2**63 - 1], [-1, 2**63]),
    ("dashscope-native", "temperature", [0, 1.99], [2]),
    ("dashscope-native", "result_format", ["message", "text"], ["json", 1]),
    ("dashscope-native", "incremental_output", [True, False], ["true"]),
    ("bigmodel", "temperature", [0, 0.6, 1, 1.0], [-0.01, 1.01, 2]),
    ("bigmodel", "top_p", [0.01, 0.95, 1], [0, 0.009, 1.001]),
    ("bigmodel", "max_tokens", [1, 98304, 131072], [0, 131073]),
    ("bigmodel", "do_sample", [True, False], [0, "false"]),
    ("bigmodel", "stop", [[], ["END"], ["a", "b", "c", "d"]], ["END", ["a", "b", "c", "d", "e"]]),
    ("bigmodel", "tools", [[], [{}] * 128], [[{}] * 129, {}]),
    ("bigmodel", "tool_choice", ["auto", {"type": "function"}], ["none", "required"]),
    ("bigmodel", "reasoning_effort", ["none", "low", "max"], ["extreme", 3]),
    ("bigmodel", "request_id", ["abcdef"], [7]),
    ("wcode", "temperature", [0, 1, 2, 2.0], [-0.1, 2.1]),
    ("wcode", "top_p", [0, 0.5, 1], [-0.1, 1.1]),
    ("wcode", "top_k", [0, 1, 40], [-1, 1.5]),
    ("wcode", "min_p", [0, 0.1, 1], [-0.1, 1.1]),
    ("wcode", "top_a", [0, 0.1, 1], [-0.1, 1.1]),
    ("wcode", "frequency_penalty", [-2, 0, 2], [-2.1, 2.1]),
    ("wcode", "presence_penalty", [-2, 0, 2], [-2.1, 2.1]),
    ("wcode", "repetition_penalty", [0, 1, 2], [-0.1, 2.1]),
    ("wcode", "seed", [-5, 0, 2**40], [1.5, "7"]),
    ("wcode", "max_tokens", [1, 131072], [0, -1]),
    ("wcode", "logit_bias", [{"50256": -100}], [[1]]),
    ("wcode", "logprobs", [True, False], [1]),
    ("wcode", "top_logprobs", [0, 20], [-1, 21]),
    ("wcode", "structured_outputs", [True, False], ["yes"]),
    ("wcode", "stop", [["END"]], ["END"]),
    ("wcode", "tool_choice", ["none", "auto", "required", {"type": "function"}], ["any"]),
    ("wcode", "parallel_tool_calls", [True, False], [1]),
    ("wcode", "verbosity", ["low", "medium", "high"], ["max", 1]),
    ("openrouter", "temperature", [0, 2], [-0.1, 2.1]),
    ("openrouter", "reasoning_effort", ["none", "minimal", "max"], ["some"]),
    ("vllm", "reasoning_effort", ["none", "high"], ["auto"]),
    ("ollama", "reasoning_effort", ["none", "minimal", "max"], ["auto"]),
    ("sglang", "separate_reasoning", [True], ["yes"]),
    ("llamacpp", "top_k", [40], [0.5]),
]  # fmt: skip

LIKE = {
    "dashscope": ["dashscope-intl"],
    "dashscope-native": ["dashscope-native-intl"],
    "bigmodel": ["zai"],
    "llamacpp": ["local"],
}

CASES = [
    (provider, name, value, fits)
    for first, name, accepted, refused in EDGES
    for provider in (first, *LIKE.get(first, ()))
    for values, fits in ((accepted, True), (refused, False))
    for value in values
]


@pytest.mark.parametrize(("provider", "name", "value", "fits"), CASES)
def test_a_value_is_checked_at_its_edges(
    built_in: Catalogue, provider: str, name: str, value: Any, fits: bool
) -> None:
    problem = built_in.providers[provider].parameters[name].problem(value)
    assert (problem is None) == fits, problem


@pytest.mark.parametrize(
    ("provider", "name", "value", "words"),
    [
        ("dashscope", "temperature", 3, "must be from 0 to below 2, not 3"),
        ("dashscope", "top_p", 0, "must be above 0 to 1, not 0"),
        ("dashscope", "top_k", -1, "must be at least 0, not -1"),
        ("dashscope", "repetition_penalty", 0, "must be above 0, not 0"),
        ("dashscope", "seed", 2**31, "must be from 0 to 2147483647, not 2147483648"),
        ("dashscope-native", "seed", -1, "must be from 0 to 9223372036854775807, not -1"),
        ("dashscope", "max_tokens", "many", "must be a whole number, not 'many'"),
        ("dashscope", "tool_choice", "required", "must be one of auto, none, not 'required'"),
        ("bigmodel", "top_p", 0, "must be from 0.01 to 1, not 0"),
        ("bigmodel", "max_tokens", 200000, "must be from 1 to 131072, not 200000"),
        ("bigmodel", "stop", list("abcde"), "takes at most 4 items, not 5"),
        ("wcode", "logprobs", 1, "must be true or false, not 1"),
    ],
)
def test_a_problem_is_told_in_words(
    built_in: Catalogue, provider: str, name: str, value: Any, words: str
) -> None:
    assert built_in.providers[provider].parameters[name].problem(value) == f"{name} {words}"


@pytest.mark.parametrize(
    ("rule", "words"),
    [
        (ParameterRule("x", max=1), "at most 1"),
        (ParameterRule("x", max=0.5, max_exclusive=True), "below 0.5"),
        (ParameterRule("x", min=0.5, min_exclusive=True), "above 0.5"),
        (ParameterRule("x"), "a number"),
    ],
)
def test_a_range_is_told_in_words(rule: ParameterRule, words: str) -> None:
    assert rule.range_text == words


@pytest.mark.parametrize(
    "provider", ["dashscope", "dashscope-intl", "dashscope-native", "dashscope-native-intl"]
)
def test_web_search_is_refused_at_model_studio(built_in: Catalogue, provider: str) -> None:
    for value in (True, False):
        problem = built_in.providers[provider].parameters["enable_search"].problem(value)
        assert problem == "web search is not available for GLM models at Model Studio"


@pytest.mark.parametrize(
    ("provider", "names"),
    [
        ("bigmodel", ("top_k", "repetition_penalty", "presence_penalty", "n", "logprobs", "seed")),
        ("zai", ("top_k", "repetition_penalty", "presence_penalty", "frequency_penalty")),
        ("ollama", ("top_k", "tool_choice", "chat_template_kwargs")),
        ("dashscope", ("frequency_penalty", "min_p", "chat_template_kwargs", "thinking")),
        ("wcode", ("enable_thinking", "thinking", "chat_template_kwargs", "tool_stream")),
    ],
)
def test_a_parameter_outside_the_providers_schema_is_not_listed(
    built_in: Catalogue, provider: str, names: tuple[str, ...]
) -> None:
    assert set(names).isdisjoint(built_in.providers[provider].parameters)


WCODE_DEFAULTS = {
    "temperature": 1.0, "top_p": 1.0, "top_k": 0, "frequency_penalty": 0.0, "presence_penalty": 0.0,
    "repetition_penalty": 1.0, "min_p": 0.0, "top_a": 0.0, "parallel_tool_calls": True,
    "verbosity": "medium",
}  # fmt: skip


def test_defaults_of_wcode_are_those_of_its_page(built_in: Catalogue) -> None:
    rules = built_in.providers["wcode"].parameters.values()
    assert {rule.name: rule.default for rule in rules if rule.default is not None} == WCODE_DEFAULTS


def test_a_parameter_names_the_one_it_needs(built_in: Catalogue) -> None:
    assert built_in.providers["wcode"].parameters["top_logprobs"].requires == "logprobs"
    for info in built_in.providers.values():
        for rule in info.parameters.values():
            assert not rule.requires or rule.requires in info.parameters


def test_a_providers_own_default_is_one_it_accepts(built_in: Catalogue) -> None:
    for info in built_in.providers.values():
        for rule in info.parameters.values():
            if rule.default is not None:
                assert rule.problem(rule.default) is None, (info.name, rule.name)


def test_the_defaults_of_an_offer_are_ones_the_provider_accepts(built_in: Catalogue) -> None:
    for key, offer in built_in.offers.items():
        for name, value in offer.defaults.items():
            assert offer.provider.parameters[name].problem(value) is None, (key, name)


def test_the_switch_of_every_dialect_is_a_listed_parameter(built_in: Catalogue) -> None:
    switches = {
        "dashscope": "enable_thinking", "dashscope_native": "enable_thinking",
        "bigmodel": "thinking", "wcode": "reasoning", "openrouter": "reasoning",
        "vllm": "chat_template_kwargs", "sglang": "chat_template_kwargs",
        "llamacpp": "chat_template_kwargs", "ollama": "reasoning_effort",
    }  # fmt: skip
    for info in built_in.providers.values():
        if info.dialect in switches:
            assert switches[info.dialect] in info.parameters
