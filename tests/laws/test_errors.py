"""Every documented error of every provider becomes the right one of ours, and is retried or not."""

from __future__ import annotations

import json
from typing import Any

import pytest

from glm_magic.core import errors
from glm_magic.core.errors import GlmError
from glm_magic.core.events import StreamError
from glm_magic.dialects import DIALECTS
from glm_magic.wire.sse import Record
from tests.laws.decoding import offer_for

every_dialect = pytest.mark.parametrize("dialect", DIALECTS)


def read(dialect: str, status: int, body: Any, headers: dict[str, str] | None = None) -> GlmError:
    """Read an error response."""
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    return DIALECTS[dialect].error(offer_for(dialect), status, headers or {}, content)


AUTH, ACCESS, BILLING = (
    errors.AuthenticationError,
    errors.AccessDeniedError,
    errors.BillingError,
)
MISSING, INVALID, LENGTH = (
    errors.NotFoundError,
    errors.InvalidRequestError,
    errors.ContextLengthError,
)
BLOCKED, RATE, SERVER = errors.ContentBlockedError, errors.RateLimitError, errors.ServerError

MODEL_STUDIO = [
    (400, "InvalidParameter", "enable_thinking must be set to false for non-streaming", INVALID, 0),
    (400, "InvalidParameter", "Range of input length should be [1, 98304]", LENGTH, 0),
    (400, "InternalError.Algo.InvalidParameter", "Range of input length should be", LENGTH, 0),
    (
        400,
        "Arrearage",
        "Access denied, please make sure your account is in good standing",
        BILLING,
        0,
    ),
    (400, "DataInspectionFailed", "Input data may contain inappropriate content.", BLOCKED, 0),
    (400, "data_inspection_failed", "Output data may contain inappropriate content.", BLOCKED, 0),
    (400, "BadRequest.EmptyInput", "Required input missing", INVALID, 0),
    (401, "InvalidApiKey", "Invalid API-key provided.", AUTH, 0),
    (401, "invalid_api_key", "Incorrect API key provided.", AUTH, 0),
    (401, "NOT AUTHORIZED", "Workspace can not be found.", (AUTH, ACCESS), 0),
    (403, "AccessDenied", "Access denied.", ACCESS, 0),
    (403, "Model.AccessDenied", "Model access denied.", ACCESS, 0),
    (403, "Workspace.AccessDenied", "Workspace access denied.", ACCESS, 0),
    (403, "AllocationQuota.FreeTierOnly", "The free tier has been exhausted.", BILLING, 0),
    (404, "ModelNotFound", "Model can not be found.", MISSING, 0),
    (404, "model_not_found", "The model does not exist.", MISSING, 0),
    (400, "Model.NotExist", "Model not exist.", MISSING, 0),
    (429, "Throttling", "Requests throttling triggered.", RATE, 1),
    (429, "Throttling.RateQuota", "Requests rate limit exceeded.", RATE, 1),
    (429, "Throttling.BurstRate", "Request rate increased too quickly.", RATE, 1),
    (429, "Throttling.AllocationQuota", "Allocated quota exceeded.", RATE, None),
    (429, "insufficient_quota", "You exceeded your current quota.", (RATE, BILLING), None),
    (429, "Throttling.Concurrency", "Too many concurrent requests.", RATE, 1),
    (500, "InternalError", "An internal error has occurred.", SERVER, 0),
    (500, "InternalError.Algo", "inference internal error", SERVER, 0),
    (500, "RequestTimeOut", "Request timed out.", SERVER, 0),
    (500, "ModelServingError", "Too many requests.", SERVER, 1),
    (503, "ModelUnavailable", "Model unavailable.", SERVER, 1),
    (503, "ServiceUnavailable", "Service unavailable.", SERVER, 1),
]


@pytest.mark.parametrize("dialect", ["dashscope", "dashscope_native"])
@pytest.mark.parametrize(("status", "code", "message", "kind", "again"), MODEL_STUDIO)
def test_model_studio(
    dialect: str, status: int, code: str, message: str, kind: Any, again: int | None
) -> None:
    compatible = {"error": {"message": message, "type": "x", "param": None, "code": code}}
    native = {"code": code, "message": message}
    body = compatible if dialect == "dashscope" else native
    error = read(dialect, status, {**body, "request_id": "r-1"})
    assert isinstance(error, kind)
    assert (error.status, error.code, error.request_id) == (status, code, "r-1")
    assert error.message == message
    assert error.hint
    assert again is None or error.retryable == bool(again)


