"""Workers, schedulers, clients and callers that die in the middle: ended rows are kept.

A death comes after so many requests have come, never after so many seconds.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import dask
import pytest

pytest.importorskip("distributed")

import glm_magic as glm
from glm_magic.core.errors import GlmError
from glm_magic.engine.keywords import to_options
from glm_magic.many.run import make_job
from tests.many.dask_clusters import ROOT, Processes, cluster, pids, wait_until
from tests.servers.model_server import ModelServer
from tests.servers.script import Script

Asked = Callable[..., dict[str, Any]]
ROWS, JOBS = 40, 6
TEMPLATE = "About {text}"

pytestmark = [
    pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="needs SIGKILL"),
    pytest.mark.timeout(240),
]


def rows(count: int = ROWS) -> list[str]:
    """Return different texts."""
    return [f"text {n}" for n in range(count)]


def times(server: ModelServer) -> Counter[str]:
    """Return how often each prompt came."""
    return Counter(request.json["messages"][-1]["content"] for request in server.requests)


@contextmanager
def processes(folder: Path) -> Iterator[Processes]:
    """Give a scheduler with two workers, all processes of their own."""
    running = Processes(folder)
    try:
        running.add_worker()
        running.add_worker()
        yield running
    finally:
        running.close()


class Asking(threading.Thread):
    """A call in a thread of its own, and what came of it."""

    def __init__(self, **asked: Any) -> None:
        super().__init__()
        self._asked = asked
        self.out: glm.MapResult | None = None
        self.error: GlmError | None = None
        self.start()

    def run(self) -> None:
        """Ask."""
        try:
            self.out = glm.map(rows(), TEMPLATE, **self._asked)
        except GlmError as error:
            self.error = error

    def ended(self) -> Asking:
        """Wait for the end."""
        self.join(90)
        assert not self.is_alive()
        return self


def test_a_worker_that_is_killed_costs_what_it_had_in_flight(
    server: ModelServer, asked: Asked, tmp_path: Path
) -> None:
    with cluster(tmp_path) as client:
        # the first reply of each row that is in flight at the kill never ends
        server.tell(*[Script()] * 10, Script(stall_after=1))
        asking = Asking(**asked(on=client, jobs=JOBS))
        wait_until(lambda: len(server.requests) == 10 + JOBS)
        stalled = list(server.requests[10:])
        server.tell(Script())
        victim, *_ = pids(client).values()
        os.kill(victim, signal.SIGKILL)
        wait_until(lambda: any(request.hung_up.is_set() for request in stalled))
        server.released.set()
        out = asking.ended().out
        assert out is not None
        assert not out.errors
        assert not out.left
        lost = sum(request.hung_up.is_set() for request in stalled)
        assert 0 < lost < JOBS
        assert len(server.requests) == ROWS + lost
        assert len(times(server)) == ROWS


@pytest.mark.slow
def test_a_row_whose_every_worker_dies_fails_alone(
    server: ModelServer, asked: Asked, tmp_path: Path
) -> None:
    with (
        dask.config.set({"distributed.scheduler.allowed-failures": 0}),
        cluster(tmp_path) as client,
    ):
        server.tell(*[Script()] * 10, Script(stall_after=1))
        asking = Asking(**asked(on=client, jobs=2))
        wait_until(lambda: len(server.requests) == 12)
        server.tell(Script())
        victim, *_ = pids(client).values()
        os.kill(victim, signal.SIGKILL)
        wait_until(lambda: any(request.hung_up.is_set() for request in server.requests))
        server.released.set()
        out = asking.ended().out
        assert out is not None
        assert set(out.errors.values()) == {"every Dask worker that asked about this row died"}
        assert len(out.errors) <= 2
        assert len(out) - len(out.errors) == list(out.frame["status"]).count("complete")
        again = glm.map(rows(), TEMPLATE, **asked(on=client))
        assert not again.errors
        assert len(server.requests) == ROWS + len(out.errors)


def test_a_scheduler_that_is_lost(server: ModelServer, asked: Asked, tmp_path: Path) -> None:
    with processes(tmp_path) as running, running.client() as client:
        server.tell(*[Script()] * 10, Script(stall_after=1))
        asking = Asking(**asked(on=client, jobs=JOBS))
        wait_until(lambda: len(server.requests) == 10 + JOBS)
        running.scheduler.kill()
        error = asking.ended().error
        assert error is not None
        assert "has lost its scheduler" in error.message
        assert len(error.lines()) == 2
    server.tell(Script())
    assert not glm.map(rows(), TEMPLATE, **asked()).left
    assert len(server.requests) == ROWS + JOBS


def test_a_client_that_is_closed_meanwhile(
    server: ModelServer, asked: Asked, tmp_path: Path
) -> None:
    with cluster(tmp_path, workers=1) as client:
        server.tell(*[Script()] * 10, Script(stall_after=1))
        asking = Asking(**asked(on=client, jobs=2))
        wait_until(lambda: len(server.requests) == 12)
        client.close()
        error = asking.ended().error
        assert error is not None
        assert "the Dask client is closed" in error.message
    server.tell(Script())
    assert not glm.map(rows(), TEMPLATE, **asked()).left
    assert len(server.requests) == ROWS + 2


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(signal, "SIGSTOP"), reason="needs SIGSTOP")
def test_stop_does_not_wait_for_workers_that_hang(
    server: ModelServer, asked: Asked, tmp_path: Path
) -> None:
    with cluster(tmp_path, workers=1) as client:
        server.tell(*[Script()] * 5, Script(stall_after=1))
        keywords = asked()
        del keywords["progress"]
        job = make_job(rows(), TEMPLATE, to_options(keywords), jobs=2, on=client)
        job.start()
        wait_until(lambda: job.wait(0.01) or len(server.requests) == 7)
        (pid,) = pids(client).values()
        os.kill(pid, signal.SIGSTOP)
        try:
            job.cancel()
            assert job.wait(60)
        finally:
            os.kill(pid, signal.SIGCONT)
        assert job.progress.ended == 5
        assert job.progress.left == ROWS - 5
        assert job.stopped == "stopped"


PROGRAM = """
import sys
from distributed import Client
import glm_magic as glm
if __name__ == "__main__":
    client = Client(scheduler_file=sys.argv[2])
    client.wait_for_workers(2)
    rows = [f"text {n}" for n in range(int(sys.argv[3]))]
    out = glm.map(rows, "About {text}", jobs=int(sys.argv[4]), provider="vllm", model="glm-4.6",
                  base_url=sys.argv[1], progress=False, on=client)
    assert not out.errors and not out.left and all(out[n].answer for n in range(len(out)))
    print("whole", flush=True)
