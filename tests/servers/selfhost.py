"""Servers that run the open weights: vLLM, SGLang, llama.cpp, Ollama, LM Studio."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from tests.servers.listener import Recorded
from tests.servers.script import Call, Failure, Script, pieces, token_report
from tests.servers.vendor import (
    COMMON,
    CREATED,
    DONE,
    Vendor,
    bearer,
    call_fragments,
    comment,
    data,
    joined,
    openai_usage,
    whole_call,
)

REPORTED = ("logprobs", "top_logprobs")
REPLY_ID = "chatcmpl-8c4be1f27a90"


@dataclass(frozen=True, slots=True)
class Flavor:
    """How one of the servers differs from the others."""

    name: str
    reasoning_field: str
    first: Mapping[str, Any] | None
    """The first delta; ``None``: there is none."""
    switch: str
    """The body key that switches thinking: a template argument, or an effort."""
    finish_has_usage: bool = False
    whole_calls: bool = False
    checks_model: bool = True
    fingerprint: str | None = None
    known: tuple[str, ...] = ()


FLAVORS = {
    flavor.name: flavor
    for flavor in (
        Flavor(
            "vllm",
            "reasoning",
            {"role": "assistant", "content": ""},
            "chat_template_kwargs",
            known=(
                *("reasoning_effort", "include_reasoning", "thinking_token_budget", "top_k"),
                *("min_p", "repetition_penalty", "stop_token_ids", "structured_outputs"),
                *("presence_penalty", "frequency_penalty", "parallel_tool_calls"),
                *REPORTED,
            ),
        ),
        Flavor(
            "vllm-old",
            "reasoning_content",
            {"role": "assistant", "content": ""},
            "chat_template_kwargs",
        ),
        Flavor(
            "sglang",
            "reasoning_content",
            {"role": "assistant", "content": "", "reasoning_content": None, "tool_calls": None},
            "chat_template_kwargs",
            checks_model=False,
            known=(
                *("separate_reasoning", "stream_reasoning", "top_k", "min_p", "regex", "ebnf"),
                *REPORTED,
            ),
        ),
        Flavor(
            "llamacpp",
            "reasoning_content",
            {"role": "assistant", "content": None},
            "chat_template_kwargs",
            checks_model=False,
            fingerprint="b0-unknown",
            known=(
                *("reasoning_format", "parallel_tool_calls", "parse_tool_calls", "top_k", "min_p"),
                *REPORTED,
            ),
        ),
        Flavor(
            "ollama",
            "reasoning",
            None,
            "reasoning_effort",
            finish_has_usage=True,
            whole_calls=True,
            fingerprint="fp_ollama",
            known=("reasoning", "frequency_penalty", "presence_penalty", *REPORTED),
        ),
        Flavor("lmstudio", "reasoning_content", {"role": "assistant"}, "none", checks_model=False),
    )
}


class SelfHost(Vendor):
    """``/v1`` of one of the servers.

    Parameters
    ----------
    flavor : str
        A name in `FLAVORS`.
    key : str, optional
        The bearer key to ask for; none by default, as these servers are started.
    """

    paths = ("/v1/chat/completions",)
    models = ("glm-4.5-air", "glm-4.6", "glm-4.7-flash", "zai-org/GLM-4.7-Flash")

    def __init__(
        self, flavor: str = "vllm", *, key: str | None = None, strict: bool = False
    ) -> None:
        super().__init__(strict=strict)
        self.flavor = FLAVORS[flavor]
        self.key = key
        self.known = (*COMMON, self.flavor.switch, *self.flavor.known)

    def refuse(self, request: Recorded, body: Mapping[str, Any]) -> Failure | None:
        if self.key is not None and bearer(request) != self.key:
            return Failure(401, 401, "Unauthorized")
        if not isinstance(body.get("messages"), list):
            return Failure(400, 400, "messages is required")
        if self.flavor.checks_model and body.get("model") not in self.models:
            return Failure(404, 404, f"The model `{body.get('model')}` does not exist.")
        if key := self.unknown(body):
            return Failure(400, 400, f"Extra inputs are not permitted: {key}")
        return None

    def error_body(self, failure: Failure) -> dict[str, Any]:
        kind = {401: "authentication_error", 404: "NotFoundError"}.get(
            failure.status, "BadRequestError" if failure.status < 500 else "server_error"
        )
        message = failure.message
        code: str | int | None = failure.code
        if self.flavor.name == "sglang":
            return {"object": "error", "message": message, "type": kind, "code": code}
        if self.flavor.name == "llamacpp":
            return {"error": {"code": code, "message": message, "type": kind}}
        if self.flavor.name == "ollama":
            kind, code = "not_found_error" if failure.status == 404 else "api_error", None
        return {"error": {"message": message, "type": kind, "param": None, "code": code}}

    def thinks(self, body: Mapping[str, Any]) -> bool:
        if self.flavor.switch == "chat_template_kwargs":
            options = body.get("chat_template_kwargs") or {}
            return options.get("enable_thinking") is not False
        effort = body.get("reasoning_effort") or (body.get("reasoning") or {}).get("effort")
        return self.flavor.switch == "none" or effort != "none"

    def records(self, script: Script, body: Mapping[str, Any]) -> Iterator[bytes]:
        script = _tagged(self.says(script, body))
        yield from (comment("") for _ in range(script.comments))
        if self.flavor.first is not None:
            yield self._delta(script, body, dict(self.flavor.first))
        for piece in script.reasoning_pieces:
            yield self._delta(script, body, {**self._role(), self.flavor.reasoning_field: piece})
        for piece in script.answer_pieces:
            yield self._delta(script, body, {**self._role(), "content": piece})
        for index, call in enumerate(script.calls):
            for part in self._call_parts(index, call, script.piece_chars):
                yield self._delta(script, body, {**self._role(), "tool_calls": [part]})
        yield from self._end(script, body)

    def _role(self) -> dict[str, Any]:
        is_ollama = self.flavor.name == "ollama"
        return {"role": "assistant", "content": ""} if is_ollama else {}

    def _call_parts(self, index: int, call: Call, size: int) -> Iterator[dict[str, Any]]:
        if self.flavor.whole_calls:
            yield whole_call(index, call)
        else:
            yield from call_fragments(index, call, size)

    def _end(self, script: Script, body: Mapping[str, Any]) -> Iterator[bytes]:
        if script.failure:
            yield data(self.error_body(script.failure))
        else:
            yield from self._finish(script, body)
        if script.done:
            yield DONE

    def _finish(self, script: Script, body: Mapping[str, Any]) -> Iterator[bytes]:
        with_usage = (body.get("stream_options") or {}).get("include_usage")
        usage = openai_usage(script.tokens) if script.tokens and with_usage else None
        on_finish = {"usage": usage} if usage and self.flavor.finish_has_usage else {}
        if script.finish:
            choice = {"index": 0, "delta": {**self._role()}, "finish_reason": script.finish}
            yield data({**self._chunk(script, body, [choice]), **on_finish})
        if usage and not on_finish:
            yield data({**self._chunk(script, body, []), "usage": usage})

    def _delta(self, script: Script, body: Mapping[str, Any], delta: dict[str, Any]) -> bytes:
        text = delta.get(self.flavor.reasoning_field) or delta.get("content")
        report = token_report(text, body, script)
        choice = {"index": 0, "delta": delta, "logprobs": report, "finish_reason": None}
        return data(self._chunk(script, body, [choice]))

    def _chunk(self, script: Script, body: Mapping[str, Any], choices: list[Any]) -> dict[str, Any]:
        chunk = {
            "id": REPLY_ID,
            "object": "chat.completion.chunk",
            "created": CREATED,
            "model": script.model or body["model"],
        }
        if self.flavor.fingerprint:
            chunk["system_fingerprint"] = self.flavor.fingerprint
        return {**chunk, "choices": choices}

    def document(self, script: Script, body: Mapping[str, Any]) -> dict[str, Any]:
        script = _tagged(self.says(script, body))
        message: dict[str, Any] = {"role": "assistant", "content": joined(script.answer_pieces)}
        if script.reasoning:
            message[self.flavor.reasoning_field] = joined(script.reasoning_pieces)
        if script.calls:
            message["tool_calls"] = [whole_call(i, call) for i, call in enumerate(script.calls)]
        choice = {"index": 0, "message": message, "finish_reason": script.finish}
        chunk = {**self._chunk(script, body, [choice]), "object": "chat.completion"}
        return {**chunk, "usage": openai_usage(script.tokens) if script.tokens else None}


def _tagged(script: Script) -> Script:
    """Return a script with its reasoning moved into the content, as without a reasoning parser."""
    if script.tags == "no":
        return script
    opening = "" if script.tags == "close" else "<think>"
    closing = "" if script.tags == "open" else "</think>"
    thought = opening + joined(script.reasoning_pieces) + closing
    answer = pieces(thought + joined(script.answer_pieces), script.piece_chars)
    return replace(script, reasoning="", answer=answer)