BIGMODEL = {
    AUTH: ["1000", "1001", "1002", "1003", "1004", "1005"],
    BILLING: ["1113", *map(str, range(1308, 1312)), *map(str, range(1313, 1322))],
    SERVER: ["1200", "1230", "1234"],
    INVALID: ["1210", "1213", "1214", "1215", "1231"],
    MISSING: ["1211", "1221", "1222"],
    ACCESS: ["1220", "1110", "1111", "1112", "1120", "1121", "1300"],
    LENGTH: ["1261"],
    BLOCKED: ["1301"],
    RATE: ["1302", "1303", "1304", "1305", "1312"],
}
RETRIED = ("1302", "1303", "1305", "1312")
STATUS = {AUTH: 401, BILLING: 429, SERVER: 500, ACCESS: 403, RATE: 429}


@pytest.mark.parametrize("numeric", [False, True])
@pytest.mark.parametrize(
    ("kind", "code"), [(kind, code) for kind, codes in BIGMODEL.items() for code in codes]
)
def test_bigmodel_and_zai(kind: type[GlmError], code: str, numeric: bool) -> None:
    status = STATUS.get(kind, 400)
    body = {"error": {"code": int(code) if numeric else code, "message": "what happened"}}
    error = read("bigmodel", status, body)
    assert isinstance(error, kind)
    assert (error.status, error.code, error.message) == (status, code, "what happened")
    assert error.retryable == (code in RETRIED)
    assert error.hint


def test_an_exhausted_window_shows_when_it_opens_again() -> None:
    body = {"error": {"code": "1308", "message": "Usage limit reached, resets at 18:00"}}
    assert "18:00" in read("bigmodel", 429, body).message


@pytest.mark.parametrize("dialect", ["openrouter", "wcode"])
@pytest.mark.parametrize(
    ("code", "kind", "again"),
    [
        (400, INVALID, 0),
        (401, AUTH, 0),
        (402, BILLING, 0),
        (403, (ACCESS, BLOCKED), 0),
        (408, SERVER, 0),
        (413, (LENGTH, INVALID), 0),
        (422, INVALID, 0),
        (429, RATE, 1),
        (502, SERVER, 1),
        (503, SERVER, 1),
        (504, SERVER, 0),
        (524, SERVER, 0),
        (529, SERVER, 1),
    ],
)
def test_gateways(dialect: str, code: int, kind: Any, again: int | None) -> None:
    error = read(dialect, code, {"error": {"code": code, "message": "what happened"}})
    assert isinstance(error, kind)
    assert error.status == code
    assert again is None or error.retryable == bool(again)


@pytest.mark.parametrize(
    ("error_type", "kind"),
    [
        ("context_length_exceeded", LENGTH),
        ("authentication", AUTH),
        ("payment_required", BILLING),
        ("rate_limit_exceeded", RATE),
        ("provider_overloaded", SERVER),
        ("provider_unavailable", SERVER),
        ("content_policy_violation", BLOCKED),
        ("refusal", BLOCKED),
        ("server", SERVER),
        ("timeout", SERVER),
        ("something_new", INVALID),
    ],
)
def test_a_gateways_own_word_tells_more_than_the_status(error_type: str, kind: Any) -> None:
    error = {"code": 400, "message": "what happened", "metadata": {"error_type": error_type}}
    assert isinstance(read("openrouter", 400, {"error": error}), kind)


