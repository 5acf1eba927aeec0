"""Kernels and programs that are killed while replies stream; the file has all that they finished.

A kill comes after so many pieces were sent, never after so many seconds.
"""

from __future__ import annotations

import json
import os
import queue
import random
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

import glm_magic as glm
from glm_magic.session.store import current_store
from tests.servers.listener import Connection, Listener, Recorded
from tests.servers.raw_server import head

from .conftest import Kernel

pytestmark = pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="needs SIGKILL")

PIECES = [f"{number} " for number in range(40)]
ANSWER = "".join(PIECES)
TURNS = 6
PACE_S = 0.002
PATIENCE_S = 60.0


class Storyteller(Listener):
    """Send every reply piece by piece, and count the pieces."""

    def __init__(self) -> None:
        super().__init__()
        self.sent = 0
        self._more = threading.Condition()

    def respond(self, request: Recorded, connection: Connection) -> bool:
        """Send reasoning, answer and usage."""
        del request
        connection.send(head())
        for delta in ({"reasoning_content": "hm "}, *({"content": piece} for piece in PIECES)):
            self._send(connection, {"choices": [{"index": 0, "delta": delta}]})
            connection.wait(PACE_S)
        usage = {"prompt_tokens": 9, "completion_tokens": 60}
        end = {"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}], "usage": usage}
        self._send(connection, end)
        connection.send(b"data: [DONE]\n\n")
        return False

    def _send(self, connection: Connection, chunk: object) -> None:
        connection.send(b"data: " + json.dumps(chunk).encode() + b"\n\n")
        with self._more:
            self.sent += 1
            self._more.notify_all()

    def wait_for(self, sent: int) -> None:
        """Wait until so many pieces were sent in all."""
        with self._more:
            assert self._more.wait_for(lambda: self.sent >= sent, PATIENCE_S)


ALL_PIECES = TURNS * (len(PIECES) + 2)


@pytest.fixture
def storyteller(monkeypatch: pytest.MonkeyPatch) -> Iterator[Storyteller]:
    """Serve the test's kernels and programs."""
    with Storyteller() as server:
        monkeypatch.setenv("GLM_BASE_URL", f"{server.url}/api/paas/v4")
        monkeypatch.setenv("ZAI_API_KEY", "test-key")
        yield server


def check_what_is_kept(finished: dict[str, int]) -> None:
    """Compare the file with how many replies each program was told were whole."""
    for name, told_whole in finished.items():
        turns = glm.Session(name).turns
        statuses = [turn.status for turn in turns]
        whole = [turn for turn in turns if turn.status == "complete"]
        assert len(whole) >= told_whole, (name, statuses)
        assert all(turn.answer == ANSWER and turn.usage for turn in whole)
        assert statuses[len(whole) :] in ([], ["interrupted"]), (name, statuses)
        assert all(ANSWER.startswith(turn.answer) for turn in turns)
    store = current_store()
    assert store is not None
    assert store.read("PRAGMA integrity_check") == [("ok",)]


@pytest.mark.timeout(300)
def test_killed_kernels_lose_no_finished_turn(storyteller: Storyteller) -> None:
    chance = random.Random(1)
    finished: dict[str, int] = {}
    for number in range(6):
        name = f"kernel-{number}"
        kernel = Kernel()
        try:
            kernel.run("%load_ext glm_magic")
            before = storyteller.sent
            requests = [
                kernel.send(f"%%glm -S {name}\nquestion {n}", f"c{n}") for n in range(TURNS)
            ]
            storyteller.wait_for(before + chance.randint(0, ALL_PIECES))
            os.kill(kernel.manager.provisioner.pid, signal.SIGKILL)
            finished[name] = _answered(kernel, requests)
        finally:
            kernel.close()
    check_what_is_kept(finished)
    assert sum(finished.values()) > 0


def _answered(kernel: Kernel, requests: list[str]) -> int:
    """Count the replies that were on their way already."""
    count = 0
    while True:
        try:
            reply = kernel.client.get_shell_msg(timeout=0.2)
        except queue.Empty:
            return count
        ours = reply["parent_header"].get("msg_id") in requests
        count += ours and reply["content"]["status"] == "ok"


# Forks a child for each name on its input. The child asks, and reports each whole reply.
PROGRAM = f"""
import os, signal, sys
from glm_magic.session.session import Session
for line in sys.stdin:
    name = line.strip()
    pid = os.fork()
    if not pid:
        asking = Session(name)
        for number in range({TURNS}):
            asking.ask(f"question {{number}}")
            os.write(1, b"whole\\n")
        os.write(1, b"idle\\n")
        while True:
            signal.pause()
    os.write(1, f"pid {{pid}}\\n".encode())
    os.waitpid(pid, 0)
    os.write(1, b"dead\\n")
"""


class Programs:
    """Programs that ask one question after the other, started one at a time."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-c", PROGRAM],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            bufsize=1,
            cwd=Path(__file__).parents[2],
        )

    def kill_one(self, name: str, storyteller: Storyteller, pieces: int) -> int:
        """Start one, kill it after some pieces, and return how many replies it had whole."""
        before = storyteller.sent
        assert self._process.stdin is not None
        self._process.stdin.write(f"{name}\n")
        self._process.stdin.flush()
        lines: list[str] = []
        pid = self._until("pid", lines)
        storyteller.wait_for(before + pieces)
        os.kill(int(pid.split()[1]), signal.SIGKILL)
        self._until("dead", lines)
        return lines.count("whole")

    def _until(self, start: str, lines: list[str]) -> str:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            lines.append(line.strip())
            if line.startswith(start):
                return line
        raise AssertionError(f"the programs ended: {lines}")

    def close(self) -> None:
        """End the process that starts them."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        self._process.wait(PATIENCE_S)
        self._process.stdout.close()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.parametrize(
    "count",
    [
        pytest.param(20, marks=pytest.mark.timeout(300)),
        pytest.param(300, marks=[pytest.mark.slow, pytest.mark.timeout(1800)]),
    ],
)
def test_killed_programs_lose_no_finished_turn(storyteller: Storyteller, count: int) -> None:
    chance = random.Random(count)
    programs = Programs()
    try:
        finished = {
            f"p{number}": programs.kill_one(
                f"p{number}", storyteller, chance.randint(0, ALL_PIECES)
            )
            for number in range(count)
        }
    finally:
        programs.close()
    check_what_is_kept(finished)
    assert sum(finished.values()) > count
