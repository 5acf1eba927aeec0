"""Everything that is needed to send one prompt, read its reply and continue after it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from ..catalogue.schema import Offer
from ..core.messages import Message, Request, forces_call
from ..core.secret import Secret
from ..core.turn import Notice
from ..core.usage import TokenEstimate, estimate_body
from ..dialects import Dialect
from ..tools.output_schema import OutputSchema
from ..tools.tool import Approve, Tool
from ..wire.request import IDLE_TIMEOUT_S, WireRequest
from ..wire.tape.tape import OpenTape
from .checks import checked_thinking

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
