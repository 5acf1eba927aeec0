"""Calls that a server without a tool-call parser leaves in the text or in the reasoning."""

from __future__ import annotations

import json
from typing import Any

import pytest

import glm_magic as glm
from glm_magic.core.events import ContentDelta, ContentWasReasoning, ReasoningDelta
from glm_magic.dialects.call_markup import CallsInText
from tests.api.providers import PLACES, Place
from tests.linear import is_linear
from tests.servers.raw_server import RawServer, Reset, Send

from .bodies import GRAMMARS, answered, asked, call, calls, results, sent_calls

every_place = pytest.mark.parametrize(
    "place", GRAMMARS, ids=lambda place: f"{place.provider}{place.path}"
)
VLLM = next(place for place in PLACES if place.provider == "vllm")
PARIS = {"city": "Paris", "days": 3}
LINES = (
    "<tool_call>get_weather\n<arg_key>city</arg_key>\n<arg_value>Paris</arg_value>\n"
    "<arg_key>days</arg_key>\n<arg_value>3</arg_value>\n</tool_call>"
)
LINE = (
    "<tool_call>get_weather<arg_key>city</arg_key><arg_value>Paris</arg_value>"
    "<arg_key>days</arg_key><arg_value>3</arg_value></tool_call>"
)
WRITTEN = {"name": "get_weather", "arguments": PARIS}
JSON = f"<tool_call>\n{json.dumps(WRITTEN)}\n</tool_call>"
AS_TEXT = json.dumps({**WRITTEN, "arguments": json.dumps(PARIS)})
NONE = "<tool_call>now\n</tool_call>"
SPELLINGS: dict[str, tuple[str, list[Any]]] = {
    "lines": (LINES, [PARIS]),
    "one line": (LINE, [PARIS]),
    "json": (JSON, [PARIS]),
    "json, arguments in text": (f"<tool_call>{AS_TEXT}</tool_call>", [PARIS]),
    "json after the name": (f"<tool_call>get_weather\n{json.dumps(PARIS)}\n</tool_call>", [PARIS]),
    "json after the name, one line": (
        f"<tool_call>get_weather{json.dumps(PARIS)}</tool_call>",
        [PARIS],
    ),
    "without arguments": (NONE, ["now"]),
    "without arguments, one line": ("<tool_call>now</tool_call>", ["now"]),
    "several": (f"{LINE}\n{NONE}{LINES}", [PARIS, "now", PARIS]),
    "a namespace": (LINE.replace("get_weather", "functions.get_weather"), [PARIS]),
}


def functions(made: list[Any]) -> list[Any]:
    def get_weather(city: str, days: int = 1) -> str:
        made.append({"city": city, "days": days})
        return "rain"

    def now() -> str:
        made.append("now")
        return "noon"

    return [get_weather, now]


def pieces(text: str, size: int) -> list[str]:
    return [text[at : at + size] for at in range(0, len(text), size)]


@every_place
@pytest.mark.parametrize("field", ["content", "reasoning"])
@pytest.mark.parametrize("spelling", SPELLINGS)
def test_it_is_read_as_the_call_that_it_is(
    spelling: str, field: str, place: Place, raw_server: RawServer
) -> None:
    text, expected = SPELLINGS[spelling]
    deltas = [{field: piece} for piece in ("I will look.\n", *pieces(text, 7), "\n")]
    raw_server.answer_in_turn([answered(place, *deltas)], [answered(place, {"content": "Fine."})])
    made: list[Any] = []
    reply = glm.ask("Weather?", **asked(place, raw_server, tools=functions(made)))
    assert (made, reply.answer) == (expected, "Fine.")
    first = reply.steps[0]
    assert (first.content + first.reasoning).strip() == "I will look."
    assert len(sent_calls(raw_server)) == len(results(raw_server)) == len(expected)
    (notice,) = [n for n in reply.turn.notices if n.code == "tool-parser"]
    flag = "--jinja" if place.provider == "llamacpp" else "--tool-call-parser"
    assert flag in notice.message
    assert "no-answer" not in [n.code for n in reply.turn.notices]


@pytest.mark.parametrize("provider", ["vllm", "sglang"])
def test_the_notice_names_the_parsers_of_the_server(provider: str, raw_server: RawServer) -> None:
    place = next(place for place in PLACES if place.provider == provider)
    raw_server.answer_in_turn(
        [answered(place, {"content": LINE})], [answered(place, {"content": "F"})]
    )
    reply = glm.ask("x", **asked(place, raw_server, tools=functions([])))
    (notice,) = [n for n in reply.turn.notices if n.code == "tool-parser"]
    assert "glm45" in notice.message
    assert "glm47" in notice.message


def test_thoughts_in_the_text_keep_their_place(raw_server: RawServer) -> None:
    text = f"<think>Hm.{LINE}"
    raw_server.answer_in_turn(
        [answered(VLLM, *({"content": piece} for piece in pieces(text, 3)))],
        [answered(VLLM, {"content": "Fine."})],
    )
    made: list[Any] = []
    reply = glm.ask("x", **asked(VLLM, raw_server, tools=functions(made)))
    assert made == [PARIS]
    assert (reply.steps[0].reasoning, reply.steps[0].content) == ("Hm.", "")


