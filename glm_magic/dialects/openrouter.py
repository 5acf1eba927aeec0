"""OpenRouter, and wcode.net, which follows it.

Notes
-----
Thinking is ``reasoning: {"enabled": …}`` or ``{"effort": …}``. The text comes as ``reasoning``, and
once more as ``reasoning_details``, which is read where it comes alone. Usage comes with a last
chunk that repeats the finish reason. wcode's page (seen 2026-11) names ``enabled`` only and shows
no stream; where it is silent, OpenRouter's documentation is followed.

OpenRouter bills no reply that failed without output ("Zero Completion Insurance", seen 2026-11). So
its own code for a host that is down, missing or overloaded (502, 503, 529 in the body) is tried
again; the same as a bare HTTP status may come from another gateway on the way, and is not.
"""

from __future__ import annotations

from typing import Any

from ..catalogue.schema import Offer
from ..core import errors
from ..core.i18n import tr
from ..core.thinking import Thinking
from .chat import ChatDialect, no_switch_needed
from .error_classes import ErrorClass
from .errors import ErrorReply

_BY_TYPE: dict[str, ErrorClass] = {
    "context_length_exceeded": (
        errors.ContextLengthError,
        tr("the conversation is too long: shorten it, or %glm new"),
        False,
    ),
    "content_policy_violation": (errors.ContentBlockedError, tr("rephrase the prompt"), False),
    "refusal": (errors.ContentBlockedError, tr("the model refused; rephrase the prompt"), False),
    "payment_required": (errors.BillingError, tr("the account is out of credit; top it up"), False),
    "authentication": (errors.AuthenticationError, tr("check the key"), False),
    "rate_limit_exceeded": (
        errors.RateLimitError,
        tr("wait a moment, and send fewer requests"),
        True,
    ),
    "provider_overloaded": (
        errors.ServerError,
        tr("the model's host is overloaded; try again"),
        True,
    ),
    "provider_unavailable": (errors.ServerError, tr("the model's host is down; try again"), True),
    "server": (errors.ServerError, tr("a fault on the gateway's side; try again"), False),
    "timeout": (errors.ServerError, tr("the model's host took too long; try again"), False),
}
_RATE_LIMIT: ErrorClass = (
    errors.RateLimitError,
    tr("wait a moment, and send fewer requests"),
    True,
)
_BY_NUMBER: dict[int, ErrorClass] = {
    **dict.fromkeys((408, 504, 524), _BY_TYPE["timeout"]),
    429: _RATE_LIMIT,
    **dict.fromkeys((502, 503), _BY_TYPE["provider_unavailable"]),
    529: _BY_TYPE["provider_overloaded"],
}
"""What OpenRouter means by the number in its errors."""


def classify(reply: ErrorReply) -> ErrorClass | None:
    """Return what an error means; unknown types are left to the status."""
    error_class = _BY_TYPE.get(reply.type)
    if error_class:
        return error_class
    if reply.reasons:
        hint = tr(
            "the gateway's moderation found {reasons}; rephrase the prompt",
            reasons=", ".join(reply.reasons),
        )
        return errors.ContentBlockedError, hint, False
    return _BY_NUMBER.get(reply.number or 0)


def encode_thinking(thinking: Thinking, offer: Offer) -> dict[str, Any]:  # noqa: ARG001
    """Spell thinking as OpenRouter does."""
    if isinstance(thinking, str):
        return {"reasoning": {"effort": thinking}}
    return {"reasoning": {"enabled": thinking}}


# Reasoning that comes back is used, without any switch.
def reasoning_tokens(tokens: int) -> dict[str, Any]:
    """Spell the most tokens of thinking.

    Notes
    -----
    For a host that knows levels only, OpenRouter makes a level of it ("Reasoning tokens", seen
    2026-11), so more may come than was asked for.
    """
    return {"reasoning": {"max_tokens": tokens}}


OPENROUTER = ChatDialect(
    "openrouter",
    encode_thinking,
    classify,
    reasoning_field="reasoning",
    preserve=no_switch_needed,
    asks_usage=False,
    limit_thinking=reasoning_tokens,
)
WCODE = ChatDialect(
    "wcode", encode_thinking, classify, reasoning_field="reasoning", preserve=no_switch_needed
)
