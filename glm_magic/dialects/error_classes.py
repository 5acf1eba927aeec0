"""What an error means by its HTTP status, by the words of its code or type, or by its message.

These tables lie under every dialect's own. What they call retryable is what says by itself that
nothing was generated, and so nothing billed:

* 429, and the words for a rate limit, for concurrency and for overload: the request was refused.
* 503 with ``Retry-After``: a server that names a time has turned the request away on purpose.

Nothing else is sent again. 408, 500, 502, 504 and 520 to 524 may come from a gateway behind which
the model went on writing. A bare 503 is also what Envoy answers when a connection breaks *after*
the request was passed on, 529 has no standard, and 409 may mean that the first attempt still runs.
RFC 9110 and RFC 6585; Envoy and Cloudflare documentation, seen 2026-11.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import NamedTuple

from ..core import errors
from ..core.errors import ApiError, GlmError
from ..core.finish_reasons import Kind, kind_of
from ..core.i18n import tr

ErrorClass = tuple[type[GlmError], str, bool]
"""The class of an error, a hint, and whether it says that nothing was generated."""

_CHECK_KEY = tr("check that the key is right, not expired, and made for this provider and region")
_FEWER = tr("wait a moment, and send fewer requests at a time")
_SHORTEN = tr("shorten the prompt, or start a new session")
_SEE_WIRE = tr("the service refuses the request; see %glm wire")
_TOP_UP = tr("the account is out of credit; top it up")
_NO_PERMISSION = tr("the key has no permission for this model or action")
_CHECK_NAMES = tr("check the model name and the base URL")
_FAULT = tr("a fault on the provider's side; run the cell again (what was lost may be billed)")
_SLOW = tr("the provider took too long; run the cell again (what was lost may be billed)")
_DOWN = tr("the provider is down or unreachable; run the cell again in a moment")
_OVERLOADED = tr("the provider is overloaded; run the cell again in a moment")
_BLOCKED = tr("the content filter stopped the prompt or the reply; rephrase it")

RATE_LIMIT: ErrorClass = (errors.RateLimitError, _FEWER, True)
CONTEXT_LENGTH: ErrorClass = (errors.ContextLengthError, _SHORTEN, False)

_BY_STATUS: dict[int, ErrorClass] = {
    400: (errors.InvalidRequestError, _SEE_WIRE, False),
    401: (errors.AuthenticationError, _CHECK_KEY, False),
    402: (errors.BillingError, _TOP_UP, False),
    403: (errors.AccessDeniedError, _NO_PERMISSION, False),
    404: (errors.NotFoundError, _CHECK_NAMES, False),
    405: (
        errors.NotFoundError,
        tr("check the base URL: this address takes no chat requests"),
        False,
    ),
    407: (errors.AccessDeniedError, tr("check HTTPS_PROXY and NO_PROXY"), False),
    408: (errors.ServerError, _SLOW, False),
    409: (
        errors.ServerError,
        tr("the service was busy with the same request; run the cell again in a moment"),
        False,
    ),
    413: CONTEXT_LENGTH,
    422: (
        errors.InvalidRequestError,
        tr("the service cannot process the request; see %glm wire"),
        False,
    ),
    429: RATE_LIMIT,
    500: (errors.ServerError, _FAULT, False),
    502: (errors.ServerError, _DOWN, False),
    503: (errors.ServerError, _OVERLOADED, False),
    504: (errors.ServerError, _SLOW, False),
    520: (errors.ServerError, _FAULT, False),
    **dict.fromkeys((521, 523), (errors.ServerError, _DOWN, False)),
    **dict.fromkeys((522, 524), (errors.ServerError, _SLOW, False)),
    529: (errors.ServerError, _OVERLOADED, False),
}

_BY_WORD: tuple[tuple[tuple[str, ...], ErrorClass], ...] = (
    (("extra_forbidden",), (errors.InvalidRequestError, _SEE_WIRE, False)),
    (
        ("context_length", "context_size", "context_window", "input_too_long", "prompt_too_long",
         "request_too_large", "payload_too_large", "string_above_max"),
        CONTEXT_LENGTH,
    ),
    (
        ("insufficient_quota", "insufficient_balance", "insufficient_credit", "insufficient_funds",
         "billing", "payment", "quota_exceeded", "exceeded_quota", "arrear", "out_of_credit",
         "credit_balance", "spend_limit"),
        (errors.BillingError, _TOP_UP, False),
    ),
    (
        ("rate_limit", "ratelimit", "too_many_requests", "toomanyrequests", "throttl",
         "concurren", "resource_exhausted", "requests_per", "tokens_per"),
        RATE_LIMIT,
    ),
    (
        ("overload", "at_capacity", "capacity_exceeded", "no_capacity", "queue_full"),
        (errors.ServerError, _OVERLOADED, True),
    ),
    (
        ("authenticat", "unauthorized", "unauthorised", "api_key", "apikey", "invalid_token",
         "token_expired", "auth_error"),
        (errors.AuthenticationError, _CHECK_KEY, False),
    ),
    (
        ("permission", "forbidden", "access_denied", "accessdenied"),
        (errors.AccessDeniedError, _NO_PERMISSION, False),
    ),
    (
        ("content_filter", "content_policy", "contentfilter", "moderation", "inspection",
         "sensitive", "safety", "content_blocked", "prohibited_content", "refusal"),
        (errors.ContentBlockedError, _BLOCKED, False),
    ),
    (
        ("not_found", "notfound", "not_exist", "notexist", "no_such_model", "unknown_model"),
        (errors.NotFoundError, _CHECK_NAMES, False),
    ),
)  # fmt: skip
"""Parts of words that tell more than any status, the most telling first."""

_BY_GENERAL_WORD: tuple[tuple[tuple[str, ...], ErrorClass], ...] = (
    (("timeout", "timed_out", "time_out", "deadline"), (errors.ServerError, _SLOW, False)),
    (("unavailable", "bad_gateway"), (errors.ServerError, _DOWN, False)),
    (("invalid", "bad_request", "badrequest", "validation", "unprocessable", "extra_forbidden",
      "missing", "unsupported"), (errors.InvalidRequestError, _SEE_WIRE, False)),
    (("server", "internal", "api_error", "upstream", "engine"),
     (errors.ServerError, _FAULT, False)),
)  # fmt: skip
"""Parts of words that tell less than a status does."""

_OVERFLOW = re.compile(
    r"(?i)maximum context|context[ _-]?(length|size|window)|input length|prompt is too long"
    r"|too many (input |prompt )?tokens(?! per| a)"
)
_PROSE: tuple[tuple[re.Pattern[str], ErrorClass], ...] = (
    (re.compile(r"(?i)\brate[ -]?limit|\btoo many (concurrent )?requests\b"), RATE_LIMIT),
    (re.compile(r"(?i)\boverloaded\b|\bat capacity\b"), (errors.ServerError, _OVERLOADED, True)),
)
"""What a message says, for errors that have neither status nor code nor type."""


def by_status(status: int | None, *, asks_to_wait: bool = False) -> ErrorClass:
    """Class an error by its HTTP status alone.

    Parameters
    ----------
    status : int or None
        ``None`` for an error without one.
    asks_to_wait : bool
        Whether the service asks to come back, as with ``Retry-After``.
    """
    if status is None:
        return ApiError, tr("run the cell again; what had arrived is kept"), False
    if status == 503:
        cls, hint, _ = _BY_STATUS[status]
        return cls, hint, asks_to_wait
    if status in _BY_STATUS:
        return _BY_STATUS[status]
    if status >= 500:
        return errors.ServerError, _FAULT, False
    return errors.InvalidRequestError, _SEE_WIRE, False


def explains(status: int | None) -> bool:
    """Whether a status says what went wrong, so that a web page beside it is only its wrapping."""
    return status is not None and (
        status >= 500 or (status in _BY_STATUS and status not in (400, 422))
    )


def by_word(words: Iterable[str]) -> ErrorClass | None:
    """Class an error by its code or type, where one of them names the failure."""
    return _first(_BY_WORD, words)


def by_general_word(words: Iterable[str]) -> ErrorClass | None:
    """Class an error by a code or type that only says whose fault it is."""
    return _first(_BY_GENERAL_WORD, words)


def is_overflow(message: str) -> bool:
    """Whether a message says that the conversation is too long for the model."""
    return bool(_OVERFLOW.search(message))


def by_prose(message: str) -> ErrorClass | None:
    """Class an error by its message, where there is nothing else to go by."""
    return next((cls for pattern, cls in _PROSE if pattern.search(message)), None)


def _first(
    table: tuple[tuple[tuple[str, ...], ErrorClass], ...], words: Iterable[str]
) -> ErrorClass | None:
    spelled = [_spelling(word) for word in words if word]
    for parts, error_class in table:
        if any(part in word for word in spelled for part in parts):
            return error_class
    return None


def _spelling(word: str) -> str:
    """Return a code or type in lower case, with ``_`` between its words."""
    word = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", word[:200])
    return re.sub(r"[^a-z0-9]+", "_", word.lower())


class _Failure(NamedTuple):
    error: type[errors.ApiError]
    message: str
    hint: str
    retryable: bool = False
    """Whether the same request may be sent again where nothing was generated."""


_REPHRASE = tr("rephrase the prompt; what had arrived is kept, but not sent with later prompts")
_AGAIN = tr("run the cell again; what had arrived is kept")

_FAILURES: dict[Kind, _Failure] = {
    "window": _Failure(
        errors.ContextLengthError,
        tr("the conversation is longer than the model's context window"),
        tr("shorten the prompt, or start a new session"),
    ),
    "withdrawn": _Failure(
        errors.ContentBlockedError,
        tr("the provider's content filter withdrew this reply"),
        _REPHRASE,
    ),
    "filtered": _Failure(
        errors.ContentBlockedError, tr("the provider's content filter cut this reply"), _REPHRASE
    ),
    "refused": _Failure(errors.ContentBlockedError, tr("the model refused to answer"), _REPHRASE),
    "lost": _Failure(
        errors.ServerError, tr("the provider lost the reply while generating it"), _AGAIN, True
    ),
    "error": _Failure(
        errors.ServerError, tr("the provider ended the reply with an error"), _AGAIN, True
    ),
    "failed": _Failure(
        errors.ServerError, tr("the provider ended the reply with an error"), _AGAIN
    ),
    "aborted": _Failure(errors.ServerError, tr("the server aborted the reply"), _AGAIN),
    "overloaded": _Failure(
        errors.ServerError,
        tr("the provider was too busy to finish the reply"),
        tr("run the cell again in a moment; what had arrived is kept"),
        True,
    ),
    "too many": _Failure(
        errors.RateLimitError,
        tr("the provider ended the reply at a rate limit"),
        tr("wait a moment, and send fewer requests at a time"),
        True,
    ),
}


def finish_error(reason: str | None, *, answered: bool) -> GlmError | None:
    """Return the error that a finish reason means; ``None``: the reply may be used.

    Parameters
    ----------
    reason : str or None
        The provider's own word.
    answered : bool
        Whether any of the answer, or a call, arrived: then a full context window only cut it.
    """
    kind = kind_of(reason)
    if kind is None or kind not in _FAILURES or (kind == "window" and answered):
        return None
    failure = _FAILURES[kind]
    return failure.error(
        failure.message, hint=failure.hint, code=reason, retryable=failure.retryable
    )
