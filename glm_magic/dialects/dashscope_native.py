"""Alibaba Model Studio's native protocol.

Notes
-----
Messages go into ``input``, options into ``parameters``; the header ``X-DashScope-SSE`` switches
streaming on. With thinking, ``incremental_output`` and ``result_format: message`` are required, so
both are always sent. A stream has no ``[DONE]``: its last frame has a finish reason, which until
then is absent, null, or the string ``"null"``. Every frame repeats the usage so far. An error in
mid-stream has its true status only in a comment. Model Studio page "GLM-4.5", seen 2026-11.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..catalogue.schema import Offer
from ..core.errors import GlmError
from ..core.events import Event
from ..core.messages import Request
from ..wire.request import WireRequest
from ..wire.sse import Record
from .base import Decoder
from .chat import add_options, opens_inside_reasoning
from .dashscope import classify, encode_preserve, encode_thinking, refuse, thinking_budget
from .decoding import Counts, ReplyDecoding, count
from .errors import response_error
from .logprobs import has_tokens
from .messages import encode_messages
from .records import Object, is_error
from .reply_decoder import ReplyDecoder
from .think_tags import ThinkTags

_HEADERS = {"X-DashScope-SSE": "enable", "X-Accel-Buffering": "no"}


class DashscopeNative:
    """Model Studio's native spelling."""

    name = "dashscope_native"
    asks_usage = False
    json_needs_no_thinking = True
    web_search = ""
    begin = None

    limit_thinking = staticmethod(thinking_budget)

    def encode(self, request: Request, offer: Offer) -> WireRequest:
        """Spell a request as a streamed text generation.

        Raises
        ------
        UnsupportedError
            Model Studio refuses this combination.
        """
        refuse(request, offer)
        parameters: dict[str, Any] = {"incremental_output": True, "result_format": "message"}
        add_options(parameters, request, offer, encode_thinking, encode_preserve)
        body = {
            "model": offer.wire_id,
            "input": {"messages": encode_messages(request, offer, "reasoning_content")},
            "parameters": parameters,
        }
        return WireRequest(offer.provider.endpoint, body, _HEADERS)

    def decoder(self, offer: Offer, body: Mapping[str, Any]) -> Decoder:
        """Return a decoder for one reply; cumulative unless the request set the flag."""
        parameters = body.get("parameters", {})
        incremental = parameters.get("incremental_output", False) is True
        tags = ThinkTags(opens=opens_inside_reasoning(offer, body))
        decoding = ReplyDecoding(tags, parameters, offer.provider.tool_parser)
        return NativeDecoder(decoding, offer.provider.name, incremental=incremental)

    def error(self, offer: Offer, status: int, headers: Mapping[str, str], body: bytes) -> GlmError:
        """Read a response whose status is an error; it may come as an event stream."""
        return response_error(offer, status, headers, body, classify)


class NativeDecoder(ReplyDecoder):
    """Decode one reply of the native protocol.

    Parameters
    ----------
    incremental : bool
        Whether a frame holds only what is new; the request says so, the frames do not.
    """

    __slots__ = ("_seen",)

    def __init__(self, decoding: ReplyDecoding, provider: str, *, incremental: bool = True) -> None:
        super().__init__(decoding, provider, classify)
        self._seen: dict[str, str] | None = None if incremental else {}

    def _chunk(self, chunk: Object, record: Record) -> list[Event]:
        status = record.http_status
        if is_error(chunk, record) or (status is not None and status >= 400):
            return self._error(chunk, record)
        decoding = self._decoding
        events: list[Event] = []
        if not decoding.has_started:
            events = decoding.start(chunk.get("request_id"), chunk.get("model"))
        output, usage = chunk.get("output"), chunk.get("usage")
        if isinstance(output, dict):
            events += self._output(output)
        if isinstance(usage, dict):
            events += decoding.usage(_counts(usage))
        self._is_done = decoding.finish_reason is not None
        return events

    def _output(self, output: Mapping[str, Any]) -> list[Event]:
        decoding = self._decoding
        new = None if self._seen is None else self._new
        choices = output.get("choices")
        if not (isinstance(choices, list) and choices and isinstance(choices[0], dict)):
            decoding.reason(output.get("finish_reason"))
            return decoding.message({"content": output.get("text")}, new)
        choice = choices[0]
        message = choice.get("message")
        if reason := choice.get("finish_reason"):
            decoding.reason(reason)
        if not isinstance(message, dict):
            return []
        events = decoding.message(message, new)
        if has_tokens(choice):
            events += decoding.tokens(choice, message, repeats=new is not None)
        if calls := message.get("tool_calls"):
            events += decoding.tool_calls(calls if self._seen is None else self._new_calls(calls))
        return events

    def _new(self, field: str, text: Any) -> Any:
        """Return what is new in a text; in cumulative mode each frame repeats what came before."""
        if self._seen is None or not isinstance(text, str):
            return text
        seen = self._seen.get(field, "")
        self._seen[field] = text or seen
        return text[len(seen) :]

    def _new_calls(self, calls: Any) -> Any:
        """Return the calls of a cumulative frame with only the new part of their arguments."""
        if not isinstance(calls, list):
            return calls
        new_calls = []
        for position, call in enumerate(calls):
            function = call.get("function") if isinstance(call, dict) else None
            if isinstance(function, dict):
                name = f"arguments {call.get('index', position)}"
                arguments = self._new(name, function.get("arguments"))
                new_calls.append({**call, "function": {**function, "arguments": arguments}})
            else:
                new_calls.append(call)
        return new_calls


def _counts(usage: Mapping[str, Any]) -> Counts:
    output = usage.get("output_tokens_details")
    prompt = usage.get("prompt_tokens_details")
    return (
        count(usage.get("input_tokens")),
        count(usage.get("output_tokens")),
        count(prompt.get("cached_tokens")) if isinstance(prompt, dict) else None,
        count(output.get("reasoning_tokens")) if isinstance(output, dict) else None,
    )


DASHSCOPE_NATIVE = DashscopeNative()