"""


@pytest.mark.slow
def test_a_caller_that_is_killed_goes_on_when_it_calls_again(tmp_path: Path) -> None:
    def start(url: str, file: Path) -> subprocess.Popen[str]:
        words = [sys.executable, "-c", PROGRAM, f"{url}/v1", str(file), str(ROWS), str(JOBS)]
        variables = {**os.environ, "PYTHONPATH": str(ROOT)}
        return subprocess.Popen(words, stdout=subprocess.PIPE, text=True, env=variables)

    with ModelServer("vllm") as server, processes(tmp_path) as running:
        server.tell(Script(pause_s=0.02))
        for moment in (12, 24):
            process = start(server.url, running.file)
            wait_until(lambda moment=moment: len(server.requests) >= moment)
            process.kill()
            process.communicate()
        last = start(server.url, running.file)
        out, _ = last.communicate(timeout=90)
        assert out == "whole\n"
        assert len(server.requests) <= ROWS + 2 * JOBS


@pytest.mark.slow
def test_workers_that_are_killed_one_after_the_other(
    server: ModelServer, asked: Asked, tmp_path: Path
) -> None:
    """Each comes back with a new process, and no row is lost."""
    kills = 3
    with cluster(tmp_path) as client:
        server.tell(Script(pause_s=0.02))
        asking = Asking(**asked(on=client, jobs=JOBS))
        for number in range(1, kills + 1):
            wait_until(lambda number=number: len(server.requests) >= 8 * number)
            victim, *_ = pids(client).values()
            os.kill(victim, signal.SIGKILL)
        out = asking.ended().out
        assert out is not None
        assert not out.errors
        assert not out.left
        assert len(server.requests) <= ROWS + kills * JOBS
