"""A whole tool round by the vendors' own clients sends the same bodies as ours."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

import glm_magic as glm
from glm_magic.tools.function import FunctionTool
from tests.contract.clients import (
    BIGMODEL_PATH,
    COMPATIBLE_PATH,
    NATIVE,
    NATIVE_PATH,
    STREAM,
    Read,
    with_dashscope,
    with_openai,
    with_zai,
)
from tests.servers.model_server import ModelServer
from tests.servers.script import Call, Script
from tests.servers.vendor import KEY

pytestmark = pytest.mark.sdk

QUESTION = {"role": "user", "content": "How is the weather in Rome and Ulm?"}
CALLS = (Call("weather", '{"city": "Rome"}', "call_-7"), Call("weather", '{"city": "短"}', "c2"))
SCRIPTS = (Script(reasoning="\nHm. ", answer="I look. ", calls=CALLS), Script(answer="Sunny."))


def weather(city: str, days: int = 1) -> str:
    """Tell the weather.

    Parameters
    ----------
    city : str
        Name of the city.
    """
    return f"sunny in {city}"


def theirs(ask: Callable[..., Read], base_url: str, **asked: Any) -> None:
    """Play a round with a vendor's client: ask, call, and tell what it gave."""
    tools = [FunctionTool(weather).schema]
    read = ask(base_url, messages=[QUESTION], tools=tools, **asked)
    calls = [
        {"id": id_, "type": "function", "function": {"name": name, "arguments": arguments}}
        for id_, name, arguments in read.calls.values()
    ]
    message = {"role": "assistant", "content": read.answer, "tool_calls": calls}
    results = [
        {
            "role": "tool",
            "tool_call_id": call.id,
            "content": FunctionTool(weather).bind(call.arguments)(),
        }
        for call in CALLS
    ]
    messages = [QUESTION, {**message, "reasoning_content": read.reasoning}, *results]
    ask(base_url, messages=messages, tools=tools, **asked)


PLACES = {
    "dashscope": (with_openai, COMPATIBLE_PATH, {**STREAM, "extra_body": {"tool_stream": True}}),
    "dashscope-native": (with_dashscope, NATIVE_PATH, {**NATIVE, "tool_stream": True}),
    "bigmodel": (with_zai, BIGMODEL_PATH, {"stream": True, "tool_stream": True}),
}


def spoken(body: Any) -> Any:
    """Return a body without nulls, which say nothing."""
    if isinstance(body, dict):
        return {key: spoken(value) for key, value in body.items() if value is not None}
    return [spoken(item) for item in body] if isinstance(body, list) else body


@pytest.mark.parametrize("provider", PLACES)
def test_both_requests_of_a_round_are_the_same(provider: str, server: ModelServer) -> None:
    ask, path, options = PLACES[provider]
    server.tell(*SCRIPTS)
    theirs(ask, server.url + path, model="glm-4.6", **options)
    server.tell(*SCRIPTS)
    reply = glm.ask(
        QUESTION["content"],
        provider=provider,
        model="glm-4.6",
        base_url=server.url + path,
        api_key=KEY,
        tools=[weather],
    )
    bodies = [spoken(request.json) for request in server.requests]
    assert bodies[2:] == bodies[:2]
    assert reply.answer == "Sunny."
