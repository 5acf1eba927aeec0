"""Arguments that are no JSON object: repaired or refused, and never sent back as they came."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import glm_magic as glm
from glm_magic.core.messages import Message, ToolCall, ToolRun
from glm_magic.core.turn import Step, Turn
from glm_magic.session import export, loading
from glm_magic.session.slots import Slot, Variant
from tests.api.providers import Place
from tests.core.test_calls import NOT_MEANT, REPAIRED
from tests.servers.raw_server import RawServer

from .bodies import GRAMMARS, answered, asked, call, calls, results, sent_calls

every_place = pytest.mark.parametrize(
    "place", GRAMMARS, ids=lambda place: f"{place.provider}{place.path}"
)
WRITTEN = [written for written, _ in [*REPAIRED, *NOT_MEANT]]
FINE = [{"content": "Fine."}]
KINDS = {
    "none": ("", {}),
    "null": ("null", {}),
    "twice": (json.dumps('{"city": "Ulm"}'), {"city": "Ulm"}),
    "glued": ('{}{"city": "Ulm"}', {"city": "Ulm"}),
    "repeated": ('{"city": "Ulm"}{"city": "Ulm"}', {"city": "Ulm"}),
    "comma": ('{"city": "Ulm",}', {"city": "Ulm"}),
}
BROKEN = {
    "broken": '{"city": "Ul',
    "scalar": "7",
    "list": '["Ulm"]',
    "two": '{"city": "Ulm"}{"city": "Oslo"}',
}


def ask(place: Place, server: RawServer, written: Any, **options: Any) -> tuple[Any, list[Any]]:
    made: list[Any] = []

    def get_weather(city: str | None = None) -> str:
        made.append({} if city is None else {"city": city})
        return "rain"

    first = calls(call("get_weather", written, id="c1", index=0))
    server.answer_in_turn([answered(place, *first, finish="tool_calls")], [answered(place, *FINE)])
    return glm.ask("Weather?", **asked(place, server, tools=[get_weather], **options)), made


@every_place
@pytest.mark.parametrize("kind", KINDS)
def test_a_repaired_object_is_what_is_called_and_what_goes_back(
    kind: str, place: Place, raw_server: RawServer
) -> None:
    written, value = KINDS[kind]
    reply, made = ask(place, raw_server, written)
    assert (reply.answer, made) == ("Fine.", [value])
    ((name, arguments),) = sent_calls(raw_server)
    assert (name, json.loads(arguments)) == ("get_weather", value)
    assert results(raw_server) == ["rain"]
    assert reply.steps[0].tool_calls[0].arguments == written


@every_place
@pytest.mark.parametrize("kind", BROKEN)
def test_other_arguments_are_told_and_the_call_goes_back_as_an_object(
    kind: str, place: Place, raw_server: RawServer
) -> None:
    reply, made = ask(place, raw_server, BROKEN[kind])
    assert (reply.answer, made) == ("Fine.", [])
    assert sent_calls(raw_server) == [("get_weather", "{}")]
    (result,) = results(raw_server)
    assert result.startswith("error: the arguments are not")
    assert result.count(BROKEN[kind]) == 1
    assert reply.steps[0].tool_calls[0].arguments == BROKEN[kind]
    assert reply.steps[0].runs[0].status == "failed"


@pytest.mark.parametrize("written", WRITTEN, ids=range(len(WRITTEN)))
def test_nothing_but_objects_goes_back_whatever_was_written(
    written: str, raw_server: RawServer
) -> None:
    ask(GRAMMARS[4], raw_server, written)
    ((_, arguments),) = sent_calls(raw_server)
    assert isinstance(json.loads(arguments, parse_constant=lambda _: 1 / 0), dict)


@pytest.mark.parametrize("arguments", [{"city": "Ulm"}, {}, None, [1], 7])
def test_arguments_that_come_as_json_and_not_as_text_are_read_as_well(
    arguments: Any, raw_server: RawServer
) -> None:
    _, made = ask(GRAMMARS[8], raw_server, arguments)
    is_object = isinstance(arguments, dict) or arguments is None
    assert made == ([arguments or {}] if is_object else [])


@pytest.mark.parametrize("written", ["", "{", '{"city": "Ulm"', '{}{"city": "Ulm"}'])
def test_a_call_cut_at_the_token_limit_is_not_repaired(written: str, raw_server: RawServer) -> None:
    place = GRAMMARS[0]
    made: list[str] = []
    first = calls(call("note", written, id="c1", index=0))
    raw_server.answer_in_turn([answered(place, *first, finish="length")], [answered(place, *FINE)])
    glm.ask("x", **asked(place, raw_server, tools=[_note(made)]))
    assert not made
    assert isinstance(json.loads(sent_calls(raw_server)[0][1]), dict)
    assert "cut at the token limit inside this call" in results(raw_server)[0]


def _note(made: list[str]) -> Any:
    def note() -> str:
        made.append("note")
        return "noted"

    return note


@every_place
def test_the_next_turn_sends_objects_too(place: Place, raw_server: RawServer) -> None:
    def get_weather(city: str) -> str:
        return "rain"

    first = calls(call("get_weather\n", '{"city": "Ul', id="c1", index=0))
    raw_server.answer_in_turn(
        [answered(place, *first, finish="tool_calls")], [answered(place, *FINE)]
    )
    session = glm.Session("arguments", **asked(place, raw_server))
    session.ask("Weather?", tools=[get_weather])
    session.ask("And now?")
    assert sent_calls(raw_server) == [("get_weather", "{}")]
    assert '{"city": "Ul' in results(raw_server)[0]


@every_place
@pytest.mark.parametrize("written", ["", "{", "7", '{"a": 1}{"b": 2}', json.dumps('{"a": 1}')])
def test_a_turn_from_a_file_sends_objects_too(
    written: str, place: Place, raw_server: RawServer, tmp_path: Path
) -> None:
    """As a version before wrote it: nameless, and with the arguments that came."""
    old = ToolCall("c1", "", written)
    steps = (
        Step(tool_calls=(old,), runs=(ToolRun("c1", "failed", "error: no"),)),
        Step(content="Fine."),
    )
    turn = Turn("Weather?", place.provider, "glm-4.6", steps, "complete")
    export.save(tmp_path / "s.jsonl", "s", [Slot(variants=[Variant(turn, "")])])
    _, (slot,), _ = loading.load(tmp_path / "s.jsonl")
    raw_server.answer(answered(place, *FINE))
    glm.ask([*slot.current.messages, Message("user", "And now?")], **asked(place, raw_server))
    ((name, arguments),) = sent_calls(raw_server)
    assert name
    assert isinstance(json.loads(arguments), dict)
    (result,) = results(raw_server)
    assert result.endswith("error: no")
    assert ("the arguments are not" in result) is (written in ("{", "7", '{"a": 1}{"b": 2}'))


@every_place
@pytest.mark.parametrize(
    ("written", "sent", "has_note"),
    [
        ("{", {}, True),
        ("", {}, False),
        ({"city": "Ulm"}, {"city": "Ulm"}, False),
        (None, {}, False),
        ('{"city": "Ulm"}', {"city": "Ulm"}, False),
    ],
)
@pytest.mark.parametrize("as_dict", [True, False])
def test_messages_that_the_caller_wrote_are_read_as_well(
    written: Any, sent: Any, has_note: bool, as_dict: bool, place: Place, raw_server: RawServer
) -> None:
    raw_server.answer(answered(place, *FINE))
    one = {"id": "c1", "type": "function", "function": {"name": "f\n", "arguments": written}}
    if as_dict:
        reply: Any = {"role": "assistant", "content": None, "tool_calls": [one]}
    else:
        reply = Message("assistant", tool_calls=(ToolCall("c1", "f\n", written),))
    result = {"role": "tool", "tool_call_id": "c1", "content": "rain"}
    user = {"role": "user", "content": "x"}
    glm.ask([user, reply, result], **asked(place, raw_server))
    ((name, arguments),) = sent_calls(raw_server)
    assert (name, json.loads(arguments)) == ("f", sent)
    (content,) = results(raw_server)
    assert content.endswith("rain")
    assert ("not JSON" in content) is has_note


def test_results_are_told_about_the_call_they_answer(raw_server: RawServer) -> None:
    """Some servers number their calls anew in each reply."""
    raw_server.answer(answered(GRAMMARS[0], *FINE))
    user = Message("user", "x")
    bad, good = (Message("assistant", tool_calls=(ToolCall("c", "f", a),)) for a in ("{", "{}"))
    result = Message("tool", "rain", tool_call_id="c")
    glm.ask([user, bad, result, good, result], **asked(GRAMMARS[0], raw_server))
    first, second = results(raw_server)
    assert "not JSON" in first
    assert second == "rain"


def test_who_approves_sees_what_is_called(raw_server: RawServer) -> None:
    shown: list[Any] = []

    def approve(name: str, arguments: Any) -> bool:
        shown.append((name, dict(arguments)))
        return True

    ask(GRAMMARS[0], raw_server, '{}{"city": "Ulm"}', approve=approve)
    assert shown == [("get_weather", {"city": "Ulm"})]


def test_the_quotation_is_bounded(raw_server: RawServer) -> None:
    ask(GRAMMARS[0], raw_server, '{"city": "' + "x" * 100_000)
    assert len(results(raw_server)[0]) < 600


def test_a_page_shows_what_the_model_wrote_and_a_call_without_a_name(
    raw_server: RawServer,
) -> None:
    reply, _ = ask(GRAMMARS[0], raw_server, '{"city": "Ul')
    page = reply._repr_mimebundle_()[0]["text/html"]
    assert "Ul" in page
    unnamed = Step(tool_calls=(ToolCall("c", "", "{}"),), content="x")
    turn = Turn("q", "zai", "glm-4.6", (unnamed,), "complete")
    shown = glm.Reply(turn, {}, [])._repr_mimebundle_()[0]
    assert "<b>?</b>" in shown["text/html"]
