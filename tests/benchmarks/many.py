"""Two hundred streams at once in one process, and a session of a thousand turns.

The floors are what a program could do that only parses: asyncio's own streams, and aiohttp.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from urllib.parse import urlsplit

import glm_magic as glm
from tests.benchmarks.decoding import records
from tests.benchmarks.figures import Figure, cpu_s
from tests.benchmarks.server import served

STREAMS = 200
RATE = 100
SECONDS = 4
TURNS = 1_000


def run() -> Iterator[Figure]:
    """Measure the share of one core, beside the official asynchronous client."""
    bodies = {"vllm": records("vllm", RATE * SECONDS), "short": records("vllm", 10)}
    with TemporaryDirectory() as folder, served(Path(folder), bodies) as url:
        for work in WORKS.values():
            asyncio.run(work(f"{url}/short"))  # what is loaded once is no cost of a chunk
        spent = {name: _spent(work, f"{url}/vllm@{RATE}") for name, work in WORKS.items()}
        ours, share = spent.pop("ours")
        what = f"{STREAMS} streams of {RATE} chunks a second"
        floor = min(FLOORS, key=lambda name: spent[name])
        for beside, reach in ((floor, 1.2), ("AsyncOpenAI", 1 / 6)):
            yield Figure(
                "Many at once",
                f"{what}, CPU a chunk",
                ours * 1e6,
                "µs",
                beside,
                spent[beside][0] * 1e6,
                reach=reach,
            )
        yield Figure("Many at once", f"{what}, share of one core", share * 100, "%")
        yield from _long_session(f"{url}/short")


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


async def _raw(address: str) -> int:
    place = urlsplit(address)
    reader, writer = await asyncio.open_connection(place.hostname, place.port)
    writer.write(b"POST %b/x HTTP/1.1\r\nHost: a\r\n\r\n" % place.path.encode())
    count, rest = 0, b""
    while b"[DONE]" not in rest:
        chunk = await reader.read(65536)
        assert chunk
        whole, rest = _parsed(rest + chunk)
        count += whole
    writer.close()
    return count


async def _aiohttp(address: str) -> int:
    import aiohttp

    async with aiohttp.ClientSession() as client, client.post(f"{address}/x", json={}) as reply:
        count, rest = 0, b""
        async for chunk in reply.content.iter_any():
            whole, rest = _parsed(rest + chunk)
            count += whole
        return count


def _parsed(data: bytes) -> tuple[int, bytes]:
    """Parse the records that are whole, without their end mark; return how many, and the rest."""
    count = 0
    *records, rest = data.split(b"\n\n")
    for record in records:
        at = record.find(b"data: {")
        if at >= 0:
            json.loads(record[at + 6 :])
            count += 1
        elif b"[DONE]" in record:
            rest = record
    return count, rest


FLOORS = {"asyncio, json.loads": _raw, "aiohttp, json.loads": _aiohttp}
WORKS = {"ours": _ours, "AsyncOpenAI": _client, **FLOORS}


def _long_session(address: str) -> Iterator[Figure]:
    """Compare the last turns of a long session with the first ones, and with their bare requests.

    Each request holds the whole conversation, so some growth lies in the matter.
    """
    session = glm.Session("long", provider="vllm", model="m", base_url=address)
    spent = [cpu_s(lambda: session.ask("And why is that?")) for _ in range(TURNS)]
    first, last = sum(spent[20:120]) / 100, sum(spent[-100:]) / 100
    body = session.ask("Once more?").request
    bare = _bare(address, body)
    what = f"CPU of a turn after {TURNS:,} turns"
    for beside, value in (("the first hundred turns", first), ("httpx with the same body", bare)):
        yield Figure("Many at once", what, last * 1e3, "ms", beside, value * 1e3, reach=2)


def _bare(address: str, body: Mapping[str, Any]) -> float:
    """Return the CPU time of sending a body by httpx and parsing what comes back."""
    import httpx

    def post() -> None:
        with client.stream("POST", f"{address}/chat/completions", json=body) as reply:
            for line in reply.iter_lines():
                if line.startswith("data: {"):
                    json.loads(line[6:])

    with httpx.Client() as client:
        return sum(cpu_s(post) for _ in range(100)) / 100
