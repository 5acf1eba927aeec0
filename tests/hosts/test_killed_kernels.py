"""Real kernels that are killed while `%%glm` cells stream; the file has all that they finished."""

from __future__ import annotations

import os
import queue
import random
import signal
import time

import pytest

import glm_magic as glm
from glm_magic.session.store import current_store
from tests.servers.script import Script

from .conftest import Kernel

pytestmark = pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="needs SIGKILL")

ANSWER = "".join(f"{number} " for number in range(60))
CELLS = 12


def finished_before_death(name: str, after_s: float) -> int:
    """Kill a kernel whose cells stream, and return how many of them it had answered with "ok"."""
    kernel = Kernel()
    try:
        kernel.run("%load_ext glm_magic")
        requests = [kernel.send(f"%%glm -S {name}\nquestion {n}", f"c{n}") for n in range(CELLS)]
        time.sleep(after_s)
        os.kill(kernel.manager.provisioner.pid, signal.SIGKILL)
        return _answered(kernel, requests)
    finally:
        kernel.close()


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


def kill_many(count: int, seed: int) -> int:
    """Kill kernels one after the other, and look at what they left."""
    chance = random.Random(seed)
    moments = {f"k{number}": chance.uniform(0, 2) for number in range(count)}
    finished = {name: finished_before_death(name, moments[name]) for name in moments}
    for name, answered in finished.items():
        turns = glm.Session(name).turns
        whole = [turn for turn in turns if turn.status == "complete"]
        assert len(whole) >= answered, (name, moments[name], [turn.status for turn in turns])
        assert all(turn.answer == ANSWER and turn.usage for turn in whole)
        assert [turn.status for turn in turns[len(whole) :]] in ([], ["interrupted"])
        assert all(ANSWER.startswith(turn.answer) for turn in turns)
    store = current_store()
    assert store is not None
    assert store.read("PRAGMA integrity_check") == [("ok",)]
    return sum(finished.values())


@pytest.fixture(autouse=True)
def streams(asks_the_server) -> None:
    """Let each reply take half a second or so."""
    asks_the_server.tell(Script(answer=ANSWER, reasoning="hm " * 10, pause_s=0.01, piece_chars=6))


@pytest.mark.timeout(120)
def test_killed_kernels_lose_no_finished_turn() -> None:
    assert kill_many(6, seed=1) > 0


@pytest.mark.slow
@pytest.mark.timeout(2400)
def test_two_hundred_killed_kernels_lose_no_finished_turn() -> None:
    assert kill_many(200, seed=2) > 100
