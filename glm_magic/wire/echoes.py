"""Where the body of a reply repeats a secret: in one piece, or over several records.

A decoder joins the deltas of a stream, so a key that is cut in two there is whole in the answer,
while no single record has it. Here the strings of all records are joined by the name that stands
before them, as a decoder does, and what is found is cut out of the bytes as they arrived.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import accumulate
from typing import NamedTuple

from ..core.spellings import REPLACEMENT, Spellings

_TOKEN = re.compile(r'"index"\s*:\s*(\d{1,9})|"((?:[^"\\\n]|\\[^\n]?)*+)(?:("\s*:)|")?')
"""A position in a list; or a JSON string, perhaps cut off, and whether it is the name of a value.

The string always matches from its first quotation mark, so that nothing is read twice.
"""
_REPORTED = re.compile(
    r'"(?:token|bytes)"\s*:\s*(?:"((?:[^"\\]|\\.)*+)|\[([\d,\s]*+))|"id"\s*:\s*\d(\d+)'
)
"""What is reported about a token and tells which it is: its text, its bytes, its number."""
_UNIT = re.compile(r"\\u([0-9a-fA-F]{4})|\\(.?)|(.)", re.DOTALL)
_ESCAPES = {"n": "\n", "t": "\t", "r": "\r", "b": "\b", "f": "\f"}
_MOST_CHANNELS = 10_000
"""A body with more names for its strings is no stream of deltas."""


class Span(NamedTuple):
    """Where a secret, or a piece of one, stands in a body; in bytes."""

    left: int
    right: int
    continues: bool = False
    """Whether an earlier piece stands for the whole, so that nothing takes this one's place."""


@dataclass(slots=True)
class _Channel:
    """The strings under one name, in the order of the records."""

    starts: list[int] = field(default_factory=list)
    """Where each begins in the body."""
    texts: list[str] = field(default_factory=list)
    """Each as it stands in the body."""

    def spans(self, secrets: Spellings) -> Iterator[Span]:
        """Yield where the pieces of a secret stand in the body."""
        decoded = [_decoded(text) for text in self.texts]
        ends = list(accumulate(map(len, decoded)))
        for begin, last in secrets.spans("".join(decoded)):
            first, at = begin, bisect_right(ends, begin)
            while first < last:
                begins = ends[at] - len(decoded[at])
                until = min(last, ends[at])
                if until > first:
                    units = _units(self.texts[at])
                    left, right = units[first - begins], units[until - begins]
                    start = self.starts[at]
                    yield Span(start + left, start + right, first > begin)
                first, at = until, at + 1


def secret_spans(body: bytes | bytearray, secrets: Spellings) -> list[Span]:
    """Return where a body repeats secrets, in order and without overlaps.

    Parameters
    ----------
    body : bytes
        The body of a reply, a stream or a document, perhaps cut short.
    secrets : Spellings
        What to look for.
    """
    text = body.decode("latin-1")  # a secret is ASCII, so one character for each byte will do
    spans = [Span(*span) for span in secrets.spans(text)]
    for channel in _channels(text):
        spans += channel.spans(secrets)
        if channel.texts:  # a frame may repeat all before it, and end within the secret
            spans += _cut_ends(channel, secrets)
    if spans:  # the tokens of what is cut out would spell it once more
        spans += (Span(*m.span(m.lastindex or 0), True) for m in _REPORTED.finditer(text))
    return merged(spans)


def without_secrets(body: bytes | bytearray, secrets: Spellings) -> bytes:
    """Return a body with its secrets replaced, also those that are divided among records."""
    pieces, at = [], 0
    for left, right, continues in secret_spans(body, secrets):
        pieces += [body[at:left], b"" if continues else REPLACEMENT.encode()]
        at = right
    return b"".join((*pieces, body[at:]))


def merged(spans: Iterable[Span]) -> list[Span]:
    """Return spans in order, those that overlap as one."""
    result: list[Span] = []
    for span in sorted(spans):
        last = result[-1] if result else None
        if last is not None and span.left < last.right:
            continues = last.continues and span.continues
            result[-1] = Span(last.left, max(span.right, last.right), continues)
        else:
            result.append(span)
    return result


def _channels(text: str) -> Sequence[_Channel]:
    channels: dict[tuple[str, str], _Channel] = {}
    name, index = "", ""
    for match in _TOKEN.finditer(text):
        if match[1] is not None:
            index = match[1]
        elif match[3]:
            name = match[2]
        elif match[2]:
            if len(channels) > _MOST_CHANNELS:
                break
            channel = channels.setdefault((name, index), _Channel())
            channel.starts.append(match.start(2))
            channel.texts.append(match[2])
    return tuple(channels.values())


def _cut_ends(channel: _Channel, secrets: Spellings) -> Iterator[Span]:
    for start, text in zip(channel.starts, channel.texts, strict=True):
        if secrets.may_begin(text):
            at, _ = secrets.begins_at(text)
            if at < len(text):
                yield Span(start + at, start + len(text))


def _decoded(text: str) -> str:
    return _UNIT.sub(_character, text) if "\\" in text else text


def _character(match: re.Match[str]) -> str:
    if match[1]:
        return chr(int(match[1], 16))
    if match[2] is not None:
        return _ESCAPES.get(match[2], match[2])
    return match[3]


def _units(text: str) -> list[int]:
    """Return where each decoded character begins, and at last where the text ends."""
    starts = [match.start() for match in _UNIT.finditer(text) if _character(match)]
    return [*starts, len(text)]
