"""Calls as the wire really spells them, through the whole loop: each gets its own answer."""

from __future__ import annotations

import json
from typing import Any

import pytest

import glm_magic as glm
from tests.servers.raw_server import RawServer
from tests.servers.raw_server import reply as replied

ANSWER = {"delta": {"content": "Fine."}, "finish_reason": "stop"}


def chunk(**choice: Any) -> bytes:
    return f"data: {json.dumps({'choices': [{'index': 0, **choice}]})}\n\n".encode()


def calls(*fragments: dict[str, Any]) -> bytes:
    """Return a reply of one fragment in each chunk."""
    parts = [chunk(delta={"tool_calls": [fragment]}) for fragment in fragments]
    return b"".join([*parts, chunk(delta={}, finish_reason="tool_calls"), b"data: [DONE]\n\n"])


def part(arguments: str = "", name: str | None = None, **rest: Any) -> dict[str, Any]:
    named = {"name": name} if name is not None else {}
    return {"type": "function", "function": {**named, "arguments": arguments}, **rest}


A, B = '{"word": "a"}', '{"word": "b"}'
SPELLINGS = {
    "whole, in one delta": [part(A, "note", id="x", index=0), part(B, "note", id="y", index=1)],
    "no ids": [part(A, "note", index=0), part(B, "note", index=1)],
    "empty ids": [part(A, "note", id="", index=0), part(B, "note", id="", index=1)],
    "ids repeated as empty": [
        part("", "note", id="x", index=0),
        part(A, id="", index=0),
        part("", "note", id="y", index=1),
        part(B, id="", index=1),
    ],
    "names repeated": [
        part(A[:5], "note", id="x", index=0),
        part(A[5:], "note", id="x", index=0),
        part(B, "note", id="y", index=1),
    ],
    "interleaved": [
        part(A[:5], "note", id="x", index=0),
        part(B[:5], "note", id="y", index=1),
        part(A[5:], index=0),
        part(B[5:], index=1),
    ],
    "no index": [part(A, "note", id="x"), part(B, "note", id="y")],
    "one id for both": [part(A, "note", id="x", index=0), part(B, "note", id="x", index=1)],
}


@pytest.mark.parametrize("spelling", SPELLINGS)
def test_every_call_is_made_once_and_answered_under_its_own_id(
    spelling: str, raw_server: RawServer
) -> None:
    body = calls(*SPELLINGS[spelling])
    raw_server.answer_in_turn([replied(body)], [replied(body)], [replied(chunk(**ANSWER))])
    words: list[str] = []

    def note(word: str) -> str:
        words.append(word)
        return word.upper()

    reply = glm.ask("x", provider="vllm", model="m", base_url=raw_server.url + "/v1", tools=[note])
    assert words == ["a", "b"] * 2
    assert reply.answer == "Fine."
    sent = raw_server.requests[-1].json["messages"]
    asked = [(c["id"], c["function"]["arguments"]) for m in sent for c in m.get("tool_calls", ())]
    answered = [(m["tool_call_id"], m["content"]) for m in sent if m["role"] == "tool"]
    assert [arguments for _, arguments in asked] == [A, B] * 2
    assert [id_ for id_, _ in answered] == [id_ for id_, _ in asked]
    assert [content for _, content in answered] == ["A", "B"] * 2
    assert all(len({id_ for id_, _ in half}) == 2 for half in (answered[:2], answered[2:]))
