"""Everything that is needed to send one prompt, read its reply and continue after it.

Whether the prompt, and the reply that it asks for, have room in the model's context is checked here
for every way to ask. Which turns of a conversation leave to make room is decided in
`session.context`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from ..catalogue.schema import Offer
from ..core.errors import InvalidValueError
from ..core.i18n import tr
from ..core.messages import Message, Request, forces_call
from ..core.secret import Secret
from ..core.turn import Notice
from ..core.usage import TokenEstimate, estimate_body
from ..dialects import Dialect
from ..tools.output_schema import OutputSchema
from ..tools.tool import Approve, Tool
from ..wire.request import IDLE_TIMEOUT_S, WireRequest
from ..wire.tape.tape import OpenTape
from .checks import checked_thinking, input_limit

MAX_ROUNDS = 8
"""Rounds of tool calls in one turn, unless the user says otherwise."""

TOOL_TIMEOUT_S = 300.0
"""How long one function may take; after that, the model is told that there is no result."""


@dataclass(frozen=True, slots=True)
class ToolPlan:
    """What may follow a reply: calls of the user's functions, and a check of the answer."""

    tools: Mapping[str, Tool] = field(default_factory=dict)
    """Only the functions that the user named, by name."""
    max_rounds: int = MAX_ROUNDS
    approve: Approve | None = None
    """``None``: every call is made."""
    parallel: bool = False
    """Make the calls of one round at the same time, each in its own thread."""
    timeout_s: float = TOOL_TIMEOUT_S
    schema: OutputSchema | None = None
    """What the answer has to match; ``None``: anything."""


THINKING_KEYS = ("enable_thinking", "thinking", "thinking_budget", "reasoning", "reasoning_effort")
"""Body keys by which a user may have set thinking directly, at any provider."""


@dataclass(frozen=True, slots=True)
class PreparedRequest:
    """One prompt: its offer resolved, its options checked, its body encoded; nothing was sent."""

    prompt: str
    offer: Offer
    dialect: Dialect
    request: Request
    """What is asked, before any provider's encoding."""
    wire: WireRequest
    size: TokenEstimate
    """Approximate size of the request."""
    key: Secret | None = None
    notices: tuple[Notice, ...] = ()
    """What the user should know before anything is sent."""
    idle_timeout_s: float = IDLE_TIMEOUT_S
    tool_plan: ToolPlan | None = None
    """What may follow a reply; ``None``: nothing."""
    tape: OpenTape | None = None
    """The tape that the request goes through, if any."""
    is_live: bool = True
    """Whether the provider is asked; False where the tape answers."""

    def with_request(self, **changes: Any) -> PreparedRequest:
        """Return this with fields of its `request` changed, and encoded again."""
        request = replace(self.request, **changes)
        wire = self.dialect.encode(request, self.offer)
        size = TokenEstimate(round(self.size.scale * estimate_body(wire.body)), self.size.scale)
        return replace(self, request=request, wire=wire, size=size)

    def about(self, messages: tuple[Message, ...]) -> PreparedRequest:
        """Return the request that asks the last of these messages, with this one's options.

        It has no notices: those of this request hold for all that are made of it.
        """
        request = replace(self.request, messages=messages)
        wire = self.dialect.encode(request, self.offer)
        size = TokenEstimate(round(self.size.scale * estimate_body(wire.body)), self.size.scale)
        return replace(
            self, request=request, wire=wire, size=size, prompt=messages[-1].content, notices=()
        )

    def with_messages(self, messages: Sequence[Message]) -> PreparedRequest:
        """Return the request that follows when these messages have joined the conversation.

        A tool call that was forced has been made by then; forced again, the model could never
        answer.
        """
        parameters = dict(self.request.parameters)
        if forces_call(parameters):
            del parameters["tool_choice"]
        messages = (*self.request.messages, *messages)
        return self.with_request(messages=messages, parameters=parameters)

    def without_thinking(self) -> PreparedRequest:
        """Return the same request with thinking off.

        Raises
        ------
        UnsupportedError
            The model always thinks.
        """
        checked_thinking(False, self.offer)
        parameters = {k: v for k, v in self.request.parameters.items() if k not in THINKING_KEYS}
        template = parameters.get("chat_template_kwargs")
        if isinstance(template, dict):
            parameters["chat_template_kwargs"] = {**template, "enable_thinking": False}
        return self.with_request(thinking=False, parameters=parameters)


UNCALIBRATED_MARGIN = 0.75
"""An estimate that was never compared with the provider's own count may be this much too high."""


def fits(tokens: int, limit: int, scale: float | None) -> bool:
    """Whether an input of so many tokens can fit; an estimate gets the benefit of its doubt.

    Parameters
    ----------
    tokens : int
        The input, estimated.
    limit : int
        What the model takes.
    scale : float or None
        What the estimate was calibrated by; ``None``: by nothing yet.
    """
    return tokens * (1.0 if scale else UNCALIBRATED_MARGIN) <= limit


def check_alone(call: PreparedRequest) -> PreparedRequest:
    """Return a request of its own, without a conversation, whose input the model takes.

    Raises
    ------
    InvalidValueError
        The input, or the length of the reply that was asked for, cannot fit.
    """
    limit = input_limit(call.offer, call.request.parameters)
    if limit is not None and call.size.input > limit:
        check_room(call)
        if not fits(call.size.input, limit, None):
            raise too_long(call, call.size.input, limit, pinned=False)
    return call


def check_room(call: PreparedRequest) -> None:
    """Refuse a reply so long that not even the prompt alone has room beside it.

    Raises
    ------
    InvalidValueError
        The prompt would fit, were it not for the length of the reply that was asked for.
    """
    offer, parameters = call.offer, call.request.parameters
    prompt = call.size.tokens(call.request.messages[-1].content)
    for name in ("max_tokens", "max_completion_tokens"):
        length = parameters.get(name)
        if not isinstance(length, int) or offer.context is None:
            continue
        room = offer.context - prompt
        if 0 < room < length:
            raise InvalidValueError(
                tr(
                    "{name} is {length:,}; with a prompt of ≈{tokens:,} tokens {model} at"
                    " {provider} has room for ≈{room:,}",
                    name=name,
                    length=length,
                    tokens=prompt,
                    model=offer.model.id,
                    provider=offer.provider.name,
                    room=room,
                ),
                hint=tr("make {name} smaller, or leave it out", name=name),
                provider=offer.provider.name,
            )


def too_long(call: PreparedRequest, tokens: int, limit: int, *, pinned: bool) -> InvalidValueError:
    """Return the error of an input that is longer than the model takes."""
    provider = call.offer.provider.name
    values = {"tokens": tokens, "model": call.offer.model.id, "provider": provider, "limit": limit}
    if pinned:
        return InvalidValueError(
            tr(
                "the prompt and the pinned turns take ≈{tokens:,} tokens; {model} at {provider}"
                " takes {limit:,}, so nothing was sent",
                **values,
            ),
            hint=tr(
                "shorten it, unpin turns with %glm pin N, or choose a model with a longer context"
            ),
            provider=provider,
        )
    return InvalidValueError(
        tr(
            "the prompt takes ≈{tokens:,} tokens; {model} at {provider} takes {limit:,}, so"
            " nothing was sent",
            **values,
        ),
        hint=tr("shorten it, or choose a model with a longer context"),
        provider=provider,
    )
