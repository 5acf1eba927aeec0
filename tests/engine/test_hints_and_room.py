"""What a refusal advises can be done there; what has no room is named for what it is."""

from __future__ import annotations

import re

import pytest

import glm_magic as glm
from glm_magic.catalogue.load import catalogue
from glm_magic.catalogue.resolve import resolve
from glm_magic.core.errors import InvalidValueError, UnsupportedError
from glm_magic.core.messages import Message
from glm_magic.engine.checks import checked_thinking
from glm_magic.engine.options import Options
from glm_magic.engine.prepare import prepare
from tests.servers.script import Script
from tests.servers.vendor import KEY

ALWAYS = [key for key, offer in catalogue().offers.items() if not offer.thinking_off]


def refusal(provider, model, **options):
    options.setdefault("api_key", "k")
    with pytest.raises((InvalidValueError, UnsupportedError)) as caught:
        prepare([Message("user", "hi")], Options(provider=provider, model=model, **options))
    assert len(caught.value.lines()) == 2
    return caught.value


@pytest.mark.parametrize(("provider", "model"), ALWAYS)
def test_the_hint_of_a_model_that_always_thinks_names_one_that_is_served_and_can(provider, model):
    hint = refusal(provider, model, thinking=False).hint
    named = re.search(r"-m (\S+)", hint)
    assert named, hint
    there = resolve(catalogue(), model=named[1], provider=provider, has_key=lambda _: True)
    assert there.notices == ()
    assert there.offer.is_served
    assert checked_thinking(False, there.offer) is False
    level = re.search(r"--think (\w+)", hint)
    if level:
        offer = catalogue().offers[provider, model]
        assert checked_thinking(level[1], offer) == level[1]


@pytest.mark.parametrize("model", ["glm-5.1", "glm-5.2", "glm-5.3", "glm-5.4"])
def test_at_a_coding_plan_the_hint_names_what_can_there(model):
    address = "https://api.z.ai/api/coding/paas/v4"
    hint = refusal("zai", model, thinking=False, base_url=address).hint
    named = re.search(r"-m (\S+)", hint)
    assert named
    there = resolve(
        catalogue(), model=named[1], provider="zai", base_url=address, has_key=lambda _: True
    )
    assert there.offer.thinking_off


def test_where_no_model_can_the_hint_says_what_to_leave_out():
    error = refusal("sglang", "zai-org/GLM-5.3-FP8", thinking=False)
    assert error.hint == "leave --no-think out"
    error = refusal("vllm", "zai-org/GLM-5.3-FP8", thinking=False)
    assert error.hint == "use --think minimal for the least of it"


def test_what_is_hosted_compares_thinking_and_not_thinking_by_default():
    for info in catalogue().providers.values():
        if not info.self_hosted:
            for setting in (True, False):
                options = Options(provider=info.name, thinking=setting, api_key="k")
                assert prepare([Message("user", "hi")], options).request.thinking is setting


TOO_LONG = [
    ("wcode", "glm-4.5", "max_tokens", 1_000_000, "131,071"),
    ("wcode", "glm-4.5", "max_tokens", 131_072, "131,071"),
    ("zai", "glm-4.5", "max_tokens", 1_000_000, "98,304"),
    ("zai", "glm-5.3", "max_tokens", 131_073, "131,072"),
    ("bigmodel", "glm-4.6v", "max_tokens", 40_000, "32,768"),
    ("dashscope", "glm-4.5", "max_tokens", 20_000, "16,384"),
    ("dashscope", "glm-4.5", "max_completion_tokens", 50_000, "49,152"),
    ("dashscope", "glm-4.5", "thinking_budget", 40_000, "32,768"),
]


@pytest.mark.parametrize(("provider", "model", "name", "value", "limit"), TOO_LONG)
def test_a_length_beyond_every_limit_is_named_and_not_the_prompt(
    provider, model, name, value, limit
):
    error = refusal(provider, model, parameters={name: value})
    assert name in error.message
    assert limit in error.message
    assert "the prompt takes" not in error.message
    with pytest.raises(InvalidValueError, match=name):
        glm.ask("hi", provider=provider, model=model, api_key="k", params={name: value})


