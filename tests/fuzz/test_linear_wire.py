"""Readers of what a service sends: sixteen times the input takes about sixteen times the time.

Each text is a pattern that one of them may begin to read again and again: beginnings of the key in
every spelling, marks of calls, HTTP chunks of a byte.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator

import httpcore
import pytest

from glm_magic.core.events import ContentDelta
from glm_magic.core.secret import Secret
from glm_magic.dialects.call_markup import CallsInText
from glm_magic.engine.redaction import EventFilter
from glm_magic.session.loading import slots_of_messages
from glm_magic.wire.chunks import ChunkReader
from glm_magic.wire.echoes import without_secrets
from glm_magic.wire.gathering import READ_BYTES, GatheringStream, Pace
from glm_magic.wire.sse import BodyReader
from tests.linear import is_linear

pytestmark = pytest.mark.usefixtures("quiet_heap")

SHORT, LONG = 10_000, 160_000
QUICK_S = 0.1
PIECE = 7
KEY = Secret("sk-0123456789abcdef0123456789abcdef", "a test")
PATTERNS = (
    *("a", "s", "sk-", "sk-012345678", KEY.reveal()[:-1], "sk-0123456789\\u0061", "736b2d3031"),
    *("\\", "\\\\", "\\u", "\\u00", "\\u0073", "\\x73", "%", "%25", "%2573", "&", "&#", "&#115;"),
    *('"', '"a":', '"a":"', '"a":"s"', '"index": 1', '"index":', '{"token":"s"', "\\n", "c2stMDEy"),
    *("<", "<tool_call>", "<tool_call>f", "</tool_call>", "<arg_key>", "<tool_call>f{", "{", "`"),
    *("<tool_call>f\n<arg_key>a</arg_key>", "\n", " ", "0\r\n", "1\r\na\r\n", "\r\n", "f"),
    *("id:", "id:\n", "event:a\n", ":HTTP_STATUS/200\n", "data:a\n", "data:a\n\n", "data:\n\n"),
    *("id:\nevent:\n", "id:\n:HTTP_STATUS/200\n", "event:\ndata:", ":\n\n", "data:{}\n\nid:\n"),
)


def pieces(text: str) -> Iterator[str]:
    return (text[at : at + PIECE] for at in range(0, len(text), PIECE))


def cut(text: str) -> None:
    KEY.redact(text)


def echoes(text: str) -> None:
    without_secrets(text.encode(), KEY.spellings)


def deltas(text: str) -> None:
    events = EventFilter(KEY)
    for piece in pieces(text):
        events.feed([ContentDelta(piece)])
    events.finish()


def calls(text: str) -> None:
    reader = CallsInText({"f": {}})
    for piece in pieces(text):
        reader.feed([ContentDelta(piece)])
    reader.finish_with([])


def chunks(text: str) -> None:
    reader = ChunkReader()
    for piece in pieces(text):
        reader.feed(piece.encode())


def heads(text: str) -> None:
    async def read() -> None:
        arrives = [piece.encode() for piece in pieces(text)]
        stream = GatheringStream(httpcore.AsyncMockStream(arrives), Pace())
        await stream.write(b"POST")
        while await stream.read(READ_BYTES):
            pass

    asyncio.run(read())


def records(text: str) -> None:
    for size in (PIECE, len(text)):
        reader = BodyReader()
        reader.feed(b"data:a\n\n")
        for at in range(0, len(text), size):
            reader.feed(text[at : at + size].encode())
        reader.finish()


def messages(size: int) -> None:
    roles = ("user", "assistant")
    turns = range(size // PIECE)
    slots_of_messages([{"role": role, "content": "a"} for _ in turns for role in roles])


READERS: tuple[Callable[[str], object], ...] = (cut, echoes, deltas, calls, chunks, heads, records)


@pytest.mark.timeout(240)
@pytest.mark.parametrize("reader", READERS, ids=lambda reader: reader.__name__)
def test_what_a_service_sends_takes_linear_time(reader: Callable[[str], object]) -> None:
    slow = [
        pattern
        for pattern in PATTERNS
        if not is_linear(
            lambda size, p=pattern: reader(p * (size // len(p))), SHORT, LONG, quick_s=QUICK_S
        )
    ]
    assert slow == []


def test_reading_many_messages_takes_linear_time() -> None:
    assert is_linear(messages, SHORT, LONG)
