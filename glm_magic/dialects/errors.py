"""Error replies of every provider, read into one form and classified.

A body may be ``{"error": {…}}``, ``{"error": "text"}``, ``{"code", "message", "request_id"}``,
``{"detail": […]}``, one server-sent event with any of these, a web page, or nothing. All of them
are read into an `ErrorReply`, wherever they come: with a status of failure, as the body of a
success, or in mid-stream. The dialect's own codes then say what the error means, or else
`error_classes`.
"""

from __future__ import annotations

import ast
import html
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from ..catalogue.schema import Offer
from ..core import errors
from ..core.address import strip_userinfo
from ..core.errors import ApiError, GlmError, InvalidRequestError, ServerError
from ..core.i18n import tr
from ..core.text import join_surrogates, shorten
from ..wire.retry import has_retry_after, parse_wait, retry_after_s
from . import error_classes
from .error_classes import ErrorClass

MAX_MESSAGE = 400
NO_MESSAGE = tr("an error without a message")
_MAX_PARTS = 5
"""How many parts of a message that is a list are shown."""
_MAX_REPR = 20_000
_NEVER_AGAIN = (400, 401, 402, 403, 404)
_DATA_LINE = re.compile(r"(?:^|[\r\n])data:([^\r\n]*)")
"""Lines end at CR and LF only; Unicode's other line ends occur inside JSON strings."""
_TITLE = re.compile(r"<title[^>]*>(.*?)</title>", re.IGNORECASE | re.DOTALL)
_CODES = ("code", "error_code", "errorCode", "err_code")
_TEXTS = ("message", "msg", "error_msg", "error_message", "errorMessage", "detail", "details")
_TYPES = ("error_type", "type", "status", "reason")
_STATUSES = ("status_code", "statusCode", "http_status", "http_code", "status", "code")
_WAITS_S = ("retry_after_seconds", "retry_after", "retryAfter", "retry-after", "Retry-After")
_WAITS_MS = ("retry_after_ms", "retryAfterMs")


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
    number: int | None = None
    """An HTTP status that stands in the body."""
    retry_after_s: float | None = None
    """When to come back, in seconds, where the service names a time."""
    asks_to_wait: bool = False
    """Whether the service asks to come back, even at a time that cannot be read."""
    base_url: str = ""
    """Where the request went; empty for an error in mid-stream."""
    model: str = ""
    """The model that was asked for, in the provider's name."""


Classifier = Callable[[ErrorReply], ErrorClass | None]
"""Classifies an error by a dialect's codes; ``None`` leaves it to what all have in common."""


def read_body(status: int, headers: Mapping[str, str], body: bytes) -> ErrorReply:
    """Read the body of a response whose status is an error."""
    text = body.decode("utf-8", "replace").strip()
    request_id = headers.get("x-request-id") or headers.get("x-generation-id")
    wait_s, asks_to_wait = retry_after_s(headers), has_retry_after(headers)
    payload = _json(text) or _json(_first_data(text))
    if payload is not None:
        reply = read_payload(payload, status, request_id)
        wait_s = reply.retry_after_s if wait_s is None else wait_s
        asks_to_wait = asks_to_wait or reply.asks_to_wait
    elif text.startswith("<"):
        reply = ErrorReply(page_title(text), status, request_id=request_id, is_page=True)
    else:
        message = one_line(text) or tr("HTTP status {status}", status=status)
        reply = ErrorReply(message, status, request_id=request_id)
    return replace(reply, retry_after_s=wait_s, asks_to_wait=asks_to_wait)


def read_payload(
    payload: Mapping[str, Any],
    status: int | None,
    request_id: str | None = None,
) -> ErrorReply:
    """Read an error object, from a body or from the middle of a stream."""
    error = payload.get("error") or payload.get("errors") or payload
    if not isinstance(error, Mapping):  # {"error": "text"}, with or without a code beside it
        error = {**payload, "message": error}
    metadata = _mapping(error.get("metadata"))
    code = _first(error, _CODES)
    reasons = metadata.get("reasons")
    reasons = reasons if isinstance(reasons, list) else []
    texts = [*(error.get(name) for name in _TEXTS), payload.get("message"), payload.get("detail")]
    message = next((text for text in map(worded, (*texts, code)) if text), "")
    id_ = payload.get("request_id") or error.get("request_id") or request_id
    wait_s = _wait_s(error, metadata)
    types = (metadata.get("error_type"), *(error.get(name) for name in _TYPES))
    return ErrorReply(
        one_line(message) or NO_MESSAGE,
        status,
        _code(code),
        next((word for word in types if isinstance(word, str) and word), ""),
        join_surrogates(str(id_)) if id_ else None,
        reasons=tuple(one_line(reason) for reason in reasons if isinstance(reason, str)),
        number=_number(error),
        retry_after_s=wait_s,
        asks_to_wait=wait_s is not None,
    )


def response_error(
    offer: Offer, status: int, headers: Mapping[str, str], body: bytes, classify: Classifier
) -> GlmError:
    """Read a response whose status is an error."""
    address = strip_userinfo(offer.provider.base_url).partition("?")[0]
    reply = replace(read_body(status, headers, body), base_url=address, model=offer.wire_id)
    return to_error(reply, offer.provider.name, classify)