SELF_HOSTED = [
    ("vllm", 400, {"error": {"message": "This model's maximum context length is 8192"}}, LENGTH),
    ("vllm", 400, {"object": "error", "message": "bad", "type": "BadRequestError"}, INVALID),
    (
        "vllm",
        404,
        {"error": {"message": "no model", "type": "NotFoundError", "code": 404}},
        MISSING,
    ),
    ("vllm", 404, {"detail": "Not Found"}, MISSING),
    ("sglang", 400, {"object": "error", "message": "bad", "type": "BadRequest"}, INVALID),
    ("llamacpp", 400, {"error": {"code": 400, "type": "exceed_context_size_error"}}, LENGTH),
    ("llamacpp", 503, {"error": {"code": 503, "type": "unavailable_error"}}, SERVER),
    ("llamacpp", 401, {"error": {"code": 401, "type": "authentication_error"}}, AUTH),
    ("ollama", 404, {"error": {"message": "model 'x' not found", "type": "api_error"}}, MISSING),
    ("ollama", 400, {"error": "text"}, INVALID),
    ("lmstudio", 400, {"error": "No models loaded."}, INVALID),
]


@pytest.mark.parametrize(("dialect", "status", "body", "kind"), SELF_HOSTED)
def test_self_hosted_servers(dialect: str, status: int, body: Any, kind: Any) -> None:
    error = read(dialect, status, body)
    assert isinstance(error, kind)
    assert error.message
    assert error.hint


@every_dialect
def test_an_error_that_comes_as_an_event_stream_is_read(dialect: str) -> None:
    frame = b'id:1\nevent:error\n:HTTP_STATUS/400\ndata:{"code":"X.Y","message":"it broke"}\n\n'
    error = read(dialect, 400, frame)
    assert (error.message, error.code, error.status) == ("it broke", "X.Y", 400)


BODIES = [
    *(
        b"",
        b" ",
        b"{}",
        b"[]",
        b"null",
        b"7",
        b'"text"',
        b"{",
        b"\xff\xfe",
        b"plain words\nand more",
    ),
    *(b'{"error":null}', b'{"error":[]}', b'{"error":{}}', b'{"error":""}', b'{"detail":"no"}'),
    *(b'{"error":{"message":null,"code":null}}', b'{"error":{"message":["a"],"code":{}}}'),
    *(b'{"message":"\\ud83d"}', b"data:", b"data:{", b"<html>", b"[" * 90_000, b"x" * 2_000_000),
]


STATUSES = (300, 400, 401, 402, 403, 404, 418, 429, 434, 499, 500, 503, 599)


@every_dialect
@pytest.mark.parametrize("body", BODIES, ids=range(len(BODIES)))
def test_any_failed_response_is_one_error_in_words(dialect: str, body: bytes) -> None:
    for status in STATUSES:
        error = read(dialect, status, body)
        assert (error.status, error.provider) == (status, dialect)
        assert error.message
        assert error.hint
        assert len(error.message) < 1000
        "\n".join(error.lines()).encode()


@every_dialect
def test_the_request_id_is_found_in_the_headers_too(dialect: str) -> None:
    error = read(dialect, 500, {"error": {"message": "no"}}, {"x-request-id": "r-7"})
    assert error.request_id == "r-7"
    assert "r-7" in "\n".join(error.lines())


# ── what all providers have in common ────────────────────────────────────────────────────────────

WORDS = [
    *((word, RATE, True) for word in (
        "rate_limit_error", "rate_limit_exceeded", "RateLimitError", "too_many_requests",
        "throttling_error", "ThrottlingException", "concurrency_limit_reached",
        "RESOURCE_EXHAUSTED", "rate-limit-exceeded")),
    *((word, SERVER, True) for word in (
        "overloaded_error", "engine_overloaded", "model_overloaded", "OverloadedError")),
    *((word, AUTH, False) for word in (
        "authentication_error", "invalid_api_key", "AuthenticationError", "Unauthorized",
        "UNAUTHENTICATED", "invalid_authentication_error")),
    *((word, BILLING, False) for word in (
        "insufficient_quota", "insufficient_balance", "billing_hard_limit_reached",
        "payment_required", "billing_error", "quota_exceeded")),
    *((word, LENGTH, False) for word in (
        "context_length_exceeded", "ContextLengthExceeded", "exceed_context_size_error",
        "context_window_exceeded", "request_too_large")),
    *((word, ACCESS, False) for word in ("permission_error", "PERMISSION_DENIED", "forbidden")),
    *((word, BLOCKED, False) for word in (
        "content_filter", "content_policy_violation", "ContentFilterFinishReasonError")),
    *((word, MISSING, False) for word in (
        "not_found_error", "model_not_found", "NotFoundError", "NOT_FOUND")),
    *((word, INVALID, False) for word in (
        "invalid_request_error", "BadRequestError", "bad_request", "INVALID_ARGUMENT",
        "validation_error", "extra_forbidden")),
    *((word, SERVER, False) for word in (
        "server_error", "api_error", "internal_server_error", "InternalServerError",
        "timeout_error", "DEADLINE_EXCEEDED", "service_unavailable", "bad_gateway")),
]  # fmt: skip
OWN = {
    (dialect, word)
    for dialect in ("dashscope", "dashscope_native")
    for word in ("insufficient_quota", "service_unavailable")
}
"""Words that Model Studio gives a meaning of its own."""


