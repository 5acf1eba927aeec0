"""Replies as any provider's grammar spells them, of deltas that a test writes itself."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from tests.api.providers import PLACES, Place
from tests.servers.raw_server import RawServer, Send, reply
from tests.servers.vendor import KEY

GRAMMARS = tuple({(place.provider, place.path): place for place in PLACES}.values())
"""Every provider once, at each of its addresses."""


def asked(place: Place, server: RawServer, **options: Any) -> dict[str, Any]:
    """Return the keywords that ask a provider at the raw server."""
    key = {"api_key": KEY} if place.hosted else {}
    address = {"provider": place.provider, "base_url": server.url + place.path}
    return {"model": place.model, **address, **key, **options}


def is_native(place: Place) -> bool:
    return "native" in place.provider


def reasoning_field(place: Place) -> str:
    """Return where the reasoning of a provider comes, and goes back."""
    is_other = place.provider in ("wcode", "openrouter", "vllm", "ollama")
    return "reasoning" if is_other else "reasoning_content"


def answered(place: Place, *deltas: Mapping[str, Any], finish: str | None = "stop") -> Send:
    """Return a streamed reply of these deltas; ``reasoning`` stands for the provider's field."""
    records = [_record(place, delta, None) for delta in deltas]
    records.append(_record(place, {"content": ""}, finish))
    end = b"" if is_native(place) else b"data: [DONE]\n\n"
    return reply(b"".join(records) + end)


def _record(place: Place, delta: Mapping[str, Any], finish: str | None) -> bytes:
    fields = dict(delta)
    if "reasoning" in fields:
        fields[reasoning_field(place)] = fields.pop("reasoning")
    choice: dict[str, Any] = {"index": 0, "finish_reason": finish}
    if is_native(place):
        choice["message"] = {"role": "assistant", "content": "", **fields}
        return (
            b"data:"
            + json.dumps({"output": {"choices": [choice]}, "request_id": "r"}).encode()
            + b"\n\n"
        )
    choice["delta"] = fields
    chunk = {"id": "r", "object": "chat.completion.chunk", "created": 1, "model": "m"}
    return b"data: " + json.dumps({**chunk, "choices": [choice]}).encode() + b"\n\n"


def call(name: str | None, arguments: Any, **rest: Any) -> dict[str, Any]:
    """Return a fragment of a call; without a name it has none."""
    named = {} if name is None else {"name": name}
    return {"type": "function", "function": {**named, "arguments": arguments}, **rest}


def calls(*fragments: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return deltas of one fragment each."""
    return [{"tool_calls": [fragment]} for fragment in fragments]


def messages(server: RawServer, at: int = -1) -> Sequence[dict[str, Any]]:
    """Return the messages of a request that came."""
    body = server.requests[at].json
    return list(body.get("input", body)["messages"])


def sent_calls(server: RawServer, at: int = -1) -> list[tuple[str, str]]:
    """Return name and arguments of every call in a request."""
    return [
        (one["function"]["name"], one["function"]["arguments"])
        for message in messages(server, at)
        for one in message.get("tool_calls", ())
    ]


def results(server: RawServer, at: int = -1) -> list[str]:
    """Return what the model is told of its calls."""
    return [message["content"] for message in messages(server, at) if message["role"] == "tool"]
