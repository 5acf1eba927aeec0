"""Model Studio: the OpenAI-compatible protocol, and what both of its protocols refuse."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from tests.servers.listener import Recorded
from tests.servers.script import Call, Failure, Script
from tests.servers.vendor import (
    COMMON,
    CREATED,
    DONE,
    KEY,
    Vendor,
    bearer,
    comment,
    data,
    joined,
    mentions_json,
    openai_usage,
    orphan_tool_message,
    out_of_range,
    whole_call,
)

REQUEST_ID = "0b6c1c5e-51f4-9d7c-8a41-3f0f6f7d2a11"
MODELS = ("glm-4.5", "glm-4.5-air", "glm-4.6", "glm-4.7", "glm-5", "glm-5.1", "glm-5.2", "glm-5.3")
STREAM_ONLY = ("glm-4.5", "glm-4.5-air", "glm-4.6")
OPTIONS = (
    *("enable_thinking", "thinking_budget", "clear_thinking", "reasoning_effort", "top_k"),
    *("repetition_penalty", "presence_penalty", "max_completion_tokens", "tool_stream"),
    *("parallel_tool_calls", "n", "logprobs", "top_logprobs", "enable_search"),
)
RANGES = {
    "temperature": (0, 1.9999),
    "top_p": (0.0001, 1),
    "top_k": (0, 10**9),
    "repetition_penalty": (0.0001, 100),
    "presence_penalty": (-2, 2),
    "seed": (0, 2**31 - 1),
    "thinking_budget": (1, 32768),
    "max_tokens": (1, 131072),
}


def refused(
    model: str,
    messages: list[dict[str, Any]],
    options: Mapping[str, Any],
    *,
    streams: bool,
) -> str | None:
    """Return why either protocol of Model Studio refuses a request, if it does."""
    thinks = options.get("enable_thinking") is not False
    if not thinks and model == "glm-5.3":
        return "The value of the enable_thinking parameter is restricted to True."
    if not streams and model in STREAM_ONLY:
        return "This model only support stream mode, please enable the stream parameter."
    if not streams and thinks:
        return "parameter.enable_thinking must be set to false for non-streaming calls"
    if options.get("enable_search"):
        return "The model does not support enable_search."
    return _refused_format(messages, options, thinks) or _refused_tools(messages, options, thinks)


def _refused_format(
    messages: list[dict[str, Any]], options: Mapping[str, Any], thinks: bool
) -> str | None:
    if any(not isinstance(message.get("content"), str | None) for message in messages):
        return "Input should be a valid string: input.messages.content"
    if (options.get("response_format") or {}).get("type") == "json_object":
        if thinks:
            return "Json mode response is not supported when enable_thinking is true"
        if not mentions_json(messages):
            return "'messages' must contain the word 'json' in some form"
    return out_of_range(options, RANGES)


def _refused_tools(
    messages: list[dict[str, Any]], options: Mapping[str, Any], thinks: bool
) -> str | None:
    choice = options.get("tool_choice")
    if choice == "required":
        return "tool_choice is one of the strings that should be ['none', 'auto']"
    if isinstance(choice, dict) and thinks:
        return "The tool_choice parameter does not support being set to object in thinking mode"
    if any(tool["function"]["name"] == "search" for tool in options.get("tools") or ()):
        return "Tool names are not allowed to be [search]"
    if orphan_tool_message(messages):
        return "messages with role 'tool' must be a response to a preceding message with tool_calls"
    return None


class ModelStudio(Vendor):
    """``/compatible-mode/v1``."""

    paths = ("/compatible-mode/v1/chat/completions",)
    models = MODELS
    known = (*COMMON, *OPTIONS)

    def refuse(self, request: Recorded, body: Mapping[str, Any]) -> Failure | None:
        if bearer(request) != KEY:
            return Failure(401, "invalid_api_key", "Incorrect API key provided.")
        if body.get("model") not in self.models:
            return Failure(
                404, "model_not_found", f"The model `{body.get('model')}` does not exist."
            )
        if key := self.unknown(body):
            return Failure(400, "invalid_parameter_error", f"Unknown parameter: {key}")
        if not body.get("messages"):
            return Failure(400, "invalid_parameter_error", "[] is too short - 'messages'")
        streams = self.streams(request, body)
        why = refused(body["model"], body["messages"], body, streams=streams)
        return Failure(400, "invalid_parameter_error", why) if why else None

    def error_body(self, failure: Failure) -> dict[str, Any]:
        error = {
            "message": failure.message,
            "type": "invalid_request_error",
            "param": None,
            "code": failure.code,
        }
        return {"error": error, "request_id": REQUEST_ID}

    def thinks(self, body: Mapping[str, Any]) -> bool:
        return body.get("enable_thinking") is not False

    def records(self, script: Script, body: Mapping[str, Any]) -> Iterator[bytes]:
        script = self.says(script, body)
        yield from (comment("") for _ in range(script.comments))
        yield self._first(script, body)
        for piece in script.reasoning_pieces:
            yield self._delta(script, body, {"content": None, "reasoning_content": piece})
        for piece in script.answer_pieces:
            yield self._delta(script, body, {"content": piece, "reasoning_content": None})
        for delta in _call_deltas(script, bool(body.get("tool_stream"))):
            yield self._delta(script, body, delta)
        yield from self._end(script, body)

    def _first(self, script: Script, body: Mapping[str, Any]) -> bytes:
        # The key order is not the same in every chunk of this protocol.
        silent = "" if self.thinks(body) else None
        reasoning = None if self.thinks(body) else ""
        delta = {"content": reasoning, "role": "assistant", "reasoning_content": silent}
        choice = {"delta": delta, "index": 0, "logprobs": None, "finish_reason": None}
        return data(self._chunk(script, body, [choice]))

    def _delta(self, script: Script, body: Mapping[str, Any], delta: dict[str, Any]) -> bytes:
        choice = {"finish_reason": None, "logprobs": None, "delta": delta, "index": 0}
        return data(self._chunk(script, body, [choice]))

    def _end(self, script: Script, body: Mapping[str, Any]) -> Iterator[bytes]:
        if script.failure:
            yield data(self.error_body(script.failure))
            return
        if script.finish:
            delta = {"content": "", "reasoning_content": None}
            choice = {"finish_reason": script.finish, "delta": delta, "index": 0, "logprobs": None}
            yield data(self._chunk(script, body, [choice]))
        if script.tokens and (body.get("stream_options") or {}).get("include_usage"):
            yield data(self._chunk(script, body, [], openai_usage(script.tokens)))
        if script.done:
            yield DONE

    def _chunk(
        self, script: Script, body: Mapping[str, Any], choices: list[Any], usage: Any = None
    ) -> dict[str, Any]:
        return {
            "choices": choices,
            "object": "chat.completion.chunk",
            "usage": usage,
            "created": CREATED,
            "system_fingerprint": None,
            "model": script.model or body["model"],
            "id": f"chatcmpl-{REQUEST_ID}",
        }

    def document(self, script: Script, body: Mapping[str, Any]) -> dict[str, Any]:
        script = self.says(script, body)
        message: dict[str, Any] = {
            "content": joined(script.answer_pieces),
            "reasoning_content": joined(script.reasoning_pieces),
            "role": "assistant",
        }
        if script.calls:
            message["tool_calls"] = [whole_call(i, call) for i, call in enumerate(script.calls)]
        choice = {"message": message, "finish_reason": script.finish, "index": 0, "logprobs": None}
        chunk = self._chunk(script, body, [choice])
        usage = openai_usage(script.tokens) if script.tokens else None
        return {**chunk, "object": "chat.completion", "usage": usage}


def _call_deltas(script: Script, fragments: bool) -> Iterator[dict[str, Any]]:
    silent = {"content": None, "reasoning_content": None}
    for index, call in enumerate(script.calls):
        if not fragments:
            yield {**silent, "tool_calls": [whole_call(index, call)]}
            continue
        yield {**silent, "tool_calls": [whole_call(index, Call(call.name, "", call.id))]}
        for start in range(0, len(call.arguments), script.piece_chars):
            piece = call.arguments[start : start + script.piece_chars]
            # Later fragments carry an empty id instead of none.
            rest = {"id": "", "type": "function", "function": {"arguments": piece}}
            yield {**silent, "tool_calls": [{"index": index, **rest}]}
