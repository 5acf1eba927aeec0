"""A key that a service sends back is shown nowhere, however it is spelt and wherever it is cut."""

from __future__ import annotations

import base64
import json
import logging
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

import glm_magic as glm
from glm_magic.core.events import ContentDelta, Finish, ReasoningDelta, ToolCallDelta
from glm_magic.core.secret import Secret
from glm_magic.engine.redaction import EventFilter
from glm_magic.wire.echoes import without_secrets
from tests.security.test_secrets import KEY, leaks
from tests.servers.raw_server import RawServer, Send, head, reply

SPELT: dict[str, Callable[[str], str]] = {
    "as it is": lambda key: key,
    "escaped": lambda key: "".join(f"\\u{ord(c):04x}" for c in key),
    "escaped in capitals": lambda key: "".join(f"\\u{ord(c):04X}" for c in key),
    "its first letter escaped": lambda key: f"\\u{ord(key[0]):04x}{key[1:]}",
    "escaped twice": lambda key: "".join(f"\\\\u{ord(c):04x}" for c in key),
    "slashes escaped": lambda key: key.replace("/", "\\/"),
    "percent-encoded": lambda key: quote(key, safe=""),
    "percent-encoded twice": lambda key: quote(quote(key, safe=""), safe=""),
    "every character": lambda key: "".join(f"%{ord(c):02x}" for c in key),
    "escaped for Python": lambda key: "".join(f"\\x{ord(c):02x}" for c in key),
    "escaped for HTML": lambda key: key.replace("+", "&#43;").replace("/", "&#x2F;"),
    "in entities": lambda key: "".join(f"&#{ord(c)};" for c in key),
    "in hexadecimal": lambda key: key.encode().hex(),
    "in capital hexadecimal": lambda key: f"key=0x{key.encode().hex().upper()}",
    "in base64": lambda key: base64.b64encode(key.encode()).decode(),
    "in a header in base64": lambda key: base64.b64encode(f"Bearer {key}".encode()).decode(),
    "in base64 for URLs": lambda key: base64.urlsafe_b64encode(f"k:{key}\n".encode()).decode(),
}
every_spelling = pytest.mark.parametrize("spelling", SPELT)


def asked(server: RawServer, **options: Any) -> dict[str, Any]:
    address = {"provider": "vllm", "model": "m", "base_url": server.url + "/v1"}
    return {**address, "api_key": KEY, **options}


def event(delta: str) -> bytes:
    """Return a record whose delta is written as given, escapes and all."""
    return f'data: {{"choices":[{{"index":0,"delta":{{{delta}}}}}]}}\n\n'.encode()


def stream_of(*deltas: str) -> Send:
    return Send(head() + b"".join(map(event, deltas)) + b"data: [DONE]\n\n")


def shown(stream: Any) -> bytes:
    """Return everything that a person or a program could read of a turn."""
    turn = stream.turn
    return "\n".join([repr(turn), repr(stream.events), repr(stream.error), repr(stream)]).encode()


@every_spelling
def test_a_spelling_is_found_in_one_piece(spelling: str) -> None:
    secret = Secret(KEY, "TEST")
    text = secret.redact(f"before {SPELT[spelling](KEY)} after")
    assert leaks("text", text.encode()) == []
    assert text.startswith("before ")
    assert text.endswith(" after")
    assert "<key>" in text


