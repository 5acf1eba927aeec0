"""A reply held against its request: what the server left out, and what is made of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest

import glm_magic as glm
from glm_magic.core.errors import SchemaError
from glm_magic.tools.output_schema import OutputMismatchError, OutputSchema
from tests.api.providers import PLACES, Place
from tests.servers.raw_server import RawServer

from .bodies import GRAMMARS, answered, asked

every_place = pytest.mark.parametrize(
    "place", GRAMMARS, ids=lambda place: f"{place.provider}{place.path}"
)
PLACE = {place.provider: place for place in reversed(PLACES)}
HOLDS, DID_NOT = "which holds the model to it", "which did not hold the model to it"
SENDS_SCHEMA = ("vllm", "sglang", "llamacpp", "ollama", "lmstudio")


@dataclass
class City:
    name: str
    people: int = 0


ULM = City("Ulm", 126000)
GOOD = '{"name": "Ulm", "people": 126000}'


def notices(reply: Any) -> dict[str, str]:
    return {notice.code: str(notice.message) for notice in reply.turn.notices}


# ── thinking that was switched off ───────────────────────────────────────────────────────────────


@every_place
def test_thinking_that_was_switched_off_and_came_is_told_once(
    place: Place, raw_server: RawServer
) -> None:
    raw_server.answer(answered(place, {"reasoning": "Hm, let me see. " * 9}, {"content": "Blue."}))
    reply = glm.ask("x", **asked(place, raw_server, thinking=False))
    assert reply.answer == "Blue."
    texts = [n.message for n in reply.turn.notices if n.code == "thinks-anyway"]
    if place.provider == "lmstudio" or place.provider in SENDS_SCHEMA:
        assert "template" in texts[0]
    else:
        assert "paid as output" in texts[0]
    assert len(texts) == 1
    assert "tokens" in texts[0]


@pytest.mark.parametrize(
    ("provider", "params"),
    [
        ("dashscope", {"enable_thinking": False}),
        ("dashscope-native", {"enable_thinking": False}),
        ("zai", {"thinking": {"type": "disabled"}}),
        ("openrouter", {"reasoning": {"enabled": False}}),
        ("openrouter", {"reasoning": {"effort": "none"}}),
        ("vllm", {"chat_template_kwargs": {"enable_thinking": False}}),
        ("ollama", {"reasoning_effort": "none"}),
    ],
)
def test_the_switch_may_be_a_parameter(
    provider: str, params: dict[str, Any], raw_server: RawServer
) -> None:
    place = PLACE[provider]
    raw_server.answer(answered(place, {"reasoning": "Hm."}, {"content": "Blue."}))
    assert "thinks-anyway" in notices(glm.ask("x", **asked(place, raw_server, params=params)))


@every_place
@pytest.mark.parametrize(
    ("thinking", "reasoning"), [(None, "Hm."), (True, "Hm."), (False, "\n"), (False, "")]
)
def test_nothing_is_told_where_the_server_did_as_it_was_asked(
    thinking: Any, reasoning: str, place: Place, raw_server: RawServer
) -> None:
    raw_server.answer(answered(place, {"reasoning": reasoning}, {"content": "Blue."}))
    reply = glm.ask("x", **asked(place, raw_server, thinking=thinking))
    assert "thinks-anyway" not in notices(reply)


def test_a_turn_of_several_requests_tells_it_once(raw_server: RawServer) -> None:
    def now() -> str:
        return "noon"

    place = PLACE["vllm"]
    one = {"index": 0, "id": "c", "function": {"name": "now", "arguments": "{}"}}
    raw_server.answer_in_turn(
        [answered(place, {"reasoning": "Hm."}, {"tool_calls": [one]}, finish="tool_calls")],
        [answered(place, {"reasoning": "Hm, noon then."}, {"content": "Noon."})],
    )
    reply = glm.ask("x", **asked(place, raw_server, thinking=False, tools=[now]))
    assert [n.code for n in reply.turn.notices].count("thinks-anyway") == 1


# ── a schema and where the answer is ─────────────────────────────────────────────────────────────


@every_place
@pytest.mark.parametrize(
    "thought",
    [
        GOOD,
        f"\n{GOOD}\n",
        f"First {{}}, then\n```json\n{GOOD}\n```",
        f'{{"name": "Oslo, no", "people": 700000}} {GOOD}',
    ],
)
@pytest.mark.parametrize("content", ["", "\n"])
def test_an_answer_in_the_reasoning_is_read_from_there(
    thought: str, content: str, place: Place, raw_server: RawServer
) -> None:
    deltas = [{"reasoning": thought}, *([{"content": content}] if content else [])]
    raw_server.answer(answered(place, *deltas))
    reply = glm.ask("x", **asked(place, raw_server, schema=City))
    assert reply.value == ULM
    assert len(raw_server.requests) == 1
    codes = notices(reply)
    assert "schema-reasoning" in codes
    assert HOLDS not in codes.get("schema", "")
    assert (DID_NOT in codes.get("schema", "")) is (place.provider in SENDS_SCHEMA)


def test_thoughts_that_were_cut_are_no_answer(raw_server: RawServer) -> None:
    place = PLACE["vllm"]
    raw_server.answer(answered(place, {"reasoning": f"Perhaps {GOOD}"}, finish="length"))
    with pytest.raises(SchemaError, match="cut off") as caught:
        glm.ask("x", **asked(place, raw_server, schema=City))
    assert caught.value.text == f"Perhaps {GOOD}"


def test_an_answer_counts_before_the_drafts_in_the_reasoning(raw_server: RawServer) -> None:
    place = PLACE["vllm"]
    raw_server.answer(answered(place, {"reasoning": '{"name": "Oslo"}'}, {"content": GOOD}))
    reply = glm.ask("x", **asked(place, raw_server, schema=City))
    assert reply.value == ULM
    assert "schema-reasoning" not in notices(reply)
    assert HOLDS in notices(reply)["schema"]


@pytest.mark.parametrize("content", ["", "\n"])
def test_the_text_of_the_error_is_what_there_was(content: str, raw_server: RawServer) -> None:
    place = PLACE["lmstudio"]
    raw_server.answer(answered(place, {"reasoning": "I would rather not."}, {"content": content}))
    with pytest.raises(SchemaError) as caught:
        glm.ask("x", **asked(place, raw_server, schema=City))
    assert caught.value.text == "I would rather not."
    assert len(raw_server.requests) == 2
    assert len(caught.value.lines()) == 2
    assert HOLDS not in str([n.message for n in caught.value.turn.notices])


@pytest.mark.parametrize("provider", SENDS_SCHEMA)
@pytest.mark.parametrize(
    ("content", "words"),
    [
        (GOOD, HOLDS),
        (f"\n{GOOD}\n", HOLDS),
        (f"```json\n{GOOD}\n```", DID_NOT),
        (f"Here it is: {GOOD}", DID_NOT),
    ],
)
def test_what_a_server_made_of_the_schema_is_told_by_its_reply(
    content: str, words: str, provider: str, raw_server: RawServer
) -> None:
    place = PLACE[provider]
    raw_server.answer(answered(place, {"content": content}))
    reply = glm.ask("x", **asked(place, raw_server, schema=City))
    assert reply.value == ULM
    assert [n.code for n in reply.turn.notices].count("schema") == 1
    assert words in notices(reply)["schema"]


def test_a_repaired_answer_does_not_make_the_server_hold_the_schema(
    raw_server: RawServer,
) -> None:
    place = PLACE["vllm"]
    raw_server.answer_in_turn(
        [answered(place, {"content": "{}"})], [answered(place, {"content": GOOD})]
    )
    reply = glm.ask("x", **asked(place, raw_server, schema=City))
    assert reply.value == ULM
    assert [n.message for n in reply.turn.notices if n.code == "schema"] == [
        f"the schema was sent to vLLM, {DID_NOT}"
    ]


CITY, MANY = OutputSchema(City), OutputSchema(list[City])


@pytest.mark.parametrize(
    "answer",
    [
        f"For {{}} the object is {GOOD}",
        f"For {{x}} and [1] the object is {GOOD}.",
        f"{{name}} {GOOD} {{people}}",
        f'{{"name": "a"}} would be short; {GOOD}',
        f'{GOOD} and not {{"name": "a"}}',
        f"f(x) {{ return }} {GOOD}",
        f"```\n{{ not json }}\n```\n```json\n{GOOD}\n```",
        "{" * 500 + GOOD,
        "{a} " * 300 + GOOD + " {b}" * 50,
        f"Note [1], [2]: {GOOD} [3]",
        '"{\\"name\\": \\"Ulm\\", \\"people\\": 126000}"',
    ],
)
def test_every_object_in_an_answer_is_tried(answer: str) -> None:
    assert CITY.read(answer) == ULM


def test_a_list_is_found_behind_other_brackets() -> None:
    assert MANY.read(f"See [1] and {{}}: [{GOOD}]") == [ULM]
    assert MANY.read(f'So: {{"items": [{GOOD}]}}') == [ULM]


def test_of_thoughts_the_last_value_counts() -> None:
    long = '{"name": "Ulm, or perhaps Neu-Ulm", "people": 1}'
    assert CITY.read(f"{long} {GOOD} {{}}") == City("Ulm, or perhaps Neu-Ulm", 1)
    assert CITY.read(f"{long} {GOOD} {{}}", last=True) == ULM


@pytest.mark.parametrize(
    ("answer", "problem"),
    [
        ('{"a": 1} {"name": 5, "people": "none"}', "people"),
        ("[] and { }", "name"),
        ("nothing", "it is not JSON"),
        ("[" * 100_000, "it is not JSON"),
    ],
)
def test_where_none_matches_the_longest_one_is_explained(answer: str, problem: str) -> None:
    with pytest.raises(OutputMismatchError, match=problem):
        CITY.read(answer)
