"""A turn thinks again from one of its sentences on: a new variant that says what was changed."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import glm_magic as glm
from glm_magic.core.errors import InvalidValueError, UnsupportedError
from glm_magic.core.turn import Given
from glm_magic.engine.reply import Reply
from glm_magic.session import notebook
from glm_magic.session.conversation import Conversation
from glm_magic.session.rethink import rethink, thought_of
from glm_magic.session.session import Session
from tests.pictures.conftest import noise
from tests.servers.model_server import ModelServer
from tests.servers.pictures import pictures_in
from tests.servers.script import Call, Script
from tests.servers.vendor import KEY

THOUGHT = "51 looks prime. It is odd. So it is prime."


@pytest.fixture
def server():
    with ModelServer("llamacpp") as server:
        yield server


def chat(server: ModelServer, name: str = "prime", **asking: Any) -> glm.Session:
    return glm.Session(name, provider="llamacpp", base_url=f"{server.url}/v1", **asking)


def again(session: Session, slot: Any, sentence: int = 1, text: str = "") -> Reply:
    with rethink(session, slot, sentence, text) as stream:
        return stream.reply


def asked(server: ModelServer, *after: Script) -> glm.Session:
    """Return a session with a turn before the one that will think again, and one after it."""
    session = chat(server)
    server.tell(Script(answer="Hello."))
    session.ask("Hi.")
    server.tell(Script(reasoning=THOUGHT, answer="It is prime."))
    session.ask("Is 51 prime?")
    server.tell(Script(answer="Bye."))
    session.ask("Thanks.")
    server.tell(*after)
    return session


def test_what_was_kept_and_changed_and_what_came_of_it(server: ModelServer) -> None:
    session = asked(server, Script(reasoning=" So it is not.", answer="It is not."))
    slot = session.slots[1]
    reply = again(session, slot, 2, "It is 3 times 17.")
    assert reply.reasoning == "51 looks prime. It is 3 times 17. So it is not."
    assert reply.answer == "It is not."
    (step,) = reply.steps
    assert step.given == Given(16, 17, 2, "It is odd. So it is prime.", "It is prime.")
    assert step.own_reasoning == " So it is not."
    body = server.last.json
    sent = [message["content"] for message in body["messages"]]
    assert sent == ["Hi.", "Hello.", "Is 51 prime?", ""]  # as its own cell would be asked
    assert body["messages"][-1]["reasoning_content"] == "51 looks prime. It is 3 times 17."
    assert len(session.slots) == 3
    assert [turn.answer for turn in slot.turns] == ["It is prime.", "It is not."]
    assert slot.place == 1
    assert session.slots[2] in session.stale()


def test_without_a_text_the_model_writes_the_sentence_anew(server: ModelServer) -> None:
    session = asked(server, Script(reasoning=" Is it?", answer="No."))
    reply = again(session, session.slots[1], 3)
    assert server.last.json["messages"][-1]["reasoning_content"] == "51 looks prime. It is odd."
    assert reply.reasoning == "51 looks prime. It is odd. Is it?"
    assert reply.steps[0].given == Given(26, 0, 3, "So it is prime.", "It is prime.")


def test_from_the_first_sentence_on_nothing_is_kept(server: ModelServer) -> None:
    session = asked(server, Script(reasoning="Anew.", answer="No."))
    reply = again(session, session.slots[1])
    assert server.last.json["messages"][-1] == {"role": "user", "content": "Is 51 prime?"}
    assert reply.steps[0].given == Given(0, 0, 1, THOUGHT, "It is prime.")
    server.tell(Script(reasoning=" Yes.", answer="No."))
    reply = again(session, session.slots[1], 1, "Divide it. ")
    assert reply.reasoning == "Divide it. Yes."


def test_the_way_it_was_asked_stays(server: ModelServer) -> None:
    session = chat(server)
    server.tell(Script(reasoning=THOUGHT, answer="Yes."))
    session.ask("Is 51 prime?", temperature=0.3, thinking=True)
    first = server.last.json
    again(session, session.slots[0], 2, "No.")
    second = server.last.json
    for name in ("temperature", "chat_template_kwargs", "model"):
        assert second[name] == first[name]


def test_it_is_kept_and_a_resumed_turn_can_think_again(server: ModelServer) -> None:
    session = asked(server, Script(reasoning=" So it is not.", answer="It is not."))
    again(session, session.slots[1], 2, "It is 3 times 17.")
    notebook.conversations.clear()
    found = Conversation.find("prime")
    assert found is not None
    resumed = glm.Session("prime", provider="llamacpp", base_url=f"{server.url}/v1")
    turn = resumed.slots[1].turn
    assert turn.steps[0].given == Given(16, 17, 2, "It is odd. So it is prime.", "It is prime.")
    assert [s.text for s in thought_of(turn)] == [
        "51 looks prime.",
        "It is 3 times 17.",
        "So it is not.",
    ]
    server.tell(Script(reasoning=" Sure.", answer="Surely not."))
    reply = again(resumed, resumed.slots[1], 3, "So it is surely not.")
    assert reply.reasoning == "51 looks prime. It is 3 times 17. So it is surely not. Sure."


def test_a_saved_file_keeps_it(server: ModelServer, tmp_path: Any) -> None:
    session = asked(server, Script(reasoning=" So it is not.", answer="It is not."))
    again(session, session.slots[1], 2, "It is 3 times 17.")
    session.save(tmp_path / "prime.jsonl")
    loaded = glm.Session.load(tmp_path / "prime.jsonl")
    assert loaded.slots[1].turn == session.slots[1].turn


def test_a_sentence_that_is_not_there_is_refused(server: ModelServer) -> None:
    session = asked(server)
    for number in (0, 4):
        with pytest.raises(InvalidValueError, match=f"no sentence {number}.*has 3") as caught:
            rethink(session, session.slots[1], number, "x")
        assert len(caught.value.lines()) == 2
    assert len(session.slots[1].variants) == 1


def test_a_turn_without_reasoning_is_refused(server: ModelServer) -> None:
    session = asked(server)
    with pytest.raises(InvalidValueError, match="no reasoning"):
        rethink(session, session.slots[0])


def test_a_turn_that_is_still_running_is_refused(server: ModelServer) -> None:
    session = chat(server)
    server.tell(Script(reasoning=THOUGHT, answer="late", stall_after=4))
    with session.stream("Is 51 prime?") as stream:
        for event in stream:
            with pytest.raises(InvalidValueError, match="still running"):
                rethink(session, session.slots[0])
            if isinstance(event, glm.ReasoningDelta):
                break
    server.tell(Script(reasoning=" On.", answer="No."))
    assert again(session, session.slots[0]).answer == "No."  # once it was stopped


def test_a_turn_that_was_dropped_is_refused(server: ModelServer) -> None:
    session = asked(server)
    slot = session.slots[1]
    session.drop(slot)
    with pytest.raises(InvalidValueError, match="no longer part of the session prime"):
        rethink(session, slot)


def lookup(word: str) -> str:
    """Return what a word means."""
    return word


@pytest.mark.parametrize(
    "asking", [{"tools": [lookup]}, {"schema": {"type": "object"}}], ids=["tools", "schema"]
)
def test_a_turn_with_functions_or_a_schema_is_refused(
    server: ModelServer, asking: dict[str, Any]
) -> None:
    session = chat(server)
    call = Call("lookup", '{"word": "51"}')
    server.tell(
        Script(reasoning=THOUGHT, answer="{}", calls=(call,)), Script(reasoning="a", answer="{}")
    )
    session.ask("Is 51 prime?", **asking)
    with pytest.raises(UnsupportedError, match="functions or a schema"):
        rethink(session, session.slots[0])


def test_a_model_that_does_not_go_on_inside_a_thought_is_refused(server: ModelServer) -> None:
    with ModelServer() as hosted:
        session = glm.Session(
            "hosted", provider="zai", base_url=hosted.url + "/api/paas/v4", api_key=KEY
        )
        hosted.tell(Script(reasoning=THOUGHT, answer="Yes."))
        session.ask("Is 51 prime?", model="glm-4.7")
        with pytest.raises(UnsupportedError, match="does not go on inside a thought"):
            rethink(session, session.slots[0], 2, "No.")
        assert len(hosted.requests) == 1


@pytest.mark.parametrize("attach", ["the prompt", "the session"])
def test_what_the_turn_showed_is_shown_again_once(server: ModelServer, attach: str) -> None:
    kept = {"attach": noise(30, 40)} if attach == "the session" else {}
    session = chat(server, "seen", **kept)
    server.tell(Script(reasoning=THOUGHT, answer="It is prime."))
    session.ask("Is 51 prime?", **({} if kept else {"attach": noise(30, 40)}))
    first = server.last.json["messages"][0]
    with session.retry() as retried:
        assert retried.reply.status == "complete"
    assert server.last.json["messages"][0] == first
    server.tell(Script(reasoning=" So it is not.", answer="It is not."))
    reply = again(session, session.slots[0], 2, "It is 3 times 17.")
    assert server.last.json["messages"][0] == first
    (picture,) = reply.turn.attachments
    assert np.array_equal(pictures_in({"messages": [first]})[0], noise(30, 40))
    assert picture.hash == session.slots[0].variants[0].turn.attachments[0].hash
