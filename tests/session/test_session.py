"""A session is what the notebook shows."""

from __future__ import annotations

import sys

import pytest

import glm_magic as glm
from glm_magic.core.errors import GlmError, UnavailableError
from glm_magic.session.amounts import parse_amount
from tests.servers.script import Failure, Script, Tokens


def sent_texts(server, number=-1):
    messages = server.requests[number].json["messages"]
    return [(message["role"], message["content"]) for message in messages]


def run(session, prompt, key=None):
    stream = session.open(prompt, session.options, key)
    stream.wait()
    return stream.turn


def test_each_question_is_answered_from_the_turns_before_it(chat, model_server):
    model_server.tell(Script(answer="one"), Script(answer="two"))
    session = chat()
    session.ask("first?")
    session.ask("second?")
    assert sent_texts(model_server) == [
        ("user", "first?"),
        ("assistant", "one"),
        ("user", "second?"),
    ]
    assert [turn.answer for turn in session.turns] == ["one", "two"]


def test_running_a_cell_again_replaces_its_own_turn_and_keeps_later_ones(chat, model_server):
    model_server.tell(*(Script(answer=word) for word in ("A", "B", "A2")))
    session = chat()
    run(session, "a", "cell 1")
    run(session, "b", "cell 2")
    run(session, "a again", "cell 1")
    assert sent_texts(model_server) == [("user", "a again")]
    assert [turn.answer for turn in session.turns] == ["A2", "B"]


def test_restart_and_run_all_sends_the_same_contexts(chat, model_server, another_kernel):
    model_server.tell(Script(answer="same"))
    for _ in range(2):
        another_kernel()
        session = chat()
        for number in range(3):
            run(session, f"q{number}", f"cell {number}")
    contexts = [sent_texts(model_server, n) for n in range(6)]
    assert contexts[:3] == contexts[3:]


def test_a_failed_turn_stays_visible_but_is_not_sent(chat, model_server):
    model_server.tell(Script(refusal=Failure(400, "1301", "blocked")), Script(answer="ok"))
    session = chat()
    with pytest.raises(GlmError):
        session.ask("bad")
    session.ask("good")
    assert sent_texts(model_server) == [("user", "good")]
    assert [turn.status for turn in session.turns] == ["failed", "complete"]


def test_an_interrupted_turn_with_an_answer_is_sent_and_one_without_is_not(chat, model_server):
    session = chat()
    for script, expected in (
        (Script(reasoning="", answer="partial text", piece_chars=7, stall_after=2), True),
        (Script(reasoning="only thoughts", answer="never", piece_chars=7, stall_after=2), False),
    ):
        session.reset()
        model_server.tell(script, Script(answer="next"))
        with session.stream("stop me") as stream:
            next(event for event in stream if hasattr(event, "text"))
            stream.cancel()
        assert stream.turn.status == "interrupted"
        session.ask("go on")
        assert (len(sent_texts(model_server)) == 3) is expected


def test_totals_add_up_and_survive_undo_and_reset(chat, model_server):
    model_server.tell(Script(answer="x", tokens=Tokens(10, 20, reasoning=5)))
    session = chat()
    session.ask("one")
    session.ask("two")
    assert session.undo() == 1
    assert session.undo(5) == 1
    session.reset()
    assert session.usage == glm.Usage(20, 40, None, 10)
    assert session.turns == []


def test_a_fork_goes_its_own_way(chat, model_server):
    model_server.tell(Script(answer="x"))
    session = chat()
    session.ask("shared")
    other = session.fork("other")
    other.ask("only here")
    assert len(session) == 1
    assert len(other) == 2
    assert other.options == session.options


def test_a_sessions_system_message_is_sent_first_and_a_turns_own_wins(chat, model_server):
    model_server.tell(Script(answer="x"))
    session = chat(system="be brief")
    session.ask("one")
    assert sent_texts(model_server)[0] == ("system", "be brief")
    session.ask("two", system="be long")
    assert [text for role, text in sent_texts(model_server) if role == "system"] == ["be long"]


async def _ask(session):
    return await session.aask("hello")


def test_a_session_can_be_asked_from_async_code(chat, model_server):
    import asyncio

    model_server.tell(Script(answer="async"))
    session = chat()
    assert asyncio.run(_ask(session)).answer == "async"
    assert [turn.answer for turn in session.turns] == ["async"]


def test_a_dataframe_without_pandas_says_what_to_install(chat, monkeypatch):
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(UnavailableError, match="pandas") as caught:
        chat().to_frame()
    assert caught.value.hint == "pip install pandas"


def test_sessions_of_one_name_share_one_conversation_from_the_start(chat, model_server):
    model_server.tell(Script(answer="one"), Script(answer="two"))
    first, second = chat("physics"), chat("physics", system="be brief")
    assert first.id == second.id
    first.set_budget(parse_amount("900k"))
    first.ask("1?")
    second.ask("2?")
    assert [turn.answer for turn in first.turns] == ["one", "two"]
    assert (second.turns, second.budget) == (first.turns, first.budget)
    assert (first.options.system, second.options.system) == (None, "be brief")
    second.rename("chemistry")
    assert first.name == "chemistry"
    assert len(chat("physics")) == 0
    assert chat("chemistry").id == first.id
    fork = first.fork("other")
    assert fork.id != first.id
    fork.undo()
    assert (len(first), len(second), len(fork)) == (2, 2, 1)