@every_spelling
@pytest.mark.parametrize("cut", [1, 2, 3, 5, 9, 17])
@pytest.mark.parametrize("field", ["content", "reasoning_content", "arguments"])
def test_a_key_in_pieces_is_cut_out(
    raw_server: RawServer, spelling: str, cut: int, field: str, tmp_path: Path
) -> None:
    text = "you sent " + SPELT[spelling](KEY) + " to me"
    pieces = [text[at : at + cut] for at in range(0, len(text), cut)]
    written = [json.dumps(piece) for piece in pieces]
    if field == "arguments":
        call = '"tool_calls":[{"index":0,"id":"c","function":{"name":"f","arguments":%s}}]'
        deltas = [call % piece for piece in written]
    else:
        deltas = [f'"{field}":{piece}' for piece in written]
    raw_server.answer(stream_of(*deltas))
    tape = tmp_path / "a.glmtape"
    with glm.record(tape), glm.stream("Why?", **asked(raw_server)) as stream:
        assert stream.wait(10)
    turn = stream.turn
    got = turn.tool_calls[0].arguments if field == "arguments" else turn.answer + turn.reasoning
    assert got.startswith("you sent ")
    assert got.endswith(" to me")
    assert "<key>" in got
    assert leaks("turn", shown(stream)) == []
    joined = b"".join(json.loads(line[6:])["choices"][0]["delta"].__repr__().encode()
                      for line in stream.raw.split(b"\n\n") if line[6:7] == b"{")  # fmt: skip
    assert leaks("raw", stream.raw + joined) == []
    assert KEY[9:] not in joined.decode()
    content = tape.read_bytes()
    assert leaks("tape", content) == []
    with glm.replay(tape, speed=float("inf")), glm.stream("Why?", **asked(raw_server)) as again:
        assert again.wait(10)
    assert leaks("replayed", shown(again) + again.raw) == []


def test_text_is_not_held_back_without_need(raw_server: RawServer) -> None:
    raw_server.answer(stream_of(*(f'"content":"{word} "' for word in ["It", "is", "so"])))
    with glm.stream("Why?", **asked(raw_server)) as stream:
        texts = [e.text for e in stream if isinstance(e, ContentDelta)]
    assert texts == ["It ", "is ", "so "]


PIECES = st.sampled_from([*"sk-Zq7", "so", " ", KEY[:4], KEY[4:], KEY[:20], KEY])


@given(st.lists(PIECES, max_size=30))
def test_what_is_no_key_arrives_whole_and_in_order(pieces: list[str]) -> None:
    secret = Secret(KEY, "TEST")
    events = EventFilter(secret).feed([*map(ContentDelta, pieces), Finish("stop")])
    text = "".join(e.text for e in events if isinstance(e, ContentDelta))
    whole = secret.redact("".join(pieces))
    most = max((n for n in range(len(KEY)) if whole.endswith(KEY[:n])), default=0)
    if most >= 10:  # most of a key at the very end is hidden, too
        whole = whole[: len(whole) - most] + "<key>"
    assert text.replace("s<key>", "<key>") == whole.replace("s<key>", "<key>")
    assert leaks("text", text.encode()) == []
    assert events[-1] == Finish("stop")


def test_a_key_is_followed_where_other_text_comes_between() -> None:
    pieces = [KEY[at : at + 4] for at in range(0, len(KEY), 4)]
    filtered = EventFilter(Secret(KEY, "TEST"))
    events = []
    for piece in pieces:
        events += filtered.feed([ReasoningDelta(piece), ContentDelta("x"), ToolCallDelta(1, "y")])
    events += filtered.feed([Finish("stop")])
    reasoning = "".join(e.text for e in events if isinstance(e, ReasoningDelta))
    assert len(pieces) == sum(e == ContentDelta("x") for e in events)
    assert reasoning in (KEY[:4] + "<key>", KEY[:8] + "<key>", "<key>")


def test_names_and_ids_are_cut_too(raw_server: RawServer) -> None:
    call = '"tool_calls":[{"index":0,%s"function":{"name":"%s","arguments":"{}"}}]'
    raw_server.answer(stream_of(call % (f'"id":"{KEY}",', KEY[:9]), call % ("", KEY[9:])))
    with glm.stream("Why?", **asked(raw_server)) as stream:
        assert stream.wait(10)
    assert leaks("turn", shown(stream)) == []
    assert KEY[9:] not in repr(stream.turn)


