"""What must not be on a tape: keys, and ids by which a service knows an account or a call."""

from __future__ import annotations

import contextlib
import json
import re
from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ...core.spellings import Spellings
from ..echoes import Span, merged, secret_spans
from ..sse import BodyReader, Record, RecordTooLongError
from .matching import Chunk

KEPT_HEADERS = ("content-type", "retry-after", "retry-after-ms")
"""The only response headers that go on a tape."""
PLACEHOLDER = b"(not on the tape)"
_TOP = ("id",)
"""Keys that hold an id of the call only at the top of an object; a tool call's id must stay."""
_ANYWHERE = re.compile(
    r"(?i)^(x[-_])?((request|trace|log|account|user|workspace|project|session)[-_]?id"
    r"|org(ani[sz]ation)?([-_]?id)?)$"
)
_PAIR = re.compile(r'"([\w-]{2,40})"\s*:\s*"([^"\\\s]{1,200})')
"""A name and a value without escapes, perhaps cut off at the end."""
_PIECE = 1 << 16
_SHORTEST = 6
"""A shorter value identifies nobody, and could occur anywhere in a text."""
_FEW = 8
"""So many values are tried one after the other."""


def kept_headers(headers: Mapping[str, str], secrets: Spellings) -> dict[str, str]:
    """Return the response headers that a tape keeps."""
    return {name: secrets.cut(headers[name]) for name in KEPT_HEADERS if name in headers}


def without_ids(chunks: Sequence[Chunk], secrets: Spellings) -> tuple[Chunk, ...]:
    """Return chunks without ids and without `secrets`, still divided where they were."""
    body = b"".join(chunk.data for chunk in chunks)
    values = {value.encode() for value in _ids(body) if len(value) >= _SHORTEST}
    ids: list[Span] = []
    if values:
        pattern = re.compile(_any_of(sorted(values, key=len)[::-1]))
        ids = [Span(*match.span()) for match in pattern.finditer(body)]
    spans = merged([*ids, *secret_spans(body, secrets)])
    if not spans:
        return tuple(chunks)
    ends = [span[1] for span in spans]
    result, start = [], 0
    for chunk in chunks:
        end = start + len(chunk.data)
        first = bisect_right(ends, start)
        result.append(Chunk(chunk.at_s, _cut(body, start, end, spans, first)))
        start = end
    return tuple(result)


def _any_of(values: Sequence[bytes], depth: int = 0) -> bytes:
    """Return a pattern of what follows the first `depth` bytes of values, the longest first.

    Values are told apart byte by byte: to try thousands of ids in turn at every place of a body
    would take the square of its length.
    """
    if len(values) <= _FEW or depth == _SHORTEST:
        return b"|".join(re.escape(value[depth:]) for value in values)
    groups: dict[bytes, list[bytes]] = {}
    for value in values:
        groups.setdefault(value[depth : depth + 1], []).append(value)
    return b"|".join(
        re.escape(first) + b"(?:" + _any_of(group, depth + 1) + b")"
        for first, group in groups.items()
    )


def _cut(body: bytes, start: int, end: int, spans: Sequence[Span], first: int) -> bytes:
    """Return a part of the body with each span, from the first in it, replaced where it begins."""
    pieces, at = [], start
    for number in range(first, len(spans)):
        left, right, continues = spans[number]
        if left >= end:
            break
        pieces.append(body[at : max(left, at)])
        if left >= start and not continues:
            pieces.append(PLACEHOLDER)
        at = min(right, end)
    return b"".join((*pieces, body[at:end]))


def _ids(body: bytes) -> set[str]:
    """Return the values of all keys that identify an account or a call."""
    ids: set[str] = set()
    for record in _records(body):
        try:
            ids.update(_values(json.loads(record.data), top=True))
        except (ValueError, RecursionError):  # cut short, or not JSON at all
            ids.update(_loose_values(record.data))
    return ids


def _records(body: bytes) -> list[Record]:
    reader, records = BodyReader(), []
    with contextlib.suppress(RecordTooLongError):
        for start in range(0, len(body), _PIECE):
            records += reader.feed(body[start : start + _PIECE])
        records += reader.finish()
    return records


def _loose_values(text: str) -> Iterator[str]:
    """Yield the ids in text that is not valid JSON; a tool call's own id stays here too."""
    for pair in _PAIR.finditer(text):
        name, value = pair.groups()
        at_top = name in _TOP and '"tool_calls"' not in text[: pair.start()]
        if at_top or _ANYWHERE.match(name):
            yield value


def _values(value: Any, *, top: bool) -> Iterator[str]:
    if isinstance(value, list):
        for item in value:
            yield from _values(item, top=False)
    elif isinstance(value, dict):
        for name, inner in value.items():
            if isinstance(inner, str):
                if (top and name in _TOP) or _ANYWHERE.match(name):
                    yield inner
            else:
                yield from _values(inner, top=top and name in ("error", "output"))