def test_a_length_that_leaves_the_prompt_no_room_is_named_with_what_there_is(model_server):
    asking = {"provider": "wcode", "model": "glm-4.5", "api_key": KEY,
              "base_url": f"{model_server.url}/api/gpt/v1"}  # fmt: skip
    prompt = "word " * 80_000  # 400,000 characters, some 100,000 tokens
    for ask in (glm.ask, glm.Session("room", **asking).ask):
        with pytest.raises(InvalidValueError) as caught:
            ask(prompt, max_tokens=100_000, **({} if ask is not glm.ask else asking))
        assert caught.value.message == (
            "max_tokens is 100,000; with a prompt of ≈100,000 tokens glm-4.5 at wcode has room for"
            " ≈31,072"
        )
        assert "make max_tokens smaller" in caught.value.hint
    assert model_server.requests == []


@pytest.mark.parametrize("way", ["ask", "stream", "compare"])
def test_a_prompt_that_cannot_fit_is_refused_in_one_shots_too(model_server, way):
    asking = {"provider": "dashscope", "model": "glm-4.5", "api_key": KEY,
              "base_url": f"{model_server.url}/compatible-mode/v1"}  # fmt: skip
    prompt = "word " * 160_000  # some 200,000 tokens
    call = {
        "ask": lambda: glm.ask(prompt, **asking),
        "stream": lambda: glm.stream(prompt, **asking),
        "compare": lambda: glm.compare(prompt, "temperature=0,1", **asking),
    }[way]
    with pytest.raises(InvalidValueError) as caught:
        call()
    assert "the prompt takes ≈200,00" in caught.value.message
    assert "takes 98,304" in caught.value.message
    assert model_server.requests == []


def test_a_prompt_that_may_fit_is_sent(model_server):
    model_server.tell(Script(answer="yes"))
    prompt = "word " * 90_000  # estimated a little above the limit, which an estimate may be
    reply = glm.ask(
        prompt, provider="dashscope", model="glm-4.5", api_key=KEY,
        base_url=f"{model_server.url}/compatible-mode/v1",
    )  # fmt: skip
    assert reply.answer == "yes"


def notices(provider, model, prompt="hi", **options):
    options.setdefault("api_key", "k")
    call = prepare([Message("user", prompt)], Options(provider=provider, model=model, **options))
    return {notice.code: notice.message for notice in call.notices}


JSON_MODE = {"response_format": {"type": "json_object"}}


@pytest.mark.parametrize(
    ("provider", "model", "parameters", "prompt", "code"),
    [
        ("zai", "glm-4.5", {"tool_stream": True}, "hi", "no-tool-stream"),
        ("dashscope", "glm-4.5-air", {"tool_stream": True}, "hi", "no-tool-stream"),
        ("zai", "glm-4.6", {"tool_stream": True}, "hi", None),
        ("zai", "glm-5.3", {"tool_stream": True}, "hi", None),
        ("zai", "glm-4.5", {"tool_stream": False}, "hi", None),
        ("wcode", "glm-4.5", {"temperature": 1, "top_p": 0.5}, "hi", "not-both"),
        ("wcode", "glm-4.5", {"temperature": 1}, "hi", None),
        ("wcode", "glm-4.5", {"top_p": 0.5}, "hi", None),
        ("openrouter", "glm-4.5", {"temperature": 1, "top_p": 0.5}, "hi", None),
        ("wcode", "glm-4.5", JSON_MODE, "hi", "word-missing"),
        ("wcode", "glm-4.5", JSON_MODE, "answer as json", None),
        ("wcode", "glm-4.5", {"response_format": {"type": "text"}}, "hi", None),
        ("openrouter", "glm-4.5", JSON_MODE, "hi", None),
        ("zai", "glm-4.6", JSON_MODE, "hi", None),
    ],
)
def test_what_does_nothing_or_is_advised_against_is_sent_with_a_notice(
    provider, model, parameters, prompt, code
):
    assert list(notices(provider, model, prompt, parameters=parameters)) == ([code] if code else [])


def test_the_word_may_stand_in_the_system_message():
    assert not notices("wcode", "glm-4.5", parameters=JSON_MODE, system="Write JSON.")


def test_the_local_server_is_named_so_that_a_sentence_reads():
    error = refusal("local", None, tools=[{"type": "function", "function": {"name": "f"}}])
    assert error.message == "smollm2-135m at the local model server takes no functions"
