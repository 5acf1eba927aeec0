"""Zhipu BigModel (mainland China) and Z.ai (international).

Notes
-----
Thinking is ``thinking: {"type": …}``; with ``clear_thinking`` false in it, earlier reasoning is
kept. Usage comes with the finish chunk and need not be requested. The business code, not the HTTP
status, tells errors apart: 429 is also an empty account (1113) or an expired plan (1309), where a
retry is pointless. BigModel API documentation, seen 2026-07 and 2026-11.
"""

from __future__ import annotations

from typing import Any

from ..catalogue.schema import Offer
from ..core import errors
from ..core.i18n import tr
from ..core.thinking import Thinking
from .chat import ChatDialect
from .error_classes import ErrorClass
from .errors import ErrorReply, unknown_limit

_KEY = tr(
    "set or renew the key; keys of bigmodel (mainland China) and zai (international) are separate"
)
_WINDOW = tr("the plan's usage window is exhausted; the message says when it opens again")
_SUPPORT = tr("the account cannot be used; ask the provider's support")

_BY_CODE: dict[str, ErrorClass] = {
    **dict.fromkeys(
        ("1000", "1001", "1002", "1003", "1004"), (errors.AuthenticationError, _KEY, False)
    ),
    "1005": (
        errors.AuthenticationError,
        tr("log in to the console and confirm the second factor"),
        False,
    ),
    **dict.fromkeys(
        ("1110", "1111", "1112", "1120", "1121"), (errors.AccessDeniedError, _SUPPORT, False)
    ),
    "1113": (
        errors.BillingError,
        tr(
            "no balance or resource package: top up, or, with a Coding Plan key, set "
            "base_url to the /api/coding/ address"
        ),
        False,
    ),
    **dict.fromkeys(
        ("1200", "1230", "1234"),
        (errors.ServerError, tr("the call failed; run the cell again"), False),
    ),
    "1231": (
        errors.InvalidRequestError,
        tr("a request with this request_id is already there: give each its own, or leave it out"),
        False,
    ),
    "1210": (
        errors.InvalidRequestError,
        tr("a parameter is not accepted, for example no thinking on a model that always thinks"),
        False,
    ),
    "1211": (
        errors.NotFoundError,
        tr("no such model here; see %glm models, it may be retired"),
        False,
    ),
    "1212": (errors.UnsupportedError, tr("the model does not support this kind of call"), False),
    **dict.fromkeys(
        ("1213", "1214", "1215"),
        (errors.InvalidRequestError, tr("the message names the field; see %glm wire"), False),
    ),
    "1220": (errors.AccessDeniedError, tr("the key has no permission for this API"), False),
    **dict.fromkeys(
        ("1221", "1222"), (errors.NotFoundError, tr("there is no such API; check base_url"), False)
    ),
    "1261": (
        errors.ContextLengthError,
        tr("the prompt is too long: shorten it, or %glm new"),
        False,
    ),
    "1300": (
        errors.AccessDeniedError,
        tr("a policy of the service blocks this call; the message says which"),
        False,
    ),
    "1301": (errors.ContentBlockedError, tr("the content filter stopped this; rephrase it"), False),
    "1302": (errors.RateLimitError, tr("send fewer requests at the same time"), True),
    "1303": (errors.RateLimitError, tr("requests come too often; wait a moment"), True),
    "1304": (errors.RateLimitError, tr("today's limit is reached; try again tomorrow"), False),
    **dict.fromkeys(
        ("1305", "1312"),
        (errors.RateLimitError, tr("the model is overloaded; try another one"), True),
    ),
    "1309": (errors.BillingError, tr("the Coding Plan has expired; renew it"), False),
    "1311": (
        errors.BillingError,
        tr("the plan does not include this model; choose another one"),
        False,
    ),
    "1313": (errors.BillingError, tr("the account is restricted by the fair-use rules"), False),
    "1314": (
        errors.BillingError,
        tr("the enterprise plan is not valid; check it in the console"),
        False,
    ),
    "1315": (
        errors.BillingError,
        tr(
            "this key is only for the enterprise coding plan; set base_url to the "
            "/api/coding/ address"
        ),
        False,
    ),
    **dict.fromkeys(
        ("1308", "1310", *(str(code) for code in range(1316, 1322))),
        (errors.BillingError, _WINDOW, False),
    ),
}

_BY_STATUS: dict[int, ErrorClass] = {
    434: (errors.AccessDeniedError, tr("the key has no permission for this API"), False),
    435: (errors.InvalidRequestError, tr("a file in the request is larger than 100 MB"), False),
}


def classify(reply: ErrorReply) -> ErrorClass | None:
    """Return what a business code means; a 429 whose code is unknown may mean an empty account."""
    return (
        _BY_CODE.get(reply.code)
        or unknown_limit(reply)
        or _BY_STATUS.get(reply.status or reply.number or 0)
    )


def encode_thinking(thinking: Thinking, offer: Offer) -> dict[str, Any]:  # noqa: ARG001
    """Spell thinking as BigModel and Z.ai do."""
    if isinstance(thinking, str):
        return {"thinking": {"type": "enabled"}, "reasoning_effort": thinking}
    return {"thinking": {"type": "enabled" if thinking else "disabled"}}


def encode_preserve(body: dict[str, Any], preserve: bool, offer: Offer) -> None:  # noqa: ARG001
    """Keep or drop earlier reasoning (BigModel API documentation, seen 2026-07)."""
    switches = {"type": "enabled", **(body.get("thinking") or {}), "clear_thinking": not preserve}
    body["thinking"] = switches


BIGMODEL = ChatDialect(
    "bigmodel",
    encode_thinking,
    classify,
    preserve=encode_preserve,
    asks_usage=False,
    web_search="search_pro",
)
