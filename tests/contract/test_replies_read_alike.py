"""Where the official client gets through an odd reply, we read the same text from it."""

from __future__ import annotations

import json
from typing import Any

import pytest

import glm_magic as glm
from tests.contract.clients import STREAM, Read, with_openai
from tests.servers.raw_server import RawServer, Send, head
from tests.servers.vendor import KEY

pytestmark = pytest.mark.sdk

openai = pytest.importorskip("openai")


def chunk(finish: str | None = None, **delta: Any) -> bytes:
    """Return one chunk as an event."""
    choice = {"index": 0, "delta": delta, "finish_reason": finish}
    value = {"id": "r", "object": "chat.completion.chunk", "model": "m", "choices": [choice]}
    return b"data: " + json.dumps(value).encode() + b"\n\n"


A, B = chunk(content="Bl"), chunk("stop", content="ue")
DONE = b"data: [DONE]\n\n"
READ_BY_BOTH = {
    "a field and content": chunk(reasoning_content="hm") + A + B + DONE,
    "the other field": chunk(reasoning="hm") + A + B + DONE,
    "comments": b": ping\n\n" + A + b": ping\n\n" + B + DONE,
    "fields of an event": b"id: 1\nretry: 3\n" + A + b"id: 2\n" + B + DONE,
    "an unknown line": A + b"busy\n" + B + DONE,
    "an error line before a good end": A + b'{"error":{"message":"no"}}\n' + B + DONE,
    "no sentinel": A + B,
    "no finish reason": A + chunk(content="ue") + DONE,
    "a chunk without choices": A + b'data: {"id":"r","choices":[],"usage":null}\n\n' + B + DONE,
    "CRLF": (A + B + DONE).replace(b"\n", b"\r\n"),
    "unknown keys": chunk(content="Bl", refusal=None, audio=None, new=[1]) + B + DONE,
    "text about frames": chunk(content='data: {"choices":[]} <think>') + B + DONE,
}
NOT_READ_BY_THEIRS = {
    "null": A + b"data: null\n\n" + B + DONE,
    "a list": A + b"data: []\n\n" + B + DONE,
    "a word": A + b"data: ping\n\n" + B + DONE,
    "a broken frame": A + b'data: {"choices":[{"delta":{"content":"hell' + B + DONE,
}


def ours(server: RawServer) -> glm.Reply:
    return glm.ask("Why?", provider="dashscope", model="glm-5", api_key=KEY, base_url=server.url)


def theirs(server: RawServer) -> Read:
    return with_openai(server.url, model="glm-5", **STREAM)


@pytest.mark.parametrize("body", READ_BY_BOTH.values(), ids=READ_BY_BOTH)
def test_a_reply_that_the_official_client_reads_reads_alike(
    raw_server: RawServer, body: bytes
) -> None:
    raw_server.answer(Send(head() + body))
    read, reply = theirs(raw_server), ours(raw_server)
    assert read.answer
    assert (reply.reasoning, reply.answer) == (read.reasoning, read.answer)


@pytest.mark.parametrize("body", NOT_READ_BY_THEIRS.values(), ids=NOT_READ_BY_THEIRS)
def test_a_reply_that_the_official_client_gives_up_is_read(
    raw_server: RawServer, body: bytes
) -> None:
    raw_server.answer(Send(head() + body))
    with pytest.raises((ValueError, AttributeError, TypeError, openai.OpenAIError)):
        theirs(raw_server)
    assert ours(raw_server).answer == "Blue"


@pytest.mark.parametrize("text", ["Why.</think>Blue", "<think>Why.</think>Blue"])
def test_a_leak_loses_no_more_than_its_tags(raw_server: RawServer, text: str) -> None:
    raw_server.answer(
        Send(head() + b"".join(chunk(content=c) for c in text) + chunk("stop") + DONE)
    )
    read, reply = theirs(raw_server), ours(raw_server)
    assert read.answer == text
    assert (reply.reasoning, reply.answer) == ("Why.", "Blue")
