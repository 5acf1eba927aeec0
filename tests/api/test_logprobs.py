"""How probable tokens were: asked for in every provider's spelling, kept, saved and replayed."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pytest

import glm_magic as glm
from glm_magic import local
from glm_magic.core.errors import InvalidValueError, UnsupportedError
from glm_magic.core.turn import Turn
from glm_magic.local import server as local_server
from glm_magic.session.codec import decode, encode
from tests.api.providers import PLACES, Place
from tests.security.test_secrets import KEY, leaks
from tests.servers.model_server import ModelServer
from tests.servers.raw_server import RawServer, Send, head
from tests.servers.script import Script

REPORT = ("wcode", "openrouter", "vllm", "sglang", "llamacpp", "ollama")
REPORTING = [p for p in PLACES if p.provider in REPORT and p.flavor != "vllm-old"]
NATIVE = [p for p in PLACES if p.provider.startswith("dashscope-native")]
REFUSING = [p for p in PLACES if p.provider in ("bigmodel", "zai")]
TWO = Script(answer=("Yes", ", of", " course."), reasoning=("Hm", "."))
VLLM = next(place for place in PLACES if place.provider == "vllm")


def named(place: Place) -> str:
    return f"{place.provider}-{place.model}"


@pytest.mark.parametrize("place", [*REPORTING, *NATIVE], ids=named)
def test_the_body_asks_as_the_documentation_has_it(server: ModelServer, place: Place) -> None:
    server.tell(TWO)
    reply = glm.ask("Why?", **place.asked(server, logprobs=3))
    body = server.requests[-1].json
    options = body["parameters"] if place in NATIVE else body
    assert (options["logprobs"], options["top_logprobs"]) == (True, 3)
    frame = reply.tokens
    assert list(frame.columns) == ["text", "part", "logprob", "entropy", "alternatives"]
    for part, text in (("reasoning", reply.reasoning), ("answer", reply.answer)):
        assert "".join(frame[frame.part == part].text) == text
    assert list(frame.logprob) == [-0.5] * 5
    assert frame.alternatives[0] == {"Hm": -0.5, "<b>or</b>": -1.25, "\0": -2.5}
    assert all(0 < entropy < math.log2(3) for entropy in frame.entropy)


@pytest.mark.parametrize("place", [p for p in PLACES if p.provider == "dashscope"], ids=named)
def test_where_no_page_says_it_is_sent_with_a_notice(server: ModelServer, place: Place) -> None:
    reply = glm.ask("Why?", **place.asked(server, logprobs=2))
    assert server.requests[-1].json["top_logprobs"] == 2
    codes = [notice.code for notice in reply.turn.notices]
    assert {"unlisted-parameter", "no-logprobs"} <= set(codes)


@pytest.mark.parametrize("place", REFUSING, ids=named)
def test_where_it_cannot_be_had_it_is_refused_in_two_lines(
    server: ModelServer, place: Place
) -> None:
    with pytest.raises(UnsupportedError) as caught:
        glm.ask("Why?", **place.asked(server, logprobs=True))
    assert len(caught.value.lines()) == 2
    assert "how probable" in caught.value.message
    for name in ("vllm", "sglang", "llamacpp", "local", "openrouter"):
        assert name in caught.value.hint
    assert not server.requests


def test_true_asks_for_five_and_false_for_nothing(model_server: ModelServer) -> None:
    glm.ask("Why?", **VLLM.asked(model_server, logprobs=True))
    glm.ask("Why?", **VLLM.asked(model_server, logprobs=False))
    glm.ask("Why?", **VLLM.asked(model_server))
    first, *others = (request.json for request in model_server.requests)
    assert first["top_logprobs"] == 5
    assert all("logprobs" not in body and "top_logprobs" not in body for body in others)


def test_more_alternatives_than_are_reported_are_refused(model_server: ModelServer) -> None:
    place = next(place for place in PLACES if place.provider == "openrouter")
    with pytest.raises(InvalidValueError, match="at most 20 alternatives of a token, not 21"):
        glm.ask("Why?", **place.asked(model_server, logprobs=21))
    assert not model_server.requests


@pytest.mark.parametrize("value", [0, -1, 2.5, "5", [3]])
def test_a_value_of_another_kind_is_refused(value: Any, model_server: ModelServer) -> None:
    with pytest.raises(InvalidValueError, match="logprobs takes"):
        glm.ask("Why?", **VLLM.asked(model_server, logprobs=value))


def test_a_server_that_ignores_it_is_named(model_server: ModelServer) -> None:
    model_server.tell(Script(reports_tokens=False))
    reply = glm.ask("Why?", **VLLM.asked(model_server, logprobs=2))
    (notice,) = (n for n in reply.turn.notices if n.code == "no-logprobs")
    what = f"it reported nothing about the tokens of {VLLM.model}"
    assert notice.message == f"vLLM ignored logprobs: {what}"
    assert len(reply.tokens) == 0
    assert list(reply.tokens.columns)[:2] == ["text", "part"]
    plain = glm.ask("Why?", **VLLM.asked(model_server))
    assert not [n for n in plain.turn.notices if n.code == "no-logprobs"]


def test_a_parameter_that_asks_is_decoded_too(model_server: ModelServer) -> None:
    reply = glm.ask("Why?", **VLLM.asked(model_server, params={"logprobs": True}))
    assert "".join(reply.tokens.text) == reply.answer
    assert reply.tokens.entropy.isna().all()


def test_an_interrupted_reply_keeps_the_figures_of_what_arrived(model_server: ModelServer) -> None:
    model_server.tell(Script(answer=("Yes", ", of", " course."), stall_after=3))
    with glm.stream("Why?", **VLLM.asked(model_server, logprobs=2)) as stream:
        while not stream.turn.answer.endswith("of"):
            assert not stream.wait(0.02)
        assert stream.turn.steps[0].tokens == ()
    assert stream.turn.status == "interrupted"
    assert [token.text for token in stream.turn.steps[0].tokens] == ["Yes", ", of"]


def test_they_are_saved_with_the_turn_and_read_back(model_server: ModelServer) -> None:
    model_server.tell(TWO)
    turn = glm.ask("Why?", **VLLM.asked(model_server, logprobs=3)).turn
    text = json.dumps(encode(turn))
    again = decode(Turn, json.loads(text))
    assert again == turn
    assert again.steps[0].tokens == turn.steps[0].tokens
    plain = glm.ask("Why?", **VLLM.asked(model_server)).turn
    assert "figures" not in json.dumps(encode(plain))


def test_a_session_keeps_them(model_server: ModelServer) -> None:
    chat = glm.Session("doubt", **VLLM.asked(model_server))
    chat.ask("Why?", logprobs=2)
    chat.save("doubt.jsonl")
    read = glm.Session.load("doubt.jsonl")
    assert read.turns[0].steps[0].tokens == chat.turns[0].steps[0].tokens != ()


def test_a_tape_replays_them(model_server: ModelServer) -> None:
    model_server.tell(TWO)
    asked = VLLM.asked(model_server, logprobs=3)
    with glm.record("doubt.glmtape"):
        live = glm.ask("Why?", **asked)
    with glm.replay("doubt.glmtape", speed="max"):
        replayed = glm.ask("Why?", **asked)
    assert len(model_server.requests) == 1
    assert replayed.turn.steps[0].tokens == live.turn.steps[0].tokens != ()


@pytest.mark.parametrize("size", [1, 3, 8])
def test_a_key_that_is_repeated_is_not_spelt_by_the_tokens(
    raw_server: RawServer, size: int, tmp_path: Path
) -> None:
    text = f"you sent {KEY} to me"
    body = b""
    for at in range(0, len(text), size):
        piece = text[at : at + size]
        likely = {"id": 70000 + at, "token": piece, "logprob": -1, "bytes": list(piece.encode())}
        report = {"content": [{**likely, "top_logprobs": [likely, {"token": KEY, "logprob": -2}]}]}
        choice = {"index": 0, "delta": {"content": piece}, "logprobs": report}
        body += b"data: " + json.dumps({"choices": [choice]}).encode() + b"\n\n"
    raw_server.answer(Send(head() + body + b"data: [DONE]\n\n"))
    address = {"provider": "vllm", "model": "m", "base_url": raw_server.url + "/v1"}
    tape = tmp_path / "a.glmtape"
    with (
        glm.record(tape),
        glm.stream("Why?", **address, api_key=KEY, logprobs=2) as stream,
    ):
        assert stream.wait(10)
    turn = stream.turn
    assert turn.answer.startswith("you sent ")
    assert turn.answer.endswith("<key> to me")
    spelt = "".join(t.text for e in stream.events if hasattr(e.event, "tokens")
                    for t in e.event.tokens)  # fmt: skip
    assert KEY[6:-6] not in spelt
    assert "".join(t.text for t in turn.steps[0].tokens) == turn.answer
    assert turn.steps[0].tokens[0].logprob == -1
    saved = repr(turn) + repr(stream.events)
    assert leaks("turn", saved.encode()) == []
    content = tape.read_bytes()
    assert leaks("tape", content) == []
    codes = ",".join(map(str, KEY[: max(2, size)].encode()))
    assert codes not in content.decode()
    with glm.replay(tape, speed="max"):
        again = glm.ask("Why?", **address, api_key=KEY, logprobs=2)
    assert "<key>" in again.answer or "not on the tape" in again.answer


@pytest.mark.slow
def test_a_real_server_reports_what_it_wrote(tmp_path: Path) -> None:
    if not local.available():
        pytest.skip(local.why_not())
    tape = tmp_path / "real.glmtape"
    try:
        with glm.record(tape):
            reply = glm.ask("Why is the sky blue? One sentence.", provider="local", logprobs=3,
                            max_tokens=160)  # fmt: skip
    finally:
        local_server.stop_running()
    frame = reply.tokens
    for part, text in (("reasoning", reply.reasoning), ("answer", reply.answer)):
        assert "".join(frame[frame.part == part].text) == text != ""
    known = frame[frame.logprob.notna()]
    assert len(known) > 0.8 * len(frame)
    assert all(0 < math.exp(logprob) <= 1 for logprob in known.logprob)
    for row in known.itertuples():
        assert 1 <= len(row.alternatives) <= 3
        assert math.fsum(map(math.exp, row.alternatives.values())) <= 1.001
        assert row.entropy is None or 0 <= row.entropy <= 2.001
    with glm.replay(tape, speed="max"):
        again = glm.ask("Why is the sky blue? One sentence.", provider="local", logprobs=3,
                        max_tokens=160)  # fmt: skip
    assert again.turn.steps[0].tokens == reply.turn.steps[0].tokens
