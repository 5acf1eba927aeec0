"""A session keeps its newest streams; of an older run it keeps the turn, and what it took."""

from __future__ import annotations

import gc
from weakref import ref

import pytest

import glm_magic as glm
from glm_magic.core.price import CostTotal
from glm_magic.session.asked import KEPT_STREAMS
from tests.servers.script import Script, Tokens


@pytest.fixture
def session(model_server):
    """Give a session whose every reply costs something else."""
    model_server.tell(
        *(Script(answer=f"answer {n}", tokens=Tokens(10 + n, 20)) for n in range(3 * KEPT_STREAMS))
    )
    return glm.Session(
        "asked",
        provider="dashscope",
        model="glm-4.5",
        base_url=model_server.url + "/compatible-mode/v1",
        api_key="test-key",
    )


def ask(session, count=KEPT_STREAMS):
    """Ask so often that what was asked before has become old."""
    for number in range(count):
        session.ask(f"further {number}")


def weakly(stream):
    """Return a stream without holding it, with the collector's help."""
    gc.collect()
    return ref(stream)


def test_an_older_stream_is_freed_and_its_turn_stays(session):
    session.ask("first")
    stream = weakly(session.asked[0])
    ask(session, KEPT_STREAMS - 1)
    gc.collect()
    assert stream() is not None, "the newest are kept"
    before = session.turns[0]
    ask(session, 2)
    gc.collect()
    assert stream() is None
    assert session.turns[0] == before
    assert [step.request for step in session.turns[0].steps] == [None]
    assert before.answer == "answer 0"
    assert len(session.asked) == KEPT_STREAMS + 1


def test_the_streams_of_replaced_and_undone_turns_are_freed_too(chat, model_server):
    model_server.tell(Script())
    session = chat()
    for _ in range(2):
        session.open("again", session.options, "cell").wait()
    session.ask("undone")
    streams = [weakly(stream) for stream in session.asked]
    session.undo()
    ask(session, KEPT_STREAMS + 1)
    gc.collect()
    assert [stream() for stream in streams] == [None] * 3


def test_a_stream_that_runs_is_never_let_go(chat, model_server):
    model_server.tell(Script(answer="slow", stall_after=2), Script())
    session = chat()
    stream = session.stream("first")
    stream.start()
    model_server.wait_sent(2)
    unsent = session.stream("never sent")
    ask(session, KEPT_STREAMS + 2)
    assert session.asked[:2] == [stream, unsent]
    assert session.turns[0].status == "streaming"
    model_server.released.set()
    assert stream.reply.answer == "slow"


def test_whoever_holds_a_stream_keeps_all_of_it(session):
    with session.stream("first") as stream:
        reply = stream.reply
    events, raw, request = list(stream.events), stream.raw, reply.request
    ask(session, KEPT_STREAMS + 1)
    gc.collect()
    assert stream not in session.asked
    assert (stream.events, stream.raw, stream.reply.request) == (events, raw, request)
    assert raw.startswith(b"data: ")
    assert session.slot_of(stream) is session.slots[0]
    assert session.slot_of(session.asked[-1]) is session.slots[-1]


def test_totals_are_the_same_when_the_streams_are_gone(session):
    ask(session, 3)
    session.undo()
    entries, usage, cost = session.entries, session.usage, session.cost
    assert cost.amounts
    session.conversation.persistent = False  # nothing is read back from the disk
    ask(session, KEPT_STREAMS + 1)
    assert session.entries[:3] == entries
    added = session.entries[3:]
    assert session.usage == sum((entry.usage for entry in added), usage)
    assert session.cost == CostTotal.of(entry.cost for entry in (*entries, *added))


def test_older_calls_are_listed_under_the_sessions_newest_name(session):
    ask(session, KEPT_STREAMS + 2)
    session.rename("renamed")
    assert {entry.session for entry in session.entries} == {"renamed"}


def test_a_reset_session_has_its_totals_and_a_forgotten_one_has_none(session):
    ask(session, KEPT_STREAMS + 2)
    cost = session.cost
    session.reset()
    assert session.cost == cost
    assert session.conversation.was_asked
    session.forget()
    assert not session.entries
    assert not session.conversation.was_asked


def test_a_fork_has_the_turns_whose_streams_are_gone(session):
    ask(session, 2)
    fork = session.fork("other")
    ask(session, KEPT_STREAMS + 1)
    gc.collect()
    assert [turn.answer for turn in fork.turns] == ["answer 0", "answer 1"]
    assert fork.context() == session.context()[:4]


def test_what_is_saved_of_a_turn_is_the_same_without_its_stream(session, tmp_path):
    ask(session, 2)
    turns = session.turns
    ask(session, KEPT_STREAMS + 1)
    session.save(tmp_path / "session.jsonl")
    loaded = glm.Session.load(tmp_path / "session.jsonl")
    assert loaded.turns == session.turns
    assert loaded.turns[:2] == turns


def test_later_prompts_are_sent_the_same_turns_as_before(session, model_server):
    ask(session, KEPT_STREAMS + 2)
    session.ask("last")
    texts = [message["content"] for message in model_server.requests[-1].json["messages"]]
    further = range(KEPT_STREAMS + 2)
    numbers = ((f"further {n}", f"answer {n}") for n in further)
    assert texts == [*(text for pair in numbers for text in pair), "last"]
