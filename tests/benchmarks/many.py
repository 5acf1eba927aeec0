"""Two hundred streams at once in one process, and a session of a thousand turns.

The floors are what a program could do that only parses: asyncio's own streams, and aiohttp.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import glm_magic as glm
from tests.benchmarks.decoding import records
from tests.benchmarks.figures import Figure, cpu_s, in_turn
from tests.benchmarks.server import served

if TYPE_CHECKING:
    import httpx

STREAMS = 200
RATE = 100
SECONDS = 4
CHUNKS = STREAMS * RATE * SECONDS
ROUNDS = 3
TURNS = 1_000
COUNTED = 100
"""The last turns of a session, which are measured."""
AGAIN = "And why is that?"


def run() -> Iterator[Figure]:
    """Measure the share of one core, beside the official asynchronous client."""
    bodies = {"vllm": records("vllm", RATE * SECONDS), "short": records("vllm", 10)}
    with TemporaryDirectory() as folder, served(Path(folder), bodies) as url:
        for work in NEAR.values():
            asyncio.run(work(f"{url}/short"))  # what is loaded once is no cost of a chunk
        wall_s: dict[str, float] = {}

        def stream(name: str) -> None:
            began_s = time.monotonic()
            chunks = asyncio.run(_all(WORKS[name], f"{url}/vllm@{RATE}"))
            wall_s[name] = time.monotonic() - began_s
            assert chunks >= CHUNKS

        spent_s = in_turn({name: partial(stream, name) for name in NEAR}, cpu_s, ROUNDS)
        # It is loaded last: what it keeps would be looked through in each collection of garbage.
        asyncio.run(WORKS["AsyncOpenAI"](f"{url}/short"))
        spent_s["AsyncOpenAI"] = cpu_s(partial(stream, "AsyncOpenAI"))
        what = f"{STREAMS} streams of {RATE} chunks a second"
        floor = min(FLOORS, key=lambda name: spent_s[name])
        for beside, reach in ((floor, 1.2), ("AsyncOpenAI", 1 / 6)):
            yield Figure(
                "Many at once",
                f"{what}, CPU a chunk",
                spent_s["ours"] / CHUNKS * 1e6,
                "µs",
                beside,
                spent_s[beside] / CHUNKS * 1e6,
                reach=reach,
            )
        share = spent_s["ours"] / wall_s["ours"]
        yield Figure("Many at once", f"{what}, share of one core", share * 100, "%")
        yield from _long_session(f"{url}/short")


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
NEAR = {"ours": _ours, **FLOORS}
WORKS = {**NEAR, "AsyncOpenAI": _client}


def _long_session(address: str) -> Iterator[Figure]:
    """Compare the last turns of a long session with those of a short one, and with bare requests.

    Each request holds the whole conversation, so some growth lies in the matter. The three take
    turns: a machine that is slower for a moment is so for all of them.
    """
    import httpx

    place: dict[str, Any] = {"provider": "vllm", "model": "m", "base_url": address}
    long, short = (glm.Session(name, **place) for name in ("long", "short"))
    for session, turns in ((long, TURNS - COUNTED), (short, 20)):
        for _ in range(turns):
            session.ask(AGAIN)
    spent_s = dict.fromkeys(("long", "short", "bare"), 0.0)
    with httpx.Client() as client:
        for _ in range(COUNTED):
            spent_s["short"] += cpu_s(lambda: short.ask(AGAIN))
            spent_s["long"] += cpu_s(lambda: long.ask(AGAIN))
            body = long.asked[-1].request
            spent_s["bare"] += cpu_s(partial(_post, client, address, body))
    what = f"CPU of a turn after {TURNS:,} turns"
    ours_ms = spent_s["long"] / COUNTED * 1e3
    peers = {"the first hundred turns": "short", "httpx with the same body": "bare"}
    for beside, name in peers.items():
        its_ms = spent_s[name] / COUNTED * 1e3
        yield Figure("Many at once", what, ours_ms, "ms", beside, its_ms, reach=2)


def _post(client: httpx.Client, address: str, body: Mapping[str, Any]) -> None:
    """Send a body by httpx, and parse what comes back."""
    with client.stream("POST", f"{address}/chat/completions", json=body) as reply:
        for line in reply.iter_lines():
            if line.startswith("data: {"):
                json.loads(line[6:])
