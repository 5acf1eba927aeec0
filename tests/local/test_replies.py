"""What a first-time user sees: thoughts, then an answer."""

from __future__ import annotations

import json
from urllib.error import HTTPError

import pytest

from glm_magic.local import LocalServer

from .asking import ask

pytestmark = pytest.mark.local

PROMPTS = [
    "Why is the sky blue?",
    "Tell me a very short story about a cat who finds a key.",
    "Name three fruits.",
    "Hello! Who are you?",
    "What is 2 + 3?",
    "Write a haiku about the sea.",
]
FRUIT = "List three fruits."


def test_thoughts_come_first_and_an_answer_follows(lasting_server: LocalServer) -> None:
    replies = [ask(lasting_server, prompt, seed=1) for prompt in PROMPTS]
    assert all(reply.reasoning.strip() for reply in replies)
    # A model this small now and then has nothing to add to its thoughts.
    answered = [reply for reply in replies if reply.answer.strip()]
    assert len(answered) >= len(PROMPTS) - 1
    assert all(reply.order == ["reasoning_content", "content"] for reply in answered)


def test_nothing_is_put_into_its_mouth_and_no_tag_is_left(lasting_server: LocalServer) -> None:
    for prompt in PROMPTS:
        heard = ask(
            lasting_server, prompt, seed=3, max_tokens=12, stream_options={"include_usage": True}
        )
        # A token is at least one character, so words of a template would make it too long.
        assert len((heard.reasoning + heard.answer).split()) <= heard.usage["completion_tokens"]
        whole = ask(lasting_server, prompt, seed=3)
        assert "think>" not in whole.reasoning + whole.answer


def test_a_schema_is_kept_whether_it_thinks_or_not(lasting_server: LocalServer) -> None:
    schema = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
    form = {"type": "json_schema", "json_schema": {"name": "place", "schema": schema}}
    for thinking in (True, False):
        heard = ask(
            lasting_server,
            "What is the capital of France?",
            seed=1,
            response_format=form,
            chat_template_kwargs={"enable_thinking": thinking},
        )
        assert isinstance(json.loads(heard.answer)["city"], str)


def test_thinking_can_be_switched_off(lasting_server: LocalServer) -> None:
    heard = ask(lasting_server, FRUIT, chat_template_kwargs={"enable_thinking": False})
    assert heard.reasoning.strip() == ""
    assert heard.answer.strip()


def test_a_reply_ends_by_itself(lasting_server: LocalServer) -> None:
    for prompt in PROMPTS[:3]:
        assert ask(lasting_server, prompt, seed=2).finish in {"stop", "length"}


def test_usage_is_reported_when_asked_for(lasting_server: LocalServer) -> None:
    heard = ask(lasting_server, FRUIT, stream_options={"include_usage": True})
    assert heard.usage["prompt_tokens"] > 0
    assert heard.usage["completion_tokens"] > 0


def test_a_wrong_key_is_refused(lasting_server: LocalServer) -> None:
    with pytest.raises(HTTPError) as refused:
        ask(lasting_server, FRUIT, key="not-the-key")
    assert refused.value.code == 401
    refused.value.close()


def test_the_talk_so_far_is_part_of_the_prompt(lasting_server: LocalServer) -> None:
    alone = ask(lasting_server, FRUIT, stream_options={"include_usage": True})
    later = ask(
        lasting_server, "Hello!", "Hello to you.", FRUIT, stream_options={"include_usage": True}
    )
    assert later.usage["prompt_tokens"] > alone.usage["prompt_tokens"]
