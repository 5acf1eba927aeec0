"""The public Python API gives the same reply from every provider."""

from __future__ import annotations

import asyncio
import json
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from itertools import pairwise
from typing import Any

import pytest

import glm_magic as glm
from tests.api.providers import PLACES, Place
from tests.servers.model_server import ModelServer
from tests.servers.script import Call, Script, Tokens
from tests.servers.vendor import KEY

every_place = pytest.mark.parametrize(
    "place", PLACES, ids=lambda place: f"{place.provider}{place.path}-{place.flavor}"
)
SCRIPT = Script(
    reasoning=("\nShort waves", " scatter", " scatter 😀"),
    answer=("\nBlue", " light", " light 短波."),
    tokens=Tokens(17, 53, 21, 8),
    comments=1,
)
REASONING, ANSWER = "".join(SCRIPT.reasoning), "".join(SCRIPT.answer)
TOOL = {
    "type": "function",
    "function": {"name": "get_weather", "description": "", "parameters": {"type": "object"}},
}


def spoken(events: Any) -> list[Any]:
    """Return the texts of the events, kind by kind."""
    kinds = (glm.ReasoningDelta, glm.ContentDelta)
    return [(type(event).__name__, event.text) for event in events if isinstance(event, kinds)]


@every_place
def test_a_reply_holds_answer_reasoning_usage_and_how_it_ended(
    place: Place, server: ModelServer
) -> None:
    server.tell(SCRIPT)
    reply = glm.ask("Why is the sky blue?", **place.asked(server))
    assert (reply.answer, reply.reasoning) == (ANSWER, REASONING)
    assert str(reply) == reply.answer
    assert reply.usage == glm.Usage(input=17, output=53, cached=8, reasoning=21)
    assert (reply.finish_reason, reply.status) == ("stop", "complete")
    assert (reply.model, reply.provider) == (place.model, place.provider)
    assert reply.tool_calls == ()
    assert reply.turn.answer == reply.answer
    assert reply.turn.prompt == "Why is the sky blue?"
    assert reply.turn.error is None


@every_place
def test_the_request_is_kept_as_sent_and_without_the_key(place: Place, server: ModelServer) -> None:
    reply = glm.ask("Why?", **place.asked(server))
    assert reply.request == server.last.json
    kept = repr(vars(reply)) + json.dumps(reply.request) + repr(reply.turn)
    assert KEY not in kept
    sent = server.last.headers.get("authorization")
    assert sent == (f"Bearer {KEY}" if place.hosted else None)


@every_place
def test_all_four_ways_of_asking_say_the_same(place: Place, server: ModelServer) -> None:
    server.tell(SCRIPT)
    asked = place.asked(server)
    reply = glm.ask("Why?", **asked)
    with glm.stream("Why?", **asked) as stream:
        streamed = list(stream)
    later = asyncio.run(glm.aask("Why?", **asked))

    async def collect() -> list[Any]:
        async with glm.astream("Why?", **asked) as opened:
            return [event async for event in opened]

    expected = spoken(timed.event for timed in reply.events)
    assert spoken(streamed) == expected
    assert spoken(asyncio.run(collect())) == expected
    assert (later.answer, later.usage) == (reply.answer, reply.usage)
    assert (stream.reply.answer, stream.turn.answer) == (reply.answer, reply.answer)
    assert len({request.body for request in server.requests}) == 1


@every_place
def test_events_come_in_order_with_their_times(place: Place, server: ModelServer) -> None:
    server.tell(SCRIPT)
    reply = glm.ask("Why?", **place.asked(server))
    events = [timed.event for timed in reply.events]
    assert spoken(events) == [
        *(("ReasoningDelta", text) for text in SCRIPT.reasoning),
        *(("ContentDelta", text) for text in SCRIPT.answer),
    ]
    assert isinstance(events[-1], glm.Finish)
    assert [type(event) for event in events].count(glm.Finish) == 1
    assert all(first.at_s <= later.at_s for first, later in pairwise(reply.events))


@every_place
def test_thinking_off_brings_an_answer_without_reasoning(place: Place, server: ModelServer) -> None:
    if place.provider == "lmstudio":
        pytest.skip("LM Studio's switch depends on the model")
    server.tell(SCRIPT)
    reply = glm.ask("Why?", **place.asked(server, thinking=False))
    assert (reply.reasoning, reply.answer) == ("", ANSWER)


