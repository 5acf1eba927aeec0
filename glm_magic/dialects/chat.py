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

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from ..catalogue.schema import Offer
from ..core.errors import GlmError, UnsupportedError
from ..core.events import Event
from ..core.i18n import tr
from ..core.messages import PRESETS, Beginning, Request
from ..core.thinking import Thinking
from ..wire.request import WireRequest
from ..wire.sse import Record
from .base import Decoder
from .decoding import Counts, ReplyDecoding, count
from .errors import Classifier, response_error
from .logprobs import has_tokens
from .messages import encode_messages
from .records import Object, is_error
from .reply_decoder import ReplyDecoder
from .think_tags import CLOSE, ThinkTags

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


BeginningEncoder = Callable[[dict[str, Any], Beginning, Offer], None]
"""Adds to a body the message that a reply begins with, and what makes the server go on with it."""


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
    begin: BeginningEncoder | None = None
    """How a reply is begun inside its reasoning; ``None``: it cannot be."""
    limit_thinking: Callable[[int], dict[str, Any]] | None = None
    """The body keys for the most tokens of thinking; ``None``: there are none."""
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
        if self.begin is not None and request.beginning is not None:
            self.begin(body, request.beginning, offer)
        if self.asks_usage:
            body["stream_options"] = {"include_usage": True}
        add_options(body, request, offer, self.thinking, self.preserve)
        return WireRequest(offer.provider.endpoint, body)

    def decoder(self, offer: Offer, body: Mapping[str, Any]) -> Decoder:
        """Return a decoder for one streamed or whole reply."""
        tags = ThinkTags(opens=opens_inside_reasoning(offer, body))
        boxes = offer.images != "no"
        decoding = ReplyDecoding(tags, body, offer.provider.tool_parser, boxes=boxes)
        return ChatDecoder(decoding, offer.provider.name, self.classify)

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
    """Add thinking, tools and parameters to a body; parameters that the user set win.

    A preset that the user set to null is left out: some servers refuse a field that others need.
    """
    if request.thinking not in (None, "auto"):
        body.update(thinking(request.thinking, offer))
    if request.preserve is not None:
        preserve(body, request.preserve, offer)
    if request.tools:
        body["tools"] = [dict(tool) for tool in request.tools]
    for name, value in request.parameters.items():
        if value is None and name in PRESETS:
            body.pop(name, None)
            continue
        preset = body.get(name)
        both = isinstance(preset, dict) and isinstance(value, dict)
        body[name] = {**preset, **value} if both and preset else value


def opens_inside_reasoning(offer: Offer, body: Mapping[str, Any]) -> bool:
    """Whether a reply begins inside the reasoning: not when thinking is off, in any spelling."""
    if not offer.provider.think_open:
        return False
    switches: list[Any] = [body, body.get("parameters"), body.get("chat_template_kwargs")]
    thinking, reasoning = body.get("thinking"), body.get("reasoning")
    is_off = any(isinstance(s, Mapping) and s.get("enable_thinking") is False for s in switches)
    is_off = is_off or (isinstance(thinking, Mapping) and thinking.get("type") == "disabled")
    is_off = is_off or _ends_thought(body)
    if isinstance(reasoning, Mapping):
        is_off = is_off or reasoning.get("enabled") is False or reasoning.get("effort") == "none"
    return not is_off and body.get("reasoning_effort") != "none"


def _ends_thought(body: Mapping[str, Any]) -> bool:
    """Whether a reply goes on after a thought that its request has ended."""
    messages = body.get("messages")
    last = messages[-1] if isinstance(messages, list) and messages else {}
    if last.get("role") != "assistant":
        return False
    closed = str(last.get("content")).rstrip().endswith(CLOSE)
    return closed or body.get("continue_final_message") == "content"


class ChatDecoder(ReplyDecoder):
    """Decode one reply in the OpenAI-style grammar, streamed or whole."""

    __slots__ = ()

    def _chunk(self, chunk: Object, record: Record) -> list[Event]:
        choices, has_failed = chunk.get("choices"), is_error(chunk, record)
        if choices is None and has_failed:
            return self._error(chunk, record)
        decoding = self._decoding
        events: list[Event] = []
        if not decoding.has_started:
            events = decoding.start(chunk.get("id"), chunk.get("model"))
        for choice in choices if isinstance(choices, list) else ():
            if isinstance(choice, dict) and choice.get("index") in (0, None):
                events += self._choice(choice)
        if pages := chunk.get("web_search"):
            events += decoding.web_results(pages)
        usage = chunk.get("usage")
        if isinstance(usage, dict):
            events += decoding.usage(_counts(usage))
        if has_failed:
            return events + self._error(chunk, record)
        if error := _choice_error(choices):
            return events + self._error({"error": error}, record)
        return events

    def _choice(self, choice: Mapping[str, Any]) -> list[Event]:
        delta = choice.get("delta") or choice.get("message")
        decoding = self._decoding
        if reason := choice.get("finish_reason"):
            decoding.reason(reason)
        events = decoding.message(delta) if isinstance(delta, dict) else []
        if has_tokens(choice):
            events += decoding.tokens(choice, delta)
        if isinstance(delta, dict) and (calls := delta.get("tool_calls")):
            events += decoding.tool_calls(calls)
        return events


def _choice_error(choices: Any) -> Any:
    """Return the error that stands in a choice, as some gateways report it."""
    choice = choices[0] if isinstance(choices, list) and choices else None
    return choice.get("error") if isinstance(choice, dict) else None


def _counts(usage: Mapping[str, Any]) -> Counts:
    """Read the counts of the OpenAI-style grammar; details may be missing or null."""
    prompt = usage.get("prompt_tokens_details")
    completion = usage.get("completion_tokens_details")
    return (
        count(usage.get("prompt_tokens")),
        count(usage.get("completion_tokens")),
        count(prompt.get("cached_tokens")) if isinstance(prompt, dict) else None,
        count(completion.get("reasoning_tokens")) if isinstance(completion, dict) else None,
    )
