"""What must not be on a tape: keys, and the ids by which a service knows an account or a call."""

from __future__ import annotations

import contextlib
import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from ..sse import BodyReader, Record, RecordTooLongError
from .matching import Chunk

KEPT_HEADERS = ("content-type", "retry-after", "retry-after-ms")
"""Everything else of a response's head stays off the tape."""
STAND_IN = b"(not on the tape)"
_TOP = ("id",)
"""Keys whose value is an id only at the top of an object; a tool call's id must stay."""
_ANYWHERE = re.compile(
    r"(?i)^(x[-_])?((request|trace|log|account|user|workspace|project|session)[-_]?id"
    r"|org(ani[sz]ation)?([-_]?id)?)$"
)
_PAIR = re.compile(r'"([\w-]{2,40})"\s*:\s*"([^"\\\s]{1,200})')
"""A name and a value without escapes, its end perhaps cut off."""
_PIECE = 1 << 16
_SHORTEST = 6
"""A value shorter than this tells nobody apart, and could stand anywhere in a text."""


def kept_headers(headers: Mapping[str, str]) -> dict[str, str]:
    """Return what a tape keeps of a response's head."""
    return {name: headers[name] for name in KEPT_HEADERS if name in headers}


def without_ids(chunks: Sequence[Chunk], keys: Iterable[str]) -> tuple[Chunk, ...]:
    """Return chunks without the ids in them and without `keys`, cut where they were cut."""
    body = b"".join(chunk.data for chunk in chunks)
    found = {value.encode() for value in (*_ids(body), *keys) if len(value) >= _SHORTEST}
    if not found:
        return tuple(chunks)
    pattern = re.compile(b"|".join(re.escape(value) for value in sorted(found, key=len)[::-1]))
    spans = [match.span() for match in pattern.finditer(body)]
    result, start = [], 0
    for chunk in chunks:
        end = start + len(chunk.data)
        result.append(Chunk(chunk.at_s, _cut(body, start, end, spans)))
        start = end
    return tuple(result)


def _cut(body: bytes, start: int, end: int, spans: Iterable[tuple[int, int]]) -> bytes:
    """Return a part of the body with each span replaced where it begins."""
    pieces, at = [], start
    for left, right in spans:
        if right <= start or left >= end:
            continue
        pieces.append(body[at : max(left, at)])
        if left >= start:
            pieces.append(STAND_IN)
        at = min(right, end)
    return b"".join((*pieces, body[at:end]))


def _ids(body: bytes) -> set[str]:
    """Return the values of every key that names an account or a call."""
    found: set[str] = set()
    for record in _records(body):
        try:
            found.update(_values(json.loads(record.data), top=True))
        except (ValueError, RecursionError):  # cut short, or not JSON at all
            found.update(_loose_values(record.data))
    return found


def _records(body: bytes) -> list[Record]:
    framer, records = BodyReader(), []
    with contextlib.suppress(RecordTooLongError):
        for start in range(0, len(body), _PIECE):
            records += framer.feed(body[start : start + _PIECE])
        records += framer.finish()
    return records


def _loose_values(text: str) -> Iterator[str]:
    """Yield the ids in what cannot be read as JSON; a tool call's own stay here too."""
    for found in _PAIR.finditer(text):
        at_top = found[1] in _TOP and '"tool_calls"' not in text[: found.start()]
        if at_top or _ANYWHERE.match(found[1]):
            yield found[2]


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
