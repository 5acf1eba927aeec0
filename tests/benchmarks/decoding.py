"""CPU for each chunk, from the socket to the accumulated turn, through the public door."""

from __future__ import annotations

import json
import tracemalloc
from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import glm_magic as glm
from tests.benchmarks.figures import Figure, cpu_s, in_turn
from tests.benchmarks.server import served
from tests.servers.script import Script
from tests.streams.corpus import body_of

CHUNKS = 10_000
ROUNDS = 5
KEY = "no-key-0123456789abcdef0123456789ab"
"""As long as those of services: every reply is searched for it."""
PLACES = {
    "dashscope": "dashscope",
    "dashscope-native": "dashscope-native",
    "bigmodel": "bigmodel",
    "openrouter": "openrouter",
    "wcode": "wcode",
    "vllm": "vllm",
    "sglang": "sglang",
    "llamacpp": "llamacpp",
    "ollama": "ollama",
    "lmstudio": "lmstudio",
}
"""Provider -> the vendor whose stream it gets."""


def records(vendor: str, chunks: int = CHUNKS) -> list[bytes]:
    """Return a stream of a vendor's own shape, half reasoning and half answer."""
    half = chunks // 2
    script = Script(
        reasoning=tuple(f"思考 step {n} " for n in range(half)),
        answer=tuple(f"word {n} 探讨 " for n in range(half)),
    )
    return body_of(vendor, "benchmark", script).records


def run() -> Iterator[Figure]:
    """Measure every dialect against the floor, and one against the official client."""
    bodies = {vendor: records(vendor) for vendor in PLACES.values()}
    bodies["short"], bodies["long"] = records("vllm", 10_000), records("vllm", 40_000)
    with TemporaryDirectory() as folder, served(Path(folder), bodies) as url:
        for provider, vendor in PLACES.items():
            yield _beside_the_floor(provider, url, vendor)
        yield from _beside_the_client(url)
        yield _memory(url)


def _beside_the_floor(provider: str, url: str, vendor: str) -> Figure:
    works = {"ours": _ours(provider, f"{url}/{vendor}"), "floor": _floor(f"{url}/{vendor}")}
    seconds = in_turn(works, cpu_s, ROUNDS)
    return Figure(
        "Decoding",
        f"{provider}, CPU a chunk",
        seconds["ours"] / CHUNKS * 1e6,
        "µs",
        "httpx, split, json.loads",
        seconds["floor"] / CHUNKS * 1e6,
        reach=2,
    )


def _beside_the_client(url: str) -> Iterator[Figure]:
    for way, words in (("", "in one piece"), ("@chunks", "each record an HTTP chunk")):
        address = f"{url}/vllm{way}"
        works = {"ours": _ours("vllm", address), "client": _client(address)}
        seconds = in_turn(works, cpu_s, 2)
        yield Figure(
            "Decoding",
            f"vllm, CPU a chunk, {words}",
            seconds["ours"] / CHUNKS * 1e6,
            "µs",
            "openai client",
            seconds["client"] / CHUNKS * 1e6,
            reach=1 / 6,
        )


def _memory(url: str) -> Figure:
    """Measure how much more than its own text a stream four times as long needs."""
    short, long = (_peak_beyond_text(f"{url}/{name}") for name in ("short", "long"))
    return Figure(
        "Decoding",
        "memory beyond the text and its events, 40,000 chunks",
        long / 1e6,
        "MB",
        "10,000 chunks",
        short / 1e6,
        reach=2,
    )


def _peak_beyond_text(address: str) -> float:
    tracemalloc.start()
    try:
        with glm.stream("Why?", provider="vllm", model="m", base_url=address) as stream:
            stream.wait()
            kept, peak = tracemalloc.get_traced_memory()
        return peak - kept
    finally:
        tracemalloc.stop()


def _ours(provider: str, address: str) -> Callable[[], None]:
    def work() -> None:
        with glm.stream(
            "Why?", provider=provider, model="glm-4.6", base_url=address, api_key=KEY
        ) as stream:
            count = sum(1 for _ in stream)
        assert count > CHUNKS
        assert len(stream.turn.answer) > CHUNKS

    return work


def _floor(address: str) -> Callable[[], None]:
    import httpx

    def work() -> None:
        rest, count = b"", 0
        with httpx.Client() as client, client.stream("POST", f"{address}/x", json={}) as reply:
            for chunk in reply.iter_bytes():
                *whole, rest = (rest + chunk).split(b"\n\n")
                for record in whole:
                    at = record.find(b"data:")
                    if at >= 0 and record[at + 5 :].strip() != b"[DONE]":
                        json.loads(record[at + 5 :])
                        count += 1
        assert count >= CHUNKS

    return work


def _client(address: str) -> Callable[[], None]:
    import openai

    def work() -> None:
        client = openai.OpenAI(base_url=address, api_key="k")
        stream = client.chat.completions.create(
            model="m", messages=[{"role": "user", "content": "Why?"}], stream=True
        )
        assert sum(1 for _ in stream) >= CHUNKS
        client.close()

    return work
