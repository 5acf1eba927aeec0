"""Twenty thousand rows by ``glm.map``, beside a bare httpx loop and what people write today."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import glm_magic as glm
from glm_magic.core.progress import MAX_FAILURES, Progress, RowText
from glm_magic.views.labels import ENGLISH
from glm_magic.views.saved.map_page import many_html
from tests.benchmarks.decoding import records
from tests.benchmarks.figures import Figure, cpu_s, in_turn
from tests.benchmarks.server import served

ROWS = 20_000
PEERS = 2_000
"""Rows for those whose cost a row does not depend on their number."""
JOBS = 16
CHUNKS = 20


def run() -> Iterator[Figure]:
    """Measure the CPU time of a row, its place on disk and its part of the plan included."""
    bodies = {"short": records("vllm", CHUNKS)}
    with TemporaryDirectory() as folder, served(Path(folder), bodies) as address:
        url = f"{address}/short"
        glm.ask("warm", provider="vllm", model="m", base_url=url)
        bare = _a_row(_bare, url, PEERS)
        ours = _a_row(_ours, url, ROWS)
        what = f"{ROWS:,} rows of {CHUNKS} chunks, CPU a row"
        yield Figure("Many rows", what, ours, "ms", "httpx, json.loads", bare, reach=2.5)
        for name, work in (("threads over glm.ask", _threads), ("AsyncOpenAI, gather", _client)):
            peer = _a_row(work, url, PEERS)
            yield Figure("Many rows", f"{what} ", ours, "ms", name, peer, reach=1)
    small, large = (_painting(rows) for rows in (1_000, 100_000))
    what = "painting the panel of 100,000 rows"
    yield Figure("Many rows", what, large, "ms", "of 1,000 rows", small, reach=1.5)


def _a_row(work: Callable[[str, int], object], url: str, count: int) -> float:
    """Return milliseconds of CPU for a row."""
    return cpu_s(lambda: work(url, count)) / count * 1e3


def _prompts(count: int) -> list[str]:
    return [f"About text {number}" for number in range(count)]


def _ours(url: str, count: int) -> None:
    out = glm.map(
        _prompts(count), jobs=JOBS, progress=False, provider="vllm", model="m", base_url=url
    )
    assert not out.errors
    assert not out.left


def _bare(url: str, count: int) -> None:
    import httpx

    async def ask(client: httpx.AsyncClient, gate: asyncio.Semaphore, prompt: str) -> str:
        body = {"model": "m", "stream": True, "messages": [{"role": "user", "content": prompt}]}
        text = ""
        async with gate, client.stream("POST", f"{url}/chat/completions", json=body) as reply:
            async for line in reply.aiter_lines():
                if line.startswith("data: {"):
                    choices = json.loads(line[6:])["choices"]
                    text += choices[0]["delta"].get("content") or "" if choices else ""
        return text

    async def main() -> None:
        gate = asyncio.Semaphore(JOBS)
        async with httpx.AsyncClient() as client:
            await asyncio.gather(*(ask(client, gate, prompt) for prompt in _prompts(count)))

    asyncio.run(main())


def _threads(url: str, count: int) -> None:
    def ask(prompt: str) -> object:
        return glm.ask(prompt, provider="vllm", model="m", base_url=url)

    with ThreadPoolExecutor(JOBS) as threads:
        assert len(list(threads.map(ask, _prompts(count)))) == count


def _client(url: str, count: int) -> None:
    import openai

    async def ask(client: openai.AsyncOpenAI, gate: asyncio.Semaphore, prompt: str) -> int:
        async with gate:
            stream = await client.chat.completions.create(
                model="m", messages=[{"role": "user", "content": prompt}], stream=True
            )
            return len([chunk async for chunk in stream])

    async def main() -> None:
        gate = asyncio.Semaphore(JOBS)
        async with openai.AsyncOpenAI(base_url=url, api_key="k") as client:
            await asyncio.gather(*(ask(client, gate, prompt) for prompt in _prompts(count)))

    asyncio.run(main())


def _painting(rows: int) -> float:
    """Return milliseconds of CPU for one paint when half of the rows have ended, many failed."""
    row = RowText(rows, "a prompt " * 12, "an answer " * 12)
    failures = tuple(replace(row, number=at) for at in range(min(rows // 4, MAX_FAILURES)))
    now = Progress(rows, rows // 4, rows // 4, last=(row,) * 5, failures=failures)
    works = {"paint": lambda: [many_html(now, None, ENGLISH) for _ in range(20)]}
    return in_turn(works, cpu_s, 5)["paint"] / 20 * 1e3
