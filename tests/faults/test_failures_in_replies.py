"""A failure is the same failure in any envelope: a status, a first event, a body, a last word."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

import glm_magic as glm
from glm_magic.core import errors
from glm_magic.core.events import Finish, Started, StreamError
from tests.faults.protocols import PROTOCOLS, Protocol
from tests.servers.raw_server import RawServer, Send, head, reply
from tests.servers.script import Script, Tokens
from tests.servers.vendor import to_json
from tests.streams.corpus import body_of

BY_NAME = {protocol.provider: protocol for protocol in PROTOCOLS}
every_protocol = pytest.mark.parametrize("protocol", PROTOCOLS, ids=lambda t: t.provider)


def whole(protocol: Protocol) -> Send:
    return Send(head() + protocol.start + protocol.rest)


def event(value: Any) -> bytes:
    return f"data: {to_json(value)}\n\n".encode()


def error(code: Any, **more: Any) -> dict[str, Any]:
    return {"error": {"code": code, "message": "not now", **more}}


def choice(**fields: Any) -> dict[str, Any]:
    return {"id": "r", "choices": [{"index": 0, "delta": {}, **fields}]}


FIRST_DELTA = {"index": 0, "delta": {"role": "assistant", "content": ""}, "finish_reason": None}
ROLE = event({"id": "failed-one", "model": "m", "choices": [FIRST_DELTA]})
OVERLOAD = {"error_type": "provider_overloaded"}
THROTTLED = {"code": "Throttling", "message": "not now", "request_id": "r"}
NATIVE_FRAME = b"id:1\nevent:error\n:HTTP_STATUS/429\ndata:" + to_json(THROTTLED).encode() + b"\n\n"

PASSING: list[tuple[str, bytes, type[glm.GlmError]]] = [
    *(("zai", event(error(code)), errors.RateLimitError) for code in ("1302", 1302, "1303")),
    *(("bigmodel", event(error(code)), errors.RateLimitError) for code in ("1305", 1312)),
    ("bigmodel", to_json(error("1302")).encode(), errors.RateLimitError),
    ("zai", ROLE + event(error("1302")), errors.RateLimitError),
    ("zai", b": ping\n\n" * 3 + event(error("1305")), errors.RateLimitError),
    *((name, event(error(502)), errors.ServerError) for name in ("openrouter", "wcode")),
    ("openrouter", event({**error(502), "choices": []}), errors.ServerError),
    ("openrouter", event({**error("503"), **choice(finish_reason="error")}), errors.ServerError),
    ("openrouter", event(choice(finish_reason="error", error=error(529)["error"])),
     errors.ServerError),
    ("openrouter", event(error(500, metadata=OVERLOAD)), errors.ServerError),
    ("openrouter", event(error(429)) + b"data: [DONE]\n\n", errors.RateLimitError),
    ("openrouter", event(choice(finish_reason="error")), errors.ServerError),
    ("wcode", to_json(error(429)).encode(), errors.RateLimitError),
    ("dashscope-native", NATIVE_FRAME, errors.RateLimitError),
    ("dashscope-native", to_json(THROTTLED).encode(), errors.RateLimitError),
    ("dashscope", event(error("Throttling.BurstRate")), errors.RateLimitError),
    ("dashscope", event(error("throttling_concurrency".replace("_", "."))), errors.RateLimitError),
    ("zai", event(choice(finish_reason="network_error")), errors.ServerError),
    ("bigmodel", ROLE + event(choice(finish_reason="network_error")), errors.ServerError),
    ("vllm", event(error(429, type="rate_limit_error")), errors.RateLimitError),
    ("vllm", event({"error": {"type": "overloaded_error", "message": "x"}}), errors.ServerError),
    ("sglang", event({"object": "error", "type": "RateLimitError", "message": "x"}),
     errors.RateLimitError),
    ("llamacpp", event({"error": {"code": 503, "type": "unavailable_error", "message": "x"}}),
     errors.ServerError),
    ("ollama", event({"error": "too many requests"}), errors.RateLimitError),
    ("lmstudio", to_json({"error": {"code": "rate_limit_exceeded"}}).encode(),
     errors.RateLimitError),
    ("vllm", b"", errors.EmptyReplyError),
    ("zai", b"data: [DONE]\n\n", errors.EmptyReplyError),
]  # fmt: skip
IDS = [f"{name} {number}" for number, (name, _, _) in enumerate(PASSING)]


@pytest.mark.parametrize(("name", "body", "kind"), PASSING, ids=IDS)
def test_a_failure_inside_a_success_is_tried_again(
    raw_server: RawServer, name: str, body: bytes, kind: type[glm.GlmError]
) -> None:
    protocol = BY_NAME[name]
    raw_server.answer_in_turn([reply(body)], [reply(body)], [whole(protocol)])
    with glm.stream("Why?", **protocol.asked(raw_server.url)) as stream:
        assert stream.wait(10)
    assert (stream.turn.answer, stream.turn.status, stream.error) == ("Blue", "complete", None)
    assert len(raw_server.requests) == 3
    assert [n.code for n in stream.turn.notices].count("retry") == 2
    assert len(stream.turn.steps) == 1, "what failed leaves no step"
    kinds = [type(timed.event) for timed in stream.events]
    assert (kinds.count(Finish), kinds.count(StreamError)) == (1, 0)
    assert kinds.count(Started) <= 1, "and no event"
    assert stream.turn.steps[0].response_id != "failed-one"


@pytest.mark.parametrize(("name", "body", "kind"), PASSING, ids=IDS)
def test_one_that_does_not_pass_is_the_failure_that_it_names(
    raw_server: RawServer, name: str, body: bytes, kind: type[glm.GlmError]
) -> None:
    raw_server.answer(reply(body))
    with pytest.raises(kind) as caught:
        glm.ask("Why?", **BY_NAME[name].asked(raw_server.url))
    assert len(raw_server.requests) == 3
    assert caught.value.hint
    assert caught.value.turn is not None
    assert caught.value.turn.status == "failed"


STREAMED = [case for case in PASSING[:-2] if not case[1].startswith(b"{")]
"""Those that can come after text; a document has nothing before it."""


@pytest.mark.parametrize(("name", "body", "kind"), STREAMED)
def test_after_the_first_word_it_ends_the_turn_and_the_text_stays(
    raw_server: RawServer, name: str, body: bytes, kind: type[glm.GlmError]
) -> None:
    protocol = BY_NAME[name]
    raw_server.answer(Send(head() + protocol.start + body))
    with pytest.raises(kind) as caught:
        glm.ask("Why?", **protocol.asked(raw_server.url))
    assert len(raw_server.requests) == 1
    assert caught.value.turn is not None
    assert (caught.value.turn.answer, caught.value.turn.status) == ("Blue", "failed")


LASTING: list[tuple[str, bytes, type[glm.GlmError]]] = [
    ("zai", event(error("1113")), errors.BillingError),
    ("zai", event(error("1301")), errors.ContentBlockedError),
    ("zai", event(error("1234")), errors.ServerError),
    ("dashscope", event(error("InternalError")), errors.ServerError),
    ("openrouter", event(error(504)), errors.ServerError),
    ("openrouter", event(error(402)), errors.BillingError),
    ("vllm", event(error(500)), errors.ServerError),
    ("vllm", event(error(None, type="insufficient_quota")), errors.BillingError),
    ("zai", to_json({"success": False, "msg": "no route", "code": 500}).encode(),
     errors.ServerError),
    ("zai", event({"success": False, "msg": "no route"}), errors.ApiError),
    ("vllm", to_json({"message": "no route"}).encode(), errors.ApiError),
    ("vllm", to_json({"error_code": 17, "error_msg": "no route"}).encode(), errors.ApiError),
    ("vllm", event({"detail": [{"loc": ["body", "n"], "msg": "too many", "type": "x"}]}),
     errors.ApiError),
    ("sglang", event(choice(finish_reason="abort")), errors.ServerError),
    ("zai", event(choice(finish_reason="sensitive")), errors.ContentBlockedError),
    ("zai", event(choice(finish_reason="model_context_window_exceeded")),
     errors.ContextLengthError),
]  # fmt: skip


@pytest.mark.parametrize(("name", "body", "kind"), LASTING)
def test_what_would_not_pass_or_may_be_billed_is_told_at_once(
    raw_server: RawServer, name: str, body: bytes, kind: type[glm.GlmError]
) -> None:
    raw_server.answer(reply(body))
    with pytest.raises(kind) as caught:
        glm.ask("Why?", **BY_NAME[name].asked(raw_server.url))
    assert "no route" in caught.value.message or b"no route" not in body
    assert len(raw_server.requests) == 1


def test_tokens_that_were_generated_unseen_are_billed_and_not_asked_for_again(
    raw_server: RawServer,
) -> None:
    usage = {"prompt_tokens": 9, "completion_tokens": 70}
    raw_server.answer(reply(event({**choice(finish_reason="network_error"), "usage": usage})))
    with pytest.raises(errors.ServerError) as caught:
        glm.ask("Why?", **BY_NAME["zai"].asked(raw_server.url))
    assert len(raw_server.requests) == 1
    assert caught.value.turn is not None
    assert caught.value.turn.usage is not None
    assert caught.value.turn.usage.output == 70


def test_a_body_that_ends_with_its_connection_may_have_been_cut(raw_server: RawServer) -> None:
    raw_server.answer(Send(head()))
    with pytest.raises(errors.EmptyReplyError):
        glm.ask("Why?", **BY_NAME["zai"].asked(raw_server.url))
    assert len(raw_server.requests) == 1


# ── finish reasons ───────────────────────────────────────────────────────────────────────────────

FAILURES = {
    "sensitive": errors.ContentBlockedError,
    "content_filter": errors.ContentBlockedError,
    "CONTENT-FILTER": errors.ContentBlockedError,
    "network_error": errors.ServerError,
    "Network Error": errors.ServerError,
    "error": errors.ServerError,
    "abort": errors.ServerError,
}


@every_protocol
@pytest.mark.parametrize("reason", FAILURES)
def test_a_finish_reason_that_is_a_failure_fails_and_keeps_the_text(
    raw_server: RawServer, protocol: Protocol, reason: str
) -> None:
    raw_server.answer(Send(head() + protocol.finished(reason)))
    with pytest.raises(FAILURES[reason]) as caught:
        glm.ask("Why?", **protocol.asked(raw_server.url))
    turn = caught.value.turn
    assert turn is not None
    assert (turn.reasoning, turn.answer) == ("Think", "Blue")
    assert (turn.status, turn.finish_reason) == ("failed", reason)
    assert (caught.value.code, caught.value.provider) == (reason, protocol.provider)
    assert len(caught.value.message) > 20
    assert not turn.is_context
    assert turn.usage is not None, "what it cost is counted"
    assert len(raw_server.requests) == 1


@every_protocol
@pytest.mark.parametrize("reason", ["model_context_window_exceeded", "length", "max_tokens"])
def test_a_full_context_window_cuts_a_reply_that_has_text(
    raw_server: RawServer, protocol: Protocol, reason: str
) -> None:
    raw_server.answer(Send(head() + protocol.finished(reason)))
    answer = glm.ask("Why?", **protocol.asked(raw_server.url))
    assert (answer.answer, answer.status, answer.finish_reason) == ("Blue", "complete", reason)
    assert any("the reply was cut" in notice.message for notice in answer.turn.notices)
    assert answer.turn.is_context


@pytest.mark.parametrize("protocol", [BY_NAME[n] for n in ("zai", "bigmodel", "openrouter")])
def test_a_full_context_window_with_thinking_alone_is_a_failure(
    raw_server: RawServer, protocol: Protocol
) -> None:
    script = Script(reasoning="Hm", answer="", finish="model_context_window_exceeded")
    raw_server.answer(Send(head() + body_of(protocol.vendor, "window", script).content))
    with pytest.raises(errors.ContextLengthError) as caught:
        glm.ask("Why?", **protocol.asked(raw_server.url))
    assert caught.value.turn is not None
    assert caught.value.turn.reasoning == "Hm"


def test_text_that_was_cut_goes_on_in_a_session(raw_server: RawServer) -> None:
    zai = BY_NAME["zai"]
    session = glm.Session("cut", **zai.asked(raw_server.url))
    raw_server.answer(Send(head() + zai.finished("model_context_window_exceeded")))
    session.ask("Why?")
    raw_server.answer(Send(head() + zai.finished("sensitive")))
    with pytest.raises(errors.ContentBlockedError):
        session.ask("And now?")
    raw_server.answer(whole(zai))
    session.ask("Go on")
    texts = [message["content"] for message in raw_server.last.json["messages"]]
    assert texts == ["Why?", "Blue", "Go on"], "what was withdrawn is not sent"


@pytest.mark.parametrize("reason", ["sensitive", "error"])
def test_a_lane_that_fails_leaves_the_others(raw_server: RawServer, reason: str) -> None:
    zai = BY_NAME["zai"]
    raw_server.answer_in_turn([Send(head() + zai.finished(reason))], [whole(zai)])
    lanes = glm.compare("Why?", "temperature=0,1", **zai.asked(raw_server.url)).lanes
    assert sorted(lane.status for lane in lanes) == ["complete", "failed"]


def test_a_call_in_a_withdrawn_reply_is_not_made(raw_server: RawServer) -> None:
    made: list[str] = []

    def weather(city: str) -> str:
        """Return the weather."""
        made.append(city)
        return "rain"

    function = {"name": "weather", "arguments": '{"city": "Ulm"}'}
    call = {"index": 0, "id": "c", "type": "function", "function": function}
    raw_server.answer(reply(event(choice(delta={"tool_calls": [call]}, finish_reason="sensitive"))))
    with pytest.raises(errors.ContentBlockedError):
        glm.ask("Why?", **BY_NAME["zai"].asked(raw_server.url, tools=[weather]))
    assert made == []


def test_a_schema_does_not_hide_the_failure(raw_server: RawServer) -> None:
    raw_server.answer(Send(head() + BY_NAME["zai"].finished("network_error")))
    schema = {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]}
    with pytest.raises(errors.ServerError):
        glm.ask("Why?", **BY_NAME["zai"].asked(raw_server.url, schema=schema))
    assert len(raw_server.requests) == 1


def test_the_usage_of_a_failed_attempt_is_not_added(raw_server: RawServer) -> None:
    zai = BY_NAME["zai"]
    script = replace(Script(answer="Blue"), tokens=Tokens(11, 29))
    raw_server.answer_in_turn(
        [reply(event(error("1302")))],
        [Send(head() + body_of(zai.vendor, "paid", script).content)],
    )
    usage = glm.ask("Why?", **zai.asked(raw_server.url)).usage
    assert usage is not None
    assert (usage.input, usage.output) == (11, 29)
