"""Structured output: how it is asked for at each provider, read, repaired and refused."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pandas as pd
import pytest
from pydantic import BaseModel

import glm_magic as glm
from glm_magic.core.errors import SchemaError
from tests.api.providers import PLACES, Place
from tests.servers.model_server import ModelServer
from tests.servers.script import Call, Script

every_place = pytest.mark.parametrize(
    "place", PLACES, ids=lambda place: f"{place.provider}{place.path}-{place.flavor}"
)
HERE = PLACES[4]


class City(BaseModel):
    name: str
    people: int


@dataclass
class Point:
    x: int


GOOD = Script(reasoning="Let me see.", answer='{"name": "Ulm", "people": 126000}')
BAD = Script(answer='{"name": "Ulm"}')
SCHEMA_SERVERS = ("vllm", "sglang", "llamacpp", "ollama", "lmstudio")


def asked(*scripts: Script, place: Place = HERE, **options: Any) -> tuple[Any, list[Any]]:
    with ModelServer(place.flavor, strict=True) as server:
        server.tell(*scripts)
        options.setdefault("schema", City)
        reply = glm.ask("The city of Ulm?", **place.asked(server, **options))
        return reply, [request.json for request in server.requests]


def codes(reply: Any) -> list[str]:
    return [notice.code for notice in reply.turn.notices]


@every_place
def test_each_provider_is_asked_its_own_way_and_the_value_is_the_object(place: Place) -> None:
    reply, (body,) = asked(GOOD, place=place)
    assert reply.value == City(name="Ulm", people=126000)
    options, messages = body.get("parameters", body), body.get("input", body)["messages"]
    assert messages[0]["role"] == "system"
    assert "JSON" in messages[0]["content"]
    assert '"people"' in messages[0]["content"]
    form = options.get("response_format")
    if place.provider == "openrouter":
        assert form is None  # what its hosts can do is not known
    elif place.provider in SCHEMA_SERVERS:
        assert form["type"] == "json_schema"
        assert set(form["json_schema"]["schema"]["properties"]) == {"name", "people"}
    else:
        assert form == {"type": "json_object"}
    no_thinking = place.provider.startswith("dashscope")
    assert options.get("enable_thinking") is (False if no_thinking else None)
    assert ("schema-no-thinking" in codes(reply)) is no_thinking
    assert "schema" in codes(reply)
    assert reply.status == "complete"


def test_who_wants_thinking_at_model_studio_is_served_by_words() -> None:
    reply, (body,) = asked(GOOD, place=PLACES[0], thinking=True)
    assert body["enable_thinking"] is True
    assert "response_format" not in body
    assert reply.value == City(name="Ulm", people=126000)
    assert reply.reasoning
    words = next(notice for notice in reply.turn.notices if notice.code == "schema")
    assert "in words" in words.message


def test_a_model_that_cannot_stop_thinking_is_asked_in_words() -> None:
    reply, (body,) = asked(GOOD, place=PLACES[0], model="glm-5.3")
    assert "response_format" not in body
    assert reply.value.name == "Ulm"


def test_the_users_own_response_format_and_system_text_stay() -> None:
    own = {"type": "text"}
    _, (body,) = asked(GOOD, params={"response_format": own}, system="Be brief.")
    assert body["response_format"] == own
    assert body["messages"][0]["content"].startswith("Be brief.\n\nAnswer with one JSON object")
    assert [m["role"] for m in body["messages"]] == ["system", "user"]


def test_an_answer_that_does_not_fit_is_asked_for_once_more() -> None:
    reply, (first, second) = asked(BAD, GOOD)
    assert reply.value == City(name="Ulm", people=126000)
    assert [step.cause for step in reply.steps] == ["prompt", "repair"]
    added = second["messages"][len(first["messages"]) :]
    assert added[0] == {"role": "assistant", "content": '{"name": "Ulm"}'}
    assert added[1]["role"] == "user"
    assert "people: Field required" in added[1]["content"]
    assert second["response_format"] == first["response_format"]
    assert reply.usage is not None
    assert reply.usage.output == 58


def test_a_second_failure_is_an_error_that_holds_the_text() -> None:
    with pytest.raises(SchemaError) as caught:
        asked(BAD, Script(answer="I would rather not."))
    error = caught.value
    assert error.text == "I would rather not."
    assert "it is not JSON" in error.message
    assert len(error.lines()) == 2
    assert error.turn is not None
    assert error.turn.status == "failed"
    assert error.turn.answer == error.text
    assert [step.content for step in error.turn.steps] == ['{"name": "Ulm"}', error.text]


@pytest.mark.parametrize("cut", [{"finish": "length"}, {"finish": None, "done": False}])
def test_an_answer_that_was_cut_is_not_asked_for_again(cut: dict[str, Any]) -> None:
    with ModelServer() as server:
        server.tell(Script(answer='{"name": "Ul', **cut))
        with pytest.raises(SchemaError, match="was cut off") as caught:
            glm.ask("x", **HERE.asked(server, schema=City))
        assert len(server.requests) == 1
    assert caught.value.text == '{"name": "Ul'
    assert "--max-tokens" in caught.value.hint


def test_a_schema_that_is_none_is_refused_before_anything_is_sent() -> None:
    with ModelServer() as server:
        with pytest.raises(glm.GlmError, match="is not a schema"):
            glm.ask("x", **HERE.asked(server, schema="City"))
        assert not server.requests


def test_a_list_of_records_becomes_a_table_and_a_frame() -> None:
    reply, (body,) = asked(
        Script(answer='{"items": [{"x": 1}, {"x": 2}]}'), place=PLACES[9], schema=list[Point]
    )
    assert reply.value == [Point(1), Point(2)]
    assert body["response_format"]["json_schema"]["schema"]["required"] == ["items"]
    pd.testing.assert_frame_equal(reply.to_frame(), pd.DataFrame({"x": [1, 2]}))
    page = reply._repr_mimebundle_()[0]["text/html"]
    assert "<table" in page
    assert page.count("<tr>") == 3


def test_a_reply_without_records_is_a_row_itself() -> None:
    reply, _ = asked(GOOD)
    assert list(reply.to_frame()["answer"]) == [GOOD.answer]


def test_functions_are_called_first_and_the_last_answer_has_the_shape() -> None:
    def people(city: str) -> int:
        return 126000

    calls = Script(answer="", calls=(Call("people", '{"city": "Ulm"}'),))
    reply, (first, second) = asked(calls, GOOD, place=PLACES[9], tools=[people])
    assert reply.value == City(name="Ulm", people=126000)
    assert [step.cause for step in reply.steps] == ["prompt", "tools"]
    assert "response_format" not in first  # servers refuse a grammar beside functions
    assert second["messages"][-1]["content"] == "126000"


def test_a_session_keeps_the_good_answer_only() -> None:
    with ModelServer() as server:
        server.tell(BAD, GOOD)
        session = glm.Session("shapes", **HERE.asked(server))
        assert session.ask("Ulm?", schema=City).value.name == "Ulm"
        session.ask("And now in words.")
        sent = server.last.json["messages"]
    assert [m["content"] for m in sent] == ["Ulm?", GOOD.answer, "And now in words."]


def test_a_stream_gives_the_value_at_its_end() -> None:
    with ModelServer() as server:
        server.tell(BAD, GOOD)
        with glm.stream("x", **HERE.asked(server, schema=City)) as stream:
            texts = [event.text for event in stream if isinstance(event, glm.ContentDelta)]
            assert stream.reply.value == City(name="Ulm", people=126000)
    assert "".join(texts) == f"{BAD.answer}{GOOD.answer}"