SCHEMA = {
    "type": "object",
    "properties": {
        "text": {"type": "string"},
        "maybe": {"anyOf": [{"type": "string"}, {"type": "null"}]},
        "both": {"type": ["string", "integer"]},
        "word": {"$ref": "#/$defs/Word"},
        "number": {"type": "number"},
        "list": {"type": "array"},
        "switch": {"type": "boolean"},
        "const": {"const": "5"},
        "amount": {"type": ["string", "number"]},
        "odd": {"type": [{}], "enum": 3, "anyOf": 7, "$ref": 1},
    },
    "$defs": {"Word": {"enum": ["1", "2"]}},
}


@pytest.mark.parametrize(
    ("key", "written", "value"),
    [
        ("text", "5", "5"),
        ("text", '{"a": 1}', '{"a": 1}'),
        ("text", " two\n lines\n", " two\n lines\n"),
        ("text", "a <b> </arg_key> <tool_call>", "a <b> </arg_key> <tool_call>"),
        ("text", "", ""),
        ("maybe", "null", None),
        ("maybe", "5", "5"),
        ("both", "5", 5),
        ("both", "five", "five"),
        ("word", "1", "1"),
        ("amount", "5", 5),
        ("amount", "five", "five"),
        ("odd", "5", 5),
        ("const", "5", "5"),
        ("number", "2.5", 2.5),
        ("number", "two", "two"),
        ("number", "NaN", "NaN"),
        ("list", '["a", 1]', ["a", 1]),
        ("switch", "true", True),
        ("other", "5", 5),
        ("other", "five", "five"),
        ("other", '{"a": 1}', {"a": 1}),
    ],
)
@pytest.mark.parametrize("size", [1, 1000])
def test_values_have_the_types_of_the_schema(
    key: str, written: str, value: Any, size: int, raw_server: RawServer
) -> None:
    tool = {"type": "function", "function": {"name": "f", "parameters": SCHEMA}}
    text = f"<tool_call>f<arg_key>{key}</arg_key><arg_value>{written}</arg_value></tool_call>"
    raw_server.answer(answered(VLLM, *({"content": piece} for piece in pieces(text, size))))
    reply = glm.ask("x", **asked(VLLM, raw_server, tools=[tool]))
    (made,) = reply.tool_calls
    assert json.loads(made.arguments) == {key: value}
    assert reply.answer == ""


TEXTS = {
    "a name that was not offered": LINE.replace("get_weather", "other"),
    "the beginning of a name": LINE.replace("get_weather", "get_weath"),
    "json of another name": JSON.replace("get_weather", "other"),
    "json after a name that was not offered": f"<tool_call>other\n{json.dumps(PARIS)}</tool_call>",
    "json that is none": "<tool_call>{get_weather}</tool_call>",
    "in a code fence": f"So:\n```xml\n{LINES}\n```\nThat is how.",
    "between backticks": f"Write `{LINE}` for it.",
    "prose": "The tag <tool_call> begins a call, </tool_call> ends it.",
    "two words": "<tool_call>get_weather please</tool_call>",
    "text between": LINE.replace("</arg_key>", "</arg_key> is ", 1),
    "text after a value": LINE.replace("</arg_value>", "</arg_value> and ", 1),
    "unfinished": LINE[:-1],
    "unfinished value": LINE[: LINE.index("Paris") + 2],
    "unfinished name": "Well. <tool_call>get_w",
    "unfinished tag": "Well. <tool_c",
    "other tags": "a < b, <tool>, </tool_call>",
    "a long word": "<tool_call>" + "x" * 5000,
}


@pytest.mark.parametrize("size", [1, 4, 100_000])
@pytest.mark.parametrize("field", ["content", "reasoning"])
@pytest.mark.parametrize("text", TEXTS)
def test_everything_else_is_text_and_nothing_is_lost(
    text: str, field: str, size: int, raw_server: RawServer
) -> None:
    raw_server.answer(answered(VLLM, *({field: piece} for piece in pieces(TEXTS[text], size))))
    made: list[Any] = []
    reply = glm.ask("x", **asked(VLLM, raw_server, tools=functions(made)))
    assert {"content": reply.answer, "reasoning": reply.reasoning}[field] == TEXTS[text]
    assert not made
    assert "tool-parser" not in [n.code for n in reply.turn.notices]


@every_place
def test_it_is_text_where_no_functions_were_offered(place: Place, raw_server: RawServer) -> None:
    raw_server.answer(answered(place, {"content": f"So: {LINE}"}))
    reply = glm.ask("x", **asked(place, raw_server))
    assert reply.answer == f"So: {LINE}"
    assert not reply.tool_calls


