"""Good input for each target, which a fuzzer spoils."""

from __future__ import annotations

import gzip
import tempfile
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from glm_magic.session import export
from glm_magic.wire.tape.format import write
from glm_magic.wire.tape.matching import Chunk, Recording, RequestKey
from tests.catalogue.test_overlay import GATEWAY, MODEL, PRICE
from tests.security.vectors import HONEST, VECTORS
from tests.streams.corpus import BODIES
from tests.views.turns import ANSWER, REASONING


def _tapes() -> list[bytes]:
    asked = RequestKey.of(
        "zai", {"model": "glm-4.6", "messages": [{"role": "user", "content": "?"}]}
    )
    when = datetime(2026, 11, 1, tzinfo=UTC)
    entries = [
        Recording(asked, when, 200, 0.1, (Chunk(0.2, body.content),), "whole", 0.3)
        for body in BODIES[:3]
    ]
    whole = write(entries)
    return [whole.encode(), *(part.encode() for part in whole.split("reply "))]


def _streams() -> list[bytes]:
    return [bytes([n, 40, 90, 200]) + body.content for n, body in enumerate(BODIES)]


def _overlays() -> list[bytes]:
    return [toml.encode() for toml in (GATEWAY, MODEL, PRICE)]


def _conversations() -> list[bytes]:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "talk.jsonl"
        export.save(path, "talk", [])
        messages = b'[{"role":"user","content":"why?"},{"role":"assistant","content":"so"}]'
        return [path.read_bytes(), messages, b'{"version":1}\n{"variants":[{"prompt":"x"}]}']


SEEDS: dict[str, Callable[[], list[bytes]]] = {
    "stream": _streams,
    "refusal": lambda: [b"\x90" + body.content for body in BODIES[:20]],
    "markdown": lambda: [words.encode() for words in (ANSWER, REASONING, *HONEST, *VECTORS[::9])],
    "overlay": _overlays,
    "recorded": _tapes,
    "saved": _conversations,
    "typed": lambda: [
        b'-m glm-4.6 --think high -t 0.5 --param a={"b": 1} why {a["b"][0]} {trap} {{x}}',
        b"```\n{a}\n``` $x_{a}$ \\(x\\) {trap()} {text.upper()} {a.b[-1]:>10} {__import__('os')}",
    ],
    "header": lambda: [b"3", b"0.5", b"Wed, 21 Oct 2026 07:28:00 GMT"],
    "packed": lambda: [gzip.compress(BODIES[0].content), gzip.compress(b"")],
}