def decoded_error(dialect: str, payload: Any, event: str = "") -> GlmError:
    """Read an error as the first event of a reply with a status of success."""
    offer = offer_for(dialect)
    decoder = DIALECTS[dialect].decoder(offer, {})
    (last,) = decoder.feed(Record(json.dumps(payload), event))[-1:]
    assert isinstance(last, StreamError)
    return last.error


SHAPES = {
    "as the type": lambda word: {"error": {"type": word, "message": "what happened"}},
    "as the code": lambda word: {"error": {"code": word, "message": "what happened"}},
    "as the code beside a general type": lambda word: {
        "error": {"code": word, "type": "invalid_request_error", "message": "what happened"}
    },
    "at the top": lambda word: {"object": "error", "type": word, "message": "what happened"},
    "as a status": lambda word: {"error": {"status": word, "message": "what happened"}},
}


@every_dialect
@pytest.mark.parametrize(("word", "kind", "again"), WORDS)
@pytest.mark.parametrize("shape", SHAPES)
def test_an_error_in_a_reply_is_what_its_own_word_says(
    dialect: str, word: str, kind: type[GlmError], again: bool, shape: str
) -> None:
    if (dialect, word) in OWN or (shape.endswith("type") and kind is SERVER and not again):
        return  # beside "invalid_request_error", "server_error" says nothing sure
    error = decoded_error(dialect, SHAPES[shape](word))
    assert type(error) is kind
    assert error.retryable == again
    assert (error.message, bool(error.hint)) == ("what happened", True)


@every_dialect
@pytest.mark.parametrize("as_text", [False, True])
@pytest.mark.parametrize(
    ("number", "kind"),
    [(400, INVALID), (401, AUTH), (402, BILLING), (403, ACCESS), (404, MISSING), (413, LENGTH),
     (429, RATE), (500, SERVER), (502, SERVER), (503, SERVER), (504, SERVER), (524, SERVER)],
)  # fmt: skip
def test_a_number_in_an_error_is_a_status(
    dialect: str, number: int, kind: type[GlmError], as_text: bool
) -> None:
    code = str(number) if as_text else number
    for error in ({"code": code}, {"status_code": code}, {"code": None, "status": code}):
        assert type(decoded_error(dialect, {"error": {**error, "message": "x"}})) is kind


@every_dialect
def test_a_word_tells_more_than_a_status(dialect: str) -> None:
    for status in (400, 500, 503):
        error = read(dialect, status, {"error": {"type": "rate_limit_error", "message": "x"}})
        assert type(error) is RATE
        assert error.retryable == (status != 400)
    assert type(read(dialect, 500, {"error": {"type": "invalid_request_error"}})) is SERVER


PLACES = [{"loc": ["body", "stream_options"], "msg": "Extra inputs are not permitted",
           "type": "extra_forbidden", "input": {"include_usage": True}}]  # fmt: skip
IN_WORDS = "body.stream_options: Extra inputs are not permitted"


@every_dialect
@pytest.mark.parametrize(
    "payload",
    [
        {"detail": PLACES},
        {"error": {"message": PLACES}},
        {"error": {"message": str(PLACES)}},
        {"error": {"message": json.dumps(PLACES)}},
        {"error": {"message": f"1 validation error: {PLACES}"}},
        {"error": PLACES},
        {"errors": PLACES},
        {"message": {"detail": PLACES}},
        {"detail": {"error": {"message": PLACES}}},
    ],
    ids=range(9),
)
def test_a_message_that_is_a_list_is_worded(dialect: str, payload: Any) -> None:
    error = read(dialect, 422, payload)
    assert IN_WORDS in error.message
    assert not set("[]{}") & set(error.message)
    assert IN_WORDS in decoded_error(dialect, {"code": 422, **payload}).message