@every_spelling
@pytest.mark.parametrize("where", ["message", "code", "body", "header", "mid-stream", "plain"])
def test_an_error_never_repeats_it(raw_server: RawServer, spelling: str, where: str) -> None:
    spelt = SPELT[spelling](KEY)
    inside = (
        spelt if spelling.startswith(("escaped", "its", "slashes")) else json.dumps(spelt)[1:-1]
    )
    body = f'{{"error":{{"message":"bad {inside} key","code":"e-{inside}","type":"{inside}"}}}}'
    match where:
        case "header":
            steps = [reply(b"{}", "401 No", "application/json", {"x-request-id": f"r-{spelt}"})]
        case "mid-stream":
            steps = [Send(head() + event('"content":"half"') + f"data: {body}\n\n".encode())]
        case "plain":
            steps = [reply(f"sorry {spelt} is wrong".encode(), "403 No", "text/plain")]
        case "body":
            steps = [reply(f"<title>{spelt}</title>".encode(), "502 No", "text/html")]
        case _:
            steps = [reply(body.encode(), "401 No", "application/json")]
    raw_server.answer(*steps)
    with glm.stream("Why?", **asked(raw_server)) as stream:
        assert stream.wait(20)
    error = stream.error
    assert error is not None
    words = repr(vars(error)) + str(error) + "\n".join([*error.lines("zh"), *error.lines("en")])
    assert leaks("error", words.encode() + shown(stream) + stream.raw) == []


@every_spelling
@pytest.mark.parametrize("where", ["status line", "header line", "chunk size"])
def test_nor_does_one_about_broken_http(raw_server: RawServer, spelling: str, where: str) -> None:
    spelt = SPELT[spelling](KEY).encode()
    body = {
        "status line": b"SSH-2.0 " + spelt + b"\r\n\r\n",
        "header line": b"HTTP/1.1 200 OK\r\n" + spelt + b"\r\n\r\n",
        "chunk size": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + spelt + b"\r\n",
    }
    raw_server.answer(Send(body[where]))
    with glm.stream("Why?", **asked(raw_server)) as stream:
        assert stream.wait(20)
    assert stream.error is not None
    shown_of_it = "\n".join([*stream.error.lines("en"), *stream.error.lines("zh")])
    assert leaks("error", shown_of_it.encode() + shown(stream)) == []


def test_a_cumulative_stream_is_read_right(raw_server: RawServer) -> None:
    text = f"you sent {KEY} here"
    frames = [
        {"output": {"choices": [{"message": {"content": text[:n]}}]}} for n in range(4, 45, 5)
    ]
    frames[-1]["output"]["choices"][0]["finish_reason"] = "stop"  # type: ignore[call-overload]
    body = b"".join(f"data:{json.dumps(frame)}\n\n".encode() for frame in frames)
    raw_server.answer(Send(head() + body))
    options = {"provider": "dashscope-native", "base_url": raw_server.url + "/api/v1"}
    cumulative = {"incremental_output": False}
    with glm.stream("Why?", api_key=KEY, model="glm-5", params=cumulative, **options) as stream:
        assert stream.wait(10)
    assert stream.turn.answer == "you sent <key> here"
    assert leaks("raw", stream.raw) == []
    assert KEY[:12] not in stream.raw.decode()


@pytest.fixture
def logged(caplog: pytest.LogCaptureFixture) -> Iterator[pytest.LogCaptureFixture]:
    with caplog.at_level(logging.INFO):
        yield caplog


LOGINS = {
    "a login": ("http://me:hunter2xyz@{host}/v1", "hunter2xyz"),
    "a login without scheme": ("me:hunter2xyz@{host}/v1", "hunter2xyz"),
    "a login after slashes": ("//me:hunter2xyz@{host}/v1", "hunter2xyz"),
    "an encoded login": ("http://me:hunter%32xyz@{host}/v1", "hunter2xyz"),
    "a token as the login": ("http://tok3n-of-mine@{host}/v1", "tok3n-of-mine"),
    "a key in the query": ("http://{host}/v1?api_key=s3cret-of-mine", "s3cret-of-mine"),
    "a token in the query": ("http://{host}/v1?a=1&access_token=s3cret-of-mine", "s3cret-of-mine"),
}


