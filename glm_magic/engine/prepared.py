"""Everything that is needed to send one prompt and read its reply.

What a turn does after a reply, beyond showing it.
"""

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
"""How long one function may take; the model is then told that there is no result."""


@dataclass(frozen=True, slots=True)
class ToolPlan:
    """The functions that a turn may call and how, and the shape of its answer."""

    tools: Mapping[str, Tool] = field(default_factory=dict)
    """Only what the user named, by name."""
    max_rounds: int = MAX_ROUNDS
    approve: Approve | None = None
    """``None``: every call is made."""
    parallel: bool = False
    """Make the calls of one round at the same time, each in a thread of its own."""
    timeout_s: float = TOOL_TIMEOUT_S
    shape: OutputSchema | None = None
    """What the answer has to look like; ``None``: anything."""


THINKING_KEYS = ("enable_thinking", "thinking", "thinking_budget", "reasoning", "reasoning_effort")
"""Body keys by which a user may have spelled thinking himself, at any provider."""


@dataclass(frozen=True, slots=True)
class PreparedRequest:
    """One prompt, chosen, checked and spelled; nothing of it has been sent."""

    prompt: str
    offer: Offer
    dialect: Dialect
    request: Request
    """What is asked, in no provider's spelling."""
    wire: WireRequest
    size: TokenEstimate
    """About how large the request is."""
    key: Secret | None = None
    notices: tuple[Notice, ...] = ()
    """What is worth saying before anything is sent."""
    idle_timeout_s: float = IDLE_TIMEOUT_S
    follow: ToolPlan | None = None
    """What to do after a reply; ``None``: nothing."""
    deck: OpenTape | None = None
    """The tape that the call goes through, if any."""

    def again(self, **changes: Any) -> PreparedRequest:
        """Return the same call with a changed request: the next step of the same turn."""
        request = replace(self.request, **changes)
        wire = self.dialect.encode(request, self.offer)
        size = TokenEstimate(round(self.size.scale * estimate_body(wire.body)), self.size.scale)
        return replace(self, request=request, wire=wire, size=size)

    def with_messages(self, messages: Sequence[Message]) -> PreparedRequest:
        """Return the call that follows when these messages have joined the conversation.

        A call that was forced is made by then: forced again, the model could never answer.
        """
        parameters = dict(self.request.parameters)
        if forces_call(parameters):
            del parameters["tool_choice"]
        return self.again(messages=(*self.request.messages, *messages), parameters=parameters)

    def without_thinking(self) -> PreparedRequest:
        """Return the same call with thinking off.

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
        return self.again(thinking=False, parameters=parameters)
