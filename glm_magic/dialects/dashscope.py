"""Alibaba Model Studio, OpenAI-compatible mode.

Notes
-----
``enable_thinking`` is a top-level key; usage comes in a last chunk with empty ``choices``, and only
when requested. Model Studio pages "GLM-4.5" and "GLM", seen 2026-11.

Error codes are the same in both protocols. The native one writes them as ``PascalCase.With.Dots``,
the compatible mode as ``snake_case``; both are folded to one spelling here. HTTP 400 also means "no
money" (``Arrearage``), and a key of another region or plan looks like a wrong key (401). Model
Studio error pages, seen 2026-11.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..catalogue.schema import Offer
from ..core import errors
from ..core.errors import UnsupportedError
from ..core.i18n import tr
from ..core.messages import Request, forces_call
from ..core.thinking import Thinking
from .chat import ChatDialect, refuse_preserve
from .error_classes import ErrorClass
from .errors import ErrorReply, unknown_limit

_REGION = tr(
    "check the key, and that it was made for this region: keys of China, Singapore "
    "and other regions are separate (dashscope, dashscope-intl, or base_url)"
)

_BY_CODE: dict[str, ErrorClass] = {
    "arrearage": (
        errors.BillingError,
        tr(
            "the account is overdue: top it up in the Model Studio console, then wait a few minutes"
        ),
        False,
    ),
    "datainspectionfailed": (
        errors.ContentBlockedError,
        tr("the content filter stopped the prompt or the reply; rephrase it"),
        False,
    ),
    "invalidapikey": (errors.AuthenticationError, _REGION, False),
    "notauthorized": (
        errors.AccessDeniedError,
        tr("check the workspace id, and that this account is a member of it"),
        False,
    ),
    "accessdenied": (
        errors.AccessDeniedError,
        tr("activate the model in the Model Studio console, and check the workspace's permissions"),
        False,
    ),
    "allocationquota.freetieronly": (
        errors.BillingError,
        tr("the free quota is used up: switch pay-as-you-go on in the Model Studio console"),
        False,
    ),
    "modelnotfound": (
        errors.NotFoundError,
        tr("model ids are lower case without a vendor prefix; see %glm models, it may be retired"),
        False,
    ),
    "throttling.allocationquota": (
        errors.RateLimitError,
        tr("too many tokens a minute: wait, or raise the quota in the console"),
        True,
    ),
    "throttling.burstrate": (
        errors.RateLimitError,
        tr("requests rose too suddenly; start them more slowly"),
        True,
    ),
    "throttling.concurrency": (
        errors.RateLimitError,
        tr("send fewer requests at the same time"),
        True,
    ),
    "throttling": (errors.RateLimitError, tr("too many requests a minute; wait a moment"), True),
    "internalerror.algo": (errors.ServerError, tr("a fault inside Model Studio; try again"), False),
    "internalerror": (errors.ServerError, tr("a fault inside Model Studio; try again"), False),
    "requesttimeout": (
        errors.ServerError,
        tr("Model Studio gave up after 300 s; try again"),
        False,
    ),
    "modelservingerror": (errors.ServerError, tr("the model is overloaded; try again later"), True),
    "modelunavailable": (errors.ServerError, tr("the model is overloaded; try again later"), True),
    "serviceunavailable": (
        errors.ServerError,
        tr("the service is overloaded; try again later"),
        True,
    ),
    "invalidparameter.notsupportenablethinking": (
        errors.UnsupportedError,
        tr("this model has no thinking switch: leave --think out"),
        False,
    ),
}

_PRESERVE_SINCE = 4.7
"""Generation from which models know ``clear_thinking``."""
_ALIASES = {
    "invalidparametererror": "invalidparameter",
    "insufficientquota": "throttling.allocationquota",
    "model.notexist": "modelnotfound",
    "allocationquota": "throttling.allocationquota",
}

_BAD_REQUEST: tuple[tuple[tuple[str, ...], ErrorClass], ...] = (
    (
        ("restricted to true",),
        (errors.UnsupportedError, tr("this model always thinks: leave --no-think out"), False),
    ),
    (
        ("json", "enable_thinking"),
        (
            errors.UnsupportedError,
            tr("JSON output needs thinking switched off: add --no-think"),
            False,
        ),
    ),
    (
        ("'json'", "word"),
        (errors.InvalidRequestError, tr("JSON output needs the word JSON in the prompt"), False),
    ),
    (
        ("enable_search",),
        (
            errors.UnsupportedError,
            tr("GLM has no web search at Model Studio: drop the option"),
            False,
        ),
    ),
    (
        ("input length",),
        (errors.ContextLengthError, tr("the prompt is too long: shorten it, or %glm new"), False),
    ),
    (
        ("tool_calls",),
        (
            errors.InvalidRequestError,
            tr("a tool result lacks its call; %glm new starts afresh"),
            False,
        ),
    ),
    (
        ("stream",),
        (errors.InvalidRequestError, tr("this model must be streamed, as glm_magic does"), False),
    ),
    (
        ("model not exist",),
        (errors.NotFoundError, tr("no such model here; see %glm models"), False),
    ),
    (
        ("range",),
        (
            errors.InvalidRequestError,
            tr("a parameter is out of range; the message names it"),
            False,
        ),
    ),
)


def classify(reply: ErrorReply) -> ErrorClass | None:
    """Return the class of a Model Studio error, or ``None`` where its status has to decide."""
    code = reply.code.replace("_", "").replace(" ", "").lower()
    # The prefix may precede any other code; alone it means a fault of the service itself.
    code = code.removeprefix("internalerror.algo.")
    code = _ALIASES.get(code, code)
    message = reply.message.lower()
    if "url error" in message:
        return _wrong_address(reply)
    while code:
        by_message = _by_message(message) if code in ("invalidparameter", "badrequest") else None
        error_class = _BY_CODE.get(code) or by_message
        if code.startswith("internalerror") and reply.status == 400:
            error_class = _by_message(message) or error_class
        if error_class:
            return error_class
        code = _shorter(code)
    by_message = _by_message(message) if reply.status == 400 or not reply.code else None
    return by_message or unknown_limit(reply)


def _wrong_address(reply: ErrorReply) -> ErrorClass:
    """Return what "url error, please check url" means: no such model at this address."""
    hint = tr(
        "check the base URL ({base_url}) and the model ({model}): it is not served at this "
        "address, or not in this protocol",
        base_url=reply.base_url,
        model=reply.model,
    )
    return errors.NotFoundError, hint, False


def _shorter(code: str) -> str:
    """Drop the most specific part of a code: its tail, or the head of ``Model.AccessDenied``."""
    if code.endswith(".accessdenied") or code.startswith("accessdenied."):
        return "accessdenied"
    return code.rpartition(".")[0]


def _by_message(message: str) -> ErrorClass | None:
    for words, error_class in _BAD_REQUEST:
        if all(word in message for word in words):
            return error_class
    return None


def encode_thinking(thinking: Thinking, offer: Offer) -> dict[str, Any]:  # noqa: ARG001
    """Spell thinking as Model Studio does, in both protocols."""
    if isinstance(thinking, str):
        return {"enable_thinking": True, "reasoning_effort": thinking}
    return {"enable_thinking": thinking}


def thinking_budget(tokens: int) -> dict[str, Any]:
    """Spell the most tokens of thinking (Model Studio page "GLM-4.5", seen 2026-11)."""
    return {"thinking_budget": tokens}


def encode_preserve(body: dict[str, Any], preserve: bool, offer: Offer) -> None:
    """Keep or drop earlier reasoning, from glm-4.7 on (third-party reports, seen 2026-11)."""
    if offer.model.rank < _PRESERVE_SINCE:
        refuse_preserve(body, preserve, offer)
    else:
        body["clear_thinking"] = not preserve


def refuse(request: Request, offer: Offer) -> None:
    """Refuse what Model Studio answers with HTTP 400, in both protocols.

    Notes
    -----
    Every GLM model there thinks unless told not to, so "not switched off" counts as thinking.
    """
    title, parameters = offer.provider.title, request.parameters
    thinks = request.thinking is not False and parameters.get("enable_thinking") is not False
    if thinks and forces_call(parameters):
        raise _unsupported(
            offer,
            tr("{provider}: a function cannot be forced while the model thinks", provider=title),
            _NO_THINK,
        )
    if parameters.get("tool_choice") == "required":
        raise _unsupported(
            offer,
            tr('{provider}: tool_choice "required" is refused', provider=title),
            tr('use "auto", or name the function'),
        )
    if any(tool.get("function", {}).get("name") == "search" for tool in request.tools):
        raise _unsupported(
            offer,
            tr('{provider}: a tool may not be called "search"', provider=title),
            tr("give it another name"),
        )
    _refuse_json(request, offer, thinks=thinks)


def _refuse_json(request: Request, offer: Offer, *, thinks: bool) -> None:
    """Refuse JSON mode while a model thinks that can do without; for others, sources disagree."""
    response_format = request.parameters.get("response_format")
    if not isinstance(response_format, Mapping) or response_format.get("type") != "json_object":
        return
    title = offer.provider.title
    if thinks and offer.thinking_off:
        raise _unsupported(
            offer,
            tr("{provider}: JSON output needs thinking switched off", provider=title),
            _NO_THINK,
        )
    if not any("json" in message.content.lower() for message in request.messages):
        raise _unsupported(
            offer,
            tr("{provider}: JSON output needs the word JSON in a message", provider=title),
            tr("ask for JSON in the prompt"),
        )


_NO_THINK = tr("add --no-think, or thinking=False")


def _unsupported(offer: Offer, message: str, hint: str) -> UnsupportedError:
    return UnsupportedError(message, hint=hint, provider=offer.provider.name)


DASHSCOPE = ChatDialect(
    "dashscope",
    encode_thinking,
    classify,
    preserve=encode_preserve,
    json_needs_no_thinking=True,
    limit_thinking=thinking_budget,
    refuse=refuse,
)
