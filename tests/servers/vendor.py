"""What every vendor's part of the server provides, and what they share."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from tests.servers.listener import Recorded
from tests.servers.script import Call, Failure, Script, Tokens

CREATED = 1_760_000_000
KEY = "test-key"
"""The key that the vendors' servers accept."""

SAMPLING = ("temperature", "top_p", "max_tokens", "stop", "seed", "response_format")
COMMON = ("model", "messages", "stream", "stream_options", "tools", "tool_choice", *SAMPLING)
"""Body keys that every OpenAI-like server knows."""


class Vendor:
    """One vendor's protocol: what it refuses, and how it tells a script.

    Parameters
    ----------
    strict : bool
        Refuse body keys that the vendor's documentation does not name.
    """

    paths: tuple[str, ...] = ()
    models: tuple[str, ...] = ()
    known: tuple[str, ...] = COMMON
    content_type = "text/event-stream"

    def __init__(self, *, strict: bool = False) -> None:
        self.strict = strict

    def refuse(self, request: Recorded, body: Mapping[str, Any]) -> Failure | None:
        """Return the error that the vendor answers at once, if any."""
        raise NotImplementedError

    def error_body(self, failure: Failure) -> dict[str, Any]:
        """Return an error in the vendor's shape, as the body of a failed call."""
        raise NotImplementedError

    def thinks(self, body: Mapping[str, Any]) -> bool:
        """Return whether a model thinks when asked like this."""
        raise NotImplementedError

    def streams(self, request: Recorded, body: Mapping[str, Any]) -> bool:
        """Return whether the client asked for a stream."""
        return body.get("stream") is True

    def records(self, script: Script, body: Mapping[str, Any]) -> Iterator[bytes]:
        """Return the stream, record by record."""
        raise NotImplementedError

    def document(self, script: Script, body: Mapping[str, Any]) -> dict[str, Any]:
        """Return the whole reply of a call that is not streamed."""
        raise NotImplementedError

    def says(self, script: Script, body: Mapping[str, Any]) -> Script:
        """Return what the model says to this request."""
        return script.as_asked(thinks=self.thinks(body), has_tools=bool(body.get("tools")))

    def unknown(self, body: Mapping[str, Any]) -> str | None:
        """Return a body key that the vendor does not document, when the server is strict."""
        if not self.strict:
            return None
        return next((key for key in body if key not in self.known), None)


def to_json(value: object) -> str:
    """Return compact JSON with text as it is, as the vendors write it."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def data(value: object) -> bytes:
    """Return one event with a space after the colon."""
    return f"data: {to_json(value)}\n\n".encode()


DONE = b"data: [DONE]\n\n"


def comment(text: str) -> bytes:
    """Return a comment and a blank line."""
    return f":{text}\n\n".encode()


def bearer(request: Recorded) -> str | None:
    """Return the bearer key of a request."""
    scheme, _, key = request.headers.get("authorization", "").partition(" ")
    return key.strip() if scheme.lower() == "bearer" and key.strip() else None


def out_of_range(values: Mapping[str, Any], ranges: Mapping[str, tuple[Any, Any]]) -> str | None:
    """Return a sentence about the first parameter that is no number or out of its range."""
    for name, (low, high) in ranges.items():
        value = values.get(name)
        if value is None:
            continue
        if isinstance(value, bool) or not isinstance(value, int | float):
            return f"{name} is not a number"
        if not low <= value <= high:
            return f"Range of {name} should be [{low}, {high}]"
    return None


def orphan_tool_message(messages: Iterable[Mapping[str, Any]]) -> bool:
    """Return whether a tool result answers no call of the assistant message before it."""
    open_calls: set[str] = set()
    for message in messages:
        if message.get("role") == "tool":
            if message.get("tool_call_id") not in open_calls:
                return True
        else:
            open_calls = {call["id"] for call in message.get("tool_calls") or ()}
    return False


def mentions_json(messages: Iterable[Mapping[str, Any]]) -> bool:
    """Return whether any message has the word json in it."""
    return any("json" in str(message.get("content")).lower() for message in messages)


def whole_call(index: int, call: Call) -> dict[str, Any]:
    """Return a tool call in one piece."""
    function = {"name": call.name, "arguments": call.arguments}
    return {"id": call.id, "index": index, "type": "function", "function": function}


def call_fragments(index: int, call: Call, size: int, **rest: Any) -> Iterator[dict[str, Any]]:
    """Return a tool call as its name, then pieces of its arguments; `rest` joins later pieces."""
    yield whole_call(index, Call(call.name, "", call.id))
    for start in range(0, len(call.arguments), size):
        piece = call.arguments[start : start + size]
        yield {"index": index, **rest, "function": {"arguments": piece}}


def openai_usage(tokens: Tokens) -> dict[str, Any]:
    """Return the three counters, and the details that are told."""
    usage: dict[str, Any] = {
        "prompt_tokens": tokens.input,
        "completion_tokens": tokens.output,
        "total_tokens": tokens.input + tokens.output,
    }
    if tokens.cached is not None:
        usage["prompt_tokens_details"] = {"cached_tokens": tokens.cached}
    if tokens.reasoning is not None:
        usage["completion_tokens_details"] = {"reasoning_tokens": tokens.reasoning}
    return usage


def joined(pieces: Iterable[str]) -> str:
    """Return pieces as one text."""
    return "".join(pieces)
