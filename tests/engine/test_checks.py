"""What is known not to work is refused before anything is sent."""

from __future__ import annotations

import pytest

import glm_magic as glm
from glm_magic.core.errors import InvalidValueError, UnsupportedError
from glm_magic.core.messages import Message
from glm_magic.engine.options import Options
from glm_magic.engine.prepare import prepare

SEARCH = {"type": "function", "function": {"name": "search", "parameters": {}}}
WEATHER = {"type": "function", "function": {"name": "weather", "parameters": {}}}
FORCED = {"type": "function", "function": {"name": "weather"}}


def body(provider, model, prompt="Say hi as JSON", **options):
    options.setdefault("api_key", "k")
    call = prepare([Message("user", prompt)], Options(provider=provider, model=model, **options))
    return dict(call.wire.body)


@pytest.mark.parametrize(
    ("provider", "model", "setting", "spelled"),
    [
        ("dashscope", "glm-4.6", True, {"enable_thinking": True}),
        ("dashscope", "glm-4.6", False, {"enable_thinking": False}),
        ("bigmodel", "glm-4.6", True, {"thinking": {"type": "enabled"}}),
        ("zai", "glm-4.6", False, {"thinking": {"type": "disabled"}}),
        ("zai", "glm-5.2", "high", {"thinking": {"type": "enabled"}, "reasoning_effort": "high"}),
        ("zai", "glm-5.3", "low", {"thinking": {"type": "enabled"}, "reasoning_effort": "low"}),
        ("wcode", "glm-4.5", False, {"reasoning": {"enabled": False}}),
        ("openrouter", "glm-4.6", "low", {"reasoning": {"effort": "low"}}),
        ("vllm", "m", False, {"chat_template_kwargs": {"enable_thinking": False}}),
        ("sglang", "m", True, {"chat_template_kwargs": {"enable_thinking": True}}),
        ("llamacpp", "m", False, {"chat_template_kwargs": {"enable_thinking": False}}),
        ("ollama", "m", False, {"reasoning_effort": "none"}),
        ("ollama", "m", "high", {"reasoning_effort": "high"}),
    ],
)
def test_thinking_is_spelled_as_each_provider_does(provider, model, setting, spelled):
    plain = body(provider, model)
    asked = body(provider, model, thinking=setting)
    assert {key: value for key, value in asked.items() if key not in plain} == spelled


def test_thinking_goes_into_the_parameters_of_the_native_protocol():
    sent = body("dashscope-native", "glm-4.5", thinking=True)
    assert sent["parameters"] == {
        "incremental_output": True,
        "result_format": "message",
        "enable_thinking": True,
    }
    assert set(sent) == {"model", "input", "parameters"}


@pytest.mark.parametrize("setting", [None, "auto"])
@pytest.mark.parametrize("provider", ["dashscope", "bigmodel", "wcode", "openrouter", "vllm"])
def test_automatic_thinking_sends_nothing(provider, setting):
    model = "m" if provider == "vllm" else "glm-4.5"
    allowed = {"model", "messages", "stream", "stream_options"}
    assert set(body(provider, model, thinking=setting)) <= allowed


@pytest.mark.parametrize(
    ("provider", "options", "words"),
    [
        ("zai", {"model": "glm-5.3", "thinking": False}, "glm-5.3 always thinks"),
        ("vllm", {"model": "zai-org/GLM-5.3-FP8", "thinking": False}, "always thinks"),
        ("zai", {"model": "glm-4.6", "thinking": "high"}, "no thinking level 'high'"),
        ("llamacpp", {"model": "m", "thinking": "high"}, "no thinking level 'high'"),
        ("zai", {"model": "glm-4.6", "thinking": "hard"}, "takes on, off, auto or a level"),
        ("zai", {"parameters": {"temperature": 1.01}}, "temperature must be from 0 to 1"),
        ("dashscope", {"parameters": {"temperature": 2}}, "temperature must be from 0 to below 2"),
        ("dashscope", {"parameters": {"temperature": "hot"}}, "must be a number"),
        ("dashscope", {"parameters": {"temperature": float("nan")}}, "must be a number"),
        ("wcode", {"model": "glm-4.5", "parameters": {"min_p": -0.1}}, "min_p must be from 0 to 1"),
        ("wcode", {"model": "glm-4.5", "parameters": {"top_logprobs": 3}}, "without logprobs"),
        ("zai", {"model": "glm-4.5", "parameters": {"max_tokens": 98305}}, "at most 98,304"),
        ("dashscope", {"model": "glm-4.6", "parameters": {"max_tokens": 16385}}, "at most 16,384"),
        ("dashscope", {"model": "glm-4.6", "parameters": {"thinking_budget": 40000}}, "32,768"),
        ("dashscope", {"parameters": {"enable_search": True}}, "search"),
        ("zai", {"parameters": {"messages": []}}, "not a parameter"),
        ("dashscope", {"tools": [SEARCH]}, 'may not be called "search"'),
        ("dashscope", {"tools": [WEATHER], "parameters": {"tool_choice": FORCED}}, "be forced"),
        ("dashscope-native", {"tools": [WEATHER], "parameters": {"tool_choice": FORCED}}, "forced"),
        (
            "dashscope",
            {
                "model": "glm-4.6",
                "thinking": False,
                "tools": [WEATHER],
                "parameters": {"tool_choice": "required"},
            },
            "required",
        ),
        (
            "dashscope",
            {"model": "glm-5", "parameters": {"response_format": {"type": "json_object"}}},
            "thinking switched off",
        ),
    ],
)
def test_what_cannot_work_is_refused(provider, options, words):
    with pytest.raises((InvalidValueError, UnsupportedError), match=words) as caught:
        body(provider, options.pop("model", None), **options)
    assert caught.value.hint
    assert caught.value.turn is None


