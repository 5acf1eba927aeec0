"""Every documented error of every provider becomes the right one of ours, and is retried or not."""

from __future__ import annotations

import json
from typing import Any

import pytest

from glm_magic.core import errors
from glm_magic.core.errors import GlmError
from glm_magic.dialects import DIALECTS
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
