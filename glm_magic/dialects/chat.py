"""The OpenAI-style grammar, which all dialects but one share, and its decoder.

Where providers differ is in the fields of `ChatDialect`: how thinking is spelled, which field takes
reasoning back, how earlier reasoning is kept, what the error codes mean. A dialect is a frozen
value and holds no state, so that any number of streams may share it; all state of a reply lives in
its decoder.

Notes
-----
Every provider requires that reasoning is sent back complete and unchanged.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from ..catalogue.schema import Offer
from ..core.errors import GlmError, ProtocolError, UnsupportedError
from ..core.events import Event
from ..core.i18n import tr
from ..core.messages import Message, Request, Thinking
from ..core.usage import Usage
from ..wire.request import WireRequest
from ..wire.sse import Record
from .base import Decoder
from .decoding import ReplyDecoding, count
from .errors import Classifier, not_an_api, page_title, read_payload, response_error, to_error
from .think_tags import ThinkTags

PreserveEncoder = Callable[[dict[str, Any], bool, Offer], None]
"""Adds to a body what makes the provider keep (True) or drop (False) earlier reasoning."""


def no_switch_needed(body: dict[str, Any], preserve: bool, offer: Offer) -> None:
    """Add nothing: reasoning that comes back is used."""


def refuse_preserve(body: dict[str, Any], preserve: bool, offer: Offer) -> None:  # noqa: ARG001
    """Refuse to keep earlier reasoning where the provider or model does not offer it.

    Raises
    ------
    UnsupportedError
        `preserve` is true.
    """
    if preserve:
        raise UnsupportedError(
            tr(
                "{model} at {provider} does not take earlier reasoning back",
                model=offer.model.id,
                provider=offer.provider.title,
            ),
            hint=tr("switch it off with %glm preserve off, or choose another provider"),
            provider=offer.provider.name,
        )


ThinkingEncoder = Callable[[Thinking, Offer], dict[str, Any]]
"""Thinking -> the body keys that ask for it; called for True, False and effort levels only."""


@dataclass(frozen=True, slots=True)
class ChatDialect:
    """One provider's spelling of the OpenAI-style grammar."""

    name: str
    thinking: ThinkingEncoder
    classify: Classifier
    reasoning_field: str = "reasoning_content"
    """Field of an assistant message that takes reasoning back."""
    preserve: PreserveEncoder = refuse_preserve
    """How earlier reasoning is kept."""
    asks_usage: bool = True
    """Whether usage must be asked for with ``stream_options``."""
    json_needs_no_thinking: bool = False
    """Whether JSON mode is refused while the model thinks."""
    web_search: str = ""
    """The engine of the web search, where a provider names no other; empty: there is none."""
    refuse: Callable[[Request, Offer], None] = lambda _request, _offer: None
    """Raises `UnsupportedError` for what this provider would answer with an error."""

    def encode(self, request: Request, offer: Offer) -> WireRequest:
        """Spell a request as a streamed chat completion.

        Raises
        ------
        UnsupportedError
            The provider refuses this combination.
        """
        self.refuse(request, offer)
        body: dict[str, Any] = {
            "model": offer.wire_id,
            "messages": encode_messages(request, offer, self.reasoning_field),
            "stream": True,
        }
        if self.asks_usage:
            body["stream_options"] = {"include_usage": True}
        add_options(body, request, offer, self.thinking, self.preserve)
        return WireRequest(offer.provider.base_url + offer.provider.path, body)

    def decoder(self, offer: Offer, body: Mapping[str, Any]) -> Decoder:
        """Return a decoder for one streamed or whole reply."""
        opens = offer.provider.think_open and not _is_off(body)
        tags = ThinkTags(lone_close=offer.provider.think_tags, opens=opens)
        return ChatDecoder(ReplyDecoding(tags), offer.provider.name, self.classify)

    def error(self, offer: Offer, status: int, headers: Mapping[str, str], body: bytes) -> GlmError:
        """Read a response whose status is an error."""
        return response_error(offer, status, headers, body, self.classify)