@every_place
def test_thinking_on_brings_the_reasoning(place: Place, server: ModelServer) -> None:
    server.tell(SCRIPT)
    if place.provider == "lmstudio":
        pytest.skip("LM Studio's switch depends on the model")
    assert glm.ask("Why?", **place.asked(server, thinking=True)).reasoning == REASONING


@every_place
def test_nothing_is_sent_that_was_not_asked_for(place: Place, server: ModelServer) -> None:
    glm.ask("Why?", **place.asked(server))
    body = server.last.json
    if "input" in body:
        assert body["parameters"] == {"incremental_output": True, "result_format": "message"}
        assert body["input"] == {"messages": [{"role": "user", "content": "Why?"}]}
        return
    assert body["messages"] == [{"role": "user", "content": "Why?"}]
    assert set(body) <= {"model", "messages", "stream", "stream_options"}


@every_place
def test_a_system_message_comes_first(place: Place, server: ModelServer) -> None:
    glm.ask("Why?", **place.asked(server, system="Be brief."))
    body = server.last.json
    messages = body.get("messages") or body["input"]["messages"]
    assert messages[0] == {"role": "system", "content": "Be brief."}


@every_place
def test_tool_calls_arrive_whole(place: Place, server: ModelServer) -> None:
    calls = (Call("get_weather", '{"city": "Rome"}', "call_1"), Call("get_weather", "{}", "call_2"))
    server.tell(Script(reasoning="Look.", answer="I will look.", calls=calls))
    reply = glm.ask("Weather?", **place.asked(server, tools=[TOOL]))
    made = [(call.id, call.name, call.arguments) for call in reply.tool_calls]
    assert made == [(call.id, call.name, call.arguments) for call in calls]
    assert (reply.answer, reply.finish_reason) == ("I will look.", "tool_calls")


