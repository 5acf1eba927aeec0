"""Model Studio's native protocol."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from tests.servers.listener import Recorded
from tests.servers.model_studio import MODELS, OPTIONS, REQUEST_ID, refused
from tests.servers.script import Call, Failure, Script, token_report
from tests.servers.vendor import KEY, SAMPLING, Vendor, bearer, joined, to_json, whole_call

OPTIONS_INSIDE = (
    *OPTIONS,
    *SAMPLING,
    *("tools", "tool_choice", "incremental_output", "result_format", "search_options"),
)


class ModelStudioNative(Vendor):
    """``/api/v1``: messages inside ``input``, options inside ``parameters``, no sentinel."""

    paths = ("/api/v1/services/aigc/text-generation/generation",)
    models = MODELS
    known = ("model", "input", "parameters")

    def refuse(self, request: Recorded, body: Mapping[str, Any]) -> Failure | None:
        if bearer(request) != KEY:
            return Failure(401, "InvalidApiKey", "Invalid API-key provided.")
        model = body.get("model")
        if not model:
            return Failure(400, "BadRequest.EmptyModel", "Required parameter 'model' missing.")
        if not (body.get("input") or {}).get("messages"):
            return Failure(400, "BadRequest.EmptyInput", "Required input missing.")
        if not isinstance(body.get("parameters"), dict):
            return Failure(400, "BadRequest.EmptyParameters", "Required parameters missing.")
        if model not in self.models:
            return Failure(404, "ModelNotFound", "Model can not be found.")
        if key := self._unknown_anywhere(body):
            return Failure(400, "InvalidParameter", f"Unknown parameter: {key}")
        return self._refuse_options(request, body)

    def _unknown_anywhere(self, body: Mapping[str, Any]) -> str | None:
        inside = [key for key in body["parameters"] if key not in OPTIONS_INSIDE]
        return self.unknown(body) or (inside[0] if self.strict and inside else None)

    def _refuse_options(self, request: Recorded, body: Mapping[str, Any]) -> Failure | None:
        options = body["parameters"]
        streams = self.streams(request, body)
        why = refused(body["model"], body["input"]["messages"], options, streams=streams)
        if not why and self.thinks(body):
            if options.get("incremental_output") is not True:
                why = "parameter.incremental_output must be true when enable_thinking is true"
            elif options.get("result_format") != "message":
                why = "parameter.result_format must be message when enable_thinking is true"
        return Failure(400, "InvalidParameter", why) if why else None

    def error_body(self, failure: Failure) -> dict[str, Any]:
        return {"code": failure.code, "message": failure.message, "request_id": REQUEST_ID}

    def thinks(self, body: Mapping[str, Any]) -> bool:
        return body["parameters"].get("enable_thinking") is not False

    def streams(self, request: Recorded, body: Mapping[str, Any]) -> bool:
        return request.headers.get("x-dashscope-sse") == "enable"

    def says(self, script: Script, body: Mapping[str, Any]) -> Script:
        has_tools = bool(body["parameters"].get("tools"))
        return script.as_asked(thinks=self.thinks(body), has_tools=has_tools)

    def records(self, script: Script, body: Mapping[str, Any]) -> Iterator[bytes]:
        script = self.says(script, body)
        options = body["parameters"]
        messages = list(_messages(script, bool(options.get("tool_stream"))))
        if not options.get("incremental_output"):
            messages = list(_cumulative(messages))
        for number, (kind, message) in enumerate(messages, 1):
            usage = _usage(script, number, [kind for kind, _ in messages])
            output = _output(message, None, script)
            text = message["reasoning_content"] or message["content"]
            if report := token_report(text, options, script):
                output["choices"][0]["logprobs"] = report
            yield _frame(number, output, usage)
        yield from self._end(script, len(messages) + 1)

    def _end(self, script: Script, number: int) -> Iterator[bytes]:
        if script.failure:
            yield _error_frame(number, script.failure, self.error_body(script.failure))
        elif script.finish:
            message = {"content": "", "reasoning_content": "", "role": "assistant"}
            usage = _final_usage(script) if script.tokens else None
            yield _frame(number, _output(message, script.finish, script), usage)

    def document(self, script: Script, body: Mapping[str, Any]) -> dict[str, Any]:
        script = self.says(script, body)
        message: dict[str, Any] = {"content": joined(script.answer_pieces), "role": "assistant"}
        if script.reasoning:
            message["reasoning_content"] = joined(script.reasoning_pieces)
        if script.calls:
            message["tool_calls"] = [whole_call(i, call) for i, call in enumerate(script.calls)]
        output = _output(message, script.finish, script)
        usage = _final_usage(script) if script.tokens else {}
        return {"output": output, "usage": usage, "request_id": REQUEST_ID}


def _messages(script: Script, fragments: bool) -> Iterator[tuple[str, dict[str, Any]]]:
    for piece in script.reasoning_pieces:
        yield "reasoning", {"content": "", "reasoning_content": piece, "role": "assistant"}
    for piece in script.answer_pieces:
        yield "answer", {"content": piece, "reasoning_content": "", "role": "assistant"}
    for index, call in enumerate(script.calls):
        for part in _call_parts(index, call, script.piece_chars if fragments else None):
            message = {"content": "", "reasoning_content": "", "role": "assistant"}
            yield "call", {**message, "tool_calls": [part]}


def _call_parts(index: int, call: Call, size: int | None) -> Iterator[dict[str, Any]]:
    if size is None:
        yield whole_call(index, call)
        return
    yield whole_call(index, Call(call.name, "", call.id))
    for start in range(0, len(call.arguments), size):
        function = {"arguments": call.arguments[start : start + size]}
        yield {"index": index, "id": "", "type": "function", "function": function}


def _cumulative(
    messages: list[tuple[str, dict[str, Any]]],
) -> Iterator[tuple[str, dict[str, Any]]]:
    """Repeat in every frame the whole text so far, as the server does by default."""
    reasoning = content = ""
    for kind, message in messages:
        reasoning += message["reasoning_content"]
        content += message["content"]
        yield kind, {**message, "content": content, "reasoning_content": reasoning}


def _output(message: dict[str, Any], finish: str | None, script: Script) -> dict[str, Any]:
    choice: dict[str, Any] = {"message": message}
    if finish:
        choice["finish_reason"] = finish
    elif script.running != "absent":
        choice["finish_reason"] = "null" if script.running == "null" else None
    return {"choices": [choice]}


def _usage(script: Script, number: int, kinds: list[str]) -> dict[str, Any] | None:
    """Return the running total, which grows by one a frame."""
    if script.tokens is None:
        return None
    so_far = min(number, script.tokens.output)
    usage: dict[str, Any] = {
        "total_tokens": script.tokens.input + so_far,
        "output_tokens": so_far,
        "input_tokens": script.tokens.input,
    }
    if script.tokens.reasoning is not None:
        thought = kinds[:number].count("reasoning")
        usage["output_tokens_details"] = {"reasoning_tokens": thought}
    return usage


def _final_usage(script: Script) -> dict[str, Any]:
    tokens = script.tokens
    assert tokens is not None
    usage: dict[str, Any] = {
        "total_tokens": tokens.input + tokens.output,
        "output_tokens": tokens.output,
        "input_tokens": tokens.input,
    }
    if tokens.reasoning is not None:
        usage["output_tokens_details"] = {"reasoning_tokens": tokens.reasoning}
    if tokens.cached is not None:
        usage["prompt_tokens_details"] = {"cached_tokens": tokens.cached}
    return usage


def _frame(number: int, output: dict[str, Any], usage: dict[str, Any] | None) -> bytes:
    # No space follows a colon in this protocol.
    counted = {} if usage is None else {"usage": usage}
    body = to_json({"output": output, **counted, "request_id": REQUEST_ID})
    return f"id:{number}\nevent:result\n:HTTP_STATUS/200\ndata:{body}\n\n".encode()


def _error_frame(number: int, failure: Failure, body: dict[str, Any]) -> bytes:
    head = f"id:{number}\nevent:error\n:HTTP_STATUS/{failure.status}\n"
    return f"{head}data:{to_json(body)}\n\n".encode()
