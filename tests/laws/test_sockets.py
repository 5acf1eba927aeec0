"""A plain connection goes to the address that answers first, and is one open file throughout."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import httpcore
import pytest

from glm_magic.wire import sockets

FILES = Path("/proc/self/fd")
pytestmark = pytest.mark.skipif(not FILES.exists(), reason="open files are counted in /proc")


@pytest.fixture(autouse=True)
def nothing_stays_open() -> Iterator[None]:
    before = open_files()
    yield
    assert open_files() == before


def open_files() -> int:
    return len(list(FILES.iterdir()))


def refusing() -> tuple[str, int]:
    """Return an address at which nothing listens."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        address: tuple[str, int] = listener.getsockname()
    return address


@pytest.fixture
def silent() -> Iterator[tuple[str, int]]:
    """Give an address that neither answers nor refuses, since its queue is full."""
    with socket.create_server(("127.0.0.1", 0), backlog=0) as listener:
        waiting = [socket.socket() for _ in range(4)]
        for connection in waiting:
            connection.setblocking(False)
            connection.connect_ex(listener.getsockname())
        yield listener.getsockname()
        for connection in waiting:
            connection.close()


@pytest.fixture
def listening() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener


def connect(
    monkeypatch: pytest.MonkeyPatch, *places: tuple[str, int], timeout: float | None = None
) -> tuple[str, int]:
    """Connect to a host that has these addresses; return the one it was, after it is closed."""
    addresses = [(socket.AF_INET, socket.SOCK_STREAM, 0, "", place) for place in places]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: addresses)

    async def scenario() -> Any:
        stream = await sockets.connect("many.example", 80, timeout, ())
        peer = stream.get_extra_info("socket").getpeername()
        await stream.aclose()
        await asyncio.sleep(0)
        return peer

    place: tuple[str, int] = asyncio.run(scenario())
    return place


def test_an_address_that_refuses_gives_way_at_once(
    monkeypatch: pytest.MonkeyPatch, listening: socket.socket
) -> None:
    monkeypatch.setattr(sockets, "HEAD_START_S", 60)
    place = listening.getsockname()
    assert connect(monkeypatch, refusing(), refusing(), place, timeout=30) == place


def test_an_address_that_is_silent_gives_way_after_its_head_start(
    monkeypatch: pytest.MonkeyPatch, silent: tuple[str, int], listening: socket.socket
) -> None:
    place = listening.getsockname()
    assert connect(monkeypatch, silent, silent, place, timeout=30) == place


def test_where_none_answers_the_last_refusal_is_the_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(httpcore.ConnectError) as failure:
        connect(monkeypatch, refusing(), refusing())
    assert isinstance(failure.value.__cause__, ConnectionRefusedError)


def test_a_silent_host_is_given_up_in_time(
    monkeypatch: pytest.MonkeyPatch, silent: tuple[str, int]
) -> None:
    with pytest.raises(httpcore.ConnectTimeout):
        connect(monkeypatch, silent, silent, timeout=0.6)


def test_of_two_that_answer_one_is_closed(
    monkeypatch: pytest.MonkeyPatch, listening: socket.socket
) -> None:
    monkeypatch.setattr(sockets, "HEAD_START_S", 0)
    place = listening.getsockname()
    assert connect(monkeypatch, place, place, place) == place


def test_a_host_without_an_address_is_an_error_of_the_connection(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def no_such_host(*_: Any, **__: Any) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", no_such_host)

    async def scenario() -> None:
        await sockets.connect("none.example", 80, None, ())

    with pytest.raises(httpcore.ConnectError, match="not known"):
        asyncio.run(scenario())


def test_a_plain_connection_is_one_open_file(listening: socket.socket) -> None:
    """A system may allow no more than 256 of them."""

    async def scenario() -> None:
        before = open_files()
        host, port = listening.getsockname()
        stream = await sockets.connect(host, port, None, ())
        assert open_files() == before + 1
        with closing(listening.accept()[0]) as server:
            await stream.write(b"a")
            assert server.recv(10) == b"a"
        assert open_files() == before + 1
        await stream.aclose()

    asyncio.run(scenario())
