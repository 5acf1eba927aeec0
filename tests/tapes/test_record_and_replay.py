"""A reply replays as it came: the same events at the same times, with no server and no key."""

from __future__ import annotations

import gzip
import json
import math
import time
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

import glm_magic as glm
from glm_magic.core.errors import (
    GlmError,
    InvalidValueError,
    NotOnTapeError,
    RateLimitError,
    TapeError,
)
from glm_magic.core.events import ContentDelta, ReasoningDelta, Started, TimedEvent
from glm_magic.core.turn import Notice
from glm_magic.engine import tapes
from glm_magic.engine.stream import Stream
from tests.api.providers import PLACES, Place
from tests.servers.model_server import ModelServer
from tests.servers.raw_server import Close, RawServer, Reset, Send
from tests.servers.script import Call, Failure, Script
from tests.servers.vendor import KEY

SCRIPT = Script(answer="It scatters: 光。", reasoning="Short waves …\n\nwait, no.", pause_s=0.01)


@pytest.fixture
def server(request: pytest.FixtureRequest) -> Iterator[ModelServer]:
    place = getattr(request.node, "callspec", None) and request.node.callspec.params.get("place")
    with ModelServer(place.flavor if place else "vllm") as running:
        yield running


def heard(stream: Stream) -> list[TimedEvent]:
    """Return a stream's events, without the reply's id, which a tape does not hold."""
    stream.wait()
    stream.raise_error()
    events = [t for t in stream.events if not isinstance(t.event, Notice)]
    return [
        replace(t, event=replace(t.event, id=None)) if isinstance(t.event, Started) else t
        for t in events
    ]


@pytest.mark.parametrize("place", PLACES, ids=lambda p: f"{p.provider}-{p.flavor}")
def test_every_provider_replays_to_the_same_events(server: ModelServer, place: Place) -> None:
    server.tell(SCRIPT)
    thinks = {} if place.provider in ("ollama", "lmstudio") else {"thinking": True}
    asked = {"provider": place.provider, "model": place.model, **thinks}
    with glm.record("t.glmtape"), glm.stream("why?", **place.asked(server, **thinks)) as s:
        live = heard(s)
    server.tell(Script(answer="asked again"))
    with glm.replay("t.glmtape", speed=math.inf), glm.stream("why?", **asked) as s:
        replayed = heard(s)
    with glm.replay("t.glmtape", speed="max"), glm.stream("why?", **asked) as s:
        assert [t.event for t in heard(s)] == [t.event for t in live]
    for speed in (0, -1, "fast", math.nan):
        with pytest.raises(InvalidValueError, match="cannot play at speed"):
            glm.replay("t.glmtape", speed=speed)
    assert [t.event for t in replayed] == [t.event for t in live]
    assert any(isinstance(t.event, ContentDelta) for t in live)
    assert drift_s(live, replayed) < 0.02


def drift_s(one: list[TimedEvent], other: list[TimedEvent]) -> float:
    """Return by how much the times differ after the first event, but for the worst twentieth.

    What we do before the request leaves is part of no recording.
    """
    pairs = zip(one, other, strict=True)
    return most(abs((a.at_s - one[0].at_s) - (b.at_s - other[0].at_s)) for a, b in pairs)


