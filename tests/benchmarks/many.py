"""Two hundred streams at once in one process, and a session of a thousand turns."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import glm_magic as glm
from tests.benchmarks.decoding import records
from tests.benchmarks.figures import Figure
from tests.benchmarks.server import served

STREAMS = 200
RATE = 100
SECONDS = 4
TURNS = 1_000


def run() -> Iterator[Figure]:
    """Measure the share of one core, beside the official asynchronous client."""
    bodies = {"vllm": records("vllm", RATE * SECONDS), "short": records("vllm", 10)}
    with TemporaryDirectory() as folder, served(Path(folder), bodies) as url:
        (ours, share), (theirs, _) = (_spent(work, f"{url}/vllm@{RATE}") for work in WORKS)
        what = f"{STREAMS} streams of {RATE} chunks a second"
        yield Figure(
            "Many at once",
            f"{what}, CPU a chunk",
            ours * 1e6,
            "µs",
            "AsyncOpenAI",
            theirs * 1e6,
            reach=1,
        )
        yield Figure("Many at once", f"{what}, share of one core", share * 100, "%")
        yield _long_session(f"{url}/short")


def _spent(work: Callable[[str], Awaitable[int]], address: str) -> tuple[float, float]:
    """Return the CPU time for each chunk, and the share of one core."""
    began, wall = time.process_time(), time.monotonic()
    chunks = asyncio.run(_all(work, address))
    spent_s = time.process_time() - began
    assert chunks >= STREAMS * RATE * SECONDS
    return spent_s / (STREAMS * RATE * SECONDS), spent_s / (time.monotonic() - wall)


async def _all(work: Callable[[str], Awaitable[int]], address: str) -> int:
    return sum(await asyncio.gather(*(work(address) for _ in range(STREAMS))))


async def _ours(address: str) -> int:
    async with glm.astream("Why?", provider="vllm", model="m", base_url=address) as stream:
        return len([event async for event in stream])


async def _client(address: str) -> int:
    import openai

    async with openai.AsyncOpenAI(base_url=address, api_key="k") as client:
        stream = await client.chat.completions.create(
            model="m", messages=[{"role": "user", "content": "Why?"}], stream=True
        )
        return len([chunk async for chunk in stream])


WORKS = (_ours, _client)


def _long_session(address: str) -> Figure:
    """Compare what the last turns of a long session cost with what the first ones did."""
    session = glm.Session("long", provider="vllm", model="m", base_url=address)
    spent: list[float] = []
    for number in range(TURNS):
        began = time.process_time()
        session.ask(f"Question {number}?")
        spent.append(time.process_time() - began)
    first, last = sum(spent[20:120]) / 100, sum(spent[-100:]) / 100
    return Figure(
        "Many at once",
        f"CPU of a turn after {TURNS:,} turns",
        last * 1e3,
        "ms",
        "the first hundred",
        first * 1e3,
        reach=2,
    )