def to_error(reply: ErrorReply, provider: str, classify: Classifier) -> GlmError:
    """Return the error that a reply means, by the dialect's codes or else by what is common."""
    if reply.is_page and not error_classes.explains(reply.status):
        error = not_an_api(reply.message)
        error.provider, error.status, error.request_id = provider, reply.status, reply.request_id
        return error
    cls, hint, retryable = classify(reply) or common_class(reply)
    message = reply.message
    if reply.is_page:
        message = tr("HTTP status {status}: {title}", status=reply.status, title=reply.message)
    error = cls(
        message,
        hint=hint,
        provider=provider,
        status=reply.status,
        code=reply.code or None,
        request_id=reply.request_id,
        retryable=retryable and reply.status not in _NEVER_AGAIN,
    )
    error.retry_after_s = reply.retry_after_s
    return error


def common_class(reply: ErrorReply) -> ErrorClass:
    """Return what an error means at any provider."""
    status = reply.number if reply.status is None else reply.status
    words = (reply.code, reply.type)
    if error_class := error_classes.by_word(words):
        return error_class
    if status is None:
        error_class = error_classes.by_general_word(words) or error_classes.by_prose(reply.message)
    error_class = error_class or error_classes.by_status(status, asks_to_wait=reply.asks_to_wait)
    may_be_longer = error_class[0] in (ApiError, InvalidRequestError, ServerError)
    if may_be_longer and error_classes.is_overflow(reply.message):
        return error_classes.CONTEXT_LENGTH
    return error_class


def unknown_limit(reply: ErrorReply) -> ErrorClass | None:
    """Return the class of a 429 with a code of the provider's own that no table here knows.

    At Zhipu and Model Studio 429 also means no money or no quota, where another try is pointless
    unless the service names a time.
    """
    if reply.status != 429 or reply.code in ("", "429"):
        return None
    cls, hint, _ = error_classes.RATE_LIMIT
    return cls, hint, reply.asks_to_wait


def worded(value: Any, depth: int = 0) -> str:
    """Return a message as words, whatever JSON, or Python's way to print it, it comes as.

    FastAPI and pydantic report a list of ``{"loc": […], "msg": …, "type": …}``.
    """
    if isinstance(value, str):
        parsed = _parsed(value) if depth == 0 else None
        return value if parsed is None else parsed
    if value is None or isinstance(value, bool) or depth > 4:
        return ""
    if isinstance(value, int | float):
        return str(value)[:40]
    if isinstance(value, Mapping):
        return _worded_object(value, depth)
    if isinstance(value, list | tuple):
        parts = [text for text in (worded(item, depth + 1) for item in value[:50]) if text]
        more = ["…"] if len(parts) > _MAX_PARTS else []
        return "; ".join([*parts[:_MAX_PARTS], *more])
    return ""


def _worded_object(value: Mapping[str, Any], depth: int) -> str:
    names = (*_TEXTS, "error", "errors", "text", "title")
    text = next((text for name in names if (text := worded(value.get(name), depth + 1))), "")
    place = value.get("loc") or value.get("param") or value.get("field")
    if text and isinstance(place, list | tuple | str) and place:
        path = place if isinstance(place, str) else ".".join(str(part)[:40] for part in place[:12])
        return f"{path}: {text}"
    if text:
        return text
    pairs = ((str(name), worded(item, depth + 1)) for name, item in list(value.items())[:20])
    return "; ".join(f"{name}: {text}" for name, text in pairs if text)


def _parsed(text: str) -> str | None:
    """Return the words of a list or object that stands in a text as JSON or as Python prints it."""
    starts = [at for mark in ("[{", "{'", '{"') if (at := text.find(mark)) >= 0]
    if not starts or len(text) > _MAX_REPR:
        return None
    start = min(starts)
    end = text.rfind("}]") + 2 if text.startswith("[{", start) else text.rfind("}") + 1
    value = _value(text[start:end])
    if not _holds_text(value):
        return None
    before, after = text[:start].strip().rstrip(":-").strip(), text[end:].strip()
    words = worded(value, 1)
    return " ".join(part for part in (f"{before}: {words}" if before else words, after) if part)


def _holds_text(value: Any) -> bool:
    """Whether a value is an error report, rather than JSON that a message quotes."""
    items = value if isinstance(value, list) else [value]
    names = (*_TEXTS, "error", "errors")
    return any(isinstance(item, dict) and any(item.get(n) for n in names) for item in items[:50])


def _value(text: str) -> Any:
    for read in (json.loads, ast.literal_eval):
        try:
            return read(text)
        except (ValueError, SyntaxError, MemoryError, RecursionError, TypeError):
            continue
    return None


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


def _first(error: Mapping[str, Any], names: tuple[str, ...]) -> Any:
    return next((error[name] for name in names if error.get(name) is not None), None)


def _code(code: Any) -> str:
    """Return a code as a word; one that is a list or an object is none."""
    is_word = isinstance(code, str | int | float) and not isinstance(code, bool)
    return join_surrogates(str(code)) if is_word else ""


def _number(error: Mapping[str, Any]) -> int | None:
    """Return the HTTP status that an error holds, as a number or as text."""
    for name in _STATUSES:
        value = error.get(name)
        text = str(value) if isinstance(value, str | int) and not isinstance(value, bool) else ""
        if len(text) == 3 and text.isascii() and text.isdecimal() and text >= "400":
            return int(text)
    return None


def _wait_s(error: Mapping[str, Any], metadata: Mapping[str, Any]) -> float | None:
    """Return the time to come back that stands in an error, in its metadata or in its headers."""
    headers = {name.lower(): value for name, value in _mapping(metadata.get("headers")).items()}
    for place in (error, metadata, headers):
        for names, unit_s in ((_WAITS_MS, 0.001), (_WAITS_S, 1.0)):
            wait_s = parse_wait(_code(_first(place, names)))
            if wait_s is not None:
                return wait_s * unit_s
    return None


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


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