def add_options(
    body: dict[str, Any],
    request: Request,
    offer: Offer,
    thinking: ThinkingEncoder,
    preserve: PreserveEncoder,
) -> None:
    """Add thinking, tools and parameters to a body; parameters that the user set win."""
    if request.thinking not in (None, "auto"):
        body.update(thinking(request.thinking, offer))
    if request.preserve is not None:
        preserve(body, request.preserve, offer)
    if request.tools:
        body["tools"] = [dict(tool) for tool in request.tools]
    for name, value in request.parameters.items():
        preset = body.get(name)
        both = isinstance(preset, dict) and isinstance(value, dict)
        body[name] = {**preset, **value} if both and preset else value


def encode_messages(request: Request, offer: Offer, reasoning_field: str) -> list[dict[str, Any]]:
    """Spell messages, with the reasoning that the provider wants back and no other.

    Notes
    -----
    Inside a tool round, which runs from the last user message on, every provider takes the
    reasoning back, and BigModel and Z.ai require it. In plain turns it is left out, unless
    preserved thinking was requested; on the Coding Plan that is on by default. It never goes to
    another provider.
    """
    messages, preserve = request.messages, request.preserve
    if preserve is None:
        preserve = offer.is_coding_plan
    last_user = max((at for at, m in enumerate(messages) if m.role == "user"), default=0)
    encoded = []
    for at, message in enumerate(messages):
        fields = encode_message(message)
        goes_back = preserve or (at > last_user and bool(message.tool_calls))
        is_theirs = goes_back and message.reasoning_from == offer.provider.name
        if message.reasoning and (is_theirs or message.reasoning_from is None):
            fields[reasoning_field] = message.reasoning
        encoded.append(fields)
    return encoded


def _is_off(body: Mapping[str, Any]) -> bool:
    """Whether a request switches thinking off; no tag is open then."""
    switches = body.get("chat_template_kwargs")
    off = isinstance(switches, Mapping) and switches.get("enable_thinking") is False
    return off or body.get("reasoning_effort") == "none"


def encode_message(message: Message) -> dict[str, Any]:
    """Spell one message, without reasoning."""
    fields: dict[str, Any] = {"role": message.role, "content": message.content}
    if message.tool_calls:
        fields["tool_calls"] = [
            {
                "id": call.id,
                "type": "function",
                "function": {"name": call.name, "arguments": call.arguments},
            }
            for call in message.tool_calls
        ]
    if message.tool_call_id is not None:
        fields["tool_call_id"] = message.tool_call_id
    return fields


