"""The real server through the public door: providers ``local`` and ``llamacpp``."""

from __future__ import annotations

import json
import time
from urllib.request import Request, urlopen

import pytest

import glm_magic as glm
from glm_magic.core.errors import AuthenticationError, ContextLengthError

pytestmark = pytest.mark.local


def busy_slots(server):
    address = server.base_url.removesuffix("/v1") + "/slots"
    request = Request(address, headers={"Authorization": f"Bearer {server.secret.reveal()}"})
    with urlopen(request, timeout=5) as response:
        return sum(slot["is_processing"] for slot in json.load(response))


def test_the_local_provider_thinks_and_then_answers(server, isolated_home):
    reply = glm.ask("What is the capital of France?", provider="local", temperature=0)
    assert reply.status == "complete"
    assert reply.reasoning.strip()
    assert reply.answer.strip()
    kinds = [type(timed.event).__name__ for timed in reply.events]
    assert kinds.index("ReasoningDelta") < kinds.index("ContentDelta")
    assert reply.usage.input > 0
    assert reply.cost is None
    assert any("expect mistakes" in notice.message for notice in reply.turn.notices)


def test_with_thinking_off_there_is_no_reasoning(at):
    reply = glm.ask("What is the capital of France?", thinking=False, max_tokens=40, **at)
    assert reply.reasoning == ""
    assert reply.answer.strip()


def test_a_wrong_key_is_refused_in_words(at):
    with pytest.raises(AuthenticationError) as caught:
        glm.ask("hi", **{**at, "api_key": "wrong"})
    assert caught.value.status == 401
    assert "GLM_API_KEY" in caught.value.hint


def test_a_prompt_that_does_not_fit_says_so_with_the_numbers(at):
    with pytest.raises(ContextLengthError, match=r"\d+ tokens") as caught:
        glm.ask("word " * 30_000, **at)
    assert caught.value.status == 400
    assert "shorten" in caught.value.hint


def test_a_json_schema_holds_the_answer_to_its_form(at):
    schema = {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]}
    response_format = {"type": "json_schema", "json_schema": {"name": "number", "schema": schema}}
    params = {"response_format": response_format}
    reply = glm.ask("Give me a number.", thinking=False, max_tokens=60, params=params, **at)
    assert isinstance(json.loads(reply.answer)["n"], int)


def test_stopping_frees_the_servers_slot_and_keeps_the_text(at, lasting_server):
    params = {"ignore_eos": True}
    with glm.stream("Tell me a long story.", max_tokens=4000, params=params, **at) as stream:
        texts = (event for event in stream if hasattr(event, "text"))
        for _ in range(5):
            next(texts)
        assert busy_slots(lasting_server) == 1
        stream.cancel()
    assert stream.turn.status == "interrupted"
    assert stream.turn.reasoning or stream.turn.answer
    until = time.monotonic() + 5
    while busy_slots(lasting_server) and time.monotonic() < until:
        time.sleep(0.02)
    assert busy_slots(lasting_server) == 0


def test_a_conversation_goes_on_with_the_turns_before(at):
    chat = glm.Session("test", **at)
    first = chat.ask("Name three colors.", thinking=False, temperature=0)
    assert first.answer.strip()  # a turn without an answer would not be sent again
    second = chat.ask("And three more.", thinking=False, temperature=0)
    assert second.usage.input > first.usage.input
    roles = [message["role"] for message in second.request["messages"]]
    assert roles == ["user", "assistant", "user"]
