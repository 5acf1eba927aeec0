"""Cutting the thinking short: the same turn goes on with a second request that does not think."""

from __future__ import annotations

import threading
import time
from decimal import Decimal
from typing import Any

import pytest

import glm_magic as glm
from glm_magic.core.errors import UnsupportedError
from glm_magic.core.events import Finish, StepStarted
from glm_magic.engine.stream import Stream
from tests.api.providers import PLACES, Place
from tests.servers.model_server import ModelServer
from tests.servers.script import Script, Tokens

THINKS = Script(reasoning="hm, " * 50, answer="late", stall_after=6, tokens=None)
ANSWERS = Script(reasoning="not asked for", answer="Blue.", tokens=Tokens(9, 4))
SWITCHES = [place for place in PLACES if place.provider != "lmstudio"]
every_place = pytest.mark.parametrize(
    "place", SWITCHES, ids=lambda place: f"{place.provider}{place.path}-{place.flavor}"
)


def wait_until(condition: Any, timeout_s: float = 20.0) -> None:
    until = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < until, "it did not happen"
        time.sleep(0.005)


def thinking(stream: Stream) -> bool:
    return bool(stream.turn.reasoning)


@every_place
def test_both_calls_are_steps_of_one_turn(place: Place) -> None:
    with ModelServer(place.flavor, strict=True) as server:
        server.tell(THINKS, ANSWERS)
        with glm.stream("Why?", **place.asked(server)) as stream:
            wait_until(lambda: thinking(stream))
            assert stream.can_answer_now
            assert stream.answer_now()
            reply = stream.reply
        first, second = server.requests
        wait_until(first.hung_up.is_set)
    assert (reply.answer, reply.status) == ("Blue.", "complete")
    assert [step.status for step in reply.steps] == ["interrupted", "complete"]
    assert [step.cause for step in reply.steps] == ["prompt", "answer now"]
    assert reply.steps[0].reasoning
    assert not reply.steps[1].reasoning
    assert [step.request for step in reply.steps] == [first.json, second.json]
    assert second.json != first.json
    assert "answer-now" in [notice.code for notice in reply.turn.notices]
    assert not stream.answer_now()


def test_usage_cost_and_time_are_those_of_both_calls() -> None:
    counted = Script(reasoning="hm, " * 50, tokens=Tokens(100, 50), stall_after=3)
    with ModelServer(strict=True) as server:
        # the native protocol tells its usage in every frame, so a stopped reply has one too
        server.tell(counted, Script(answer="Blue.", tokens=Tokens(10, 5)))
        place = next(place for place in PLACES if place.provider == "dashscope-native")
        with glm.stream("Why?", **place.asked(server)) as stream:
            wait_until(lambda: thinking(stream))
            time.sleep(0.05)
            assert stream.answer_now()
            reply = stream.reply
    steps = reply.steps
    assert reply.usage is not None
    assert steps[0].usage is not None
    assert reply.usage == steps[0].usage + glm.Usage(10, 5)
    costs = [step.cost.amount for step in steps if step.cost]
    assert reply.cost is not None
    assert reply.cost.amount == sum(costs, Decimal(0))
    assert len(costs) == 2
    assert steps[1].began_s > 0.05
    assert reply.timing.total_s is not None
    assert steps[1].timing.total_s is not None
    assert reply.timing.total_s >= steps[1].began_s + steps[1].timing.total_s - 0.001
    assert reply.timing.first_byte_s == steps[0].timing.first_byte_s


def test_a_call_that_was_cut_before_its_count_came_is_counted_by_estimate() -> None:
    with ModelServer() as server:
        server.tell(THINKS, ANSWERS)
        with glm.stream("Why?", **PLACES[0].asked(server, model="glm-4.5")) as stream:
            wait_until(lambda: thinking(stream))
            stream.answer_now()
            reply = stream.reply
    first, second = reply.steps
    assert (first.usage, second.usage) == (None, glm.Usage(9, 4))
    assert reply.turn.estimate == first.estimate is not None
    assert reply.cost is not None
    assert reply.cost.estimated
    assert first.cost is not None
    assert second.cost is not None
    assert reply.cost.amount == first.cost.amount + second.cost.amount


