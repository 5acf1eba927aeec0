"""``glm.anchors``: each sentence of a thought weighed by how far the answers move without it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

import glm_magic as glm
from glm_magic.core.errors import InvalidValueError, UnsupportedError
from glm_magic.many.anchors import weights_of
from glm_magic.views.labels import labels_for
from glm_magic.views.strip import Weight, strip_bundle
from tests.servers.model_server import ModelServer
from tests.servers.script import Call, Failure, Script

THOUGHT = "Let me see. It is 3 times 17. So it is not prime."


@pytest.fixture
def llama() -> Iterator[ModelServer]:
    """Give a server that goes on inside a thought."""
    with ModelServer("llamacpp") as server:
        yield server


@pytest.fixture
def place(llama: ModelServer) -> dict[str, Any]:
    """Give the keywords that ask it."""
    return {"provider": "llamacpp", "base_url": f"{llama.url}/v1"}


def answered(llama: ModelServer, place: dict[str, Any], **asking: Any) -> glm.Reply:
    llama.tell(Script(reasoning=THOUGHT, answer="No."))
    return glm.ask("Is 51 prime?", **place, **asking)


def says(*answers: str) -> list[Script]:
    return [Script(reasoning=" Hm.", answer=answer) for answer in answers]


def test_a_sentence_weighs_what_the_answers_move_without_it(
    llama: ModelServer, place: dict[str, Any]
) -> None:
    reply = answered(llama, place, temperature=0.7)
    # without any sentence; with the first; with two; with all three
    llama.tell(*says("Yes", "Yes.", "yes", "No", "No.", "no ", "NO", "No"))
    frame = glm.anchors(reply, n=2, jobs=1, progress=False, **place)
    assert list(frame.columns) == ["sentence", "weight", "answers"]
    assert list(frame["sentence"]) == ["Let me see.", "It is 3 times 17.", "So it is not prime."]
    assert list(frame["weight"]) == [0.5, 0.5, 0.0]
    assert list(frame["answers"]) == [{"yes": 2}, {"yes": 1, "no": 1}, {"no": 2}]
    bodies = [request.json for request in llama.requests[1:]]
    begun = [body["messages"][-1].get("reasoning_content", "") for body in bodies]
    cuts = ["", "Let me see.", "Let me see. It is 3 times 17.", THOUGHT]
    assert begun == [cut for cut in cuts for _ in range(2)]
    assert {body["temperature"] for body in bodies} == {0.7}
    assert {body["messages"][0]["content"] for body in bodies} == {"Is 51 prime?"}


def test_a_key_decides_which_answers_are_equal(llama: ModelServer, place: dict[str, Any]) -> None:
    reply = answered(llama, place)
    llama.tell(*says("It is prime", "Prime it is", "Not at all", "It is not"))
    frame = glm.anchors(
        reply, n=1, jobs=1, progress=False, key=lambda r: "not" in r.answer.lower(), **place
    )
    assert list(frame["weight"]) == [0.0, 1.0, 0.0]


def test_a_call_that_was_stopped_goes_on_where_it_was(
    llama: ModelServer, place: dict[str, Any]
) -> None:
    reply = answered(llama, place)
    llama.tell(Script(reasoning=" Hm.", answer="No."))
    first = glm.anchors(reply, n=6, jobs=2, progress=False, budget="400", **place)
    asked = len(llama.requests) - 1
    assert 0 < asked < 24
    assert first["weight"].isna().any()  # what was left is not weighed
    assert len(first.attrs["left"]) == 24 - asked
    again = glm.anchors(reply, n=6, jobs=2, progress=False, **place)
    assert not again["weight"].isna().any()
    assert again.attrs == {"errors": {}, "left": {}}
    assert len(llama.requests) == 25


def test_the_conversation_that_led_to_it_is_sent_again(
    llama: ModelServer, place: dict[str, Any]
) -> None:
    chat = glm.Session("anchored", **place)
    llama.tell(Script(answer="Hello."))
    chat.ask("Hi.", system="Be brief.")
    llama.tell(Script(reasoning="One. Two.", answer="No."))
    reply = chat.ask("Is 51 prime?", system="Be brief.")
    llama.tell(Script(reasoning=" Hm.", answer="No."))
    glm.anchors(reply, n=1, jobs=1, progress=False, **place)
    sent = [message["content"] for message in llama.last.json["messages"]]
    assert sent == ["Be brief.", "Hi.", "Hello.", "Is 51 prime?", ""]


def test_a_thought_of_several_requests_is_weighed_whole(
    llama: ModelServer, place: dict[str, Any]
) -> None:
    llama.tell(Script(reasoning="One.", answer=""), Script(reasoning=" two.", answer="No."))
    reply = glm.ask("Is 51 prime?", wait=1, **place)
    llama.tell(Script(reasoning=" Hm.", answer="No."))
    frame = glm.anchors(reply, n=1, jobs=1, progress=False, **place)
    assert list(frame["sentence"]) == ["One.", "Wait, two."]
    assert "stop" not in llama.last.json


def test_what_is_asked_is_said_before_it_is_asked(
    llama: ModelServer, place: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    reply = answered(llama, place)
    llama.tell(Script(reasoning=" Hm.", answer="No."))
    glm.anchors(reply, n=2, **place)
    printed = capsys.readouterr()
    assert "8 rows, 8 to ask" in printed.err.splitlines()[0]
    assert "▁▁▁" in printed.out


def test_a_sample_that_failed_is_missing_and_says_why(
    llama: ModelServer, place: dict[str, Any]
) -> None:
    reply = answered(llama, place)
    refusal = Script(refusal=Failure(400, "invalid_request_error", "no such slot"))
    llama.tell(*says("Yes"), refusal, *says("No", "No"))
    frame = glm.anchors(reply, n=1, jobs=1, progress=False, **place)
    assert frame["weight"].isna().tolist() == [True, True, False]
    assert frame.attrs["errors"] == {1: "no such slot"}


def double(x: int) -> int:
    """Return it twice."""
    return 2 * x


def test_what_cannot_be_weighed_is_refused(llama: ModelServer, place: dict[str, Any]) -> None:
    llama.tell(Script(answer="No."))
    with pytest.raises(InvalidValueError, match="no reasoning to weigh"):
        glm.anchors(glm.ask("?", **place), **place)
    reply = answered(llama, place)
    with pytest.raises(InvalidValueError, match="not 0"):
        glm.anchors(reply, n=0, **place)
    with pytest.raises(UnsupportedError, match="does not go on inside a thought"):
        glm.anchors(reply, model="glm-4.6", provider="zai", api_key="k")
    llama.tell(
        Script(reasoning="Hm.", answer="", calls=(Call("double", '{"x": 2}'),)), Script("Four.")
    )
    with pytest.raises(UnsupportedError, match="function calls"):
        glm.anchors(glm.ask("?", tools=[double], **place), **place)
    with glm.stream("?", **place) as stream, pytest.raises(InvalidValueError, match="has ended"):
        glm.anchors(chat_turn(stream), **place)


def chat_turn(stream: Any) -> Any:
    """Return what holds a turn without the request that was sent."""

    class Held:
        turn = stream.turn

    return Held()


def test_weights_are_half_the_sum_of_the_differences() -> None:
    counts = [{"a": 4}, {"a": 1, "b": 3}, {"b": 2}, {}]
    weights = weights_of(["x", "y", "z"], counts)
    assert [w.weight for w in weights] == [0.75, 0.25, None]


@pytest.mark.parametrize("language", ["en", "zh"])
def test_the_strip_reads_the_same_in_every_form(language: str) -> None:
    weights = [
        Weight(1, "Let <b>me</b> see.", 0.0, (("no", 4),)),
        Weight(2, "It is 3 | 17.", 1.0, tuple((f"answer {n}", 1) for n in range(5))),
        Weight(3, "So.", None, ()),
    ]
    labels = labels_for(language)
    data, metadata = strip_bundle(weights, labels)
    assert "<b>me</b>" not in data["text/html"]
    assert "4× no" in data["text/html"]
    assert data["text/html"].count("<i title=") == 3
    assert "▁█·" in data["text/plain"]
    assert "▁█·" in data["text/markdown"]
    for text in data.values():
        assert labels.anchors in text
        assert labels.unknown in text
    assert metadata["glm_magic"]["anchors"][1] == {"sentence": 2, "weight": 1.0}
