"""Chunks that arrive together are read as one; what comes of a response stays the same."""

from __future__ import annotations

import asyncio
import select
import socket
import struct
from collections.abc import Iterable

import httpcore
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from glm_magic.wire import gathering
from glm_magic.wire.environment import Network
from glm_magic.wire.gathering import GatheringBackend, GatheringStream, Pace
from glm_magic.wire.http import HttpClient
from glm_magic.wire.request import WireRequest
from tests.laws.test_framing import cut
from tests.servers.raw_server import RawServer, Send

HEAD = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
END = b"0\r\n\r\n"


def chunked(*pieces: bytes) -> bytes:
    """Return pieces as HTTP chunks, without an end."""
    return b"".join(b"%x\r\n%b\r\n" % (len(piece), piece) for piece in pieces)


def stream_of(chunks: Iterable[bytes]) -> GatheringStream:
    """Return a connection on which these pieces arrive."""
    return GatheringStream(httpcore.AsyncMockStream(list(chunks)), Pace())


async def body_of(connection: httpcore.AsyncNetworkStream) -> tuple[list[bytes], str]:
    """Return the status and the pieces of a body that httpcore reads, and how it ended.

    What can be read past h11 is read so, as `ConnectionPool` does.
    """
    pieces: list[bytes] = []
    http = httpcore.AsyncHTTP11Connection(httpcore.Origin(b"http", b"h", 80), connection)
    try:
        async with http.stream("GET", "http://h/") as response:
            pieces.append(b"%d" % response.status)
            if isinstance(connection, GatheringStream):
                while contents := await connection.read_contents():
                    pieces.append(contents)
            async for piece in response.aiter_stream():
                pieces.append(piece)  # noqa: PERF401 - those before an error count
    except httpcore.RemoteProtocolError:
        return pieces, "broken"
    finally:
        await http.aclose()
    return pieces, "whole"


heads = st.sampled_from(
    [
        HEAD,
        b"HTTP/1.1 200\r\ntransfer-encoding:chunked\r\nA: b\r\n\r\n",
        b"HTTP/1.1 200 OK\nTransfer-Encoding: chunked\n\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n",
        b"HTTP/1.1 100 Continue\r\n\r\n" + HEAD,
        b"HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n\r\n",
        b"",
    ]
)
bodies = st.lists(
    st.one_of(
        st.binary(min_size=1, max_size=20).map(chunked),
        st.sampled_from(
            (
                *(b"3;a=b\r\nabc\r\n", b"003\r\nabc\r\n", b"3 \r\nabc\r\n"),
                *(b"3\r\nabcd\r\n", b"3\nabc\n", b"-1\r\n", b"", b"\r\n"),
                *(b"ffffffffff\r\na", END, b"0\r\na: b\r\n\r\n"),
            )
        ),
    ),
    max_size=6,
).map(b"".join)


@given(head=heads, body=bodies, places=st.lists(st.integers(0, 120), max_size=8))
@example(head=HEAD, body=chunked(b"abc") + b"5;\r\nabcde\r\n" + END, places=[60])
def test_a_response_is_the_same(head: bytes, body: bytes, places: list[int]) -> None:
    """Wherever it is cut, and whatever is wrong with it."""
    whole = head + body
    chunks = list(filter(None, cut(whole, [min(place, len(whole)) for place in places])))

    async def scenario() -> None:
        usual, usual_end = await body_of(httpcore.AsyncMockStream([whole]))
        gathered, end = await body_of(stream_of(chunks))
        assert b"".join(gathered) == b"".join(usual)
        assert end == usual_end

    asyncio.run(scenario())


def test_chunks_that_arrive_together_become_one() -> None:
    """Whatever their number; and each arrival is handed on at once."""
    words = [b"data: %d\n\n" % number for number in range(1000)]
    first, second = chunked(*words[:600]), chunked(*words[600:]) + END

    async def scenario() -> None:
        pieces, ended = await body_of(stream_of([HEAD, first[:-7], first[-7:] + second]))
        assert len(pieces) == 3
        assert b"".join(pieces[1:]) == b"".join(words)
        assert ended == "whole"

    asyncio.run(scenario())


def test_each_response_of_a_connection_is_read_anew() -> None:
    """Requests follow each other on a kept connection."""

    async def scenario() -> None:
        again = [HEAD + chunked(b"a", b"b") + END, HEAD + chunked(b"c", b"d") + END]
        connection = stream_of(again)
        origin = httpcore.Origin(b"http", b"h", 80)
        async with httpcore.AsyncHTTP11Connection(origin, connection) as http:
            for contents in (b"ab", b"cd"):
                async with http.stream("GET", "http://h/") as response:
                    assert await connection.read_contents() == contents
                    assert await response.aread() == b""
                assert http.is_idle()

    asyncio.run(scenario())


def test_what_is_no_head_is_handed_on_as_it_comes() -> None:
    """A SOCKS proxy's answer may hold what looks like the end of a head: 10.10 is two of its."""
    answer = b"\x05\x00\x00\x01\n\n\n\n\x04\x38"

    async def scenario() -> None:
        connection = stream_of([answer])
        await connection.write(b"\x05\x01\x00")
        assert await connection.read(4096) == answer

    asyncio.run(scenario())


