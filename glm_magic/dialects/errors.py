"""Error replies of every provider, read into one form and classified.

A body may be ``{"error": {…}}``, ``{"error": "text"}``, ``{"code", "message", "request_id"}``, one
server-sent event with any of these, a web page, or nothing. All of them are read into an
`ErrorReply`; each dialect then says what its codes mean, and the HTTP status decides the rest.
"""

from __future__ import annotations

import html
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from ..core import errors
from ..core.errors import ApiError, GlmError
from ..core.i18n import tr
from ..core.text import join_surrogates, shorten

MAX_MESSAGE = 400
NO_MESSAGE = tr("an error without a message")
_NEVER_AGAIN = (400, 401, 402, 403, 404)
_DATA_LINE = re.compile(r"(?:^|[\r\n])data:([^\r\n]*)")
"""Lines end at CR and LF only; Unicode's other line ends occur inside JSON strings."""
_TITLE = re.compile(r"<title[^>]*>(.*?)</title>", re.IGNORECASE | re.DOTALL)


@dataclass(frozen=True, slots=True)
class ErrorReply:
    """What an error reply says, before it is classified."""

    message: str
    status: int | None = None
    """HTTP status of the response, or as the stream itself gives it."""
    code: str = ""
    type: str = ""
    request_id: str | None = None
    is_page: bool = False
    """True when a web page came in place of an error."""
    reasons: tuple[str, ...] = ()
    """Why the content was refused, where a gateway says so."""

    @property
    def number(self) -> int | None:
        """The code as an HTTP status, where it has the form of one."""
        return int(self.code) if len(self.code) == 3 and self.code.isdecimal() else None


ErrorClass = tuple[type[GlmError], str, bool]
"""The class of an error, a hint, and whether the same request may succeed a little later."""
Classifier = Callable[[ErrorReply], ErrorClass | None]
"""Classifies an error by a dialect's codes; ``None`` leaves it to the HTTP status."""


def read_body(status: int, headers: Mapping[str, str], body: bytes) -> ErrorReply:
    """Read the body of a response whose status is an error."""
    text = body.decode("utf-8", "replace").strip()
    request_id = headers.get("x-request-id") or headers.get("x-generation-id")
    payload = _json(text) or _json(_first_data(text))
    if payload is not None:
        return read_payload(payload, status, request_id)
    if text.startswith("<"):
        return ErrorReply(page_title(text), status, request_id=request_id, is_page=True)
    message = one_line(text) or tr("HTTP status {status}", status=status)
    return ErrorReply(message, status, request_id=request_id)


def read_payload(
    payload: Mapping[str, Any], status: int | None, request_id: str | None = None
) -> ErrorReply:
    """Read an error object, from a body or from the middle of a stream."""
    error = payload.get("error") or payload
    if not isinstance(error, Mapping):  # {"error": "text"}, with or without a code beside it
        error = {**payload, "message": str(error)}
    code = error.get("code")
    metadata = error.get("metadata")
    metadata = metadata if isinstance(metadata, Mapping) else {}
    type_ = metadata.get("error_type") or error.get("type")
    reasons = metadata.get("reasons")
    reasons = reasons if isinstance(reasons, list) else []
    texts = [error.get("message"), error.get("msg"), payload.get("message"), payload.get("detail")]
    message = next((text for text in (*texts, code) if text), "")
    id_ = payload.get("request_id") or error.get("request_id") or request_id
    return ErrorReply(
        one_line(str(message)) or NO_MESSAGE,
        status,
        "" if code is None else join_surrogates(str(code)),
        type_ if isinstance(type_, str) else "",
        join_surrogates(str(id_)) if id_ else None,
        reasons=tuple(one_line(reason) for reason in reasons if isinstance(reason, str)),
    )


