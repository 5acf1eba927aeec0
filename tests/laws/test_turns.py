"""A turn is the sum of its events, at every moment of its stream."""

from __future__ import annotations

import json
from decimal import Decimal
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

import glm_magic as glm
from glm_magic.core import errors, events, turn
from glm_magic.core.usage import Usage
from glm_magic.engine.turn_builder import TurnBuilder
from tests.api.providers import PLACES, Place
from tests.laws.decoding import SetClock, decode, fold, request_for
from tests.servers.model_server import ModelServer
from tests.servers.script import Script
from tests.streams.corpus import BODIES, Body

every_body = pytest.mark.parametrize("body", BODIES, ids=lambda body: body.id)

texts = st.text(max_size=4)
usages = st.builds(Usage, *[st.none() | st.integers(0, 9)] * 4)
quiet_events = st.one_of(
    texts.map(events.ReasoningDelta),
    texts.map(events.ContentDelta),
    st.builds(events.ToolCallDelta, st.integers(0, 3), texts, st.none() | texts, st.none() | texts),
    usages.map(events.UsageReport),
    st.builds(events.Started, st.none() | texts, st.none() | texts),
    st.builds(turn.Notice, texts, texts),
    st.just(events.ContentWasReasoning()),
)
endings = st.one_of(
    st.builds(events.Finish, st.none() | st.sampled_from(["stop", "length", "sensitive", "new"])),
    st.just(events.StreamError(errors.ServerError("it broke"))),
)


class Turns:
    """A turn that grows by one event at a time, each at a time of its own."""

    def __init__(self) -> None:
        self._clock = SetClock()
        self._builder = TurnBuilder(request_for("vllm"), clock=self._clock)

    def add(self, event: events.Event, at_s: float) -> None:
        self._clock.at_s = at_s
        self._builder.add([event])

    def interrupt(self, at_s: float) -> None:
        self._clock.at_s = at_s
        self._builder.end("interrupted")

    def turn(self, now_s: float) -> turn.Turn:
        self._clock.at_s = now_s
        return self._builder.snapshot()


@every_body
def test_a_turn_says_what_its_events_say(body: Body) -> None:
    decoded_events = decode(body.dialect, [body.content], body.request)
    turns = Turns()
    for number, event in enumerate(decoded_events):
        turns.add(event, float(number))
    folded, turn = fold(decoded_events), turns.turn(99.0)
    assert (turn.reasoning, turn.answer, turn.usage) == (
        folded.reasoning,
        folded.answer,
        folded.usage,
    )
    assert [(c.id, c.name, c.arguments) for c in turn.tool_calls] == folded.call_list
    assert turn.finish_reason == (folded.finishes[0] if folded.finishes else None)
    expected = "failed" if folded.errors else "complete" if turn.finish_reason else "incomplete"
    assert turn.status == expected


@every_body
def test_a_turn_only_grows(body: Body) -> None:
    turns = Turns()
    snapshots = [turns.turn(0.0)]
    for number, event in enumerate(decode(body.dialect, [body.content], body.request)):
        turns.add(event, float(number))
        snapshots.append(turns.turn(float(number)))
    for earlier, later in pairwise(snapshots):
        assert (later.reasoning + later.answer).startswith(earlier.reasoning)
        if not body.tags:
            assert later.answer.startswith(earlier.answer)
        for first, second in zip(earlier.tool_calls, later.tool_calls, strict=False):
            assert second.arguments.startswith(first.arguments)


@given(st.lists(quiet_events, max_size=12), endings, st.lists(quiet_events | endings, max_size=3))
def test_any_events_make_a_turn_that_ends_once(
    decoded_events: list[events.Event], ending: events.Event, more: list[events.Event]
) -> None:
    turns = Turns()
    for number, event in enumerate(decoded_events):
        turns.add(event, float(number))
        assert turns.turn(float(number)).status == "streaming"
    turns.add(ending, 50.0)
    status = turns.turn(50.0).status
    assert status != "streaming"
    for event in more:
        turns.add(event, 60.0)
    turn = turns.turn(70.0)
    assert turn.status == status
    assert turn.timing.total_s == 50.0
    folded = fold([*decoded_events, ending, *more])
    assert (turn.reasoning, turn.answer) == (folded.reasoning, folded.answer)


@given(st.lists(usages, min_size=1, max_size=5))
def test_usage_replaces_within_a_reply(reported: list[Usage]) -> None:
    turns = Turns()
    for usage in reported:
        turns.add(events.UsageReport(usage), 0.0)
    assert turns.turn(0.0).usage == reported[-1]


@given(st.lists(usages, min_size=1, max_size=5))
def test_usage_adds_across_replies_and_unknown_stays_unknown(reported: list[Usage]) -> None:
    total = sum(reported[1:], reported[0])
    for name in ("input", "output", "cached", "reasoning"):
        known = [value for usage in reported if (value := getattr(usage, name)) is not None]
        assert getattr(total, name) == (sum(known) if known else None)


def test_an_interrupted_turn_keeps_its_text_and_stays_interrupted() -> None:
    turns = Turns()
    turns.add(events.ContentDelta("Half"), 1.0)
    turns.interrupt(2.0)
    turns.add(events.Finish("stop"), 3.0)
    assert (turns.turn(9.0).answer, turns.turn(9.0).status) == ("Half", "interrupted")


@pytest.mark.parametrize("place", PLACES, ids=lambda p: f"{p.provider}{p.path}-{p.flavor}")
def test_the_prefix_of_a_context_never_changes_by_a_byte(place: Place) -> None:
    """A provider's cache is hit only where the bytes before are the same."""
    with ModelServer(place.flavor, strict=True) as server:
        server.tell(Script(reasoning="Think\n", answer="\nBlue 😀 \u2028"))
        asked = place.asked(server)
        session = glm.Session("prefix", **asked)
        for prompt in ("Why?", "And\u0085 then?", 'So "what"?', "Really?"):
            session.ask(prompt)
        sent = [context(request.json) for request in server.requests]
    for earlier, later in pairwise(sent):
        assert later.startswith(earlier)
    assert len(set(sent)) == 4


def context(body: dict[str, object]) -> str:
    """Return the messages of a body as text without their end."""
    inside = body.get("input")
    messages = inside["messages"] if isinstance(inside, dict) else body["messages"]
    return json.dumps(messages).removesuffix("]")


def test_the_costs_of_a_session_are_computed_by_call_and_then_summed() -> None:
    with ModelServer() as server:
        server.tell(Script())
        session = glm.Session("cost", **PLACES[0].asked(server, model="glm-4.5"))
        costs = [session.ask(f"{n}?").cost for n in range(3)]
        amounts = [cost.amount for cost in costs if cost is not None]
        assert len(amounts) == 3
        assert session.cost.amounts == {"CNY": sum(amounts, Decimal(0))}
