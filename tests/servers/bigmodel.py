"""BigModel and Z.ai, pay as you go and Coding Plan."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from tests.servers.listener import Recorded
from tests.servers.pictures import refusal_of
from tests.servers.script import Failure, Script
from tests.servers.vendor import (
    COMMON,
    CREATED,
    DONE,
    KEY,
    Vendor,
    bearer,
    call_fragments,
    data,
    joined,
    openai_usage,
    orphan_tool_message,
    out_of_range,
    whole_call,
)

REQUEST_ID = "20261105093012f3a9c1d27b8e4405"
RANGES = {"temperature": (0, 1), "top_p": (0.01, 1), "max_tokens": (1, 131072)}


class BigModel(Vendor):
    """``/api/paas/v4`` and ``/api/coding/paas/v4``."""

    paths = ("/api/paas/v4/chat/completions", "/api/coding/paas/v4/chat/completions")
    models = (
        *("glm-4.5", "glm-4.5-air", "glm-4.5-x", "glm-4.5-airx", "glm-4.5-flash", "glm-4.6"),
        *("glm-4.7", "glm-4.7-flash", "glm-4.7-flashx", "glm-5", "glm-5-turbo", "glm-5.1"),
        *("glm-5.2", "glm-5.3", "glm-5.3-flash"),
        *("glm-4.5v", "glm-4.6v", "glm-4.6v-flash", "glm-5v-turbo", "glm-4v-plus-0111"),
    )
    seeing = ("glm-5.3-flash", "glm-4.5v", "glm-4.6v", "glm-4.6v-flash", "glm-5v-turbo")
    known = (
        *COMMON,
        *("thinking", "reasoning_effort", "do_sample", "tool_stream", "request_id", "user_id"),
    )
    content_type = "text/event-stream;charset=UTF-8"

    def refuse(self, request: Recorded, body: Mapping[str, Any]) -> Failure | None:
        key = bearer(request)
        if key is None:
            return Failure(401, "1001", "Authorization header missing, cannot authenticate.")
        if key != KEY:
            return Failure(401, "1000", "Authentication failed.")
        if not body.get("messages"):
            return Failure(400, "1213", "The messages parameter was not received properly.")
        if body.get("model") not in self.models:
            return Failure(400, "1211", "Unknown model, please check the model code.")
        why = self._why_refused(body)
        return Failure(400, "1210", why) if why else None

    def _why_refused(self, body: Mapping[str, Any]) -> str | None:
        kind = (body.get("thinking") or {}).get("type", "enabled")
        if kind not in ("enabled", "disabled"):
            return "thinking.type must be enabled or disabled"
        if kind == "disabled" and body["model"].startswith("glm-5.3"):
            return "This model does not support disabling thinking"
        if (body.get("response_format") or {}).get("type", "text") not in ("text", "json_object"):
            return "response_format.type is invalid"
        if not 6 <= len(body.get("request_id") or "123456") <= 64:
            return "request_id must have 6 to 64 characters"
        if len(body.get("tools") or ()) > 128:
            return "tools must not have more than 128 entries"
        is_old = body["model"] == "glm-4v-plus-0111"
        sees = is_old or body["model"] in self.seeing
        if why := refusal_of(body, sees=sees, most=5 if is_old else 50):
            return why
        if orphan_tool_message(body["messages"]):
            return "a tool message must follow the call that it answers"
        unknown = self.unknown(body)
        return f"unknown parameter {unknown}" if unknown else out_of_range(body, RANGES)

    def error_body(self, failure: Failure) -> dict[str, Any]:
        return {"error": {"code": str(failure.code), "message": failure.message}}

    def thinks(self, body: Mapping[str, Any]) -> bool:
        return (body.get("thinking") or {}).get("type", "enabled") == "enabled"

    def records(self, script: Script, body: Mapping[str, Any]) -> Iterator[bytes]:
        script = self.says(script, body)
        for piece in script.reasoning_pieces:
            yield _delta(script, body, {"role": "assistant", "reasoning_content": piece})
        for piece in script.answer_pieces:
            yield _delta(script, body, {"role": "assistant", "content": piece})
        for index, call in enumerate(script.calls):
            size = script.piece_chars
            fragments = call_fragments(index, call, size)
            whole = [whole_call(index, call)]
            for part in fragments if body.get("tool_stream") else whole:
                yield _delta(script, body, {"tool_calls": [part]})
        yield from self._end(script, body)

    def _end(self, script: Script, body: Mapping[str, Any]) -> Iterator[bytes]:
        if script.failure:
            yield data(self.error_body(script.failure))
        elif script.finish:
            delta = {"role": "assistant", "content": ""}
            choice = {"index": 0, "finish_reason": script.finish, "delta": delta}
            # The usage needs no asking, and sits on the finish chunk.
            usage = {"usage": openai_usage(script.tokens)} if script.tokens else {}
            searches = any(tool["type"] == "web_search" for tool in body.get("tools") or ())
            search = {"web_search": list(script.pages)} if searches and script.pages else {}
            yield data({**_chunk(script, body, [choice]), **usage, **search})
        if script.done:
            yield DONE

    def document(self, script: Script, body: Mapping[str, Any]) -> dict[str, Any]:
        script = self.says(script, body)
        message: dict[str, Any] = {"content": joined(script.answer_pieces)}
        if script.reasoning:
            message["reasoning_content"] = joined(script.reasoning_pieces)
        message["role"] = "assistant"
        if script.calls:
            message["tool_calls"] = [whole_call(i, call) for i, call in enumerate(script.calls)]
        choice = {"finish_reason": script.finish, "index": 0, "message": message}
        usage = openai_usage(script.tokens) if script.tokens else None
        chunk = {**_chunk(script, body, [choice]), "object": "chat.completion"}
        return {**chunk, "request_id": REQUEST_ID, "usage": usage}


def _delta(script: Script, body: Mapping[str, Any], delta: dict[str, Any]) -> bytes:
    return data(_chunk(script, body, [{"index": 0, "delta": delta}]))


def _chunk(script: Script, body: Mapping[str, Any], choices: list[Any]) -> dict[str, Any]:
    return {
        "id": REQUEST_ID,
        "created": CREATED,
        "object": "chat.completion.chunk",
        "model": script.model or body["model"],
        "choices": choices,
    }
