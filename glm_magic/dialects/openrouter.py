"""OpenRouter, and wcode.net, which follows it.

Notes
-----
Thinking is ``reasoning: {"enabled": …}`` or ``{"effort": …}``. The text comes as ``reasoning``, and
once more as ``reasoning_details``: the same text, read once. Usage comes on a last chunk that
repeats the finish reason. wcode's page (seen 2026-11) names ``enabled`` only and never shows a
stream; what it does not say is taken from OpenRouter.
"""

from __future__ import annotations

from typing import Any

from ..catalogue.schema import Offer
from ..core import errors
from ..core.messages import Thinking
from .chat import ChatDialect
from .errors import ErrorClass, ErrorReply

_BY_TYPE: dict[str, ErrorClass] = {
    "context_length_exceeded": (
        errors.ContextLengthError,
        "the conversation is too long: shorten it, or %glm new",
        False,
    ),
    "content_policy_violation": (errors.ContentBlockedError, "rephrase the prompt", False),
    "refusal": (errors.ContentBlockedError, "the model refused; rephrase the prompt", False),
    "payment_required": (errors.BillingError, "the account is out of credit; top it up", False),
    "authentication": (errors.AuthenticationError, "check the key", False),
    "rate_limit_exceeded": (errors.RateLimitError, "wait a moment, and send fewer requests", True),
    "provider_overloaded": (errors.ServerError, "the model's host is overloaded; try again", True),
    "provider_unavailable": (errors.ServerError, "the model's host is down; try again", True),
    "server": (errors.ServerError, "a fault on the gateway's side; try again", True),
    "timeout": (errors.ServerError, "the model's host took too long; try again", True),
}
_RATE_LIMIT: ErrorClass = (errors.RateLimitError, "wait a moment, and send fewer requests", True)
_TIMEOUT: ErrorClass = (errors.ServerError, "the model's host took too long; try again", True)
_BY_STATUS: dict[int, ErrorClass] = {429: _RATE_LIMIT, 524: _TIMEOUT}


def classify(failure: ErrorReply) -> ErrorClass | None:
    """Return what an error means; unknown types are left to the status."""
    verdict = _BY_TYPE.get(failure.type)
    if verdict:
        return verdict
    if failure.reasons:
        hint = f"the gateway's moderation found {', '.join(failure.reasons)}; rephrase the prompt"
        return errors.ContentBlockedError, hint, False
    return _BY_STATUS.get(failure.number or failure.status or 0)


def thinking(wanted: Thinking, offer: Offer) -> dict[str, Any]:  # noqa: ARG001
    """Spell thinking as OpenRouter does."""
    if isinstance(wanted, str):
        return {"reasoning": {"effort": wanted}}
    return {"reasoning": {"enabled": wanted}}


OPENROUTER = ChatDialect(
    "openrouter", thinking, classify, reasoning_field="reasoning", asks_usage=False
)
WCODE = ChatDialect("wcode", thinking, classify, reasoning_field="reasoning")