def to_error(reply: ErrorReply, provider: str, classify: Classifier) -> GlmError:
    """Return the error that a reply means, by the dialect's codes or else by its status."""
    if reply.is_page:
        return _page_error(reply, provider)
    cls, hint, retryable = classify(reply) or by_status(reply.status or reply.number)
    return cls(
        reply.message,
        hint=hint,
        provider=provider,
        status=reply.status,
        code=reply.code or None,
        request_id=reply.request_id,
        retryable=retryable and reply.status not in _NEVER_AGAIN,
    )


def by_status(status: int | None) -> ErrorClass:
    """Class an error by its HTTP status alone."""
    if status is None:
        return ApiError, tr("run the cell again; what had arrived is kept"), False
    if status in _BY_STATUS:
        return _BY_STATUS[status]
    if 300 <= status < 400:
        hint = tr("the server moved; set base_url to its new address (the key is not sent on)")
        return errors.NotFoundError, hint, False
    if status >= 500:
        return (
            errors.ServerError,
            tr("a fault on the provider's side; try again in a moment"),
            False,
        )
    return errors.InvalidRequestError, tr("the service refuses the request; see %glm wire"), False


_BY_STATUS: dict[int, ErrorClass] = {
    400: (errors.InvalidRequestError, tr("the service refuses the request; see %glm wire"), False),
    401: (
        errors.AuthenticationError,
        tr("check that the key is right, not expired, and made for this provider and region"),
        False,
    ),
    402: (errors.BillingError, tr("the account is out of credit; top it up"), False),
    403: (
        errors.AccessDeniedError,
        tr("the key has no permission for this model or action"),
        False,
    ),
    404: (errors.NotFoundError, tr("check the model name and the base URL"), False),
    405: (
        errors.NotFoundError,
        tr("check the base URL: this address takes no chat requests"),
        False,
    ),
    408: (errors.ServerError, tr("the service took too long; try again"), True),
    409: (errors.ServerError, tr("the service was busy with the same request; try again"), True),
    413: (errors.ContextLengthError, tr("shorten the prompt, or start a new session"), False),
    422: (
        errors.InvalidRequestError,
        tr("the service cannot process the request; see %glm wire"),
        False,
    ),
    429: (errors.RateLimitError, tr("wait a moment, and send fewer requests at a time"), False),
    500: (errors.ServerError, tr("a fault on the provider's side; try again in a moment"), True),
    502: (
        errors.ServerError,
        tr("the provider is down or unreachable; try again in a moment"),
        True,
    ),
    503: (errors.ServerError, tr("the provider is overloaded; try again in a moment"), True),
    504: (errors.ServerError, tr("the provider took too long; try again in a moment"), True),
    529: (errors.ServerError, tr("the provider is overloaded; try again in a moment"), True),
}


def page_title(text: str) -> str:
    """Return the title of a web page, never the whole page."""
    title = _TITLE.search(text[:20_000])
    return one_line(html.unescape(title[1])) if title else tr("a web page without a title")


def one_line(text: str) -> str:
    """Return a message on one line, shortened."""
    return shorten(join_surrogates(text), MAX_MESSAGE)


def not_an_api(title: str) -> GlmError:
    """Return the error for a web page that came with a status of success."""
    return errors.NotAnApiError(
        tr("a web page came back instead of an API reply: {title}", title=title),
        hint=tr(
            "this is not an API endpoint; check the base URL (often a missing /v1), or a proxy"
        ),
    )


def _page_error(reply: ErrorReply, provider: str) -> GlmError:
    error = not_an_api(reply.message)
    error.provider, error.status, error.request_id = provider, reply.status, reply.request_id
    error.retryable = reply.status in (502, 503, 504)
    return error


def _json(text: str) -> Mapping[str, Any] | None:
    try:
        payload = json.loads(text)
    except (ValueError, RecursionError):
        return None
    if isinstance(payload, list) and payload:
        payload = payload[0]
    return payload if isinstance(payload, Mapping) else None


def _first_data(text: str) -> str:
    """Return the data of the first event, when an error comes as an event stream."""
    match = _DATA_LINE.search(text)
    return match[1].strip() if match else ""
