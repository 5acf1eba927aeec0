"""An observer sees everything, may stop a reply, and never spoils it."""

from __future__ import annotations

import pytest

from glm_magic.core.errors import InvalidValueError
from glm_magic.core.events import ContentDelta, UsageReport
from glm_magic.core.messages import Message
from glm_magic.core.turn import Notice
from glm_magic.engine.options import Options
from glm_magic.engine.prepare import prepare
from glm_magic.engine.stream import Stream
from glm_magic.engine.turn_builder import Reaction
from tests.faults.life import settled
from tests.servers.script import Failure, Script, Tokens


class NotingObserver:
    """Notes what it sees, and answers what it is told to answer."""

    def __init__(self, reaction=None, at=0, refusal=None):
        self.text = ""
        self.turns = []
        self.reaction, self.at, self.refusal = reaction, at, refusal

    def on_request(self, request):
        if self.refusal:
            raise self.refusal

    def on_events(self, events):
        self.text += "".join(e.text for e in events if isinstance(e, ContentDelta))
        if self.reaction and len(self.text) >= self.at:
            yield self.reaction
            self.reaction = None

    def on_end(self, turn):
        self.turns.append(turn)
        raise ZeroDivisionError("a bug of the observer")


@pytest.fixture
def opened(model_server):
    def make(observer, **options):
        asked = Options(
            provider="zai", model="glm-4.6", api_key="test-key",
            base_url=model_server.url + "/api/paas/v4", **options,
        )  # fmt: skip
        stream = Stream(prepare([Message("user", "why?")], asked))
        stream.observers.append(observer)
        return stream

    return make


def test_an_observer_sees_every_piece_and_the_end_before_anyone_else(opened, model_server, caplog):
    model_server.tell(Script(answer="one two three", reasoning="hm", piece_chars=3))
    observer = NotingObserver()
    stream = opened(observer)
    assert stream.wait(20)
    assert observer.text == "one two three"
    assert [turn.status for turn in observer.turns] == ["complete"]
    assert observer.turns[0] == stream.turn
    assert "an observer failed at the end of a turn" in caplog.text


def test_an_observer_may_stop_a_reply_and_the_turn_says_why(opened, model_server):
    model_server.tell(Script(answer="word " * 400, pause_s=0.01, tokens=None))
    stop = Reaction(Notice("enough", "that is enough"), stop=True)
    stream = opened(NotingObserver(stop, at=50))
    assert stream.wait(20)
    turn = stream.turn
    assert turn.status == "interrupted"
    assert turn.notices[-1] == Notice("enough", "that is enough")
    assert 50 <= len(turn.answer) < 200
    assert stream.error is None


def test_an_observer_may_prevent_the_request(opened, model_server):
    stream = opened(NotingObserver(refusal=InvalidValueError("no", hint="do not")))
    stream.wait(20)
    with pytest.raises(InvalidValueError):
        stream.raise_error()
    assert stream.turn.status == "failed"
    assert model_server.requests == []


def test_a_stream_cancelled_before_it_was_sent_ends_too(opened, model_server):
    observer = NotingObserver()
    stream = opened(observer)
    stream.cancel()
    assert stream.done
    assert [turn.status for turn in observer.turns] == ["interrupted"]
    assert model_server.requests == []


def test_what_was_not_reported_is_estimated_and_marked(opened, model_server):
    model_server.tell(Script(reasoning="r" * 400, answer="a" * 4000, tokens=None, stall_after=150))
    stream = opened(NotingObserver(Reaction(Notice("x", "x"), stop=True), at=120))
    assert stream.wait(20)
    step = stream.turn.steps[0]
    assert step.usage is None
    assert step.estimate.input == stream.call.size.input
    assert step.estimate.reasoning == 100
    assert step.estimate.output == 100 + round(len(step.content) / 4)
    assert step.cost.estimated
    assert str(stream.turn.cost).startswith("≈$")


def test_reported_usage_is_never_replaced_by_an_estimate(opened, model_server):
    model_server.tell(Script(answer="a" * 400, tokens=Tokens(7, 9)))
    stream = opened(NotingObserver())
    assert stream.wait(20)
    assert stream.turn.estimate is None
    assert (stream.turn.usage.input, stream.turn.usage.output) == (7, 9)


def test_nothing_is_estimated_where_nothing_came(opened, model_server):
    model_server.tell(Script(refusal=Failure(401, "1002", "bad token")))
    stream = opened(NotingObserver())
    assert stream.wait(20)
    assert stream.turn.estimate is None
    assert stream.turn.cost is None


class StopsAtTheEnd(NotingObserver):
    """Stops a turn when its usage is reported, as a budget does that ends there."""

    def on_events(self, events):
        if any(isinstance(event, UsageReport) for event in events):
            yield Reaction(Notice("enough", "that is enough"), stop=True)


def test_a_stop_while_a_connection_is_given_back_leaves_none_busy(opened, model_server):
    model_server.tell(Script(tokens=Tokens(7, 9)))
    for _ in range(5):
        assert opened(StopsAtTheEnd()).wait(20)
    assert settled() == []