def test_it_is_text_where_calls_were_forbidden(raw_server: RawServer) -> None:
    raw_server.answer(answered(VLLM, {"content": LINE}))
    asking = asked(VLLM, raw_server, tools=functions([]), params={"tool_choice": "none"})
    assert glm.ask("x", **asking).answer == LINE


@every_place
@pytest.mark.parametrize("field", ["content", "reasoning"])
def test_it_is_text_where_the_reply_has_calls_of_its_own(
    field: str, place: Place, raw_server: RawServer
) -> None:
    own = calls(call("now", "{}", id="c", index=0))
    raw_server.answer_in_turn(
        [answered(place, {field: f"So: {LINE} Well."}, *own, finish="tool_calls")],
        [answered(place, {"content": "Fine."})],
    )
    made: list[Any] = []
    reply = glm.ask("x", **asked(place, raw_server, tools=functions(made)))
    first = reply.steps[0]
    assert made == ["now"]
    assert first.content + first.reasoning == f"So: {LINE} Well."


def test_a_draft_in_the_reasoning_is_no_call_once_there_is_an_answer(
    raw_server: RawServer,
) -> None:
    raw_server.answer(answered(VLLM, {"reasoning": f"Perhaps {LINE}."}, {"content": "No."}))
    made: list[Any] = []
    reply = glm.ask("x", **asked(VLLM, raw_server, tools=functions(made)))
    assert (reply.reasoning, reply.answer, made) == (f"Perhaps {LINE}.", "No.", [])


def test_a_call_after_a_draft_is_made_once(raw_server: RawServer) -> None:
    deltas = [{"reasoning": f"Perhaps {LINE}."}, {"content": LINE}]
    raw_server.answer_in_turn([answered(VLLM, *deltas)], [answered(VLLM, {"content": "F"})])
    made: list[Any] = []
    glm.ask("x", **asked(VLLM, raw_server, tools=functions(made)))
    assert made == [PARIS]


def test_text_after_a_call_stays(raw_server: RawServer) -> None:
    raw_server.answer(answered(VLLM, {"content": f"Before. {LINE} After. <tool_call>no"}))
    tools = [{"type": "function", "function": {"name": "get_weather"}}]
    reply = glm.ask("x", **asked(VLLM, raw_server, tools=tools))
    assert reply.answer == "Before.  After. <tool_call>no"
    assert len(reply.tool_calls) == 1


def test_a_connection_that_breaks_inside_a_call_loses_nothing(raw_server: RawServer) -> None:
    body = answered(VLLM, {"content": f"Well. {LINE[:40]}"}).data
    raw_server.answer(Send(body[: body.index(b"data: ", body.index(b"Well."))]), Reset())
    with glm.stream("x", **asked(VLLM, raw_server, tools=functions([]))) as stream:
        stream.wait()
        assert stream.turn.answer == f"Well. {LINE[:40]}"


def test_text_is_shown_at_once_up_to_the_tag() -> None:
    reader = CallsInText({"get_weather": {}})
    shown = [reader.feed([ContentDelta(piece)]) for piece in ("So ", "we <", "tool", "s> ", LINE)]
    assert [[event.text for event in events] for events in shown] == [
        ["So "], ["we "], [], ["<tools> "], [],
    ]  # fmt: skip


def test_what_turns_out_to_be_reasoning_takes_its_draft_along() -> None:
    reader = CallsInText({"get_weather": {}})
    events = [ContentDelta(f"Hm. {LINE}"), ContentWasReasoning(), ContentDelta("No.")]
    assert reader.feed(events) == [
        ContentDelta("Hm. "), ContentDelta(LINE), ContentWasReasoning(), ContentDelta("No."),
    ]  # fmt: skip


HARD = (
    *("<tool_call>", "<tool_call>get_weather<arg_key>", "<", "</tool_call>", "`", "\n", "x "),
    *("<arg_key>a</arg_key><arg_value>", LINE, "<tool_call>{", '{"name": "</tool_call>'),
)


@pytest.mark.usefixtures("quiet_heap")
@pytest.mark.parametrize("piece", HARD)
@pytest.mark.parametrize("start", ["", "<tool_call>get_weather<arg_key>a</arg_key><arg_value>"])
@pytest.mark.parametrize("size", [3, 10_000_000])
def test_reading_is_linear_and_loses_nothing(piece: str, start: str, size: int) -> None:
    def text_of(count: int) -> str:
        return start + piece * count

    def read(text: str) -> tuple[list[Any], list[Any]]:
        reader = CallsInText({"get_weather": {}})
        events = [e for p in pieces(text, size) for e in reader.feed([ReasoningDelta(p)])]
        ended, calls_read = reader.finish_with([])
        return [*events, *ended], calls_read

    for text in map(text_of, (1_000, 10_000)):
        events, calls_read = read(text)
        shown = "".join(e.text for e in events if isinstance(e, ReasoningDelta))
        assert shown == text or calls_read
    assert is_linear(read, 1_000, 10_000, given=text_of, quick_s=0.05)
