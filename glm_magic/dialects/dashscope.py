"""Alibaba Model Studio, OpenAI-compatible mode.

Notes
-----
``enable_thinking`` is a top-level key; usage comes in a last chunk with empty ``choices``, and only
when asked for. Model Studio pages "GLM-4.5" and "GLM", seen 2026-11.

Error codes of Alibaba Model Studio, in both of its protocols.

Notes
-----
The native protocol writes ``PascalCase.With.Dots``, the compatible mode ``snake_case``; both are
folded to one spelling here. HTTP 400 also means "no money" (``Arrearage``), and a key of another
region or plan looks like a wrong key (401). Model Studio error pages, seen 2026-11.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..catalogue.schema import Offer
from ..core import errors
from ..core.errors import UnsupportedError
from ..core.messages import Request, Thinking, forces_call
from .chat import ChatDialect
from .errors import ErrorClass, ErrorReply

_REGION = (
    "check the key, and that it was made for this region: keys of China, Singapore and other "
    "regions are separate (dashscope, dashscope-intl, or base_url)"
)

_BY_CODE: dict[str, ErrorClass] = {
    "arrearage": (
        errors.BillingError,
        "the account is overdue: top it up in the Model Studio console, then wait a few minutes",
        False,
    ),
    "datainspectionfailed": (
        errors.ContentBlockedError,
        "the content filter stopped the prompt or the reply; rephrase it",
        False,
    ),
    "invalidapikey": (errors.AuthenticationError, _REGION, False),
    "notauthorized": (
        errors.AccessDeniedError,
        "check the workspace id, and that this account is a member of it",
        False,
    ),
    "accessdenied": (
        errors.AccessDeniedError,
        "activate the model in the Model Studio console, and check the workspace's permissions",
        False,
    ),
    "allocationquota.freetieronly": (
        errors.BillingError,
        "the free quota is used up: switch pay-as-you-go on in the Model Studio console",
        False,
    ),
    "modelnotfound": (
        errors.NotFoundError,
        "model ids are lower case without a vendor prefix; see %glm models, it may be retired",
        False,
    ),
    "throttling.allocationquota": (
        errors.RateLimitError,
        "too many tokens a minute: wait, or raise the quota in the console",
        True,
    ),
    "throttling.burstrate": (
        errors.RateLimitError,
        "requests rose too suddenly; start them more slowly",
        True,
    ),
    "throttling.concurrency": (errors.RateLimitError, "send fewer requests at the same time", True),
    "throttling": (errors.RateLimitError, "too many requests a minute; wait a moment", True),
    "internalerror.algo": (errors.ServerError, "a fault inside Model Studio; try again", True),
    "internalerror": (errors.ServerError, "a fault inside Model Studio; try again", True),
    "requesttimeout": (errors.ServerError, "Model Studio gave up after 300 s; try again", True),
    "modelservingerror": (errors.ServerError, "the model is overloaded; try again later", True),
    "modelunavailable": (errors.ServerError, "the model is overloaded; try again later", True),
    "serviceunavailable": (errors.ServerError, "the service is overloaded; try again later", True),
    "invalidparameter.notsupportenablethinking": (
        errors.UnsupportedError,
        "this model has no thinking switch: leave --think out",
        False,
    ),
}

_ALIASES = {
    "invalidparametererror": "invalidparameter",
    "insufficientquota": "throttling.allocationquota",
    "model.notexist": "modelnotfound",
    "allocationquota": "throttling.allocationquota",
}

_BAD_REQUEST: tuple[tuple[tuple[str, ...], ErrorClass], ...] = (
    (
        ("restricted to true",),
        (errors.UnsupportedError, "this model always thinks: leave --no-think out", False),
    ),
    (
        ("json", "enable_thinking"),
        (errors.UnsupportedError, "JSON output needs thinking switched off: add --no-think", False),
    ),
    (
        ("'json'", "word"),
        (errors.InvalidRequestError, "JSON output needs the word JSON in the prompt", False),
    ),
    (
        ("enable_search",),
        (errors.UnsupportedError, "GLM has no web search at Model Studio: drop the option", False),
    ),
    (
        ("input length",),
        (errors.ContextLengthError, "the prompt is too long: shorten it, or %glm new", False),
    ),
    (
        ("tool_calls",),
        (errors.InvalidRequestError, "a tool result lacks its call; %glm new starts afresh", False),
    ),
    (
        ("stream",),
        (errors.InvalidRequestError, "this model has to be streamed, as glm_magic does", False),
    ),
    (
        ("model not exist",),
        (errors.NotFoundError, "no such model here; see %glm models", False),
    ),
    (
        ("range",),
        (errors.InvalidRequestError, "a parameter is out of range; the message names it", False),
    ),
)


def classify(failure: ErrorReply) -> ErrorClass | None:
    """Return what a Model Studio error means, or ``None`` when only its status tells."""
    code = failure.code.replace("_", "").replace(" ", "").lower()
    # The prefix may stand before any other code; alone it is a fault of the service's own.
    code = code.removeprefix("internalerror.algo.")
    code = _ALIASES.get(code, code)
    message = failure.message.lower()
    while code:
        by_message = _by_message(message) if code in ("invalidparameter", "badrequest") else None
        verdict = _BY_CODE.get(code) or by_message
        if code.startswith("internalerror") and failure.status == 400:
            verdict = _by_message(message) or verdict
        if verdict:
            return verdict
        code = _shorter(code)
    return _by_message(message) if failure.status == 400 else None


def _shorter(code: str) -> str:
    """Drop the most special part of a code: its tail, or the head of ``Model.AccessDenied``."""
    if code.endswith(".accessdenied") or code.startswith("accessdenied."):
        return "accessdenied"
    return code.rpartition(".")[0]


def _by_message(message: str) -> ErrorClass | None:
    for words, verdict in _BAD_REQUEST:
        if all(word in message for word in words):
            return verdict
    return None


def thinking(wanted: Thinking, offer: Offer) -> dict[str, Any]:  # noqa: ARG001
    """Spell thinking as Model Studio does, in both protocols."""
    if isinstance(wanted, str):
        return {"enable_thinking": True, "reasoning_effort": wanted}
    return {"enable_thinking": wanted}


def refuse(request: Request, offer: Offer) -> None:
    """Refuse what Model Studio answers with HTTP 400, in both protocols.

    Notes
    -----
    Every GLM model there thinks unless told not to, so "not switched off" counts as thinking.
    """
    parameters = request.parameters
    thinks = request.thinking is not False and parameters.get("enable_thinking") is not False
    if thinks and forces_call(parameters):
        raise _unsupported(offer, "a function cannot be forced while the model thinks", _NO_THINK)
    if parameters.get("tool_choice") == "required":
        hint = 'use "auto", or name the function'
        raise _unsupported(offer, 'tool_choice "required" is refused', hint)
    if any(tool.get("function", {}).get("name") == "search" for tool in request.tools):
        raise _unsupported(offer, 'a tool may not be called "search"', "give it another name")
    _refuse_json(request, offer, thinks=thinks)


def _refuse_json(request: Request, offer: Offer, *, thinks: bool) -> None:
    """Refuse JSON while a model thinks that need not; of one that always does, sources disagree."""
    wanted = request.parameters.get("response_format")
    if not isinstance(wanted, Mapping) or wanted.get("type") != "json_object":
        return
    if thinks and offer.thinking_off:
        raise _unsupported(offer, "JSON output needs thinking switched off", _NO_THINK)
    if not any("json" in message.content.lower() for message in request.messages):
        hint = "say in the prompt that JSON is wanted"
        raise _unsupported(offer, "JSON output needs the word JSON in a message", hint)


_NO_THINK = "add --no-think, or thinking=False"


def _unsupported(offer: Offer, what: str, hint: str) -> UnsupportedError:
    title = offer.provider.title
    return UnsupportedError(f"{title}: {what}", hint=hint, provider=offer.provider.name)


DASHSCOPE = ChatDialect("dashscope", thinking, classify, refuse=refuse)
