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
from ..core.usage import Usage
from ..wire.request import WireRequest
from ..wire.sse import Record
from .base import Decoder
from .chat import add_options, encode_messages, is_error, parse_object
from .dashscope import classify, encode_preserve, encode_thinking, refuse
from .decoding import ReplyDecoding, count
from .errors import read_payload, response_error, to_error
from .think_tags import ThinkTags

_HEADERS = {"X-DashScope-SSE": "enable", "X-Accel-Buffering": "no"}


class DashscopeNative:
    """Model Studio's native spelling."""

    name = "dashscope_native"
    json_needs_no_thinking = True
    web_search = ""

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
        return WireRequest(offer.provider.base_url + offer.provider.path, body, _HEADERS)

    def decoder(self, offer: Offer, body: Mapping[str, Any]) -> Decoder:
        """Return a decoder for one reply; cumulative unless the request set the flag."""
        parameters = body.get("parameters", {})
        incremental = parameters.get("incremental_output", False) is True
        return NativeDecoder(
            ReplyDecoding(ThinkTags()), offer.provider.name, incremental=incremental
        )

    def error(self, offer: Offer, status: int, headers: Mapping[str, str], body: bytes) -> GlmError:
        """Read a response whose status is an error; it may come as an event stream."""
        return response_error(offer, status, headers, body, classify)


class NativeDecoder:
    """Decode one reply of the native protocol.

    Parameters
    ----------
    incremental : bool
        Whether a frame holds only what is new; the request says so, the frames do not.
    """

    def __init__(self, decoding: ReplyDecoding, provider: str, *, incremental: bool = True) -> None:
        self._decoding = decoding
        self._provider = provider
        self._seen: dict[str, str] | None = None if incremental else {}
        self._is_done = False

    @property
    def is_done(self) -> bool:
        """True after the frame with the finish reason, and after an error."""
        return self._is_done

    @property
    def finish_reason(self) -> str | None:
        """The finish reason, once it was seen."""
        return self._decoding.finish_reason

    def feed(self, record: Record) -> list[Event]:
        """Return the events of one frame."""
        if self._is_done or record.data.strip() == "[DONE]":
            return []
        frame = parse_object(record)
        if isinstance(frame, GlmError):
            return self._fail(frame)
        if frame is None:
            return []
        status = record.http_status
        if is_error(frame, record) or (status is not None and status >= 400):
            return self._fail(to_error(read_payload(frame, status), self._provider, classify))
        return self._frame(frame)

    def finish(self) -> list[Event]:
        """Return the events that the end of the body brings."""
        self._is_done = True
        return self._decoding.end()

    def _frame(self, frame: Mapping[str, Any]) -> list[Event]:
        decoding = self._decoding
        events = decoding.start(frame.get("request_id"), frame.get("model"))
        output = frame.get("output")
        if isinstance(output, dict):
            events += self._output(output)
        events += decoding.usage(_usage(frame.get("usage")))
        self._is_done = decoding.finish_reason is not None
        return events

    def _output(self, output: Mapping[str, Any]) -> list[Event]:
        choices = output.get("choices")
        if not (isinstance(choices, list) and choices and isinstance(choices[0], dict)):
            self._decoding.reason(output.get("finish_reason"))
            return self._decoding.content(self._new("content", output.get("text")))
        message = choices[0].get("message")
        self._decoding.reason(choices[0].get("finish_reason"))
        if not isinstance(message, dict):
            return []
        decoding = self._decoding
        events: list[Event] = []
        if thought := self._new("reasoning_content", message.get("reasoning_content")):
            events += decoding.reasoning(thought)
        if content := self._new("content", message.get("content")):
            events += decoding.content(content)
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

    def _fail(self, error: GlmError) -> list[Event]:
        self._is_done = True
        error.provider = error.provider or self._provider
        return self._decoding.fail(error)


def _usage(usage: Any) -> Usage | None:
    if not isinstance(usage, dict):
        return None
    output = usage.get("output_tokens_details")
    prompt = usage.get("prompt_tokens_details")
    return Usage(
        count(usage.get("input_tokens")),
        count(usage.get("output_tokens")),
        count(prompt.get("cached_tokens")) if isinstance(prompt, dict) else None,
        count(output.get("reasoning_tokens")) if isinstance(output, dict) else None,
    )


DASHSCOPE_NATIVE = DashscopeNative()