@every_place
def test_a_tool_round_sends_the_call_and_its_result(place: Place, server: ModelServer) -> None:
    call = {
        "id": "call_1",
        "type": "function",
        "function": {"name": "get_weather", "arguments": "{}"},
    }
    messages = [
        {"role": "user", "content": "Weather?"},
        {"role": "assistant", "content": None, "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "call_1", "content": "sunny"},
    ]
    glm.ask(messages, **place.asked(server, tools=[TOOL]))
    body = server.last.json
    sent = body.get("messages") or body["input"]["messages"]
    assert sent[1]["tool_calls"] == [call]
    assert sent[2] == messages[2]


@every_place
def test_what_came_in_pieces_of_one_byte_reads_the_same(place: Place, server: ModelServer) -> None:
    server.tell(Script(reasoning="Think", answer="Blue 😀 sky", piece_chars=1))
    reply = glm.ask("Why?", **place.asked(server))
    assert (reply.reasoning, reply.answer) == ("Think", "Blue 😀 sky")


@every_place
def test_text_of_any_kind_reaches_the_server(place: Place, server: ModelServer) -> None:
    prompt = 'tab\t "quotes" \\ \u2028 \u0085 短波 😀 \ud83d \x00 {braces} </think>'
    glm.ask(prompt, **place.asked(server))
    body = server.last.json
    messages = body.get("messages") or body["input"]["messages"]
    assert messages[0]["content"] == prompt.replace("\ud83d", "\ufffd")


def test_a_reply_without_reported_usage_has_none(server: ModelServer) -> None:
    server.tell(Script(tokens=None))
    reply = glm.ask("Why?", **PLACES[0].asked(server))
    assert reply.usage is None
    assert reply.cost is None


def test_the_cost_is_exact_and_in_the_billed_currency(
    server: ModelServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.tell(Script(tokens=Tokens(1000, 2000)))
    reply = glm.ask("Why?", **PLACES[0].asked(server, model="glm-4.5"))
    assert reply.cost is not None
    assert (reply.cost.amount, reply.cost.currency) == (Decimal("0.031"), "CNY")


def test_a_model_without_a_price_costs_none_not_nothing(server: ModelServer) -> None:
    reply = glm.ask("Why?", **PLACES[0].asked(server, model="glm-4.6"))
    assert reply.usage is not None
    assert reply.cost is None


def test_times_are_told(server: ModelServer) -> None:
    server.tell(Script(reasoning="abc", answer="def", piece_chars=1, pause_s=0.02))
    timing = glm.ask("Why?", **PLACES[0].asked(server)).timing
    assert timing.first_reasoning_s is not None
    assert timing.first_answer_s is not None
    assert timing.total_s is not None
    assert timing.first_byte_s is not None
    assert timing.thinking_s is not None
    assert timing.first_byte_s <= timing.first_reasoning_s < timing.first_answer_s
    assert timing.first_answer_s < timing.total_s
    assert timing.thinking_s > 0.03


def test_the_first_events_can_be_read_while_the_reply_still_runs(server: ModelServer) -> None:
    server.tell(Script(reasoning="a", answer=("b", "c"), stall_after=3))
    with glm.stream("Why?", **PLACES[0].asked(server)) as stream:
        events = iter(stream)
        for event in events:
            if isinstance(event, glm.ContentDelta):
                break
        assert (stream.turn.answer, stream.turn.status, stream.done) == ("b", "streaming", False)
        server.released.set()
        list(events)
    assert (stream.turn.answer, stream.turn.status) == ("bc", "complete")


def test_a_stream_sends_nothing_before_it_is_entered(server: ModelServer) -> None:
    stream = glm.stream("Why?", **PLACES[0].asked(server))
    assert server.requests == []
    assert stream.wait(10)
    assert len(server.requests) == 1


def test_many_questions_at_once_get_their_own_answers(server: ModelServer) -> None:
    server.tell(*(Script(answer=f"answer {n}", piece_chars=1) for n in range(20)), Script())
    with ThreadPoolExecutor(20) as pool:
        asked = PLACES[0].asked(server)
        answers = list(pool.map(lambda n: glm.ask(f"{n}", **asked).answer, range(20)))
    assert sorted(answers) == sorted(f"answer {n}" for n in range(20))


def test_asking_works_inside_a_running_loop(server: ModelServer) -> None:
    server.tell(SCRIPT)

    async def inside() -> tuple[str, str]:
        asked = PLACES[0].asked(server)
        return glm.ask("Why?", **asked).answer, (await glm.aask("Why?", **asked)).answer

    assert asyncio.run(inside()) == (ANSWER, ANSWER)


def test_connections_are_used_again(server: ModelServer) -> None:
    for _ in range(4):
        glm.ask("Why?", **PLACES[4].asked(server))
    assert server.connections < 4


def test_a_conversation_is_sent_as_it_was_given(server: ModelServer) -> None:
    messages = [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "Name a colour."},
        {"role": "assistant", "content": "\nBlue. "},
        {"role": "user", "content": "Why?"},
    ]
    glm.ask(messages, **PLACES[0].asked(server))
    assert server.last.json["messages"] == messages


@pytest.mark.parametrize("reason", ["length", "tool_calls", "brand_new"])
def test_the_finish_reason_is_the_providers_own_word(server: ModelServer, reason: str) -> None:
    server.tell(Script(finish=reason))
    reply = glm.ask("Why?", **PLACES[4].asked(server))
    assert (reply.finish_reason, reply.status) == (reason, "complete")


@pytest.mark.parametrize("reason", ["sensitive", "network_error", "error"])
def test_a_reply_that_the_provider_took_back_is_failed(server: ModelServer, reason: str) -> None:
    server.tell(Script(answer="Half", finish=reason))
    with glm.stream("Why?", **PLACES[4].asked(server)) as stream:
        stream.wait(10)
    assert (stream.turn.finish_reason, stream.turn.status) == (reason, "failed")
    assert stream.turn.answer == "Half"
    with pytest.raises(glm.GlmError) as caught:
        glm.ask("Why?", **PLACES[4].asked(server))
    assert caught.value.turn is not None
    assert (caught.value.turn.answer, caught.value.code) == ("Half", reason)


@pytest.mark.parametrize("flavor", ["vllm", "sglang", "llamacpp", "ollama"])
@pytest.mark.parametrize("tags", ["both", "close"])
def test_think_tags_in_the_text_are_reasoning(flavor: str, tags: Any) -> None:
    place = next(place for place in PLACES if place.flavor == flavor and not place.hosted)
    with ModelServer(flavor) as server:
        server.tell(Script(reasoning="why", answer="so", tags=tags, piece_chars=2))
        reply = glm.ask("?", **place.asked(server))
        assert (reply.reasoning, reply.answer) == ("why", "so")