def most(values: Iterable[float]) -> float:
    """Return what 19 of 20 values stay below: a busy computer may hold up any single one."""
    ranked = sorted(values)
    return ranked[len(ranked) * 19 // 20 - 1]


ATTEMPTS = 4
"""The best of so many counts where real time is looked at: a busy computer is late by itself."""


def rhythm(events: list[TimedEvent]) -> list[float]:
    return [t.at_s for t in events if isinstance(t.event, ContentDelta | ReasoningDelta)]


def test_the_rhythm_is_that_of_the_recording_at_any_speed(model_server: ModelServer) -> None:
    place = PLACES[4]
    model_server.tell(replace(SCRIPT, pause_s=0.05, first_pause_s=1))
    with glm.record("t.glmtape"), glm.stream("why?", **place.asked(model_server)) as s:
        live = rhythm(heard(s))
    # Our own clock shows the recording's; that it also passes in real time is looked at from
    # outside.
    for speed in (1.0, 4.0):
        late = []
        while len(late) < ATTEMPTS and min(late, default=1.0) >= 0.02:
            with glm.replay("t.glmtape", speed=speed), glm.stream("why?") as s:
                began = time.monotonic()
                answers = (e for e in s if isinstance(e, ContentDelta | ReasoningDelta))
                seen = [time.monotonic() - began for _ in answers]
                shown = rhythm(heard(s))
            apart = (abs(a - live[0] - b + shown[0]) for a, b in zip(live, shown, strict=True))
            assert most(apart) < 0.02
            late.append(most(abs(a / speed - b) for a, b in zip(shown, seen, strict=True)))
        assert min(late) < 0.02, late
    with glm.replay("t.glmtape", speed=math.inf), glm.stream("why?") as s:
        began = time.monotonic()
        at_once = rhythm(heard(s))
        assert [at - at_once[0] for at in at_once] == pytest.approx(
            [at - live[0] for at in live], abs=0.05
        )
        assert time.monotonic() - began < live[-1] / 2
        assert s.turn.timing.total_s >= at_once[-1]


def test_a_replay_needs_no_key_and_says_when_it_was_recorded(model_server: ModelServer) -> None:
    place = PLACES[4]
    model_server.tell(SCRIPT)
    with glm.record("t.glmtape"):
        glm.ask("why?", **place.asked(model_server))
    asked_before = len(model_server.requests)
    with glm.replay("t.glmtape", speed=math.inf):
        reply = glm.ask("why?")  # neither provider nor model nor key: the tape knows who spoke
    assert (reply.provider, reply.model) == (place.provider, place.model)
    assert reply.answer == SCRIPT.answer
    notice = next(n for n in reply.turn.notices if n.code == "replayed")
    assert notice.message.startswith("replayed, recorded on 20")
    assert len(model_server.requests) == asked_before


def test_the_rounds_of_a_tool_call_replay(model_server: ModelServer) -> None:
    place = PLACES[4]
    tool = {"type": "function", "function": {"name": "add", "parameters": {"type": "object"}}}
    calls = (Call("add", '{"a": 1}'),)

    def ask(**where: object) -> list[glm.Reply]:
        first = glm.ask("1+2?", tools=[tool], **where)
        (call,) = first.tool_calls
        function = {"name": call.name, "arguments": call.arguments}
        again = {"id": call.id, "type": "function", "function": function}
        answers = {"role": "assistant", "content": "", "tool_calls": [again]}
        result = {"role": "tool", "content": "3", "tool_call_id": call.id}
        asked = [{"role": "user", "content": "1+2?"}, answers, result]
        return [first, glm.ask(asked, tools=[tool], **where)]

    model_server.tell(Script(calls=calls, answer=""), Script(answer="It is 3."))
    with glm.record("t.glmtape"):
        live = ask(**place.asked(model_server))
    with glm.replay("t.glmtape", speed=math.inf):
        replayed = ask()
    assert [r.answer for r in replayed] == [r.answer for r in live] == ["", "It is 3."]
    assert replayed[0].tool_calls == live[0].tool_calls


def test_the_same_question_asked_again_replays_take_after_take(model_server: ModelServer) -> None:
    place = PLACES[4]
    model_server.tell(*(Script(answer=word) for word in ("one", "two", "three")))
    with glm.record("t.glmtape"):
        for _ in range(3):
            glm.ask("a number?", **place.asked(model_server))
    for _ in range(2):  # putting the tape in anew begins with the first take
        with glm.replay("t.glmtape", speed=math.inf):
            answers = [glm.ask("a number?").answer for _ in range(4)]
        assert answers == ["one", "two", "three", "one"]


def test_a_failure_and_its_retry_replay(model_server: ModelServer) -> None:
    place = PLACES[4]
    busy = Script(refusal=Failure(429, "1302", "slow down"))
    model_server.tell(busy, SCRIPT)
    with glm.record("t.glmtape"):
        glm.ask("why?", **place.asked(model_server))
    with glm.replay("t.glmtape", speed=math.inf):
        reply = glm.ask("why?")
    assert reply.answer == SCRIPT.answer
    assert [n.code for n in reply.turn.notices].count("retry") == 1
    model_server.tell(busy)
    with glm.record("u.glmtape"), pytest.raises(RateLimitError):
        glm.ask("why?", **place.asked(model_server))
    with glm.replay("u.glmtape", speed=math.inf), pytest.raises(RateLimitError, match="slow down"):
        glm.ask("why?")


def test_a_connection_that_broke_breaks_again_at_the_same_place(raw_server: RawServer) -> None:
    head = (
        b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
    )
    event = b'data: {"choices":[{"index":0,"delta":{"content":"half a sen"}}]}\n\n'
    chunk = b"%x\r\n%s\r\n" % (len(event), event)
    raw_server.answer(Send(head), Send(chunk), Reset())
    where = {"provider": "vllm", "model": "glm-4.6", "base_url": raw_server.url + "/v1"}
    with glm.record("t.glmtape"), pytest.raises(GlmError):
        glm.ask("why?", **where)
    with glm.replay("t.glmtape", speed=math.inf), pytest.raises(GlmError, match="broke") as caught:
        glm.ask("why?")
    assert caught.value.turn is not None
    assert caught.value.turn.answer == "half a sen"


def test_a_packed_reply_is_readable_on_the_tape(raw_server: RawServer) -> None:
    event = (
        b'data: {"choices":[{"index":0,"delta":{"content":"unpacked"},"finish_reason":"stop"}]}\n\n'
    )
    body = gzip.compress(event + b"data: [DONE]\n\n")
    head = (
        b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ncontent-encoding: gzip\r\n"
        b"content-length: %d\r\nconnection: close\r\n\r\n" % len(body)
    )
    raw_server.answer(Send(head + body), Close())
    where = {"provider": "vllm", "model": "glm-4.6", "base_url": raw_server.url + "/v1"}
    with glm.record("t.glmtape"):
        assert glm.ask("why?", **where).answer == "unpacked"
    assert '"content":"unpacked"' in Path("t.glmtape").read_text(encoding="utf-8")
    with glm.replay("t.glmtape", speed=math.inf):
        assert glm.ask("why?").answer == "unpacked"


def test_no_key_cookie_organisation_or_request_id_is_on_a_tape(raw_server: RawServer) -> None:
    secrets = ("req-51f2c3aa", "org-secret-lab", "session=c00k1e", "chatcmpl-99aa77", KEY,
               "user-77112233", "trace-0001111")  # fmt: skip
    events = [
        {"id": "chatcmpl-99aa77", "request_id": "req-51f2c3aa", "organization": "org-secret-lab",
         "choices": [{"index": 0, "delta": {"content": "hello "}}]},
        {"id": "chatcmpl-99aa77", "x_trace_id": "trace-0001111",
         "meta": {"user_id": "user-77112233"},
         "choices": [{"index": 0, "delta": {"content": f"your key is {KEY}"},
                      "finish_reason": "stop"}]},
    ]  # fmt: skip
    lines = b"".join(b"data: " + json.dumps(event).encode() + b"\n\n" for event in events)
    head = (
        b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nset-cookie: session=c00k1e\r\n"
        b"x-request-id: req-51f2c3aa\r\nopenai-organization: org-secret-lab\r\n"
        b"content-length: %d\r\nconnection: close\r\n\r\n" % len(lines)
    )
    # every byte alone, so that each of them is cut between chunks somewhere
    raw_server.answer(Send(head), Send(lines, each=7, pause_s=0.001), Close())
    where = {"provider": "vllm", "model": "glm-4.6", "base_url": raw_server.url + "/v1"}
    with glm.record("t.glmtape"):
        glm.ask(f"is {KEY} a key?", api_key=KEY, **where)
    text = Path("t.glmtape").read_text(encoding="utf-8")
    (entry,) = tapes.open_tape(tapes.TapeSetting(Path("t.glmtape"))).tape.entries
    for secret in secrets:
        assert secret not in text
        assert secret.encode() not in entry.body
    assert raw_server.url not in text
    assert b"hello " in entry.body


def test_what_is_not_on_the_tape_names_the_nearest_prompt(model_server: ModelServer) -> None:
    place = PLACES[4]
    with glm.record("t.glmtape"):
        glm.ask("Why is the sky blue?", **place.asked(model_server, temperature=0.5))
        glm.ask("What do bees eat?", **place.asked(model_server))
    with glm.replay("t.glmtape", speed=math.inf):
        with pytest.raises(NotOnTapeError) as caught:
            glm.ask("Why is the sky so blue?")
        assert "does not hold “Why is the sky so blue?”" in caught.value.message
        assert "nearest recorded prompt is “Why is the sky blue?”" in caught.value.hint
        with pytest.raises(NotOnTapeError) as caught:
            glm.ask("Why is the sky blue?", temperature=0.7)
        assert "temperature was 0.5 and is 0.7 here" in caught.value.hint
        with pytest.raises(NotOnTapeError, match=r"model was glm-4\.6 and is glm-4.7 here"):
            glm.ask("What do bees eat?", model="glm-4.7", provider="bigmodel")
        turns = [{"role": "user", "content": "hi"}, {"role": "assistant", "content": "hello"}]
        with pytest.raises(NotOnTapeError, match=r"0 messages were sent before it and 2 are here"):
            glm.ask([*turns, {"role": "user", "content": "What do bees eat?"}])


def test_a_number_means_the_same_however_it_is_written(model_server: ModelServer) -> None:
    with glm.record("t.glmtape"):
        glm.ask("why?", **PLACES[4].asked(model_server, temperature=1, params={"stop": ["1.0"]}))
    with glm.replay("t.glmtape", speed=math.inf):
        assert glm.ask("why?", temperature=1.0, params={"stop": ["1.0"]}).answer
        with pytest.raises(NotOnTapeError):
            glm.ask("why?", temperature=1.0, params={"stop": ["1"]})


def test_a_miss_is_asked_live_where_that_is_allowed(
    model_server: ModelServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = PLACES[4]
    where = place.asked(model_server)
    model_server.tell(Script(answer="recorded"), Script(answer="live"), Script(answer="added"))
    with glm.record("t.glmtape"):
        glm.ask("one?", **where)
    with glm.replay("t.glmtape", speed=math.inf, miss="live"):
        assert glm.ask("one?", **where).answer == "recorded"
        live = glm.ask("two?", **where)
    assert live.answer == "live"
    assert not any(n.code == "replayed" for n in live.turn.notices)
    with glm.replay("t.glmtape", speed=math.inf, miss="record"):
        assert glm.ask("two?", **where).answer == "added"
    with glm.replay("t.glmtape", speed=math.inf):
        assert glm.ask("two?").answer == "added"
        assert glm.ask("one?").answer == "recorded"


def test_the_environment_puts_a_tape_in_and_decides_over_others(
    model_server: ModelServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    where = PLACES[4].asked(model_server)
    model_server.tell(Script(answer="first"), Script(answer="second"))
    monkeypatch.setenv("GLM_TAPE", "record:t.glmtape")
    glm.ask("why?", **where)
    monkeypatch.setenv("GLM_TAPE", "t.glmtape")
    assert glm.ask("why?").answer == "first"
    monkeypatch.setenv("GLM_TAPE", "live")
    with glm.replay("t.glmtape"):
        assert glm.ask("why?", **where).answer == "second"
    monkeypatch.setenv("GLM_TAPE", "record")  # a lesson that replays is recorded anew
    with glm.replay("t.glmtape"):
        assert glm.ask("again?", **where).answer == "second"
    monkeypatch.setenv("GLM_TAPE", "rewind+play:t.glmtape")
    with pytest.raises(GlmError, match=r"GLM_TAPE cannot be"):
        glm.ask("why?", **where)


def test_a_recording_replaces_an_older_tape_and_keeps_it_beside(model_server: ModelServer) -> None:
    where = PLACES[4].asked(model_server)
    old = Path("t.glmtape")
    old.write_text("glmtape 1\nan older one\n", encoding="utf-8")
    with glm.record("t.glmtape"):
        assert "an older one" in old.read_text(encoding="utf-8")  # nothing is lost before a reply
        glm.ask("why?", **where)
        glm.ask("how?", **where)
    with glm.record("t.glmtape"):  # the same process goes on
        glm.ask("when?", **where)
    assert "an older one" in Path("t.glmtape~").read_text(encoding="utf-8")
    entries = tapes.open_tape(tapes.TapeSetting(old)).tape.entries
    assert [entry.asked.prompt for entry in entries] == ["why?", "how?", "when?"]


def test_a_tape_that_cannot_be_written_is_refused_before_anything_is_sent(
    model_server: ModelServer, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("no folder")
    with pytest.raises(TapeError, match="cannot be written"):
        glm.record(tmp_path / "file" / "t.glmtape")
    assert not model_server.requests


def test_a_tape_that_goes_while_the_reply_arrives_leaves_the_reply_whole(
    model_server: ModelServer, no_tape: Path
) -> None:
    folder = no_tape / "lessons"
    folder.mkdir()
    with glm.record(folder / "t.glmtape"):
        stream = glm.stream("why?", **PLACES[4].asked(model_server))
        folder.rename(no_tape / "elsewhere")
        (no_tape / "lessons").write_text("a file where the folder was")
        with stream as opened:
            opened.wait()
    (notice,) = [n for n in opened.turn.notices if n.code == "not-recorded"]
    assert "cannot be written" in notice.message
    assert opened.turn.status == "complete"
    assert opened.turn.answer


def test_an_interrupted_replay_stops_at_once(model_server: ModelServer) -> None:
    model_server.tell(replace(SCRIPT, first_pause_s=0.2))
    with glm.record("t.glmtape"):
        glm.ask("why?", **PLACES[4].asked(model_server))
    with glm.replay("t.glmtape", speed=0.01):
        stream = glm.stream("why?")
        stream.start()
        time.sleep(0.1)
        began = time.monotonic()
        stream.cancel()
        assert stream.wait(5)
    assert time.monotonic() - began < 5
    assert stream.turn.status == "interrupted"
