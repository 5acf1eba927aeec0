"""Several kernels record one tape; none loses a take, and nothing but a tape is ever replaced."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import glm_magic as glm
from glm_magic.core.errors import GlmError, TapeError
from glm_magic.wire.tape.tape import Tape
from tests.api.providers import PLACES
from tests.servers.model_server import ModelServer
from tests.servers.script import Script

pytestmark = [
    pytest.mark.timeout(120),
    pytest.mark.skipif(sys.platform == "win32", reason="needs file locks"),
]

RECORDER = """
import json, sys
import glm_magic as glm
for line in sys.stdin:
    verb, text, where = json.loads(line)
    if verb == "record":
        glm.record(text)
        print("recording", flush=True)
    else:
        reply = glm.ask(text, **where)
        print(json.dumps([notice.code for notice in reply.turn.notices]), flush=True)
"""


class Recorder:
    """A process that records what it is told to ask."""

    def __init__(self, server: ModelServer) -> None:
        self._where = PLACES[4].asked(server)
        self._process = subprocess.Popen(
            [sys.executable, "-c", RECORDER],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip

    def do(self, verb: str, text: str) -> str:
        self.send(verb, text)
        return self.answer()

    def send(self, verb: str, text: str) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps([verb, text, self._where]) + "\n")
        self._process.stdin.flush()

    def answer(self) -> str:
        assert self._process.stdout is not None
        return self._process.stdout.readline().strip()

    def end(self, *, killed: bool = False) -> None:
        if killed:
            self._process.kill()
        with self._process:
            pass


@pytest.fixture
def recorders(model_server: ModelServer) -> Iterator[list[Recorder]]:
    model_server.tell(Script(answer="fine"))
    both = [Recorder(model_server), Recorder(model_server)]
    yield both
    for recorder in both:
        recorder.end(killed=True)


def prompts(path: str | Path) -> list[str]:
    return [entry.asked.prompt for entry in Tape.read(Path(path)).entries]


def test_two_kernels_that_record_in_turns_lose_no_take(recorders: list[Recorder]) -> None:
    a, b = recorders
    assert a.do("record", "t.glmtape") == "recording"
    for prompt in ("a1", "a2"):
        assert a.do("ask", prompt) == "[]"
    b.do("record", "t.glmtape")
    for recorder, prompt in ((b, "b1"), (a, "a3"), (b, "b2"), (a, "a4")):
        assert recorder.do("ask", prompt) == "[]"
    assert prompts("t.glmtape") == ["a1", "a2", "b1", "a3", "b2", "a4"]
    assert list(state()) == ["t.glmtape"], "nothing lies beside it"


def test_two_kernels_that_record_at_once_lose_no_take(recorders: list[Recorder]) -> None:
    for recorder in recorders:
        recorder.do("record", "t.glmtape")
    for number in range(15):
        for name, recorder in zip("ab", recorders, strict=True):
            recorder.send("ask", f"{name}{number}")
    for recorder in recorders:
        assert [recorder.answer() for _ in range(15)] == ["[]"] * 15
    recorded = prompts("t.glmtape")
    for name in "ab":
        mine = [prompt for prompt in recorded if prompt[0] == name]
        assert mine == [f"{name}{number}" for number in range(15)]
    assert len(recorded) == 30


def test_an_older_tape_is_put_aside_once_when_two_begin_to_record(
    recorders: list[Recorder], model_server: ModelServer
) -> None:
    with glm.record("t.glmtape"):
        glm.ask("older", **PLACES[4].asked(model_server))
    for recorder in recorders:
        recorder.do("record", "t.glmtape")
    for name, recorder in zip("ab", recorders, strict=True):
        recorder.do("ask", name)
    assert prompts("t.glmtape") == ["a", "b"]
    assert prompts("t.glmtape~") == ["older"]


@pytest.mark.parametrize("killed", [True, False])
def test_a_recorder_that_ended_holds_nothing(
    recorders: list[Recorder], model_server: ModelServer, *, killed: bool
) -> None:
    a, b = recorders
    a.do("record", "t.glmtape")
    a.do("ask", "a1")
    a.end(killed=killed)
    b.do("record", "t.glmtape")
    b.do("ask", "b1")
    assert prompts("t.glmtape") == ["b1"]
    assert prompts("t.glmtape~") == ["a1"]


def test_a_recording_that_was_ended_here_can_be_replaced_elsewhere(
    recorders: list[Recorder], model_server: ModelServer
) -> None:
    with glm.record("t.glmtape"):
        glm.ask("mine", **PLACES[4].asked(model_server))
    recorders[0].do("record", "t.glmtape")
    recorders[0].do("ask", "theirs")
    assert (prompts("t.glmtape"), prompts("t.glmtape~")) == (["theirs"], ["mine"])


def test_a_tape_that_another_program_spoils_is_left_alone_and_the_reply_stays(
    model_server: ModelServer,
) -> None:
    where = PLACES[4].asked(model_server)
    with glm.record("t.glmtape"):
        glm.ask("one?", **where)
        whole = Path("t.glmtape").read_text(encoding="utf-8")
        Path("t.glmtape").write_text(whole.replace("one?", "two?"), encoding="utf-8")
        spoilt = Path("t.glmtape").read_bytes()
        reply = glm.ask("three?", **where)
        (notice,) = [n for n in reply.turn.notices if n.code == "not-recorded"]
        assert "was changed after it was recorded" in notice.message
        assert reply.status == "complete"
        assert Path("t.glmtape").read_bytes() == spoilt
        Path("t.glmtape").unlink()
        glm.ask("four?", **where)
    assert prompts("t.glmtape") == ["one?", "three?", "four?"], "and it is made up for"


# ---- what is no tape -----------------------------------------------------------------------------


def _folder(path: Path) -> None:
    path.mkdir()
    (path / "thesis.txt").write_text("mine")


def _pipe(path: Path) -> None:
    os.mkfifo(path)


def _link(path: Path) -> None:
    Path("real.glmtape").write_text("glmtape 1\n")
    path.symlink_to("real.glmtape")


NO_TAPES = {
    "folder": (_folder, "is a folder"),
    "pipe": (_pipe, "is no file"),
    "link": (_link, "is a link"),
    "link to nothing": (lambda path: path.symlink_to("nowhere"), "is a link"),
    "text": (lambda path: path.write_text("my thesis"), "is not a tape"),
    "empty": (lambda path: path.write_text(""), "is not a tape"),
}


def _refused(way: str, path: str, where: dict[str, object]) -> GlmError:
    with pytest.raises(TapeError) as caught:
        _recorded(way, path, where)
    return caught.value


def _recorded(way: str, path: str, where: dict[str, object]) -> None:
    if way == "environment":
        os.environ["GLM_TAPE"] = f"record:{path}"
    with {
        "api": lambda: glm.record(path),
        "add": lambda: glm.replay(path, miss="record"),
        "environment": contextlib.nullcontext,
    }[way]():
        glm.ask("why?", **where)


def state(folder: str = ".") -> dict[str, object]:
    return {
        path.name: (path.is_symlink(), sorted(path.iterdir()) if path.is_dir() else "")
        for path in Path(folder).iterdir()
    }


@pytest.mark.parametrize("way", ["api", "environment", "add"])
@pytest.mark.parametrize("kind", NO_TAPES)
def test_what_is_no_tape_is_refused_before_anything_is_sent(
    model_server: ModelServer, monkeypatch: pytest.MonkeyPatch, kind: str, way: str
) -> None:
    monkeypatch.setenv("GLM_TAPE", "")
    make, says = NO_TAPES[kind]
    make(Path("x"))
    before = state()
    error = _refused(way, "x", PLACES[4].asked(model_server))
    assert error.hint
    if way != "add":
        assert says in error.message
    assert state() == before
    assert not model_server.requests


def test_the_current_folder_is_refused(model_server: ModelServer) -> None:
    for path in (".", "..", "/"):
        with pytest.raises(TapeError):
            glm.record(path)


@pytest.mark.parametrize("make", [_folder, lambda path: path.write_text("an editor's copy")])
def test_what_stands_where_the_older_tape_would_go_is_not_replaced(
    model_server: ModelServer, make: object
) -> None:
    where = PLACES[4].asked(model_server)
    Path("t.glmtape").write_text("glmtape 1\nolder\n")
    make(Path("t.glmtape~"))  # type: ignore[operator]
    before = state()
    _refused("api", "t.glmtape", where)
    assert state() == before


def test_the_magic_refuses_a_folder_in_both_spellings(glm_shell, sent) -> None:  # type: ignore[no-untyped-def]
    _folder(Path("lessons"))
    for line in ("%%glm --record lessons\nwhy?", "%glm record lessons", "%%glm --record .\nwhy?"):
        problem = glm_shell.fail(line)
        assert len(problem) == 2
        assert "is a folder" in problem[0] or "exists" in problem[0], problem
    assert sent() == []
    assert (Path("lessons") / "thesis.txt").read_text() == "mine"
