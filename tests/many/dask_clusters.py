"""Dask clusters on 127.0.0.1, whose workers are processes with an empty home."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from distributed import Client, LocalCluster

PATIENCE_S = 60
KEY = "key-of-the-workers-0123456789"
ROOT = Path(__file__).parents[2]


def environment(home: Path, **more: str) -> dict[str, str]:
    """Return what a worker's environment has beside that of this process."""
    null = {"PYTHON_KEYRING_BACKEND": "keyring.backends.null.Keyring"}
    return {
        "HOME": str(home),
        "GLM_HOME": str(home / "glm"),
        "PYTHONPATH": str(ROOT),
        **null,
        **more,
    }


@contextmanager
def cluster(home: Path, workers: int = 2, **options: Any) -> Iterator[Client]:
    """Give the client of a cluster of processes, and end both."""
    variables = {**environment(home), **options.pop("env", {})}
    with (
        LocalCluster(
            n_workers=workers,
            threads_per_worker=1,
            processes=True,
            host="127.0.0.1",
            dashboard_address="127.0.0.1:0",
            env=variables,
            **options,
        ) as running,
        Client(running) as client,
    ):
        if workers:
            client.wait_for_workers(workers)
        yield client


def pids(client: Client) -> dict[str, int]:
    """Return the process of each worker, by its address."""
    return client.run(os.getpid)


def wait_until(reached: Callable[[], Any]) -> None:
    """Wait for something to happen."""
    until_s = time.monotonic() + PATIENCE_S
    while not reached():
        assert time.monotonic() < until_s, "it did not happen"
        time.sleep(0.01)


class Processes:
    """A scheduler and workers that do not end with the program that uses them.

    Parameters
    ----------
    folder : Path
        Where the scheduler writes its address, and the workers have their home.
    *words
        Options of the scheduler.
    """

    def __init__(self, folder: Path, *words: str) -> None:
        self.file = folder / "scheduler.json"
        self._folder = folder
        self._variables = {**os.environ, **environment(folder)}
        dashboard = ["--dashboard-address", "127.0.0.1:0"]
        self.scheduler = self._start("scheduler", "--port", "0", *dashboard, *words)
        self._started = [self.scheduler]
        wait_until(self.file.exists)

    def _start(self, kind: str, *words: str) -> subprocess.Popen[bytes]:
        module = f"distributed.cli.dask_{kind}"
        at = ["--host", "127.0.0.1", "--scheduler-file", str(self.file)]
        with (self._folder / "log").open("ab") as log:
            return subprocess.Popen(
                [sys.executable, "-m", module, *at, *words], cwd=self._folder, env=self._variables,
                stdout=log, stderr=log,
            )  # fmt: skip

    def add_worker(self, *words: str) -> subprocess.Popen[bytes]:
        """Start a worker, which is one process."""
        more = ["--no-nanny", "--nthreads", "1", "--no-dashboard", *words]
        self._started.append(self._start("worker", *more))
        return self._started[-1]

    def client(self) -> Client:
        """Return a client, for the caller to close."""
        return Client(scheduler_file=str(self.file), timeout=5)

    @property
    def log(self) -> str:
        """What all of them have written."""
        return (self._folder / "log").read_text(errors="replace")

    def close(self) -> None:
        """End them."""
        for process in reversed(self._started):
            process.kill()
            with suppress(subprocess.TimeoutExpired):
                process.wait(10)
