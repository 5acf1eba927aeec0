"""For every documented call, we send what the vendor's client sends, and read what it reads."""

from __future__ import annotations

from typing import Any

import pytest

import glm_magic as glm
from tests.contract.clients import (
    BIGMODEL_PATH,
    COMPATIBLE_PATH,
    GATEWAY_PATH,
    NATIVE_PATH,
    Documented,
    documented,
    with_dashscope,
    with_openai,
    with_zai,
)
from tests.servers.model_server import ModelServer
from tests.servers.script import Call, Failure, Script, Tokens
from tests.servers.vendor import KEY

pytestmark = pytest.mark.sdk

SCRIPT = Script(
    reasoning=("\nShort waves", " scatter", " scatter 短波😀"),
    answer=("\nBlue light", " — ", "— \n\nscatters."),
    calls=(
        Call("get_weather", '{"city": "Rom\u00e9"}', "call_1"),
        Call("get_weather", "{}", "call_2"),
    ),
    tokens=Tokens(17, 53, 21, 8),
)
every_call = pytest.mark.parametrize("call", documented(), ids=lambda call: call.id)


def essence(body: Any) -> Any:
    """Return a body without nulls, and without what only says how the reply shall come."""
    if isinstance(body, dict):
        return {key: essence(value) for key, value in body.items() if value is not None}
    return [essence(item) for item in body] if isinstance(body, list) else body


def spoken(body: Any) -> Any:
    """Return what a body asks for."""
    return {k: v for k, v in essence(body).items() if k not in ("stream", "stream_options")}


@every_call
def test_the_vendors_client_reads_what_the_server_was_told(
    call: Documented, server: ModelServer
) -> None:
    server.tell(SCRIPT)
    read = call.theirs(server.url + call.path)
    body = server.last.json
    vendor = next(vendor for vendor in server.vendors if server.last.path in vendor.paths)
    wire_reply = vendor.says(SCRIPT, body)
    assert (read.reasoning, read.answer) == (
        "".join(wire_reply.reasoning_pieces),
        "".join(wire_reply.answer_pieces),
    )
    assert read.call_list == [(c.id, c.name, c.arguments) for c in wire_reply.calls]


@every_call
def test_we_send_the_same_request(call: Documented, server: ModelServer) -> None:
    server.tell(SCRIPT)
    base = server.url + call.path
    call.theirs(base)
    glm.ask(call.prompt, base_url=base, api_key=KEY, **call.ours)
    theirs, ours = server.requests
    assert spoken(ours.json) == spoken(theirs.json)
    assert ours.path == theirs.path
    assert ours.method == theirs.method
    for name in ("authorization", "x-dashscope-sse"):
        assert ours.headers.get(name) == theirs.headers.get(name)
    assert ours.headers["content-type"].startswith("application/json")


@every_call
def test_we_read_the_same_reply(call: Documented, server: ModelServer) -> None:
    server.tell(SCRIPT)
    base = server.url + call.path
    read = call.theirs(base)
    reply = glm.ask(call.prompt, base_url=base, api_key=KEY, **call.ours)
    assert (reply.reasoning, reply.answer) == (read.reasoning, read.answer)
    assert [(c.id, c.name, c.arguments) for c in reply.tool_calls] == read.call_list
    assert reply.usage is not None
    if read.usage is not None:
        assert (reply.usage.input, reply.usage.output) == read.usage


@every_call
def test_nothing_is_sent_before_the_prompt_itself(call: Documented, server: ModelServer) -> None:
    glm.ask(call.prompt, base_url=server.url + call.path, api_key=KEY, **call.ours)
    assert [request.method for request in server.requests] == ["POST"]


def test_openai_and_we_name_the_same_error(server: ModelServer) -> None:
    import openai

    server.tell(Script(refusal=Failure(403, "access_denied", "not yours")))
    with pytest.raises(openai.PermissionDeniedError) as theirs:
        with_openai(server.url + COMPATIBLE_PATH, model="glm-5", stream=True)
    with pytest.raises(glm.GlmError) as ours:
        glm.ask("?", provider="dashscope", base_url=server.url + COMPATIBLE_PATH, api_key=KEY)
    assert (ours.value.status, ours.value.code) == (theirs.value.status_code, theirs.value.code)


def test_openai_and_we_keep_the_text_before_an_error(server: ModelServer) -> None:
    import openai

    server.tell(Script(answer=("Half", " of"), failure=Failure(500, "internal_error", "broke")))
    base = server.url + COMPATIBLE_PATH
    with pytest.raises(openai.APIError) as theirs:
        with_openai(base, model="glm-5", stream=True)
    with pytest.raises(glm.GlmError) as ours:
        glm.ask("?", provider="dashscope", model="glm-5", base_url=base, api_key=KEY)
    assert ours.value.code == theirs.value.code == "internal_error"
    assert ours.value.turn.answer == "Half of"


@pytest.mark.parametrize(
    ("status", "code", "kind"),
    [
        (401, "1000", "APIAuthenticationError"),
        (429, "1113", "APIReachLimitError"),
        (400, "1210", "APIRequestFailedError"),
        (500, "1234", "APIInternalError"),
    ],
)
def test_zai_and_we_name_the_same_status(
    server: ModelServer, status: int, code: str, kind: str
) -> None:
    import zai

    server.tell(Script(refusal=Failure(status, code, "no")))
    base = server.url + BIGMODEL_PATH
    with pytest.raises(getattr(zai.core, kind)) as theirs:
        with_zai(base, model="glm-4.5", stream=True)
    with pytest.raises(glm.GlmError) as ours:
        glm.ask("?", provider="bigmodel", base_url=base, api_key=KEY)
    assert ours.value.status == theirs.value.status_code
    assert ours.value.code == code


def test_dashscope_and_we_name_the_same_error_in_mid_stream(server: ModelServer) -> None:
    failure = Failure(400, "DataInspectionFailed", "blocked")
    server.tell(Script(answer=("Half", " of"), failure=failure))
    base = server.url + NATIVE_PATH
    with pytest.raises(RuntimeError, match="DataInspectionFailed"):
        with_dashscope(base, model="glm-5", enable_thinking=True, stream=True, **DOCUMENTED_NATIVE)
    with pytest.raises(glm.GlmError) as ours:
        glm.ask("?", provider="dashscope-native", model="glm-5", base_url=base, api_key=KEY)
    assert (ours.value.code, ours.value.status) == ("DataInspectionFailed", 400)
    assert ours.value.turn.answer == "Half of"


DOCUMENTED_NATIVE = {"incremental_output": True, "result_format": "message"}


def test_the_clients_own_addresses_are_the_catalogues(monkeypatch: pytest.MonkeyPatch) -> None:
    zai = pytest.importorskip("zai")
    dashscope = pytest.importorskip("dashscope")
    from glm_magic.catalogue.load import catalogue

    known = catalogue().providers
    assert known["dashscope-native"].base_url == dashscope.base_http_api_url
    clients = {"bigmodel": zai.ZhipuAiClient, "zai": zai.ZaiClient}
    for name, kind in clients.items():
        client = kind(api_key=KEY)
        assert known[name].base_url == client.default_base_url
        client.close()
    assert known["wcode"].base_url.endswith(GATEWAY_PATH)