def test_json_at_model_studio_needs_the_word_and_no_thinking():
    setting = {"response_format": {"type": "json_object"}}
    assert body("dashscope", "glm-4.6", thinking=False, parameters=setting)["response_format"]
    with pytest.raises(UnsupportedError, match="the word JSON"):
        body("dashscope", "glm-4.6", "Say hi", thinking=False, parameters=setting)


def test_nothing_is_sent_that_was_not_set():
    assert body("zai", "glm-4.6") == {
        "model": "glm-4.6",
        "messages": [{"role": "user", "content": "Say hi as JSON"}],
        "stream": True,
    }


def test_a_template_switch_and_the_users_own_are_merged():
    own = {"chat_template_kwargs": {"clear_thinking": False}}
    sent = body("sglang", "m", thinking=True, parameters=own)
    assert sent["chat_template_kwargs"] == {"enable_thinking": True, "clear_thinking": False}


@pytest.mark.parametrize("prompt", ["", "  \n\t ", []])
def test_an_empty_prompt_is_refused(prompt):
    with pytest.raises(InvalidValueError, match=r"empty|must end") as caught:
        glm.ask(prompt, provider="zai", api_key="k")
    assert len(caught.value.lines()) == 2


def test_a_parameter_that_a_provider_does_not_name_is_sent_with_a_notice():
    options = Options(provider="bigmodel", model="glm-4.6", api_key="k", parameters={"top_k": 5})
    call = prepare([Message("user", "hi")], options)
    assert call.wire.body["top_k"] == 5
    assert [notice.code for notice in call.notices] == ["unlisted-parameter"]


def test_reasoning_goes_back_only_where_it_is_wanted():
    history = [
        Message("user", "one"),
        Message("assistant", "1", reasoning="counting", reasoning_from="zai"),
        Message("user", "two"),
    ]

    def sent(provider, base_url=None):
        options = Options(provider=provider, model="glm-4.6", api_key="k", base_url=base_url)
        return prepare(history, options).wire.body["messages"][1]

    assert "reasoning_content" not in sent("zai")
    assert sent("zai", "https://api.z.ai/api/coding/paas/v4")["reasoning_content"] == "counting"
    coding = "https://open.bigmodel.cn/api/coding/paas/v4"
    assert "reasoning_content" not in sent("bigmodel", coding), "it is another provider's reasoning"


@pytest.mark.parametrize(
    ("provider", "field"),
    [("zai", "reasoning_content"), ("wcode", "reasoning"), ("vllm", "reasoning")],
)
def test_inside_a_tool_round_reasoning_goes_back(provider, field):
    call = glm.core.messages.ToolCall("c1", "weather", "{}")
    history = [
        Message("user", "weather?"),
        Message("assistant", "", " think \n", provider, (call,)),
        Message("tool", "40 C", tool_call_id="c1"),
    ]
    options = Options(provider=provider, model="glm-4.5", api_key="k")
    sent = prepare(history, options).wire.body["messages"]
    assert sent[1][field] == " think \n"
    assert sent[1]["tool_calls"][0]["function"] == {"name": "weather", "arguments": "{}"}
    assert sent[2] == {"role": "tool", "content": "40 C", "tool_call_id": "c1"}
