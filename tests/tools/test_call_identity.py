"""Which fragments are one call, and what its function is called, however a server spells it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import pytest

import glm_magic as glm
from glm_magic.dialects.tool_calls import ToolCalls
from tests.api.providers import Place
from tests.servers.raw_server import RawServer

from .bodies import GRAMMARS, answered, asked, call, calls, results, sent_calls

A, B = '{"word": "a"}', '{"word": "b"}'
ONE, TWO, OTHER = [("note", A)], [("note", A), ("note", B)], [("note", A), ("look_up", B)]
Fragments = Sequence[Sequence[dict[str, Any]]]


def each(*fragments: dict[str, Any]) -> Fragments:
    """Return deltas of one fragment each."""
    return [[fragment] for fragment in fragments]


def cut(arguments: str) -> list[str]:
    return [arguments[at : at + 3] for at in range(0, len(arguments), 3)]


SPELLINGS: dict[str, tuple[Fragments, list[tuple[str, str]]]] = {
    "a new id on each fragment": (
        each(call("note", "", id="i0", index=0))
        + each(*(call(None, part, id=f"i{n}", index=0) for n, part in enumerate(cut(A), 1))),
        ONE,
    ),
    "a new id and an empty name on each": (
        each(call("note", "", id="i0", index=0))
        + each(*(call("", part, id=f"i{n}", index=0) for n, part in enumerate(cut(A), 1))),
        ONE,
    ),
    "a new id and the name on each": (
        each(*(call("note", part, id=f"i{n}", index=0) for n, part in enumerate(cut(A)))),
        ONE,
    ),
    "new ids, two indexes interleaved": (
        each(
            call("note", "", id="a", index=0),
            call("note", "", id="b", index=1),
            call(None, A[:5], id="c", index=0),
            call(None, B[:5], id="d", index=1),
            call(None, A[5:], id="e", index=0),
            call(None, B[5:], id="f", index=1),
        ),
        TWO,
    ),
    "new ids and no index": (
        each(call("note", "", id="i0"))
        + each(*(call(None, part, id=f"i{n}") for n, part in enumerate(cut(A), 1))),
        ONE,
    ),
    "two names and ids at one index": (
        each(call("note", A, id="x", index=0), call("look_up", B, id="y", index=0)),
        OTHER,
    ),
    "two names and ids at one index, in pieces": (
        each(
            call("note", "", id="x", index=0),
            *(call(None, part, index=0) for part in cut(A)),
            call("look_up", "", id="y", index=0),
            *(call(None, part, index=0) for part in cut(B)),
        ),
        OTHER,
    ),
    "two names at one index without ids": (
        each(call("note", A, index=0), call("look_up", B, index=0)),
        OTHER,
    ),
    "one name, two ids at one index": (
        each(call("note", A, id="x", index=0), call("note", B, id="y", index=0)),
        TWO,
    ),
    "one name, two ids at one index, in one delta": (
        [[call("note", "", id="x", index=0), call("note", B, id="y", index=0)]],
        [("note", ""), ("note", B)],
    ),
    "index as text": (
        each(call("note", A, id="x", index="0"), call("note", B, id="y", index="1")),
        TWO,
    ),
    "index as text, in pieces": (
        each(
            call("note", "", id="x", index="0"),
            *(call(None, part, index="0") for part in cut(A)),
            call("note", "", id="y", index="1"),
            *(call(None, part, index="1") for part in cut(B)),
        ),
        TWO,
    ),
    "one id for all, no index": (each(call("note", A, id="x"), call("note", B, id="x")), TWO),
    "one id for all, two names, no index": (
        each(call("note", A, id="x"), call("look_up", B, id="x")),
        OTHER,
    ),
    "neither id nor index": (each(call("note", A), call("note", B)), TWO),
    "neither id nor index, in pieces": (
        each(call("note", ""), *(call(None, p) for p in cut(A)))
        + each(call("note", ""), *(call(None, p) for p in cut(B))),
        TWO,
    ),
    "the name on each, neither id nor index": (
        each(*(call("note", p) for p in cut(A)), *(call("look_up", p) for p in cut(B))),
        OTHER,
    ),
    "the name on each, without ids": (
        each(*(call("note", part, index=0) for part in cut(A))),
        ONE,
    ),
    "snapshots without index": (
        each(*(call("note", A[:n], id="x") for n in (0, 5, len(A)))),
        ONE,
    ),
    "snapshots of all calls, neither id nor index": (
        [
            [call("note", A[:5])],
            [call("note", A), call("look_up", "")],
            [call("note", A), call("look_up", B[:5])],
            [call("note", A), call("look_up", B)],
        ],
        OTHER,
    ),
    "the name in two parts": (
        each(call("loo", "", id="x", index=0), call("k_up", "", index=0), call(None, B, index=0)),
        [("look_up", B)],
    ),
    "the name in two parts, with new ids": (
        each(call("loo", "", id="x", index=0), call("k_up", B, id="y", index=0)),
        [("look_up", B)],
    ),
    "the name in two parts, no index": (
        each(call("loo", ""), call("k_up", ""), call(None, B)),
        [("look_up", B)],
    ),
    "the name so far, twice": (
        each(call("loo", "", id="x", index=0), call("look_up", B, id="x", index=0)),
        [("look_up", B)],
    ),
    "the name after the arguments": (
        each(
            call(None, A[:5], index=0),
            call(None, A[5:], id="x", index=0),
            call("note", "", index=0),
        ),
        ONE,
    ),
    "a tail on the name": (each(call("note\n", A, id="x", index=0)), ONE),
    "GLM's markup after the name": (each(call("note</arg_value>", A, id="x", index=0)), ONE),
    "GLM's markup in a fragment of its own": (
        each(call("note", "", id="x", index=0), call("</arg_value>", A, index=0)),
        ONE,
    ),
    "a namespace before the name": (each(call("functions.note", A, id="x", index=0)), ONE),
    "quotes around the name": (each(call('"note"', A, id="x", index=0)), ONE),
}


@pytest.mark.parametrize("spelling", SPELLINGS)
def test_a_call_is_one_call_however_it_is_spelled(spelling: str) -> None:
    deltas, expected = SPELLINGS[spelling]
    reader = ToolCalls(("note", "look_up"))
    names: dict[int, str] = {}
    arguments: dict[int, str] = {}
    for fragments in deltas:
        for delta in reader.feed(list(fragments)):
            names[delta.index] = delta.name or names.get(delta.index, "")
            arguments[delta.index] = arguments.get(delta.index, "") + delta.arguments
    assert [(names[n], arguments[n]) for n in sorted(names)] == expected


PLACES = [place for place in GRAMMARS if place.path != "/api/coding/paas/v4"]


@pytest.mark.parametrize("place", PLACES, ids=lambda place: place.provider)
@pytest.mark.parametrize("spelling", SPELLINGS)
def test_it_is_made_once_and_goes_back_under_its_name(
    spelling: str, place: Place, raw_server: RawServer
) -> None:
    deltas, expected = SPELLINGS[spelling]
    made: list[tuple[str, str | None]] = []

    def note(word: str | None = None) -> str:
        made.append(("note", word))
        return "noted"

    def look_up(word: str | None = None) -> str:
        made.append(("look_up", word))
        return "found"

    raw_server.answer_in_turn(
        [answered(place, *({"tool_calls": list(f)} for f in deltas), finish="tool_calls")],
        [answered(place, {"content": "Fine."})],
    )
    reply = glm.ask("x", **asked(place, raw_server, tools=[note, look_up]))
    values = [(name, json.loads(arguments or "{}")) for name, arguments in expected]
    assert reply.answer == "Fine."
    assert made == [(name, value.get("word")) for name, value in values]
    assert [(name, json.loads(a)) for name, a in sent_calls(raw_server)] == values
    assert len(results(raw_server)) == len(expected)


def test_fragments_that_never_have_a_name_are_no_call(raw_server: RawServer) -> None:
    place = GRAMMARS[0]
    nameless = calls(*(call(None, part, id=f"i{n}", index=0) for n, part in enumerate(cut(A))))
    raw_server.answer(answered(place, {"content": "Fine."}, *nameless, finish="tool_calls"))
    reply = glm.ask("x", **asked(place, raw_server, tools=[_look]))
    assert reply.tool_calls == ()
    assert "no-call" in [notice.code for notice in reply.turn.notices]
    assert reply.answer == "Fine."


def _look() -> str:
    return "seen"


@pytest.mark.parametrize("text", [True, False])
@pytest.mark.parametrize("place", PLACES, ids=lambda place: place.provider)
def test_a_finish_reason_of_calls_without_a_call_is_told(
    place: Place, text: bool, raw_server: RawServer
) -> None:
    deltas = [{"reasoning": "I will look."}, *([{"content": "One moment."}] if text else [])]
    raw_server.answer(answered(place, *deltas, finish="tool_calls"))
    reply = glm.ask("x", **asked(place, raw_server, tools=[_look]))
    (notice,) = [notice for notice in reply.turn.notices if "no" in notice.code.split("-")]
    assert notice.code == "no-call"
    assert "sent no call" in notice.message


def test_two_functions_of_which_one_begins_with_the_other_stay_two() -> None:
    reader = ToolCalls(("get", "get_weather"))
    both = [call("get", A, id="x", index=0), call("get_weather", B, id="y", index=1)]
    deltas = [delta for one in both for delta in reader.feed([one])]
    assert [delta.name for delta in deltas] == ["get", "get_weather"]
    shared = ToolCalls(("get", "get_weather"))
    both = [call("get", "", id="x", index=0), call("get_weather", B, id="y", index=0)]
    deltas = [delta for one in both for delta in shared.feed([one])]
    assert [(delta.index, delta.name) for delta in deltas] == [(0, "get"), (1, "get_weather")]


@pytest.mark.parametrize("seed", range(20))
def test_reading_fragments_is_linear_and_loses_no_argument(seed: int) -> None:
    """One long call with every mark that a fragment may have."""
    long = json.dumps({"word": 'ab\\"{}[' * 3000})
    marks = {"id": f"x{seed % 3}"} if seed % 2 else {}
    marks |= {"index": 0} if seed % 5 else {}
    reader = ToolCalls(("note",) if seed % 4 else ())
    parts = [long[at : at + 7] for at in range(0, len(long), 7)]
    name = "note" if seed % 3 == 0 and seed % 5 else None
    fragments = [call("note", "", **marks), *(call(name, part, **marks) for part in parts)]
    text = "".join(d.arguments for f in fragments for d in reader.feed([f]))
    assert text == long
