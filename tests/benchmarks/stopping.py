"""From a stop or an interrupt to idle, and to the server seeing the connection close."""

from __future__ import annotations

import signal
import statistics
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory

import glm_magic as glm
from tests.benchmarks.decoding import records
from tests.benchmarks.figures import Figure
from tests.benchmarks.server import served, times

ROUNDS = 10
RATE = 100


def run() -> Iterator[Figure]:
    """Stop streams of 100 records a second, each half a second after its start."""
    with TemporaryDirectory() as folder:
        body = {"vllm": records("vllm", 2_000)}
        with served(Path(folder), body) as url:
            stops = [_stopped(url) for _ in range(ROUNDS)]
            interrupts = [_interrupted(url) for _ in range(ROUNDS)]
    for words, delays in (("stop", stops), ("interrupt", interrupts)):
        idle_s, seen_s = (statistics.median(column) for column in zip(*delays, strict=True))
        yield Figure("Stop", f"{words} to the end of the wait", idle_s * 1e3, "ms")
        yield Figure("Stop", f"{words} to the server seeing the close", seen_s * 1e3, "ms")


def _stopped(url: str) -> tuple[float, float]:
    with glm.stream("Why?", provider="vllm", model="m", base_url=f"{url}/vllm@{RATE}") as stream:
        stream.wait(0.5)
        began = time.monotonic()
        stream.cancel()
        stream.wait()
        idle_s = time.monotonic() - began
    return idle_s, _left(url, began)


def _interrupted(url: str) -> tuple[float, float]:
    pressed: list[float] = []

    def press() -> None:
        pressed.append(time.monotonic())
        signal.raise_signal(signal.SIGINT)

    timer = threading.Timer(0.5, press)
    timer.start()
    with suppress(KeyboardInterrupt):
        glm.ask("Why?", provider="vllm", model="m", base_url=f"{url}/vllm@{RATE}")
    idle_s = time.monotonic() - pressed[0]
    timer.join()
    return idle_s, _left(url, pressed[0])


def _left(url: str, began: float) -> float:
    """Return how long after `began` the server saw its newest client leave."""
    for _ in range(200):
        left = [at for at in times(url)["left"] if at > began]
        if left:
            return left[0] - began
        time.sleep(0.02)
    return float("inf")
