"""The text format of tapes: readable, comparable line by line, and protected by checksums.

::

    glmtape 1
    # Replies of a model as they came …

    reply 1
    recorded 2026-11-21T14:55:02Z
    provider local
    model qwen2.5-coder-1.5b
    parameters {"temperature": 0}
    message {"role": "user"}
    >Why is the sky blue?
    status 200 0.108
    headers {"content-type": "text/event-stream"}
    @0.131
    |data: {"choices": [{"delta": {"content": "The"}}], …}
    |
    @0.186
    *36 41  sky
    whole 5.812
    sum 9f86d081884c7d65

    end 1 4e07408562bedb8b

After ``@`` and a time come the bytes that arrived then: ``|`` a line that ended with LF, ``&`` one
that ended with CR LF, ``/`` one that did not end, ``=`` the chunk in base64 where it is no plain
text, as when a character was split. ``sum`` covers the lines above it since ``reply``.

Consecutive events of a stream differ in a few characters. Such a line is written as
``*36 41 word``: the first 36 and the last 41 characters of the last long line, with ``word``
between them, and an empty line after it, as server-sent events have. ``~`` is the same without the
empty line. So a tape shows the words, and not their wrapping.

A picture or file of a request stands in its message by its hash, ``data:image/png;sha256,…``. With
``--with-attachments`` a line ``content``, the hash and base64 follows the messages (version 2).
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

from ...core.i18n import tr
from ...core.text import join_surrogates
from . import errors
from .line_delta import (
    LONG,
    MOST_DIGITS,
    MOST_OUTPUT,
    LineDeltaDecoder,
    LineDeltaEncoder,
    OutputMeter,
    TooLargeError,
    count_of,
)
from .matching import ENDINGS, Chunk, Ending, Recording, RequestKey

VERSION = 2
"""Written where a request's pictures and files are on the tape; all others are version 1."""

MARK = b"glmtape "
"""The beginning of every tape."""

_HEADING = """glmtape {version}
# Replies of a model as they came, with their times in seconds. Replay them: %glm replay FILE
# Made by glm_magic; a changed line no longer fits the sum below it."""

_CONTENT = "content"
_UNPRINTABLE = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\ufeff]")

_TIME = "%Y-%m-%dT%H:%M:%SZ"

MOST_SECONDS = 1e6
"""A tape that says more would be replayed for weeks."""

_LINE_END = {"|": b"\n", "&": b"\r\n", "/": b""}


def write(entries: Iterable[Recording]) -> str:
    """Return the text of a tape that holds these replies."""
    return assemble(map(block, entries))


def block(entry: Recording) -> str:
    """Return the lines of a reply, without its number and checksum."""
    return "\n".join(_entry_lines(entry))


def assemble(replies: Iterable[str]) -> str:
    """Return the text of a tape, from what `block` made of its replies."""
    replies = list(replies)
    has_contents = any(f"\n{_CONTENT} " in reply for reply in replies)
    heading = _HEADING.format(version=VERSION if has_contents else 1)
    blocks, sums = [heading], []
    for number, reply in enumerate(replies, 1):
        lines = [f"reply {number}", reply]
        sums.append(checksum(lines))
        blocks.append("\n".join([*lines, f"sum {sums[-1]}"]))
    blocks.append(f"end {len(sums)} {checksum([*heading.splitlines(), *sums])}")
    return "\n\n".join(blocks) + "\n"


def checksum(lines: Iterable[str]) -> str:
    """Return 16 hexadecimal digits that change with any change of the lines."""
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()[:16]


def _entry_lines(entry: Recording) -> Iterator[str]:
    yield f"recorded {entry.recorded.strftime(_TIME)}"
    yield f"provider {entry.asked.provider}"
    yield f"model {entry.asked.model}"
    yield f"parameters {_json(entry.asked.parameters)}"
    for message in entry.asked.messages:
        yield from _message_lines(message)
    for name, content in entry.contents.items():
        yield f"{_CONTENT} {name} {content}"
    yield f"status {entry.status} {entry.head_s:.3f}"
    yield f"headers {_json(entry.headers)}"
    encoder = LineDeltaEncoder()
    for chunk in entry.chunks:
        yield f"@{chunk.at_s:.3f}"
        yield from encoder.encode(list(_chunk_lines(chunk.data)))
    yield f"{entry.ended} {entry.ended_s:.3f}"


def _message_lines(message: Mapping[str, Any]) -> Iterator[str]:
    content = message.get("content")
    if not isinstance(content, str) or _UNPRINTABLE.search(content):
        yield f"message {_json(message)}"
        return
    yield f"message {_json({name: message[name] for name in message if name != 'content'})}"
    yield from (f">{line}" for line in content.split("\n"))


def _chunk_lines(data: bytes) -> Iterator[str]:
    lines = _as_lines(data)
    if any(_UNPRINTABLE.search(line) for line in lines):
        lines = ["=" + base64.b64encode(data).decode()]
    yield from lines


def _as_lines(data: bytes) -> list[str]:
    """Return a chunk as marked lines; what is not text gives an unprintable one."""
    try:
        *whole, rest = data.decode().split("\n")
    except UnicodeDecodeError:
        return ["\x00"]
    lines = [f"&{line[:-1]}" if line.endswith("\r") else f"|{line}" for line in whole]
    return [*lines, f"/{rest}"] if rest else lines


def _json(value: Any) -> str:
    return join_surrogates(json.dumps(value, ensure_ascii=False, sort_keys=True))


