"""Zhipu BigModel (mainland China) and Z.ai (international).

Notes
-----
Thinking is ``thinking: {"type": …}``. Usage sits on the finish chunk and need not be asked for. The
business code, not the HTTP status, tells errors apart: 429 is also an empty account (1113) and an
expired plan, where trying again is pointless. BigModel API documentation, seen 2026-07 and 2026-11.
"""

from __future__ import annotations

from typing import Any

from ..catalogue.schema import Offer
from ..core import errors
from ..core.messages import Thinking
from .chat import ChatDialect
from .errors import ErrorClass, ErrorReply

_KEY = (
    "set or renew the key; keys of bigmodel (mainland China) and zai (international) are separate"
)
_WINDOW = "the plan's usage window is exhausted; the message says when it opens again"
_SUPPORT = "the account cannot be used; ask the provider's support"

_BY_CODE: dict[str, ErrorClass] = {
    **dict.fromkeys(
        ("1000", "1001", "1002", "1003", "1004"), (errors.AuthenticationError, _KEY, False)
    ),
    "1005": (
        errors.AuthenticationError,
        "log in to the console and confirm the second factor",
        False,
    ),
    **dict.fromkeys(("1110", "1111", "1112", "1121"), (errors.AccessDeniedError, _SUPPORT, False)),
    "1113": (
        errors.BillingError,
        "no balance or resource package: top up, or, with a Coding Plan key, set base_url to the "
        "/api/coding/ address",
        False,
    ),
    **dict.fromkeys(
        ("1200", "1230", "1234"), (errors.ServerError, "the call failed; run the cell again", True)
    ),
    "1210": (
        errors.InvalidRequestError,
        "a parameter is not accepted, for example no thinking on a model that always thinks",
        False,
    ),
    "1211": (errors.NotFoundError, "no such model here; see %glm models, it may be retired", False),
    "1212": (errors.UnsupportedError, "the model does not support this kind of call", False),
    **dict.fromkeys(
        ("1213", "1214", "1215"),
        (errors.InvalidRequestError, "the message names the field; see %glm wire", False),
    ),
    "1220": (errors.AccessDeniedError, "the key has no permission for this API", False),
    **dict.fromkeys(
        ("1221", "1222"), (errors.NotFoundError, "there is no such API; check base_url", False)
    ),
    "1261": (errors.ContextLengthError, "the prompt is too long: shorten it, or %glm new", False),
    "1301": (errors.ContentBlockedError, "the content filter stopped this; rephrase it", False),
    "1302": (errors.RateLimitError, "send fewer requests at the same time", True),
    "1303": (errors.RateLimitError, "requests come too often; wait a moment", True),
    "1304": (errors.RateLimitError, "today's limit is reached; try again tomorrow", False),
    **dict.fromkeys(
        ("1305", "1312"), (errors.RateLimitError, "the model is overloaded; try another one", True)
    ),
    "1309": (errors.BillingError, "the Coding Plan has expired; renew it", False),
    "1311": (errors.BillingError, "the plan does not hold this model; choose another one", False),
    "1313": (errors.BillingError, "the account is held back by the fair-use rules", False),
    "1314": (
        errors.BillingError,
        "the enterprise plan is not valid; check it in the console",
        False,
    ),
    "1315": (
        errors.BillingError,
        "this key is only for the enterprise coding plan; set base_url to the /api/coding/ address",
        False,
    ),
    **dict.fromkeys(
        ("1308", "1310", *(str(code) for code in range(1316, 1322))),
        (errors.BillingError, _WINDOW, False),
    ),
}


def classify(failure: ErrorReply) -> ErrorClass | None:
    """Return what a business code means; an unknown 429 is not retried."""
    verdict = _BY_CODE.get(failure.code)
    if verdict is None and failure.status == 429:
        return errors.RateLimitError, "wait a moment, and send fewer requests at a time", False
    return verdict


def thinking(wanted: Thinking, offer: Offer) -> dict[str, Any]:  # noqa: ARG001
    """Spell thinking as BigModel and Z.ai do."""
    if isinstance(wanted, str):
        return {"thinking": {"type": "enabled"}, "reasoning_effort": wanted}
    return {"thinking": {"type": "enabled" if wanted else "disabled"}}


BIGMODEL = ChatDialect("bigmodel", thinking, classify, asks_usage=False)