class ChatDecoder:
    """Decode one reply in the OpenAI-style grammar, streamed or whole."""

    __slots__ = ("_classify", "_decoding", "_is_done", "_provider")

    def __init__(self, decoding: ReplyDecoding, provider: str, classify: Classifier) -> None:
        self._decoding = decoding
        self._provider = provider
        self._classify = classify
        self._is_done = False

    @property
    def is_done(self) -> bool:
        """True after ``[DONE]``, and after an error."""
        return self._is_done

    @property
    def finish_reason(self) -> str | None:
        """The finish reason, once it was seen."""
        return self._decoding.finish_reason

    def feed(self, record: Record) -> list[Event]:
        """Return the events of one record."""
        if self._is_done:
            return []
        if record.data == "[DONE]" or record.data.strip() == "[DONE]":
            self._is_done = True
            return []
        chunk = parse_object(record)
        if isinstance(chunk, GlmError):
            return self._fail(chunk)
        if chunk is None:
            return []
        return self._chunk(chunk, record)

    def finish(self) -> list[Event]:
        """Return the events that the end of the body brings."""
        self._is_done = True
        return self._decoding.end()

    def _chunk(self, chunk: Mapping[str, Any], record: Record) -> list[Event]:
        if chunk.get("choices") is None and is_error(chunk, record):
            return self._error(chunk, record)
        decoding = self._decoding
        events = decoding.start(chunk.get("id"), chunk.get("model"))
        choices = chunk.get("choices")
        for choice in choices if isinstance(choices, list) else ():
            if isinstance(choice, dict) and choice.get("index") in (0, None):
                events += self._choice(choice)
        if pages := chunk.get("web_search"):
            events += decoding.web_results(pages)
        if usage := chunk.get("usage"):
            events += decoding.usage(read_usage(usage))
        if is_error(chunk, record):
            return events + self._error(chunk, record)
        if error := _choice_error(choices):
            return events + self._error({"error": error}, record)
        return events

    def _choice(self, choice: Mapping[str, Any]) -> list[Event]:
        delta = choice.get("delta") or choice.get("message")
        decoding = self._decoding
        if reason := choice.get("finish_reason"):
            decoding.reason(reason)
        if not isinstance(delta, dict):
            return []
        events: list[Event] = []
        if thought := delta.get("reasoning_content") or delta.get("reasoning"):
            events += decoding.reasoning(thought)
        if content := delta.get("content"):
            events += decoding.content(content)
        if calls := delta.get("tool_calls"):
            events += decoding.tool_calls(calls)
        return events

    def _error(self, chunk: Mapping[str, Any], record: Record) -> list[Event]:
        reply = read_payload(chunk, record.http_status)
        return self._fail(to_error(reply, self._provider, self._classify))

    def _fail(self, error: GlmError) -> list[Event]:
        self._is_done = True
        error.provider = error.provider or self._provider
        return self._decoding.fail(error)


def parse_object(record: Record) -> Mapping[str, Any] | GlmError | None:
    """Return a record's JSON object, ``None`` for nothing to read, or the error that it is."""
    try:
        value = json.loads(record.data)
    except (ValueError, RecursionError):
        return _not_json(record)
    if isinstance(value, dict):
        return value
    if record.event == "error":
        return {"error": value}
    return _malformed(record.data)


def _not_json(record: Record) -> Mapping[str, Any] | GlmError | None:
    text = record.data.lstrip()
    if text[:1] == "<" and record.kind == "document":
        return not_an_api(page_title(text))
    if record.event == "error":
        return {"error": record.data}
    if not text or record.cut:
        return None  # the body was cut inside this record; what came before it stays
    return _malformed(record.data)


def _malformed(data: str) -> GlmError:
    return ProtocolError(
        tr("the server sent something that is not JSON: {text!r}", text=data[:60]),
        hint=tr("what had arrived is kept; %glm wire shows the raw reply"),
    )


_ERROR_NAMES = ("code", "detail", "errors", "error_code", "error_msg", "error_message")


def is_error(chunk: Mapping[str, Any], record: Record) -> bool:
    """Whether a payload is an error, whatever its event is called."""
    if chunk.get("error") or record.event == "error" or chunk.get("object") == "error":
        return True
    if "choices" in chunk or "output" in chunk:
        return False
    if chunk.get("success") is False or any(chunk.get(name) for name in _ERROR_NAMES):
        return True
    text = chunk.get("message") or chunk.get("msg")
    return record.kind == "document" and isinstance(text, str)


def _choice_error(choices: Any) -> Any:
    """Return the error that stands in a choice, as some gateways report it."""
    choice = choices[0] if isinstance(choices, list) and choices else None
    return choice.get("error") if isinstance(choice, dict) else None


def read_usage(usage: Any) -> Usage | None:
    """Read the counts of the OpenAI-style grammar; details may be missing or null."""
    if not isinstance(usage, dict):
        return None
    prompt = usage.get("prompt_tokens_details")
    completion = usage.get("completion_tokens_details")
    return Usage(
        count(usage.get("prompt_tokens")),
        count(usage.get("completion_tokens")),
        count(prompt.get("cached_tokens")) if isinstance(prompt, dict) else None,
        count(completion.get("reasoning_tokens")) if isinstance(completion, dict) else None,
    )
