"""Inside a thought: what is sent to begin one, to end it early, and to make it go on."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

import glm_magic as glm
from glm_magic.core.errors import InvalidValueError, RefusedError, UnsupportedError
from glm_magic.core.messages import Beginning, Message, Request
from glm_magic.core.turn import Given, Step, Turn
from glm_magic.dialects import DIALECTS
from glm_magic.dialects.chat import opens_inside_reasoning
from glm_magic.engine.options import Options
from glm_magic.engine.prepare import prepare, resolve_offer
from tests.api.providers import PLACES, Place
from tests.servers.model_server import ModelServer
from tests.servers.script import Script, Tokens

THOUGHT = "The user asks about 51. Wait,"
ABLE = [p for p in PLACES if p.provider in ("vllm", "sglang", "llamacpp")]
OWN_LIMIT = [p for p in PLACES if p.provider.startswith(("dashscope", "openrouter"))]
UNABLE = [p for p in PLACES if p not in ABLE]
WITHOUT_LIMIT = [p for p in UNABLE if p not in OWN_LIMIT]


def named(place: Place) -> str:
    return f"{place.provider}-{place.model}"


def refused(place: Place, kind: type[RefusedError], words: str, **asked: Any) -> RefusedError:
    """Return the error of a prompt that is refused before anything is sent."""
    with ModelServer(place.flavor) as server:
        with pytest.raises(kind, match=words) as caught:
            glm.stream("?", **place.asked(server, **asked))
        assert not server.requests
    return caught.value


def beginning_sent(provider: str, model: str, *, is_ended: bool) -> dict[str, Any]:
    """Return what a request for a reply that was begun has more than a plain one."""
    offer = resolve_offer(Options(provider=provider, model=model)).offer
    asked = Request(offer.model.id, (Message("user", "Is 51 prime?"),))
    begun = Request(offer.model.id, asked.messages, beginning=Beginning(THOUGHT, is_ended=is_ended))
    plain = DIALECTS[offer.provider.dialect].encode(asked, offer).body
    body = DIALECTS[offer.provider.dialect].encode(begun, offer).body
    assert body["messages"][:-1] == plain["messages"]
    more = {name: value for name, value in body.items() if plain.get(name) != value}
    return {**more, "messages": body["messages"][-1]}


@pytest.mark.parametrize(
    ("provider", "model", "is_ended", "sent"),
    [
        (
            "llamacpp", "default", False,
            {
                "messages": {
                    "role": "assistant", "reasoning_content": THOUGHT, "content": "",
                },
                "continue_final_message": "reasoning_content",
                "add_generation_prompt": False,
            },
        ),
        (
            "llamacpp", "default", True,
            {
                "messages": {
                    "role": "assistant", "reasoning_content": THOUGHT, "content": "",
                },
                "continue_final_message": "content",
                "add_generation_prompt": False,
            },
        ),
        (
            "vllm", "glm-4.6", False,
            {
                "messages": {"role": "assistant", "content": f"<think>{THOUGHT}"},
                "continue_final_message": True,
                "add_generation_prompt": False,
            },
        ),
        (
            "vllm", "glm-4.6", True,
            {
                "messages": {"role": "assistant", "content": f"<think>{THOUGHT}</think>"},
                "continue_final_message": True,
                "add_generation_prompt": False,
            },
        ),
        (
            "sglang", "glm-4.6", False,
            {
                "messages": {"role": "assistant", "content": f"\n<think>{THOUGHT}"},
                "continue_final_message": True,
            },
        ),
        (
            "sglang", "zai-org/GLM-4.7-FP8", False,
            {
                "messages": {"role": "assistant", "content": THOUGHT},
                "continue_final_message": True,
            },
        ),
        (
            "sglang", "glm-4.7", True,
            {
                "messages": {"role": "assistant", "content": f"{THOUGHT}</think>"},
                "continue_final_message": True,
            },
        ),
    ],
)  # fmt: skip
def test_each_server_is_asked_as_its_documentation_says(
    provider: str, model: str, is_ended: bool, sent: dict[str, Any]
) -> None:
    assert beginning_sent(provider, model, is_ended=is_ended) == sent


@pytest.mark.parametrize("ended", [True, False])
def test_an_answer_after_a_thought_that_was_ended_does_not_begin_inside_one(ended: bool) -> None:
    for provider in ("vllm", "sglang", "llamacpp"):
        offer = resolve_offer(Options(provider=provider, model="glm-4.6")).offer
        offer = replace(offer, provider=replace(offer.provider, think_open=True))
        asked = Request(
            "glm-4.6", (Message("user", "x"),), beginning=Beginning(THOUGHT, is_ended=ended)
        )
        body = DIALECTS[provider].encode(asked, offer).body
        assert opens_inside_reasoning(offer, body) is not ended


@pytest.mark.parametrize("place", ABLE, ids=named)
def test_the_reasoning_is_what_was_written_and_what_came(place: Place) -> None:
    with ModelServer(place.flavor) as server:
        server.tell(Script(reasoning=" 51 is 3 times 17.", answer="No.", tokens=None))
        reply = glm.ask("Is 51 prime?", **place.asked(server, prefill=THOUGHT + " \n"))
    (step,) = reply.steps
    assert reply.reasoning == f"{THOUGHT} 51 is 3 times 17."
    assert step.own_reasoning == " 51 is 3 times 17."
    assert step.given == Given(written=len(THOUGHT))
    assert reply.answer == "No."
    estimate = reply.turn.estimate
    assert estimate is not None
    assert estimate.reasoning is not None
    assert estimate.reasoning < 12  # what was written for it was no output


@pytest.mark.parametrize("place", ABLE, ids=named)
@pytest.mark.parametrize("asked", [{"prefill": THOUGHT}, {"wait": 1}, {"think_tokens": 2}], ids=str)
def test_what_was_written_for_it_has_no_figures(place: Place, asked: dict[str, Any]) -> None:
    with ModelServer(place.flavor) as server:
        server.tell(Script(reasoning=(" 51", " is"), answer=("No", "."), tokens=None))
        reply = glm.ask("Is 51 prime?", **place.asked(server, logprobs=2, **asked))
    assert all(request.json["logprobs"] is True for request in server.requests)
    for step in reply.steps:
        tokens = [token for token in step.tokens if token.part == "reasoning"]
        given = len(step.reasoning) - len(step.own_reasoning)
        assert (
            "".join(token.text for token in tokens if token.logprob is None)
            == (step.reasoning[:given])
        )
        assert "".join(token.text for token in tokens) == step.reasoning


@pytest.mark.parametrize("place", ABLE, ids=named)
def test_a_thought_is_ended_at_its_limit_and_the_answer_follows(place: Place) -> None:
    with ModelServer(place.flavor) as server:
        server.tell(
            Script(reasoning="Let me see,", answer="", finish="length", tokens=Tokens(20, 7)),
            Script(answer="No.", tokens=Tokens(29, 3)),
        )
        asked = place.asked(server, think_tokens=7, max_tokens=100)
        reply = glm.ask("Is 51 prime?", **asked)
        first, second = (request.json for request in server.requests)
    assert first["max_tokens"] == 7
    assert second["max_tokens"] == 100
    assert second["messages"][:-1] == first["messages"]
    assert "Let me see," in str(second["messages"][-1])
    assert [step.cause for step in reply.steps] == ["prompt", "end thinking"]
    assert (reply.reasoning, reply.answer) == ("Let me see,", "No.")
    assert reply.usage == glm.Usage(49, 10)  # the input grew by the thought
    assert {notice.code for notice in reply.turn.notices} <= {"unlisted-model"}
    assert reply.status == "complete"


def test_an_answer_that_the_limit_cut_is_asked_for_again_whole() -> None:
    with ModelServer("llamacpp") as server:
        server.tell(
            Script(reasoning="Short.", answer="51 is", finish="length", tokens=Tokens(20, 7)),
            Script(answer="51 is not prime."),
        )
        reply = glm.ask("?", provider="llamacpp", base_url=f"{server.url}/v1", think_tokens=7)
        last = server.last.json["messages"][-1]
    assert last["reasoning_content"] == "Short."
    assert reply.answer == "51 is not prime."


def test_a_model_that_does_not_think_is_asked_again_without_the_limit() -> None:
    with ModelServer("llamacpp") as server:
        server.tell(
            Script(answer="51 is", finish="length", tokens=Tokens(20, 7)),
            Script(answer="51 is not prime."),
        )
        reply = glm.ask("?", provider="llamacpp", base_url=f"{server.url}/v1", think_tokens=7)
        body = server.last.json
    assert body["messages"][-1]["role"] == "user"
    assert "max_tokens" not in body
    assert reply.answer == "51 is not prime."


def test_a_reply_within_the_limit_takes_one_request() -> None:
    with ModelServer("llamacpp") as server:
        server.tell(Script(reasoning="Short.", answer="No.", tokens=Tokens(20, 6)))
        reply = glm.ask("?", provider="llamacpp", base_url=f"{server.url}/v1", think_tokens=7)
        assert len(server.requests) == 1
    assert reply.answer == "No."


def test_the_callers_own_limit_of_the_reply_is_no_limit_of_the_thinking() -> None:
    with ModelServer("llamacpp") as server:
        server.tell(Script(reasoning="Let", answer="", finish="length", tokens=Tokens(20, 5)))
        place = {"provider": "llamacpp", "base_url": f"{server.url}/v1"}
        reply = glm.ask("?", **place, think_tokens=50, max_tokens=5)
        assert server.last.json["max_tokens"] == 5
        assert len(server.requests) == 1
    assert (reply.finish_reason, reply.answer) == ("length", "")


@pytest.mark.parametrize("place", ABLE, ids=named)
def test_a_model_is_made_to_think_on_as_often_as_was_asked(place: Place) -> None:
    with ModelServer(place.flavor) as server:
        server.tell(
            Script(reasoning="It is prime.", answer="", tokens=Tokens(20, 4)),
            Script(reasoning=" 51 is 3 times 17.", answer="", tokens=Tokens(25, 6)),
            Script(reasoning=" yes.", answer="No.", tokens=Tokens(32, 5)),
        )
        reply = glm.ask("Is 51 prime?", **place.asked(server, wait=2, params={"stop": ["END"]}))
        stops = [request.json["stop"] for request in server.requests]
        sent = str(server.last.json["messages"][-1])
    assert stops == [["END", "</think>"], ["END", "</think>"], ["END"]]
    assert [step.cause for step in reply.steps] == ["prompt", "think on", "think on"]
    assert reply.reasoning == "It is prime.\n\nWait, 51 is 3 times 17.\n\nWait, yes."
    assert reply.reasoning.removesuffix(" yes.").replace("\n", "\\n") in sent
    assert reply.answer == "No."
    assert reply.usage == glm.Usage(77, 15)


def test_a_chinese_thought_goes_on_in_chinese() -> None:
    with ModelServer("llamacpp") as server:
        server.tell(
            Script(reasoning="51 是质数吗？应该是。", answer=""),
            Script(reasoning="51 等于 3 乘 17。", answer="不是。"),
        )
        place = {"provider": "llamacpp", "base_url": f"{server.url}/v1"}
        reply = glm.ask("51 是质数吗？", **place, wait=1)
    assert reply.reasoning == "51 是质数吗？应该是。\n\n等一下，51 等于 3 乘 17。"


def test_one_that_stops_without_an_answer_after_thinking_on_is_asked_for_it() -> None:
    with ModelServer("llamacpp") as server:
        server.tell(
            Script(reasoning="Prime.", answer=""),
            Script(reasoning=" no.", answer=""),
            Script(answer="It is not."),
        )
        reply = glm.ask("?", provider="llamacpp", base_url=f"{server.url}/v1", wait=1)
        assert server.last.json["continue_final_message"] == "content"
    assert [step.cause for step in reply.steps] == ["prompt", "think on", "end thinking"]
    assert reply.answer == "It is not."


def test_thinking_on_keeps_to_the_limit_of_all_thinking() -> None:
    with ModelServer("llamacpp") as server:
        server.tell(
            Script(reasoning="Prime.", answer="", tokens=Tokens(20, 6)),
            Script(reasoning=" no", answer="", finish="length", tokens=Tokens(28, 4)),
            Script(answer="It is not."),
        )
        place = {"provider": "llamacpp", "base_url": f"{server.url}/v1"}
        reply = glm.ask("?", **place, wait=5, think_tokens=10)
        limits = [request.json.get("max_tokens") for request in server.requests]
    assert limits == [10, 4, None]
    assert reply.answer == "It is not."


def test_what_later_prompts_see_of_the_thought_is_all_of_it() -> None:
    steps = (
        Step(reasoning="One."),
        Step(reasoning="Wait, two.", content="3", cause="think on", given=Given(written=5)),
    )
    turn = Turn("?", "vllm", "m", steps, "complete")
    assert turn.to_messages()[-1].reasoning == "One.\n\nWait, two."


@pytest.mark.parametrize("place", OWN_LIMIT, ids=named)
def test_a_provider_with_its_own_limit_is_sent_that(place: Place) -> None:
    with ModelServer(place.flavor, strict=True) as server:
        server.tell(Script(reasoning="Hm.", answer="No."))
        glm.ask("?", **place.asked(server, think_tokens=2000))
        body = server.last.json
        assert len(server.requests) == 1
    own = body.get("parameters", body)
    assert own.get("thinking_budget") == 2000 or own["reasoning"] == {"max_tokens": 2000}
    assert "max_tokens" not in own


@pytest.mark.parametrize("place", OWN_LIMIT, ids=named)
@pytest.mark.parametrize(("took", "is_noted"), [(2000, False), (2100, False), (4000, True)])
def test_a_limit_that_was_taken_as_a_hint_is_said_to_be_one(
    place: Place, took: int, is_noted: bool
) -> None:
    with ModelServer(place.flavor) as server:
        server.tell(Script(reasoning="Hm.", answer="No.", tokens=Tokens(9, took + 9, took)))
        reply = glm.ask("?", **place.asked(server, think_tokens=2000))
    texts = [str(n.message) for n in reply.turn.notices if n.code == "thinks-longer"]
    assert bool(texts) is is_noted
    assert all("2,000 tokens of thinking were asked for, and 4,000 came" in text for text in texts)


def test_a_limit_beyond_the_models_is_refused_by_its_own_limit() -> None:
    assert refused(PLACES[0], InvalidValueError, "can be at most 32,768", think_tokens=40_000)


@pytest.mark.parametrize("place", UNABLE, ids=named)
@pytest.mark.parametrize("asked", [{"prefill": "Hm"}, {"wait": 1}], ids=str)
def test_elsewhere_it_is_refused_in_two_lines_that_name_where_it_works(
    asked: dict[str, Any], place: Place
) -> None:
    error = refused(place, UnsupportedError, "does not go on inside a thought", **asked)
    assert len(error.lines()) == 2
    assert error.hint == "these do: vllm, sglang, llamacpp, local"


@pytest.mark.parametrize("place", WITHOUT_LIMIT, ids=named)
def test_a_limit_that_nothing_can_keep_is_refused(place: Place) -> None:
    error = refused(place, UnsupportedError, "takes no limit for its thinking", think_tokens=5)
    for name in ("dashscope", "openrouter", "vllm", "local"):
        assert name in error.hint


def square(x: int) -> int:
    """Return the square."""
    return x * x


@pytest.mark.parametrize(
    ("asked", "problem"),
    [
        ({"prefill": "Hm", "thinking": False}, "switched off"),
        ({"think_tokens": 5, "thinking": False}, "switched off"),
        ({"wait": 1, "tools": [square]}, "functions or a schema"),
        ({"prefill": "Hm", "schema": {"type": "object"}}, "functions or a schema"),
        ({"prefill": " \n"}, "is empty"),
        ({"think_tokens": 0}, "at least 1"),
        ({"wait": -1}, "at least 1"),
        ({"wait": 1.5}, "at least 1"),
    ],
    ids=lambda value: value if isinstance(value, str) else "-".join(value),
)
def test_options_that_contradict_each_other_are_refused(
    asked: dict[str, Any], problem: str
) -> None:
    with pytest.raises(InvalidValueError, match=problem) as caught:
        glm.stream("?", provider="llamacpp", **asked)
    assert len(caught.value.lines()) == 2


def test_openrouter_takes_a_level_or_a_number() -> None:
    with pytest.raises(InvalidValueError, match="not both"):
        glm.stream("?", provider="openrouter", api_key="k", thinking="high", think_tokens=2000)


def test_the_answer_can_still_be_asked_for_at_once() -> None:
    call = prepare((Message("user", "?"),), Options(provider="vllm", model="m", prefill="Hm"))
    plain = call.without_thinking()
    assert plain.wire.body["messages"] == [{"role": "user", "content": "?"}]
    assert plain.given_text == ""


def test_a_comparison_takes_limits_as_an_axis() -> None:
    with ModelServer("llamacpp") as server:
        server.tell(Script(reasoning="Hm.", answer="No.", tokens=Tokens(9, 4)))
        place = {"provider": "llamacpp", "base_url": f"{server.url}/v1"}
        compared = glm.compare("?", "think_tokens=5,9", **place)
        limits = sorted(request.json["max_tokens"] for request in server.requests)
        with pytest.raises(InvalidValueError, match="whole numbers from 1"):
            glm.compare("?", "wait=0,x", **place)
    assert limits == [5, 9]
    assert len(compared.lanes) == 2
