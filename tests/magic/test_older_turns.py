"""What can be done with a turn whose stream is gone, and that nothing else holds on to streams."""

from __future__ import annotations

import gc
from weakref import ref

import pytest

from glm_magic.core.turn import Turn
from glm_magic.engine.stream import Stream
from glm_magic.session.asked import KEPT_STREAMS
from tests.servers.model_server import ModelServer
from tests.servers.script import Script


@pytest.fixture
def server():
    with ModelServer("llamacpp") as server:
        server.tell(Script(reasoning="51 looks prime. It is odd.", answer="Yes."))
        yield server


@pytest.fixture
def shell(cells, server, monkeypatch):
    """Give a shell that asks a llama.cpp server, in a session whose first turns are old."""
    monkeypatch.setenv("GLM_PROVIDER", "llamacpp")
    monkeypatch.setenv("GLM_BASE_URL", f"{server.url}/v1")
    for number in range(1, KEPT_STREAMS + 3):
        cells.run(f"%%glm\nquestion {number}")
    gc.collect()
    return cells


def workspace_of(shell):
    return shell.shell.find_line_magic("glm").__self__.workspace


def every(kind):
    """Return every object of a class that this process holds."""
    gc.collect()
    return [one for one in gc.get_objects() if type(one) is kind]


WIRE_OF_AN_OLD_TURN = {
    "en": [
        "InvalidValueError: the requests of turn 1 are no longer here; a session keeps those of its"
        f" {KEPT_STREAMS} newest runs",
        "→ run its cell again, or see %glm show 1",
    ],
    "zh": [
        "InvalidValueError: 第 1 轮的原始请求和回复已不在内存中；"
        f"每个会话只保留最近 {KEPT_STREAMS} 次运行的",
        "→ 请重新运行其单元格，或查看 %glm show 1",
    ],
}


@pytest.mark.parametrize("language", WIRE_OF_AN_OLD_TURN)
def test_the_wire_of_an_old_turn_is_refused_in_two_lines(shell, language):
    shell.run(f"%config GLM.language = {language!r}")
    assert shell.fail("%glm wire 1") == WIRE_OF_AN_OLD_TURN[language]
    assert "question 5" in shell.run("%glm wire 5")
    assert f"question {KEPT_STREAMS + 2}" in shell.run("%glm wire")


def test_an_old_turn_is_shown_found_and_listed(shell, tmp_path):
    assert "It is odd" in shell.run("%glm show 1")
    assert "question 1" in shell.run("%glm show")
    assert "question 1" in shell.run("%glm context")
    assert "question 1" in shell.run("%glm find question 1")
    calls = shell.run("%glm usage turns").count("llamacpp")
    assert calls == KEPT_STREAMS + 2
    for name in ("all.jsonl", "all.json", "all.md"):
        shell.run(f"%glm save {tmp_path / name}")
        assert "question 1" in (tmp_path / name).read_text(encoding="utf-8")


def test_an_old_turn_is_marked_chosen_and_taken_out(shell, server):
    for verb in ("pin 1", "pin 1", "hide 1"):
        shell.run(f"%glm {verb}")
    shell.run("%glm new-question")
    assert server.requests[-1].json["messages"][0]["content"] == "question 2"
    shell.run("%glm hide 1")
    shell.run("%glm new-question")
    assert server.requests[-1].json["messages"][0]["content"] == "question 1"
    shell.run("%glm drop 1")
    assert workspace_of(shell).session.turns[0].prompt == "question 2"


def test_an_old_turn_thinks_again_and_either_run_can_be_chosen(shell, server):
    shell.run("%glm rethink 1:2 But 51 is 3 times 17.")
    session = workspace_of(shell).session
    first, second = session.slots[0].variants
    assert first.stream is None
    assert second.stream is not None
    assert session.slots[0].turn is second.turn
    shell.run("%glm choose 1 1")
    assert session.slots[0].turn is first.turn
    assert "But 51 is 3 times 17." in shell.run("%glm show 1 2")


def test_a_fork_of_old_turns_is_asked_further(shell, server):
    shell.run("%glm fork other")
    shell.run("%glm and now?")
    assert server.requests[-1].json["messages"][0]["content"] == "question 1"
    assert "It is odd" in shell.run("%glm show 1")


def test_the_last_reply_keeps_what_it_has_however_many_follow(shell):
    shell.run("kept = _glm\nevents = len(kept.events)")
    for number in range(KEPT_STREAMS + 1):
        shell.run(f"%%glm\nlater {number}")
    gc.collect()
    assert len(shell["kept"].events) == shell["events"] > 0
    assert shell["kept"].request["messages"][-1]["content"] == f"question {KEPT_STREAMS + 2}"


def test_prompts_without_history_leave_what_they_cost_and_nothing_else(shell):
    for number in range(KEPT_STREAMS + 2):
        shell.run(f"%%glm --no-history\nalone {number}")
    assert "alone 0" not in {turn.prompt for turn in every(Turn)}
    calls = [entry for s in workspace_of(shell).sessions for entry in s.entries]
    assert len(calls) == 2 * (KEPT_STREAMS + 2)


def test_a_job_that_has_ended_is_a_line_of_the_list_and_no_stream(shell, server):
    shell.run("%glm -q --bg -o job first job")
    shell.run("reply = job.result()")
    stream = ref(shell["job"]._stream)
    listed = shell.run("%glm jobs")
    assert "first job" in listed
    assert "complete" in listed
    assert len(shell["job"].events) == len(shell["reply"].events) > 0
    shell.run("del job, reply")
    for number in range(KEPT_STREAMS + 1):
        shell.run(f"%%glm -q\nlater {number}")
    gc.collect()
    assert stream() is None
    assert shell.run("%glm jobs") == listed
    assert "has ended already" in shell.run("%glm stop 1")


def test_no_stream_is_held_once_its_cell_has_ended(shell):
    """The newest of the session are; whatever else a kernel keeps holds none."""
    session = workspace_of(shell).session
    streams = {stream for stream in every(Stream) if stream.call.prompt.startswith("question ")}
    assert streams == set(session.asked)
