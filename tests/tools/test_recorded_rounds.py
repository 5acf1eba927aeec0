"""Recorded tool calls, played to the whole loop by a server that checks what comes back."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import glm_magic as glm
from tests.servers.raw_server import RawServer
from tests.servers.raw_server import reply as replied


def recorded(path: Path) -> tuple[dict[str, Any], bytes]:
    """Return the request body and the reply's body of a recording of Z.ai."""
    head, _, body = path.read_bytes().partition(b"\n\n")
    line = next(line for line in head.decode().splitlines() if line.startswith("### body: "))
    return json.loads(line.removeprefix("### body: ")), body


LLAMA_CPP = ("glm47_tool_required",)
ANSWER = b'data: {"choices":[{"index":0,"delta":{"content":"Fine."},"finish_reason":"stop"}]}\n\n'


@pytest.mark.parametrize("name", LLAMA_CPP)
def test_the_recorded_calls_of_llama_cpp_are_answered_one_by_one(
    name: str, reference: Path, raw_server: RawServer
) -> None:
    text = (reference / "streams" / "llama_cpp" / f"{name}.txt").read_text()
    line = next(line for line in text.splitlines() if line.startswith("### body: "))
    tools = json.loads(line.removeprefix("### body: "))["tools"]
    body = text[text.index("data: ") : text.rindex("\n\n", 0, text.rindex("###")) + 2]

    def stand_in(**arguments: Any) -> str:
        return f"got {json.dumps(arguments)}"

    stand_in.__name__ = tools[0]["function"]["name"]
    raw_server.answer_in_turn([replied(body.encode())], [replied(ANSWER)])
    reply = glm.ask(
        "x", provider="llamacpp", model="m", base_url=raw_server.url + "/v1", tools=[stand_in]
    )
    assert reply.answer == "Fine."
    calls, runs = reply.steps[0].tool_calls, reply.steps[0].runs
    assert calls
    sent = raw_server.requests[1].json["messages"]
    assert [m["tool_call_id"] for m in sent if m["role"] == "tool"] == [c.id for c in calls]
    for call, run in zip(calls, runs, strict=True):
        try:
            given = json.loads(call.arguments)
        except ValueError:
            assert run.status == "failed"
            assert "cut at the token limit inside this call" in run.content
        else:
            assert (run.status, run.content) == ("done", f"got {json.dumps(given)}")


def test_the_recorded_round_of_z_ai_is_sent_back_as_its_client_did(
    reference: Path, raw_server: RawServer
) -> None:
    folder = reference / "streams" / "zai"
    first, first_body = recorded(folder / "b-tool_streaming-0.txt")
    second, second_body = recorded(folder / "b-tool_streaming-1.txt")
    own = first["tools"][0]["function"]
    result = next(m["content"] for m in second["messages"] if m["role"] == "tool")
    asked = next(m for m in second["messages"] if m.get("tool_calls"))["tool_calls"][0]
    given: list[Any] = []

    def stand_in(**arguments: Any) -> Any:
        given.append(arguments)
        return result

    stand_in.__name__ = own["name"]
    raw_server.answer_in_turn([replied(first_body)], [replied(second_body)])
    reply = glm.ask(
        [dict(m) for m in first["messages"] if m["role"] != "assistant"],
        provider="zai",
        model=first["model"],
        base_url=raw_server.url + "/api/coding/paas/v4",
        api_key="test-key",
        tools=[stand_in],
    )
    bodies = [request.json for request in raw_server.requests]
    assert given == [json.loads(asked["function"]["arguments"])]
    assistant, answered = bodies[1]["messages"][-2:]
    assert assistant["tool_calls"][0]["id"] == asked["id"]
    assert assistant["tool_calls"][0]["function"] == asked["function"]
    theirs = next(m for m in second["messages"] if m.get("tool_calls"))
    assert assistant["reasoning_content"] == theirs["reasoning_content"]
    assert assistant["content"] == theirs["content"]
    assert assistant["reasoning_content"] == reply.steps[0].reasoning != ""
    assert (answered["tool_call_id"], answered["content"]) == (asked["id"], result)
    assert bodies[1]["tools"] == bodies[0]["tools"]
    assert reply.status == "complete"
    assert reply.answer
    assert reply.usage is not None
    assert reply.usage.output == sum(step.usage.output for step in reply.steps if step.usage)
