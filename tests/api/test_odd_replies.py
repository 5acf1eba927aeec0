"""What servers send beside the protocols, and what is made of it."""

from __future__ import annotations

import base64
import contextlib
import dataclasses
import json
import re
import time
from pathlib import Path
from typing import Any

import pytest

import glm_magic as glm
from glm_magic.core import errors
from glm_magic.core.events import ContentWasReasoning
from glm_magic.engine import exchange
from tests.api.providers import PLACES, Place
from tests.servers.model_server import ModelServer
from tests.servers.raw_server import RawServer, Send, Stall, Wait, head, reply
from tests.servers.script import Call, Script
from tests.servers.vendor import KEY

PLACE = {place.provider: place for place in reversed(PLACES)}
DONE = b"data: [DONE]\n\n"
NO = "400 Bad Request"


def at(provider: str, server: RawServer, **options: Any) -> dict[str, Any]:
    """Return the keywords that ask a provider at the raw server."""
    place = PLACE[provider]
    key = {"api_key": KEY} if place.hosted else {}
    address = {"provider": provider, "base_url": server.url + place.path}
    return {"model": place.model, **address, **key, **options}


def event(value: Any) -> bytes:
    return b"data: " + json.dumps(value, ensure_ascii=False).encode() + b"\n\n"


def chunk(finish: str | None = None, **delta: Any) -> bytes:
    return event({"id": "r", "choices": [{"index": 0, "delta": delta, "finish_reason": finish}]})


def body(*chunks: bytes) -> Send:
    return reply(b"".join(chunks) + chunk("stop") + DONE)


def refused(value: Any, status: str = NO) -> Send:
    return reply(json.dumps(value).encode(), status=status, content_type="application/json")


def error_of(server: RawServer, provider: str, answer: Send, **options: Any) -> glm.GlmError:
    server.answer(answer)
    with pytest.raises(glm.GlmError) as caught:
        glm.ask("Why?", **at(provider, server, **options))
    return caught.value


# ── texts ────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("provider", ["zai", "vllm", "wcode"])
def test_white_space_before_the_reasoning_stays_before_the_answer(
    raw_server: RawServer, provider: str
) -> None:
    field = "reasoning_content" if provider == "zai" else "reasoning"
    raw_server.answer(body(chunk(content="\n"), chunk(**{field: "hm"}), chunk(content="def f():")))
    got = glm.ask("Why?", **at(provider, raw_server))
    assert (got.reasoning, got.answer) == ("hm", "\ndef f():")


@pytest.mark.parametrize(
    ("text", "reasoning", "answer"),
    [
        ("so</think>Blue", "so", "Blue"),
        ("<think>so</think>Blue", "so", "Blue"),
        ("<thi", "", "<thi"),
        ("\n", "", "\n"),
        ("no end", "no end", ""),
    ],
)
@pytest.mark.parametrize("size", [1, 3, 100])
def test_a_server_can_be_said_to_open_the_reasoning_itself(
    raw_server: RawServer, own_home: Path, text: str, reasoning: str, answer: str, size: int
) -> None:
    own_home.joinpath("mine.toml").write_text("[provider.vllm]\nthink_open = true\n")
    pieces = [chunk(content=text[at : at + size]) for at in range(0, len(text), size)]
    raw_server.answer(body(*pieces))
    got = glm.ask("Why?", **at("vllm", raw_server))
    assert (got.reasoning, got.answer) == (reasoning, answer)
    moved = [item for item in got.events if isinstance(item.event, ContentWasReasoning)]
    assert moved == [], "no word stood in the answer before"
    raw_server.answer(body(chunk(content="Blue")))
    got = glm.ask("Why?", **at("vllm", raw_server, thinking=False))
    assert (got.reasoning, got.answer) == ("", "Blue"), "nothing is open with thinking off"
    raw_server.answer(body(chunk(reasoning="so"), chunk(content="Blue")))
    got = glm.ask("Why?", **at("vllm", raw_server))
    assert (got.reasoning, got.answer) == ("so", "Blue"), "there is a parser after all"


