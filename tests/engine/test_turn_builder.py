"""A turn is built in one place, ends once, and is shown to its observers first."""

from __future__ import annotations

from dataclasses import replace

import pytest

from glm_magic.core import errors, events
from glm_magic.core.turn import Notice
from glm_magic.engine.prepared import ToolPlan
from glm_magic.engine.turn_builder import Clock, Reaction, TurnBuilder
from tests.laws.decoding import SetClock, request_for

REQUEST = request_for("vllm")
CALL = events.ToolCallDelta(0, "{}", "call_1", "now")


class NotingObserver:
    """Notes what it is shown, and whether the turn was over by then."""

    def __init__(self, builder):
        self.builder = builder
        self.shown = []
        self.reactions = []

    def on_request(self, request):
        self.shown.append(request)

    def on_events(self, events):
        self.shown.append(list(events))
        reactions, self.reactions = self.reactions, []
        return reactions

    def on_end(self, turn):
        self.shown.append((turn, self.builder.done))


@pytest.fixture
def builder():
    return TurnBuilder(REQUEST, clock=SetClock())


def test_a_turn_that_was_not_sent_is_built_once():
    builder = TurnBuilder(REQUEST, clock=Clock())
    waiting = builder.snapshot()
    assert waiting.status == "streaming"
    assert waiting.timing.total_s == 0
    assert waiting.timing.started_at is None
    assert builder.snapshot() is waiting
    builder.start()
    assert builder.snapshot().timing.started_at is not None


def test_the_time_of_a_running_turn_goes_on_while_nothing_arrives(builder):
    builder.add([events.ContentDelta("Blue")])
    builder.clock.at_s = 1.0
    assert builder.snapshot().timing.total_s == 1.0
    builder.clock.at_s = 2.0
    assert builder.snapshot().timing.total_s == 2.0


def test_a_turn_that_ended_stays_the_same_object(builder):
    builder.add([events.ContentDelta("Blue"), events.Finish("stop")])
    builder.end()
    turn = builder.snapshot()
    builder.clock.at_s = 9.0
    assert builder.snapshot() is turn
    assert (turn.status, turn.answer, builder.done) == ("complete", "Blue", True)


def test_each_step_has_the_body_of_its_request(builder):
    second = replace(REQUEST, wire=replace(REQUEST.wire, body={"second": True}))
    builder.add([events.ContentDelta("{"), events.Finish("stop")])
    builder.begin_step("repair", second)
    builder.add([events.ContentDelta("{}"), events.Finish("stop")])
    builder.end()
    steps = builder.snapshot().steps
    assert [(step.cause, step.request) for step in steps] == [
        ("prompt", {}),
        ("repair", {"second": True}),
    ]


def test_a_step_that_still_streams_is_cut_short_by_the_next(builder):
    builder.add([events.ReasoningDelta("hm")])
    builder.begin_step("answer now", REQUEST)
    assert [step.status for step in builder.snapshot().steps] == ["interrupted", "streaming"]


def test_a_stop_after_the_whole_reply_changes_nothing(builder):
    builder.add([events.ContentDelta("Blue"), events.Finish("stop")])
    builder.end("interrupted")
    assert builder.snapshot().status == "complete"


def test_a_stop_before_the_calls_were_made_interrupts_the_turn():
    builder = TurnBuilder(replace(REQUEST, tool_plan=ToolPlan()), clock=SetClock())
    builder.add([CALL, events.Finish("tool_calls")])
    assert builder.snapshot().status == "streaming", "another step may follow"
    builder.end("interrupted")
    turn = builder.snapshot()
    assert (turn.status, turn.steps[0].status) == ("interrupted", "complete")


@pytest.mark.parametrize(("text", "status"), [("Blue", "incomplete"), ("", "failed")])
def test_a_failure_names_the_provider_and_holds_the_turn(builder, text, status):
    error = errors.ConnectionFailedError("it broke")
    builder.add([events.ContentDelta(text)] if text else [])
    builder.end(error=error)
    turn = builder.snapshot()
    assert (turn.status, turn.error, error.provider) == (status, "it broke", "vllm")
    assert error.turn is turn


def test_observers_see_requests_batches_and_the_end_in_this_order(builder):
    observer = NotingObserver(builder)
    builder.observers.append(observer)
    batch = [events.ContentDelta("Blue"), events.Finish("stop")]
    builder.announce(REQUEST)
    builder.add(batch)
    builder.add([])
    builder.end()
    assert observer.shown == [REQUEST, batch, (builder.snapshot(), False)]


def test_a_reaction_joins_the_turn_and_may_stop_it():
    stops = []
    builder = TurnBuilder(REQUEST, stop=lambda: stops.append(True), clock=SetClock())
    observer = NotingObserver(builder)
    builder.observers.append(observer)
    notices = [Notice("near", "near the end"), Notice("enough", "that is enough")]
    observer.reactions = [Reaction(notices[0]), Reaction(notices[1], stop=True)]
    builder.add([events.ContentDelta("Blue")])
    assert builder.snapshot().notices == tuple(notices)
    assert stops == [True]
    assert len(observer.shown) == 1, "an observer is not shown reactions"
