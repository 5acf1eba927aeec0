"""One function for each reader of foreign bytes; it returns for any input, or a bug was found."""

from __future__ import annotations

import contextlib
import json
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from glm_magic.catalogue import load as catalogue
from glm_magic.core.errors import GlmError
from glm_magic.dialects import DIALECTS
from glm_magic.engine.interpolate import interpolate
from glm_magic.magic.line.parse import parse
from glm_magic.session import loading
from glm_magic.views.markup.incremental import IncrementalMarkdown
from glm_magic.views.markup.markdown import markdown_html
from glm_magic.views.markup.sanitize import is_safe, sanitize_markdown
from glm_magic.wire import retry
from glm_magic.wire.decompress import decompressor
from glm_magic.wire.tape import format as tape
from glm_magic.wire.tape.line_delta import OutputMeter
from tests.laws.decoding import comparable, cut, decode, fold, offer_for
from tests.security.dom import obeyed

NAMES = tuple(DIALECTS)
PATH = Path("fuzz.glmtape")


def stream(data: bytes) -> None:
    """A body in any dialect ends exactly once, alike wherever it is cut."""
    dialect, at, body = NAMES[data[0] % len(NAMES)] if data else NAMES[0], data[1:4], data[4:]
    whole = decode(dialect, [body])
    assert fold(whole).ends == 1
    positions = [place * len(body) // 256 for place in at]
    assert comparable(decode(dialect, cut(body, positions))) == comparable(whole)
    repr(comparable(whole)).encode()


def refusal(data: bytes) -> None:
    """A failed response is one error in words."""
    status = 300 + data[0] if data else 500
    for name in NAMES:
        error = DIALECTS[name].error(offer_for(name), status, {}, data[1:])
        assert isinstance(error, GlmError)
        assert error.message
        assert len(error.message) < 1000
        "\n".join(error.lines()).encode()


def markdown(data: bytes) -> None:
    """A text becomes formatted text, whole, growing, and as Markdown."""
    text = data.decode("utf-8", "replace")
    assert obeyed(markdown_html(text)) == []
    growing = IncrementalMarkdown()
    for end in range(1, len(text), max(1, len(text) // 8)):
        step = growing.update(text[:end])
        assert obeyed(step.added + step.tail) == []
    assert is_safe(sanitize_markdown(text))


def overlay(data: bytes) -> None:
    """A user's TOML file is read, or refused in words."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "mine.toml"
        path.write_bytes(data)
        _only_ours(lambda: catalogue._load.__wrapped__(((path, 0),)))


def recorded(data: bytes) -> None:
    """A tape is read, or refused in words; so is each of its blocks."""
    text = data.decode("utf-8", "replace")
    _only_ours(lambda: tape.read(text, PATH))
    lines = text.split("\n")
    _only_ours(lambda: tape._parse(lines, (0, len(lines)), PATH, 1, OutputMeter()))


def saved(data: bytes) -> None:
    """A saved conversation is read, or refused in words."""
    with tempfile.TemporaryDirectory() as folder:
        for name in ("talk.json", "talk.jsonl", "talk.md"):
            path = Path(folder) / name
            path.write_bytes(data)
            _only_ours(lambda path=path: loading.load(path))


def typed(data: bytes) -> None:
    """A line and a prompt are understood, or refused in words; nothing is ever called."""
    text = data.decode("utf-8", "replace")
    _only_ours(lambda: parse(text))
    interpolate(text, {"a": {"b": [1, 2]}, "trap": Trap(), "text": text})


class Trap:
    """Whoever calls this, or asks for more than its text, has evaluated too much."""

    def __call__(self, *_: object) -> None:
        raise SystemExit("something was called")


def header(data: bytes) -> None:
    """Whatever stands in ``Retry-After``, the wait is bounded."""
    value = data.decode("latin-1")
    for name in ("retry-after", "retry-after-ms"):
        requested_s = retry.retry_after_s({name: value})
        assert requested_s is None or requested_s >= 0
        wait_s = retry.retry_delay_s(0, requested_s)
        assert wait_s is None or 0 <= wait_s <= retry.MAX_WAIT_S
        assert len(retry.wait_text(requested_s or 0.0)) < 40


def packed(data: bytes) -> None:
    """A packed body unpacks in bounded pieces, or is refused in words."""

    def unpack() -> None:
        for piece in decompressor("gzip")(data):
            assert len(piece) <= 256 * 1024

    _only_ours(unpack)


def _only_ours(read: Callable[[], Any]) -> None:
    with contextlib.suppress(GlmError):
        read()


TARGETS: dict[str, Callable[[bytes], None]] = {
    target.__name__: target
    for target in (stream, refusal, markdown, overlay, recorded, saved, typed, header, packed)
}


def seeds(name: str) -> list[bytes]:
    """Return good input to begin with."""
    from tests.fuzz import corpus

    return corpus.SEEDS.get(name, lambda: [b""])()


def as_json(value: Any) -> bytes:
    """Return a value as JSON in UTF-8, lone surrogates and all."""
    return json.dumps(value).encode()
