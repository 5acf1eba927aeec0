"""OpenRouter, and wcode, which is built like it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from tests.servers.listener import Recorded
from tests.servers.pictures import refusal_of
from tests.servers.script import Failure, Script, token_report
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
    out_of_range,
    whole_call,
)

GENERATION_ID = "gen-1760000000-Qm3cX0aTt5"
RANGES = {
    "temperature": (0, 2),
    "top_p": (0, 1),
    "top_k": (0, 10**9),
    "frequency_penalty": (-2, 2),
    "presence_penalty": (-2, 2),
    "repetition_penalty": (0, 2),
    "min_p": (0, 1),
    "top_a": (0, 1),
    "max_tokens": (1, 131072),
    "top_logprobs": (0, 20),
}
EFFORTS = ("max", "xhigh", "high", "medium", "low", "minimal", "none")


class OpenRouter(Vendor):
    """``/api/v1/chat/completions``."""

    paths = ("/api/v1/chat/completions",)
    models = tuple(
        f"z-ai/glm-{number}"
        for number in ("4.5", "4.5-air", "4.6", "4.7", "5", "5.2", "4.6v", "5v-turbo")
    )
    known = (
        *COMMON,
        *RANGES,
        *("reasoning", "parallel_tool_calls", "logit_bias", "logprobs", "structured_outputs"),
        *("verbosity", "usage", "reasoning_effort"),
    )

    def refuse(self, request: Recorded, body: Mapping[str, Any]) -> Failure | None:
        if bearer(request) != KEY:
            return Failure(401, 401, "No auth credentials found")
        if body.get("model") not in self.models:
            return Failure(404, 404, f"No endpoints found for {body.get('model')}.")
        why = self._why_refused(body)
        return Failure(400, 400, why) if why else None

    def _why_refused(self, body: Mapping[str, Any]) -> str | None:
        if not body.get("messages"):
            return 'Input required: specify "prompt" or "messages"'
        if why := refusal_of(body, sees=str(body["model"]).endswith(("v", "v-turbo"))):
            return why
        reasoning = body.get("reasoning") or {}
        if "effort" in reasoning and "max_tokens" in reasoning:
            return 'Only one of "reasoning.effort" and "reasoning.max_tokens" can be specified'
        if reasoning.get("effort", "none") not in EFFORTS:
            return "Invalid reasoning.effort"
        if body.get("top_logprobs") is not None and not body.get("logprobs"):
            return "top_logprobs requires logprobs"
        unknown = self.unknown(body)
        return f"Unrecognized key: {unknown}" if unknown else out_of_range(body, RANGES)

    def error_body(self, failure: Failure) -> dict[str, Any]:
        return {"error": {"message": failure.message, "code": failure.code}}

    def thinks(self, body: Mapping[str, Any]) -> bool:
        reasoning = body.get("reasoning") or {}
        return reasoning.get("enabled") is not False and reasoning.get("effort") != "none"

    def records(self, script: Script, body: Mapping[str, Any]) -> Iterator[bytes]:
        script = self.says(script, body)
        yield from (b": OPENROUTER PROCESSING\n\n" for _ in range(script.comments))
        for piece in script.reasoning_pieces:
            yield self._delta(script, body, _thought(piece))
        for piece in script.answer_pieces:
            silent = {"reasoning": None, "reasoning_details": []}
            yield self._delta(script, body, {"role": "assistant", "content": piece, **silent})
        for index, call in enumerate(script.calls):
            for part in call_fragments(index, call, script.piece_chars, type="function"):
                delta = {"role": "assistant", "content": None, "tool_calls": [part]}
                yield self._delta(script, body, delta)
        yield from self._end(script, body)

    def _end(self, script: Script, body: Mapping[str, Any]) -> Iterator[bytes]:
        last = {"role": "assistant", "content": ""}
        if script.failure:
            yield data(self._failed(script, body, script.failure))
        elif script.finish:
            yield self._delta(script, body, last, script.finish)
            if script.tokens:
                # One more chunk says the finish reason again, with the usage.
                usage = {**openai_usage(script.tokens), "cost": 0.00071, "is_byok": False}
                choices = [self._choice(last, script.finish)]
                yield data({**self._chunk(script, body, choices), "usage": usage})
        if script.done:
            yield DONE

    def _failed(self, script: Script, body: Mapping[str, Any], failure: Failure) -> dict[str, Any]:
        choices = [self._choice({"role": "assistant", "content": ""}, "error")]
        metadata = {"error_type": "provider_unavailable", "provider_code": str(failure.code)}
        error = {"code": failure.code, "message": failure.message, "metadata": metadata}
        return {**self._chunk(script, body, choices), "error": error}

    def _delta(
        self,
        script: Script,
        body: Mapping[str, Any],
        delta: dict[str, Any],
        finish: str | None = None,
    ) -> bytes:
        text = delta.get("reasoning") or delta.get("content")
        choice = {**self._choice(delta, finish), "logprobs": token_report(text, body, script)}
        return data(self._chunk(script, body, [choice]))

    def _choice(self, delta: dict[str, Any], finish: str | None) -> dict[str, Any]:
        ends = {"finish_reason": finish, "native_finish_reason": finish}
        return {"index": 0, "delta": delta, **ends, "logprobs": None}

    def _chunk(self, script: Script, body: Mapping[str, Any], choices: list[Any]) -> dict[str, Any]:
        return {
            "id": GENERATION_ID,
            "provider": "Z.AI",
            # The model that ran comes back more specific than the one asked for.
            "model": script.model or f"{body['model']}-20260315",
            "object": "chat.completion.chunk",
            "created": CREATED,
            "choices": choices,
        }

    def document(self, script: Script, body: Mapping[str, Any]) -> dict[str, Any]:
        script = self.says(script, body)
        message: dict[str, Any] = {
            "role": "assistant",
            "content": joined(script.answer_pieces),
            "refusal": None,
            "reasoning": joined(script.reasoning_pieces) or None,
        }
        if script.calls:
            message["tool_calls"] = [whole_call(i, call) for i, call in enumerate(script.calls)]
        ends = {"finish_reason": script.finish, "native_finish_reason": script.finish}
        choice = {"logprobs": None, **ends, "index": 0, "message": message}
        chunk = {**self._chunk(script, body, [choice]), "object": "chat.completion"}
        return {**chunk, "usage": openai_usage(script.tokens) if script.tokens else None}


class Wcode(OpenRouter):
    """``/api/gpt/v1``: no provider field, and the name of the model as it was asked for."""

    paths = ("/api/gpt/v1/chat/completions",)
    models = ("z-ai/glm-4.5", "z-ai/glm-4.6")

    def _chunk(self, script: Script, body: Mapping[str, Any], choices: list[Any]) -> dict[str, Any]:
        chunk = super()._chunk(script, body, choices)
        del chunk["provider"]
        return {**chunk, "model": script.model or body["model"]}


def _thought(piece: str) -> dict[str, Any]:
    detail = {"type": "reasoning.text", "text": piece, "format": "unknown", "index": 0}
    thought = {"reasoning": piece, "reasoning_details": [detail]}
    return {"role": "assistant", "content": "", **thought}