@pytest.fixture
def own_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give an empty folder of the user's own facts."""
    folder = tmp_path / "home"
    folder.mkdir(exist_ok=True)
    monkeypatch.setenv("GLM_HOME", str(folder))
    return folder


def test_an_error_line_right_after_a_text_does_not_lose_it(raw_server: RawServer) -> None:
    broken = b'error: {"code": 500, "message": "boom", "type": "server_error"}\n\n'
    error = error_of(
        raw_server, "vllm", reply(chunk(content="shown").rstrip(b"\n") + b"\n" + broken)
    )
    assert error.turn is not None
    assert (error.message, error.turn.answer) == ("boom", "shown")


def test_cumulative_frames_give_each_argument_once(raw_server: RawServer) -> None:
    def frame(arguments: str, finish: str = "null") -> bytes:
        function = {"name": "f", "arguments": arguments}
        call = {"index": 0, "id": "c1", "type": "function", "function": function}
        message = {"role": "assistant", "content": "", "tool_calls": [call]}
        return event({"output": {"choices": [{"message": message, "finish_reason": finish}]}})

    grown = ["", '{"x"', '{"x": 1}']
    raw_server.answer(reply(b"".join(map(frame, grown)) + frame(grown[-1], "tool_calls")))
    tool = {"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}
    got = glm.ask(
        "x", **at("dashscope-native", raw_server, tools=[tool], thinking=False,
                  params={"incremental_output": False}),
    )  # fmt: skip
    assert [call.arguments for call in got.tool_calls] == ['{"x": 1}']


# ── ends ─────────────────────────────────────────────────────────────────────────────────────────


def test_heartbeats_after_the_finish_reason_do_not_keep_a_reply_open(
    raw_server: RawServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exchange, "TRAILER_S", 0.5)
    pings = [step for _ in range(200) for step in (Wait(0.1), Send(b": ping\n\n"))]
    raw_server.answer(Send(head() + chunk(content="hi") + chunk("stop")), *pings, Stall())
    began = time.monotonic()
    assert glm.ask("Why?", **at("vllm", raw_server)).status == "complete"
    assert time.monotonic() - began < 10


def test_more_cached_tokens_than_input_cost_no_less_than_nothing(raw_server: RawServer) -> None:
    counts = {"prompt_tokens": 10, "completion_tokens": 0}
    counts["prompt_tokens_details"] = {"cached_tokens": 100}  # type: ignore[assignment]
    end = event({"id": "r", "choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}],
                 "usage": counts})  # fmt: skip
    raw_server.answer(reply(chunk(content="hi") + end + DONE))
    cost = glm.ask("Why?", **at("zai", raw_server, model="glm-4.6")).cost
    assert cost is not None
    assert cost.amount > 0
    assert cost.estimated


# ── errors ───────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("odd", ["", "\u2028", "\x85"])
def test_an_error_in_an_event_is_read_whatever_its_message_holds(
    raw_server: RawServer, odd: str
) -> None:
    refusal = {"code": "Arrearage", "message": f"Access denied{odd} overdue", "request_id": "r-1"}
    answer = b"event:error\n" + event(refusal)
    error = error_of(raw_server, "dashscope-native", reply(answer, status=NO))
    assert (type(error), error.code, error.request_id) == (errors.BillingError, "Arrearage", "r-1")


@pytest.mark.parametrize(
    ("code", "message", "kind"),
    [
        (
            "InvalidParameter",
            "Range of max_tokens should be [1, 16384]",
            errors.InvalidRequestError,
        ),
        ("InvalidParameter", "Range of input length should be [1, 9]", errors.ContextLengthError),
        ("DataInspectionFailed", "may contain inappropriate content", errors.ContentBlockedError),
        ("Nonsense", "something else", errors.InvalidRequestError),
    ],
)
def test_a_400_of_an_algorithm_is_no_fault_of_the_service(
    raw_server: RawServer, code: str, message: str, kind: type[glm.GlmError]
) -> None:
    refusal = {"code": f"InternalError.Algo.{code}", "message": message, "request_id": "r"}
    error = error_of(raw_server, "dashscope-native", refused(refusal))
    assert type(error) is kind
    assert len(raw_server.requests) == 1, "it is not tried again"


def test_a_moderated_prompt_says_what_was_found(raw_server: RawServer) -> None:
    metadata = {"reasons": ["violence", 3], "flagged_input": "…"}
    refusal = {"error": {"code": 403, "message": "Input was flagged", "metadata": metadata}}
    error = error_of(raw_server, "openrouter", refused(refusal, "403 Forbidden"))
    assert type(error) is errors.ContentBlockedError
    assert "violence; rephrase" in error.hint


@pytest.mark.parametrize(
    ("refusal", "message", "code"),
    [
        ({"error": None, "message": "boom", "code": 7}, "boom", "7"),
        ({"detail": "Not Found"}, "Not Found", None),
        ({"error": "slow down", "code": "1302"}, "slow down", "1302"),
        ({"error": {"message": "odd", "code": "9" * 5000}}, "odd", "9" * 5000),
        ({"error": {}}, "an error without a message", None),
    ],
)
def test_an_error_of_any_shape_keeps_its_message_and_code(
    raw_server: RawServer, refusal: Any, message: str, code: str | None
) -> None:
    error = error_of(raw_server, "zai", refused(refusal))
    assert (error.message, error.code) == (message, code)


def test_a_date_that_no_calendar_has_is_no_reason_to_fail(raw_server: RawServer) -> None:
    day = "Wed, 21 Oct 99999999999999999999 07:28:00 GMT"
    busy = b"HTTP/1.1 503 No\r\nContent-Length: 0\r\nRetry-After: " + day.encode() + b"\r\n\r\n"
    raw_server.answer_in_turn([Send(busy)], [body(chunk(content="Blue"))])
    assert glm.ask("Why?", **at("vllm", raw_server)).answer == "Blue"


# ── what may not be sent twice, shown, or kept ───────────────────────────────────────────────────


@pytest.mark.parametrize("text", ["a\u2028b", "a b", "a\x85b"])
@pytest.mark.parametrize("whole", [True, False])
def test_no_id_is_on_a_tape_however_its_record_looks(
    raw_server: RawServer, tmp_path: Path, text: str, whole: bool
) -> None:
    refusal = {"id": "SECRETID99", "request_id": "SECRETACC77"}
    refusal["choices"] = [{"index": 0, "delta": {"content": text}, "finish_reason": "stop"}]  # type: ignore[assignment]
    data = event(refusal)
    raw_server.answer(reply((data + DONE) if whole else data[:-20]))
    tape = tmp_path / "t.glmtape"
    with glm.record(tape), contextlib.suppress(errors.EmptyReplyError):
        glm.ask("Why?", **at("vllm", raw_server))
    lines = tape.read_text(encoding="utf-8").splitlines()
    packed = [base64.b64decode(line[1:]) for line in lines if re.fullmatch(r"=[\w+/]+=*", line)]
    everything = "\n".join(lines) + b"\n".join(packed).decode("utf-8", "replace")
    assert "SECRET" not in everything
    assert "not on the tape" in everything


def test_a_password_in_an_address_is_not_repeated() -> None:
    for address in ("ftp://bob:hunter2@h/v1", "http://bob:hunter2@[h/v1"):
        with pytest.raises(errors.InvalidValueError) as caught:
            glm.ask("x", provider="vllm", model="m", base_url=address)
        assert "hunter2" not in str(caught.value)
    with pytest.raises(errors.UnknownNameError) as unnamed:
        glm.ask("x", provider="vllm", base_url="http://bob:hunter2@127.0.0.1:9/v1")
    assert "hunter2" not in str(unnamed.value)


# ── names and values ─────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(("setting", "sent"), [("off", "disabled"), ("On", "enabled")])
def test_thinking_may_be_said_in_words(server: ModelServer, setting: str, sent: str) -> None:
    glm.ask("x", **PLACE["zai"].asked(server, thinking=setting))
    assert server.last.json["thinking"] == {"type": sent}


@pytest.mark.parametrize("tool", [{"type": "function", "function": None}, {"type": "function"}])
def test_a_schema_without_a_function_is_no_tool(tool: Any) -> None:
    with pytest.raises(errors.InvalidValueError, match="not a tool"):
        glm.ask("x", provider="dashscope", model="glm-5", api_key=KEY, tools=[tool])


def test_an_id_of_a_wrong_length_is_refused_before_sending() -> None:
    with pytest.raises(errors.InvalidValueError, match="takes 6 to 64 characters, not 3"):
        glm.ask("x", provider="zai", model="glm-4.6", api_key=KEY, params={"request_id": "abc"})


def test_a_provider_before_a_model_wins_over_the_environment_and_the_session(
    server: ModelServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = {"api_key": KEY, "base_url": server.url + "/api/paas/v4"}
    monkeypatch.setenv("GLM_PROVIDER", "ollama")
    assert glm.ask("x", model="zai/glm-4.6", **asked).provider == "zai"
    session = glm.Session("s", provider="bigmodel", **asked)
    assert session.ask("x", model="zai/glm-4.6").provider == "zai"
    assert session.ask("x").provider == "bigmodel"


@pytest.mark.parametrize(
    ("named", "place", "sent"),
    [
        ("z-ai/glm-4.5", PLACE["wcode"], "z-ai/glm-4.5"),
        ("bigmodel/glm-4.5", PLACE["bigmodel"], "glm-4.5"),
        ("my-own", PLACE["bigmodel"], "my-own"),
    ],
)
def test_the_model_of_the_environment_is_asked_in_any_spelling(
    monkeypatch: pytest.MonkeyPatch, named: str, place: Place, sent: str
) -> None:
    monkeypatch.setenv("GLM_MODEL", named)
    with ModelServer() as server:
        asked = place.asked(server)
        del asked["model"]
        with contextlib.suppress(errors.NotFoundError):
            glm.ask("x", **asked)
        assert server.last.json["model"] == sent


def test_a_model_of_the_environment_that_is_left_out_is_told(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from glm_magic.engine.options import Options
    from glm_magic.engine.prepare import resolve_offer

    monkeypatch.setenv("GLM_MODEL", "glm-5-turbo")
    choice = resolve_offer(Options(provider="dashscope"))
    assert choice.offer.model.id != "glm-5-turbo"
    assert [notice.code for notice in choice.notices] == ["other-model"]


def test_the_value_of_a_comparison_is_its_lanes(server: ModelServer) -> None:
    @dataclasses.dataclass
    class City:
        name: str

    server.tell(Script(answer='{"name": "Ulm"}'))
    comparison = glm.compare("x", "temperature=0,1", **PLACE["zai"].asked(server, schema=City))
    assert comparison.value == City("Ulm")
    assert [lane.value for lane in comparison.lanes] == [City("Ulm")] * 2


def test_calls_keep_their_ids_on_a_tape_that_is_cut(raw_server: RawServer, tmp_path: Path) -> None:
    call = {"index": 0, "id": "call_abcdef", "type": "function",
            "function": {"name": Call("f", "{}").name, "arguments": "{}"}}  # fmt: skip
    raw_server.answer(reply(chunk(tool_calls=[call])[:-12]))
    with glm.record(tmp_path / "t.glmtape"), contextlib.suppress(errors.EmptyReplyError):
        glm.ask("Why?", **at("vllm", raw_server))
    assert "call_abcdef" in (tmp_path / "t.glmtape").read_text(encoding="utf-8")
