"""Where the openai client tells calls apart by their index alone, we read the same calls."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import pytest

import glm_magic as glm
from tests.api.providers import PLACES
from tests.servers.raw_server import RawServer
from tests.servers.vendor import KEY
from tests.tools.bodies import answered, asked
from tests.tools.test_call_identity import SPELLINGS

pytestmark = pytest.mark.sdk

PLACE = next(place for place in PLACES if place.provider == "vllm")
FAIR = [
    "a new id on each fragment",
    "the name in two parts",
    "the name in two parts, with new ids",
    "the name after the arguments",
]
"""Spellings with an index for each call and with names that need no cleaning."""


def schema(name: str) -> dict[str, Any]:
    function = {"name": name, "parameters": {"type": "object"}, "strict": True}
    return {"type": "function", "function": function}


TOOLS = [schema("note"), schema("look_up")]


def accumulated(base_url: str) -> list[Any]:
    """Return the calls that the client's own accumulator makes of a stream."""
    from openai import OpenAI

    asking: Any = {"model": "m", "messages": [{"role": "user", "content": "x"}], "tools": TOOLS}
    with (
        OpenAI(api_key=KEY, base_url=base_url, max_retries=0) as client,
        client.chat.completions.stream(**asking) as stream,
    ):
        stream.until_done()
        return list(stream.get_final_completion().choices[0].message.tool_calls or ())


@pytest.mark.parametrize("spelling", FAIR)
def test_the_openai_client_and_we_read_the_same_calls(spelling: str, raw_server: RawServer) -> None:
    deltas: Sequence[Any] = SPELLINGS[spelling][0]
    raw_server.answer(
        answered(PLACE, *({"tool_calls": list(f)} for f in deltas), finish="tool_calls")
    )
    theirs = [
        (call.function.name, json.loads(call.function.arguments))
        for call in accumulated(f"{raw_server.url}/v1")
    ]
    reply = glm.ask("x", **asked(PLACE, raw_server, tools=TOOLS))
    ours = [(call.name, json.loads(call.arguments)) for call in reply.tool_calls]
    assert ours == theirs
