"""The loopback server refuses what the vendors are documented to refuse, in their own words."""

from __future__ import annotations

import json
import time
from http.client import HTTPConnection
from typing import Any

import pytest

from tests.servers.model_server import ModelServer
from tests.servers.raw_server import RawServer, Reset, Send, Stall
from tests.servers.script import Failure, Script
from tests.servers.vendor import KEY

COMPATIBLE = "/compatible-mode/v1/chat/completions"
NATIVE = "/api/v1/services/aigc/text-generation/generation"
BIGMODEL = "/api/paas/v4/chat/completions"
OPENROUTER = "/api/v1/chat/completions"
WCODE = "/api/gpt/v1/chat/completions"
OWN = "/v1/chat/completions"
ASK = [{"role": "user", "content": "Why?"}]
JSON = {"response_format": {"type": "json_object"}}
FORCED = {"tool_choice": {"type": "function", "function": {"name": "f"}}}
ORPHAN = [*ASK, {"role": "tool", "tool_call_id": "c", "content": "x"}]
SEARCH = {"tools": [{"type": "function", "function": {"name": "search"}}]}
PARTS = [{"role": "user", "content": [{"type": "text", "text": "Why?"}]}]


def post(
    server: ModelServer | RawServer, path: str, body: Any, key: str | None = KEY, **headers: str
) -> tuple[int, bytes]:
    """Send a request, and return status and body."""
    connection = HTTPConnection("127.0.0.1", server.port, timeout=10)
    if key is not None:
        headers["Authorization"] = f"Bearer {key}"
    try:
        connection.request("POST", path, json.dumps(body), headers)
        reply = connection.getresponse()
        return reply.status, reply.read()
    finally:
        connection.close()


def chat(model: str = "glm-5", **rest: Any) -> dict[str, Any]:
    return {"model": model, "messages": ASK, "stream": True, **rest}


def native(**parameters: Any) -> dict[str, Any]:
    options = {"incremental_output": True, "result_format": "message", **parameters}
    return {"model": "glm-5", "input": {"messages": ASK}, "parameters": options}


REFUSED = [
    (COMPATIBLE, chat("glm-0"), 404, "model_not_found"),
    (COMPATIBLE, chat(stream=False), 400, "invalid_parameter_error"),
    (
        COMPATIBLE,
        chat("glm-4.6", stream=False, enable_thinking=False),
        400,
        "invalid_parameter_error",
    ),
    (COMPATIBLE, chat(**JSON, enable_thinking=True), 400, "invalid_parameter_error"),
    (COMPATIBLE, chat(**JSON, enable_thinking=False), 400, "invalid_parameter_error"),
    (COMPATIBLE, chat(**FORCED), 400, "invalid_parameter_error"),
    (COMPATIBLE, chat(tool_choice="required"), 400, "invalid_parameter_error"),
    (COMPATIBLE, chat(**SEARCH), 400, "invalid_parameter_error"),
    (COMPATIBLE, chat(enable_search=True), 400, "invalid_parameter_error"),
    (COMPATIBLE, chat(temperature=2), 400, "invalid_parameter_error"),
    (COMPATIBLE, chat(messages=PARTS), 400, "invalid_parameter_error"),
    (COMPATIBLE, chat(messages=ORPHAN), 400, "invalid_parameter_error"),
    (COMPATIBLE, chat("glm-5.3", enable_thinking=False), 400, "invalid_parameter_error"),
    (NATIVE, native(incremental_output=False), 400, "InvalidParameter"),
    (NATIVE, native(result_format="text"), 400, "InvalidParameter"),
    (NATIVE, {"model": "glm-5", "input": {"messages": ASK}}, 400, "BadRequest.EmptyParameters"),
    (NATIVE, {"model": "glm-5", "parameters": {}}, 400, "BadRequest.EmptyInput"),
    (BIGMODEL, chat("glm-0"), 400, "1211"),
    (BIGMODEL, chat(messages=[]), 400, "1213"),
    (BIGMODEL, chat("glm-5.3", thinking={"type": "disabled"}), 400, "1210"),
    (BIGMODEL, chat(thinking={"type": "on"}), 400, "1210"),
    (BIGMODEL, chat(temperature=1.2), 400, "1210"),
    (OPENROUTER, chat("glm-5"), 404, 404),
    (OPENROUTER, chat("z-ai/glm-5", reasoning={"effort": "low", "max_tokens": 9}), 400, 400),
    (WCODE, chat("z-ai/glm-4.5", top_logprobs=2), 400, 400),
    (OWN, chat("no-such"), 404, 404),
]