def test_a_response_of_this_client_is_gathered() -> None:
    """On this computer's usual route, and on the one that the environment decides."""
    body = chunked(*(b"data: {}\n\n" for _ in range(100))) + END

    async def scenario(url: str, network: Network | None) -> list[bytes]:
        client = HttpClient(network)
        try:
            async with client.post(WireRequest(url, {}), None) as response:
                assert response.keep_pace.__name__ == "keep_pace"
                return [chunk async for chunk in response.chunks]
        finally:
            await client.aclose()

    with RawServer() as server:
        server.answer(Send(HEAD + body))
        for network in (None, Network()):
            chunks = asyncio.run(scenario(server.url, network))
            assert len(chunks) < 50
            assert b"".join(chunks) == b"data: {}\n\n" * 100


@pytest.fixture
def readers(monkeypatch: pytest.MonkeyPatch) -> list[GatheringStream]:
    """Return connections on which more than a few replies keep the pace."""
    monkeypatch.setattr(gathering, "WAIT_S", 0.001)
    pace = Pace()
    streams = [
        GatheringStream(httpcore.AsyncMockStream([b"a", b"b"]), pace)
        for _ in range(gathering.FEW + 4)
    ]
    for stream in streams:
        stream.keep_pace(True)
    return streams


def test_many_replies_are_read_on_together(readers: list[GatheringStream]) -> None:
    """One that is cancelled meanwhile disturbs no other."""

    async def scenario() -> int:
        rounds: list[int] = []
        loop = asyncio.get_running_loop()
        tick = [0]

        def count() -> None:
            tick[0] += 1
            loop.call_soon(count)

        count()

        async def read_on(stream: GatheringStream) -> None:
            assert await stream.read(10) == b"a"
            rounds.append(tick[0])

        tasks = [asyncio.create_task(read_on(stream)) for stream in readers]
        await asyncio.sleep(0)
        tasks[3].cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        assert len(rounds) == len(readers) - 1
        return max(rounds) - min(rounds)

    assert asyncio.run(scenario()) <= 1


def test_few_replies_are_read_at_once(readers: list[GatheringStream]) -> None:
    """So are those that have not shown anything yet, or are at their end."""
    for stream in readers[: len(readers) // 2]:
        stream.keep_pace(False)

    async def scenario() -> None:
        loop = asyncio.get_running_loop()
        loop.call_later = None  # type: ignore[assignment, method-assign]
        for stream in readers:
            await stream.read(10)

    asyncio.run(scenario())


def test_a_closed_connection_keeps_no_pace(readers: list[GatheringStream]) -> None:
    """Its reply may have been cut short anywhere."""
    pace = readers[0]._pace
    asyncio.run(readers[0].aclose())
    assert pace.count == len(readers) - 1


async def connected(*, is_plain: bool) -> tuple[httpcore.AsyncNetworkStream, socket.socket]:
    """Return both ends of a connection."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        backend = GatheringBackend(Pace(), is_plain=is_plain)
        connection = await backend.connect_tcp(*listener.getsockname())
        server, _ = listener.accept()
    return connection, server


@pytest.mark.parametrize("is_plain", [False, True])
def test_it_is_known_of_an_idle_connection_that_something_came_or_that_it_ended(
    is_plain: bool,
) -> None:
    """So that no request goes out on one that its server has closed."""

    def is_readable(stream: httpcore.AsyncNetworkStream, *, soon: bool) -> bool:
        if soon:
            select.select([stream.get_extra_info("socket").fileno()], [], [])
        return bool(stream.get_extra_info("is_readable"))

    async def scenario() -> None:
        stream, server = await connected(is_plain=is_plain)
        with server:
            await stream.write(b"a")
            assert server.recv(10) == b"a"
            assert not is_readable(stream, soon=False)
            server.sendall(b"a")
            assert is_readable(stream, soon=True)
            assert await stream.read(10) == b"a"
            assert not is_readable(stream, soon=False)
        assert is_readable(stream, soon=True)
        await stream.aclose()
        assert is_readable(stream, soon=False)
        await stream.aclose()

    asyncio.run(scenario())


def test_what_a_server_does_not_take_is_given_up_in_time() -> None:
    """Nor is a connection written to that has broken."""

    async def scenario() -> None:
        stream, server = await connected(is_plain=True)
        with pytest.raises(httpcore.WriteTimeout):
            await stream.write(b"a" * 50_000_000, timeout=0.2)
        server.close()
        with pytest.raises(httpcore.WriteError):
            await stream.write(b"a" * 50_000_000, timeout=30)
        await stream.aclose()

    asyncio.run(scenario())


@pytest.mark.parametrize("is_plain", [False, True])
def test_a_reset_is_told_from_an_end(is_plain: bool) -> None:
    """Also where it comes before the request's end, which is no bytes, has been written."""

    async def scenario() -> None:
        stream, server = await connected(is_plain=is_plain)
        await stream.write(b"a")
        assert server.recv(10) == b"a"
        server.sendall(b"b")
        server.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        server.close()
        await stream.write(b"")
        assert await stream.read(10) == b"b"
        with pytest.raises(httpcore.ReadError):
            await stream.read(10)
        await stream.aclose()

    asyncio.run(scenario())