def read(text: str, path: Path) -> list[Recording]:
    """Read the text of a tape; line ends may have become CR LF on the way.

    Raises
    ------
    TapeError
        It is not a tape, has a newer format, was changed, or is cut off.
    """
    lines = text.removeprefix("\ufeff").replace("\r\n", "\n").split("\n")
    _check_version(lines[0], path)
    head: list[str] = []
    blocks: list[tuple[int, int]] = []
    at = 0
    while at < len(lines):
        word, _, rest = lines[at].partition(" ")
        if word == "reply":
            blocks.append(_block(lines, at, len(blocks) + 1, path))
            at = blocks[-1][1]
        elif word == "end":
            sums = [lines[end].partition(" ")[2] for _, end in blocks]
            _check(rest == f"{len(sums)} {checksum([*head, *sums])}", path, tr("the end"), at)
            _check(not any(lines[at + 1 :]), path, tr("what follows the end"), at + 1)
            meter = OutputMeter()
            return [_parse(lines, b, path, number, meter) for number, b in enumerate(blocks, 1)]
        elif lines[at]:
            _check(not blocks, path, tr("what stands between two replies"), at)
            head.append(lines[at])
        at += 1
    raise errors.cut_off(path, len(blocks))


def _block(lines: list[str], start: int, number: int, path: Path) -> tuple[int, int]:
    """Return where a reply begins and where its checksum stands, which must match."""
    what = tr("reply {number}", number=number)
    _check(lines[start] == what, path, what, start)
    for end in range(start, len(lines)):
        word, _, rest = lines[end].partition(" ")
        if word == "sum":
            _check(rest == checksum(lines[start:end]), path, what, start)
            return start, end
    raise errors.cut_off(path, number - 1)


def _check_version(line: str, path: Path) -> None:
    word, _, version = line.strip().partition(" ")
    if word != "glmtape" or not (version.isdecimal() and len(version) <= MOST_DIGITS):
        raise errors.not_a_tape(path)
    if int(version) > VERSION:
        raise errors.newer(path, version, VERSION)
    _check(int(version) >= 1, path, tr("the version"), 0)


def _check(fits: bool, path: Path, what: str, at: int) -> None:
    if not fits:
        raise errors.changed(
            path, tr("{part}, line {line}, does not match its checksum", part=what, line=at + 1)
        )


def _parse(
    lines: list[str], span: tuple[int, int], path: Path, number: int, meter: OutputMeter
) -> Recording:
    start, end = span
    try:
        return _Block(lines[start + 1 : end], meter).entry()
    except TooLargeError:
        raise errors.too_large(path, MOST_OUTPUT) from None
    except (ValueError, LookupError, TypeError, ArithmeticError, RecursionError):
        part = tr("reply {number}", number=number)
        raise errors.changed(
            path, tr("{part}, line {line}, cannot be parsed", part=part, line=start + 1)
        ) from None


class _Block:
    """The lines of one reply, read from the first to the last."""

    def __init__(self, lines: list[str], meter: OutputMeter) -> None:
        self._lines = lines
        self._meter = meter
        self._at = 0

    def entry(self) -> Recording:
        recorded = datetime.strptime(self._take("recorded"), _TIME).replace(tzinfo=UTC)
        provider, model = self._take("provider"), self._take("model")
        parameters = _object(self._take("parameters"))
        asked = RequestKey(provider, model, tuple(self._messages()), parameters)
        contents = dict(self._contents())
        status, head_s = self._take("status").split(" ")
        headers = {str(name): str(value) for name, value in _object(self._take("headers")).items()}
        chunks = tuple(self._chunks())
        ended, _, ended_s = self._lines[self._at].partition(" ")
        if ended not in ENDINGS or self._at + 1 != len(self._lines):
            raise ValueError(ended)
        return Recording(asked, recorded, count_of(status), _seconds(head_s), chunks,
                         cast("Ending", ended), _seconds(ended_s), headers, contents)  # fmt: skip

    def _take(self, word: str) -> str:
        name, _, rest = self._lines[self._at].partition(" ")
        if name != word:
            raise ValueError(name)
        self._at += 1
        return rest

    def _messages(self) -> Iterator[dict[str, Any]]:
        while self._lines[self._at].startswith("message "):
            message = _object(self._take("message"))
            content = [line[1:] for line in self._while(">")]
            if content:
                message["content"] = "\n".join(content)
            yield message

    def _contents(self) -> Iterator[tuple[str, str]]:
        while self._lines[self._at].startswith(f"{_CONTENT} "):
            name, content = self._take(_CONTENT).split(" ")
            yield name, content

    def _chunks(self) -> Iterator[Chunk]:
        decoder = LineDeltaDecoder(self._meter)
        while self._lines[self._at].startswith("@"):
            at_s = _seconds(self._lines[self._at][1:])
            self._at += 1
            lines = decoder.decode(list(self._while("|&/=*~")))
            yield Chunk(at_s, b"".join(map(self._bytes, lines)))

    def _bytes(self, line: str) -> bytes:
        data = _bytes(line)
        self._meter.add(max(0, len(data) - len(line)))  # characters of several bytes
        return data

    def _while(self, marks: str) -> Iterator[str]:
        while self._lines[self._at][:1] and self._lines[self._at][0] in marks:
            yield self._lines[self._at]
            self._at += 1


def _object(text: str) -> dict[str, Any]:
    value = json.loads(text)
    if not isinstance(value, dict):
        raise TypeError(text[:LONG])
    return value


def _seconds(text: str) -> float:
    seconds = float(text)
    if not 0 <= seconds <= MOST_SECONDS:
        raise ValueError(text[:LONG])
    return seconds


def _bytes(line: str) -> bytes:
    if line[0] == "=":
        return base64.b64decode(line[1:], validate=True)
    return line[1:].encode() + _LINE_END[line[0]]