@pytest.mark.parametrize("case", LOGINS)
def test_what_stands_in_an_address_is_sent_and_shown_nowhere(
    case: str,
    raw_server: RawServer,
    tmp_path: Path,
    logged: pytest.LogCaptureFixture,
) -> None:
    address, secret = LOGINS[case]
    url = address.format(host=raw_server.url.removeprefix("http://"))
    packed = base64.b64encode(f"me:{secret}".encode()).decode()
    raw_server.answer(stream_of(f'"content":"echo {secret} {packed}"'))
    with (
        glm.record(tmp_path / "a.glmtape"),
        glm.stream("Why?", provider="vllm", model="m", base_url=url) as stream,
    ):
        assert stream.wait(10)
    sent = raw_server.last
    if "query" in case:
        assert sent.path.partition("?")[0] == "/v1/chat/completions"
        assert sent.path.endswith("s3cret-of-mine")
        assert "authorization" not in sent.headers
    else:
        user = f"{secret}:" if "token" in case else f"me:{secret}"
        basic = base64.b64encode(user.encode()).decode()
        assert sent.headers["authorization"] == f"Basic {basic}"
        assert sent.path == "/v1/chat/completions"
    kept = (tmp_path / "a.glmtape").read_bytes().decode()
    session = glm.Session("x", provider="vllm", model="m", base_url=url)
    everything = [shown(stream).decode(), stream.raw.decode(), kept, logged.text,
                  repr(stream.call), repr(session.options)]  # fmt: skip
    for text in everything:
        assert secret not in text
        assert packed not in text
    assert "HTTP Request: POST" in logged.text


def test_a_login_and_a_key_are_never_both_dropped(
    raw_server: RawServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    raw_server.answer(stream_of('"content":"hi"'))
    url = raw_server.url.replace("//", "//me:hunter2xyz@") + "/v1"
    where = {"provider": "vllm", "model": "m", "base_url": url}
    with pytest.raises(glm.GlmError, match="only one can be sent") as caught:
        glm.ask("Why?", api_key=KEY, **where)
    assert len(caught.value.lines()) == 2
    monkeypatch.setenv("GLM_API_KEY", KEY)
    with pytest.raises(glm.GlmError, match="GLM_API_KEY a key"):
        glm.ask("Why?", **where)
    assert raw_server.requests == []
    assert glm.ask("Why?", api_key="", **where).answer == "hi"
    assert raw_server.last.headers["authorization"].startswith("Basic ")
    monkeypatch.delenv("GLM_API_KEY")
    hosted = {"provider": "zai", "model": "glm-4.6", "base_url": url}
    assert glm.ask("Why?", **hosted).answer == "hi", "a login is all that this gateway wants"


@pytest.mark.parametrize(
    "bad",
    [
        "https://me:hunter2xyz@",
        "me:hunter2xyz@host/v1",
        "https://me:h/hunter2xyz@x.y/v1",
        "ftp://me:hunter2xyz@h/v1",
        "https://me:hunter2xyz@h:port/v1",
        "h:1/?api_key=hunter2xyz",
    ],
)
def test_nor_in_the_error_about_an_address(bad: str) -> None:
    with pytest.raises(glm.GlmError) as caught:
        glm.ask("Why?", provider="vllm", model="m", base_url=bad)
    assert "hunter2xyz" not in "\n".join(caught.value.lines())
    assert "is not a web address" in caught.value.message


@pytest.mark.parametrize("length", [10**5, 4 * 10**5])
def test_a_body_is_searched_in_one_go(length: int) -> None:
    secrets = Secret(KEY, "TEST").spellings
    for piece in ('"', '\\"', "\\", '"a":', '"index":1', '"a', "%25", f'"{KEY[:20]}",', "\\u0073"):
        body = (piece * (length // len(piece))).encode()
        assert len(without_secrets(body, secrets)) <= len(body)


@pytest.mark.parametrize("word", ["EMPTY", "none", "ollama", "abc"])
def test_a_word_that_only_fills_the_field_is_no_secret(word: str) -> None:
    assert Secret(word, "TEST").redact(f"say {word} again") == f"say {word} again"