def code_of(body: bytes) -> Any:
    """Return the code of an error body."""
    value = json.loads(body)
    return value.get("code") or value["error"]["code"]


@pytest.mark.parametrize(("path", "body", "status", "code"), REFUSED)
def test_a_documented_refusal(path: str, body: Any, status: int, code: Any) -> None:
    with ModelServer() as server:
        headers = {"X-DashScope-SSE": "enable"} if path == NATIVE else {}
        got, content = post(server, path, body, **headers)
        assert (got, code_of(content)) == (status, code)


def test_native_thinking_needs_the_stream_header(model_server: ModelServer) -> None:
    assert post(model_server, NATIVE, native())[0] == 400
    assert post(model_server, NATIVE, native(), **{"X-DashScope-SSE": "enable"})[0] == 200


@pytest.mark.parametrize(
    ("path", "code"),
    [
        (COMPATIBLE, "invalid_api_key"),
        (NATIVE, "InvalidApiKey"),
        (BIGMODEL, "1000"),
        (OPENROUTER, 401),
        (WCODE, 401),
    ],
)
def test_a_wrong_key_is_refused(path: str, code: Any, model_server: ModelServer) -> None:
    status, content = post(model_server, path, chat(), key="wrong")
    assert (status, code_of(content)) == (401, code)
    assert post(model_server, path, chat(), key=None)[0] == 401


@pytest.mark.parametrize(
    ("path", "body", "stray"),
    [
        (COMPATIBLE, chat(), {"thinking": {"type": "enabled"}}),
        (BIGMODEL, chat(), {"enable_thinking": True}),
        (WCODE, chat("z-ai/glm-4.5"), {"enable_thinking": True}),
        (OWN, chat("glm-4.6"), {"thinking": {"type": "enabled"}}),
    ],
)
def test_a_strict_server_refuses_another_vendors_spelling(path: str, body: Any, stray: Any) -> None:
    with ModelServer(strict=True) as server:
        assert post(server, path, body)[0] == 200
        assert post(server, path, {**body, **stray})[0] == 400


def test_requests_are_recorded_in_order(model_server: ModelServer) -> None:
    for number in range(3):
        post(model_server, BIGMODEL, chat(seed=number))
    assert [request.json["seed"] for request in model_server.requests] == [0, 1, 2]
    # A client may have read the last byte before the server's thread notes that it sent it.
    assert all(request.answered.wait(10) for request in model_server.requests)


def test_scripts_are_told_in_order_and_the_last_one_stays(model_server: ModelServer) -> None:
    model_server.tell(Script(answer="first"), Script(refusal=Failure(503, "busy", "busy")))
    assert b"first" in post(model_server, BIGMODEL, chat(stream=False))[1]
    assert [post(model_server, BIGMODEL, chat())[0] for _ in range(2)] == [503, 503]


@pytest.mark.parametrize("raw", [False, True])
def test_a_client_that_hangs_up_is_seen(raw: bool) -> None:
    server: ModelServer | RawServer = RawServer() if raw else ModelServer()
    if isinstance(server, RawServer):
        server.answer(Send(b"HTTP/1.1 200 OK\r\n\r\n"), Stall())
    else:
        server.tell(Script(stall_after=1))
    with server:
        connection = HTTPConnection("127.0.0.1", server.port, timeout=10)
        connection.request("POST", BIGMODEL, json.dumps(chat()), {"Authorization": f"Bearer {KEY}"})
        reply = connection.getresponse()
        assert not server.last.hung_up.is_set()
        reply.close()
        connection.close()
        assert server.last.hung_up.wait(10)
        assert not server.last.answered.is_set()


def test_a_reset_is_one(raw_server: RawServer) -> None:
    raw_server.answer(Send(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc"), Reset())
    with pytest.raises(ConnectionResetError):
        post(raw_server, OWN, {})


def test_a_server_stops_at_once_even_while_a_reply_stalls() -> None:
    with ModelServer() as server:
        server.tell(Script(stall_after=0))
        connection = HTTPConnection("127.0.0.1", server.port, timeout=10)
        connection.request("POST", BIGMODEL, json.dumps(chat()), {"Authorization": f"Bearer {KEY}"})
        reply = connection.getresponse()
        began = time.monotonic()
    assert time.monotonic() - began < 5
    reply.close()
    connection.close()