@pytest.mark.parametrize(
    ("message", "words"),
    [
        (["a", "b"], "a; b"),
        ([{"msg": "a"}, {"message": "b"}], "a; b"),
        ({"reason": {"text": "a"}}, "reason: a"),
        ({"a": 1, "b": [2, 3]}, "a: 1; b: 2; 3"),
        ([str(n) for n in range(9)], "0; 1; 2; 3; 4; …"),
        ({"loc": "x", "msg": "y"}, "x: y"),
        ('use {"type": "object"} instead', 'use {"type": "object"} instead'),
        ("set {a, b} {c", "set {a, b} {c"),
        ("{'error': 'it broke'} (id 7)", "it broke (id 7)"),
        ("[{'msg': " + "[" * 300, "[{'msg': " + "[" * 300),
        (True, "an error without a message"),
        ([], "an error without a message"),
    ],
)
def test_words_of_odd_messages(message: Any, words: str) -> None:
    assert read("vllm", 400, {"error": {"message": message}}).message == words


@pytest.mark.parametrize("dialect", ["vllm", "llamacpp", "bigmodel", "openrouter"])
@pytest.mark.parametrize(
    "message",
    [
        "This model's maximum context length is 8192 tokens",
        "19185 tokens exceed the context size 16384",
        "the request exceeds the available context window",
    ],
)
def test_a_prompt_that_is_too_long_is_known_by_its_message(dialect: str, message: str) -> None:
    for status in (400, 500):
        assert type(read(dialect, status, {"error": {"message": message}})) is LENGTH
    assert type(decoded_error(dialect, {"error": {"message": message}})) is LENGTH
    assert type(decoded_error(dialect, {"error": message})) is LENGTH


def test_a_limit_of_tokens_a_minute_is_no_context_length() -> None:
    payload = {"error": {"type": "rate_limit_error", "message": "too many tokens per minute"}}
    assert type(decoded_error("vllm", payload)) is RATE


@pytest.mark.parametrize("dialect", ["dashscope", "dashscope_native"])
@pytest.mark.parametrize("code", ["InvalidParameter", "invalid_parameter_error", ""])
def test_a_wrong_address_at_model_studio_names_what_to_check(dialect: str, code: str) -> None:
    error = read(dialect, 400, {"code": code, "message": "url error, please check url！"})
    assert type(error) is MISSING
    offer = offer_for(dialect)
    assert f"base URL ({offer.provider.base_url})" in error.hint
    assert f"model ({offer.wire_id})" in error.hint


@pytest.mark.parametrize(("status", "kind"), [(434, ACCESS), (435, INVALID)])
def test_bigmodels_own_statuses(status: int, kind: type[GlmError]) -> None:
    assert type(read("bigmodel", status, {"error": {"message": "no"}})) is kind


@every_dialect
@pytest.mark.parametrize(
    ("fields", "wait_s"),
    [
        ({"retry_after_seconds": 7}, 7),
        ({"retry_after": "2.5"}, 2.5),
        ({"retry_after_ms": 1500}, 1.5),
        ({"metadata": {"retry_after_seconds": "12"}}, 12),
        ({"metadata": {"headers": {"Retry-After": "3"}}}, 3),
        ({"retry_after": []}, None),
        ({"retry_after": "soon"}, None),
        ({"metadata": {"headers": [1]}}, None),
    ],
)
def test_a_time_to_come_back_may_stand_in_the_error(
    dialect: str, fields: dict[str, Any], wait_s: float | None
) -> None:
    payload = {"error": {"code": 429, "message": "busy", **fields}}
    assert read(dialect, 429, payload).retry_after_s == wait_s
    assert decoded_error(dialect, payload).retry_after_s == wait_s
    assert read(dialect, 429, payload, {"retry-after": "4"}).retry_after_s == 4