def test_a_model_that_always_thinks_goes_on_thinking() -> None:
    with ModelServer() as server:
        server.tell(Script(reasoning="hm", answer="Blue.", pause_s=0.02))
        with glm.stream("Why?", **PLACES[4].asked(server, model="glm-5.3")) as stream:
            wait_until(lambda: thinking(stream))
            assert not stream.can_answer_now
            with pytest.raises(UnsupportedError, match="always thinks"):
                stream.answer_now()
            assert stream.reply.answer == "Blue."
        assert len(server.requests) == 1


@pytest.mark.parametrize("asked", [{"thinking": False}, {}], ids=["told not to", "answering"])
def test_where_no_thinking_is_left_to_cut_nothing_happens(asked: dict[str, Any]) -> None:
    with ModelServer() as server:
        server.tell(Script(reasoning="hm", answer="Blue light.", pause_s=0.05))
        with glm.stream("Why?", **PLACES[0].asked(server, **asked)) as stream:
            assert not Stream(stream.call).answer_now()  # not even started
            wait_until(lambda: bool(stream.turn.answer))
            assert not stream.can_answer_now
            assert not stream.answer_now()
            assert stream.reply.answer == "Blue light."
        assert len(server.requests) == 1


def test_thinking_that_was_spelled_as_a_parameter_is_cut_short_too() -> None:
    asked = PLACES[0].asked(server := ModelServer(), params={"enable_thinking": True})
    with server:
        server.tell(THINKS, ANSWERS)
        with glm.stream("Why?", **asked) as stream:
            wait_until(lambda: thinking(stream))
            stream.answer_now()
            assert stream.reply.answer == "Blue."
        assert server.last.json["enable_thinking"] is False


def test_a_turn_can_be_stopped_in_its_second_step() -> None:
    with ModelServer() as server:
        server.tell(THINKS, Script(answer="Blue light.", stall_after=3))
        with glm.stream("Why?", **PLACES[0].asked(server)) as stream:
            wait_until(lambda: thinking(stream))
            stream.answer_now()
            wait_until(lambda: bool(stream.turn.answer))
            stream.cancel()
            reply = stream.reply
    assert reply.status == "interrupted"
    assert "Blue light.".startswith(reply.answer)
    assert [step.status for step in reply.steps] == ["interrupted", "interrupted"]


def test_many_threads_that_ask_at_once_get_one_second_call() -> None:
    with ModelServer() as server:
        server.tell(THINKS, ANSWERS)
        with glm.stream("Why?", **PLACES[0].asked(server)) as stream:
            wait_until(lambda: thinking(stream))
            threads = [threading.Thread(target=stream.answer_now) for _ in range(20)]
            for thread in threads:
                thread.start()
            reply = stream.reply
            for thread in threads:
                thread.join()
        assert len(server.requests) == 2
    assert reply.answer == "Blue."


def test_a_second_call_that_fails_says_so_and_keeps_the_first() -> None:
    with ModelServer() as server:
        server.tell(THINKS, Script(cut_after=0))
        with glm.stream("Why?", **PLACES[0].asked(server)) as stream:
            wait_until(lambda: thinking(stream))
            stream.answer_now()
            stream.wait()
            with pytest.raises(glm.GlmError) as caught:
                stream.raise_error()
    turn = caught.value.turn
    assert turn is not None
    assert turn.status == "failed"
    assert turn.steps[0].reasoning
    assert turn.error


def test_the_events_tell_where_the_second_call_begins() -> None:
    with ModelServer() as server:
        server.tell(THINKS, ANSWERS)
        with glm.stream("Why?", **PLACES[0].asked(server)) as stream:
            wait_until(lambda: thinking(stream))
            stream.answer_now()
            kinds = [type(event) for event in stream]
    assert kinds.count(StepStarted) == 1
    assert kinds.count(Finish) == 1
    assert kinds.index(StepStarted) < kinds.index(glm.ContentDelta)


def test_only_the_second_answer_goes_into_later_prompts() -> None:
    with ModelServer() as server:
        server.tell(THINKS, ANSWERS)
        session = glm.Session("hurried", **PLACES[0].asked(server))
        with session.stream("Why?") as stream:
            wait_until(lambda: thinking(stream))
            stream.answer_now()
            stream.wait()
        session.ask("And then?")
        sent = [(m["role"], m["content"]) for m in server.last.json["messages"]]
    assert sent == [("user", "Why?"), ("assistant", "Blue."), ("user", "And then?")]
    assert session.usage.output == 8
