"""What reaches the server for addresses and fields as people write them."""

from __future__ import annotations

from typing import Any

import pytest

import glm_magic as glm
from tests.faults.protocols import PROTOCOLS, Protocol
from tests.servers.raw_server import RawServer, Send, head

every_protocol = pytest.mark.parametrize("protocol", PROTOCOLS, ids=lambda t: t.provider)


def serve(server: RawServer, protocol: Protocol) -> None:
    server.answer(Send(head() + protocol.start + protocol.rest))


def ask(server: RawServer, protocol: Protocol, end: str = "", **options: Any) -> str:
    asked = protocol.asked(server.url, **options)
    return glm.ask("Why?", **{**asked, "base_url": asked["base_url"] + end}).answer


@every_protocol
@pytest.mark.parametrize(
    ("end", "query"),
    [
        ("", ""),
        ("//", ""),
        ("{path}", ""),
        ("{path}/", ""),
        ("?api-version=2024-10-21", "?api-version=2024-10-21"),
        ("{path}?api-version=1&x=%20y", "?api-version=1&x=%20y"),
        ("/?api_key=s3cret-of-mine", "?api_key=s3cret-of-mine"),
        ("#top", ""),
        ("?a=1#top", "?a=1"),
        ("?", ""),
    ],
)
def test_the_path_is_whole_whatever_the_address_ends_in(
    raw_server: RawServer, protocol: Protocol, end: str, query: str
) -> None:
    serve(raw_server, protocol)
    native = "/services/aigc/text-generation/generation"
    path = native if protocol.native else "/chat/completions"
    assert ask(raw_server, protocol, end.format(path=path)) == "Blue"
    assert raw_server.last.path == f"{protocol.path}{path}{query}"


@every_protocol
def test_an_address_without_scheme_in_quotes(raw_server: RawServer, protocol: Protocol) -> None:
    serve(raw_server, protocol)
    asked = protocol.asked(raw_server.url)
    bare = asked["base_url"].removeprefix("http://")
    for written in (bare, f'"{bare}"', f"  {bare}/ ", f"//{bare}"):
        assert glm.ask("Why?", **{**asked, "base_url": written}).answer == "Blue"


OURS = {
    "dashscope-native": ("incremental_output", "result_format"),
    "zai": ("stream_options",),
    "openrouter": ("stream_options",),
}


@every_protocol
@pytest.mark.parametrize("thinking", [None, True])
def test_null_leaves_out_what_is_set_here(
    raw_server: RawServer, protocol: Protocol, thinking: bool | None
) -> None:
    serve(raw_server, protocol)
    fields = OURS.get(protocol.provider, ("stream_options",))
    options: dict[str, Any] = {} if thinking is None else {"thinking": thinking}
    assert ask(raw_server, protocol, **options) == "Blue"
    plain = raw_server.last.json
    own = plain["parameters"] if protocol.native else plain
    added = [name for name in own if name not in ("model", "messages", "stream", "input")]
    for field in {*fields, *added}:
        glm_answer = ask(raw_server, protocol, params={field: None}, **options)
        sent = raw_server.last.json
        sent = sent["parameters"] if protocol.native else sent
        assert field not in sent, field
        assert {**sent, **({field: own[field]} if field in own else {})} == own
        assert glm_answer == "Blue" or protocol.native


def test_null_of_another_field_is_sent(raw_server: RawServer) -> None:
    vllm = next(protocol for protocol in PROTOCOLS if protocol.provider == "vllm")
    serve(raw_server, vllm)
    ask(raw_server, vllm, params={"some_field": None})
    assert raw_server.last.json["some_field"] is None
