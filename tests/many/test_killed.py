"""Kernels that are killed in the middle of a call: what had ended is not asked again.

A kill comes after so many requests have come, never after so many seconds.
"""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.servers.model_server import ModelServer
from tests.servers.script import Script

pytestmark = pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="needs SIGKILL")

ROWS, JOBS = 60, 6
KILLS = 6
PROGRAM = """
import sys
import glm_magic as glm
rows = [{"text": f"text {n}"} for n in range(int(sys.argv[2]))]
out = glm.map(rows, "About {text}", jobs=int(sys.argv[3]), provider="vllm", model="glm-4.6",
              base_url=sys.argv[1], progress=False)
assert not out.errors and not out.left and all(out[n].answer for n in range(len(out)))
print("whole", flush=True)
"""


def start(url: str) -> subprocess.Popen[str]:
    """Start the program that asks."""
    words = [sys.executable, "-c", PROGRAM, f"{url}/v1", str(ROWS), str(JOBS)]
    root = str(Path(__file__).parents[2])
    environment = {**os.environ, "PYTHONPATH": root}
    return subprocess.Popen(words, stdout=subprocess.PIPE, text=True, env=environment)


def kill_after(server: ModelServer, process: subprocess.Popen[str], count: int) -> None:
    """Kill a program once so many more requests have come."""
    until = len(server.requests) + count
    while len(server.requests) < until and process.poll() is None:
        pass
    process.kill()
    process.communicate()


def killed_and_run_again(moments: list[int]) -> int:
    """Kill a call at these moments, one after the other; return the requests in all."""
    with ModelServer("vllm") as server:
        server.tell(Script(pause_s=0.002))
        for moment in moments:
            kill_after(server, start(server.url), moment)
        last = start(server.url)
        out, _ = last.communicate(timeout=60)
        assert out == "whole\n"
        assert last.returncode == 0
        return len(server.requests)


def test_killed_twice() -> None:
    assert killed_and_run_again([20, 20]) <= ROWS + 2 * JOBS


def test_an_interrupt_ends_the_call_at_once_and_keeps_what_has_ended() -> None:
    with ModelServer("vllm") as server:
        server.tell(Script(pause_s=0.01))
        process = start(server.url)
        while len(server.requests) < 20 and process.poll() is None:
            pass
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=20)
        assert process.returncode
        sent = len(server.requests)
        assert sent < ROWS
        out, _ = start(server.url).communicate(timeout=60)
        assert out == "whole\n"
        assert len(server.requests) <= ROWS + JOBS


@pytest.mark.slow
@pytest.mark.timeout(240)
def test_killed_at_random_fifty_times() -> None:
    chance = random.Random(7)
    for _ in range(50 // KILLS + 1):
        moments = [chance.randrange(1, 9) for _ in range(KILLS)]
        assert killed_and_run_again(moments) <= ROWS + KILLS * JOBS
