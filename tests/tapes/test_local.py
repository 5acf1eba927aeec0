"""The model on this computer: recorded from the real server, replayed without starting it."""

from __future__ import annotations

import math
from datetime import UTC, datetime
from pathlib import Path

import pytest

import glm_magic as glm
from glm_magic import local
from glm_magic.local import server
from glm_magic.wire.tape.matching import Chunk, Recording, RequestKey
from glm_magic.wire.tape.tape import Tape
from tests.tapes.test_record_and_replay import drift_s, heard


@pytest.mark.slow
def test_a_real_reply_replays_to_the_same_events_in_its_rhythm() -> None:
    if not local.available():
        pytest.skip(local.why_not())
    try:
        with glm.record("t.glmtape"), glm.stream("Why is the sky blue?", provider="local") as s:
            live = heard(s)
    finally:
        server.stop_running()
    with glm.replay("t.glmtape"), glm.stream("Why is the sky blue?") as s:
        replayed = heard(s)
    assert server._shared.peek() is None
    assert [t.event for t in replayed] == [t.event for t in live]
    assert len(live) > 20
    assert drift_s(live, replayed) < 0.02


def test_a_replay_starts_no_server_and_labels_the_model_that_spoke(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def start(*_: object) -> None:
        raise AssertionError("a replay must not start the local server")

    monkeypatch.setattr(local, "start", start)
    monkeypatch.setattr(local, "available", lambda: False)
    body = b'data: {"choices":[{"index":0,"delta":{"content":"Hi."},"finish_reason":"stop"}]}\n\n'
    asked = RequestKey("local", "qwen2.5-coder-1.5b", ({"role": "user", "content": "Hello?"},), {})
    when = datetime(2026, 11, 21, tzinfo=UTC)
    Tape(Path("t.glmtape")).keep(
        Recording(asked, when, 200, 0.1, (Chunk(0.2, body),), "whole", 0.3)
    )
    with glm.replay("t.glmtape", speed=math.inf):
        reply = glm.ask("Hello?")
        assert glm.ask("Hello?", provider="local").answer == "Hi."
    assert (reply.provider, reply.model, reply.answer) == ("local", "qwen2.5-coder-1.5b", "Hi.")
    messages = [notice.message for notice in reply.turn.notices]
    assert "Qwen2.5-Coder 1.5B, a small model; expect mistakes" in messages
    assert "replayed, recorded on 2026-11-21" in messages
