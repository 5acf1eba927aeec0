"""Which connection a request takes, and when one is closed."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable

import httpx
import pytest

import glm_magic as glm
from glm_magic.wire import pool as pools
from glm_magic.wire.pool import MAX_IDLE, ConnectionPool
from tests.api.providers import PLACES
from tests.servers.model_server import ModelServer

HERE = httpx.Request("GET", "http://here.example/a")
THERE = httpx.Request("GET", "http://there.example")


class Connection(httpx.AsyncBaseTransport):
    """A transport that answers, fails, or hangs."""

    def __init__(self, made: list[Connection]) -> None:
        self.requests = 0
        self.asked = asyncio.Event()
        self.is_closed = False
        self.failure: type[BaseException] | None = None
        self.hangs = False
        made.append(self)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        assert not self.is_closed, "a request on a closed connection"
        self.requests += 1
        if self.hangs:
            self.asked.set()
            await asyncio.Event().wait()
        if self.failure is not None:
            raise self.failure("broken")
        return httpx.Response(200, stream=Body(self))

    async def aclose(self) -> None:
        self.is_closed = True


class Body(httpx.AsyncByteStream):
    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def __aiter__(self) -> AsyncIterator[bytes]:
        yield b"text"

    async def aclose(self) -> None:
        if self._connection.failure is not None:
            raise self._connection.failure("broken as it was closed")


Test = Callable[[ConnectionPool, list[Connection]], Awaitable[None]]


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    now_s = [100.0]
    monkeypatch.setattr(pools.time, "monotonic", lambda: now_s[0])
    return now_s


def run(test: Test) -> None:
    """Run a test with a pool, and the connections that it made."""
    made: list[Connection] = []

    async def inside() -> None:
        await test(ConnectionPool(lambda: Connection(made), 10.0), made)

    asyncio.run(inside())


async def ask(pool: ConnectionPool, request: httpx.Request = HERE) -> None:
    response = await pool.handle_async_request(request)
    assert await response.aread() == b"text"


def test_requests_after_each_other_share_a_connection() -> None:
    async def test(pool: ConnectionPool, made: list[Connection]) -> None:
        for _ in range(3):
            await ask(pool)
        assert [connection.requests for connection in made] == [3]
        assert not pool.is_unused

    run(test)


def test_requests_at_once_each_have_one_and_the_next_takes_the_one_used_last() -> None:
    async def test(pool: ConnectionPool, made: list[Connection]) -> None:
        responses = [await pool.handle_async_request(HERE) for _ in range(3)]
        for number in (1, 2, 0):
            await responses[number].aread()
        await ask(pool)
        assert [connection.requests for connection in made] == [2, 1, 1]

    run(test)


@pytest.mark.parametrize(
    "url", ["http://there.example/a", "https://here.example/a", "http://here.example:8080/a"]
)
def test_another_server_gets_a_connection_of_its_own(url: str) -> None:
    async def test(pool: ConnectionPool, made: list[Connection]) -> None:
        await ask(pool)
        await ask(pool, httpx.Request("GET", url))
        await ask(pool)
        assert [connection.requests for connection in made] == [2, 1]

    run(test)


def test_of_many_idle_ones_those_used_last_are_kept() -> None:
    async def test(pool: ConnectionPool, made: list[Connection]) -> None:
        responses = [await pool.handle_async_request(HERE) for _ in range(MAX_IDLE + 5)]
        assert not any(connection.is_closed for connection in made)
        for response in responses:
            await response.aread()
        assert [connection.is_closed for connection in made] == [True] * 5 + [False] * MAX_IDLE
        assert len(pool.transports) == MAX_IDLE

    run(test)


def test_what_was_idle_too_long_is_closed_with_the_next_request(clock: list[float]) -> None:
    async def test(pool: ConnectionPool, made: list[Connection]) -> None:
        await ask(pool)
        await ask(pool, THERE)
        clock[0] += 8
        await ask(pool)
        clock[0] += 4
        assert not pool.is_unused
        await ask(pool)
        assert [connection.is_closed for connection in made] == [False, True]
        clock[0] += 11
        assert pool.is_unused
        await ask(pool)
        assert [connection.requests for connection in made] == [3, 1, 1]
        assert [connection.is_closed for connection in made] == [True, True, False]

    run(test)


@pytest.mark.parametrize("failure", [httpx.ReadError, RuntimeError, asyncio.CancelledError])
def test_a_connection_that_failed_is_closed_and_not_used_again(
    failure: type[BaseException],
) -> None:
    async def test(pool: ConnectionPool, made: list[Connection]) -> None:
        await ask(pool)
        made[0].failure = failure
        with pytest.raises(failure):
            await pool.handle_async_request(HERE)
        assert made[0].is_closed
        assert pool.transports == []
        await ask(pool)
        assert len(made) == 2

    run(test)


def test_a_request_that_is_cancelled_closes_its_connection() -> None:
    async def test(pool: ConnectionPool, made: list[Connection]) -> None:
        await ask(pool)
        made[0].hangs = True
        request = asyncio.create_task(pool.handle_async_request(HERE))
        await made[0].asked.wait()
        request.cancel()
        with pytest.raises(asyncio.CancelledError):
            await request
        assert made[0].is_closed
        assert pool.is_unused

    run(test)


def test_a_connection_that_fails_as_its_response_is_closed_is_not_kept() -> None:
    async def test(pool: ConnectionPool, made: list[Connection]) -> None:
        response = await pool.handle_async_request(HERE)
        made[0].failure = httpx.CloseError
        with pytest.raises(httpx.CloseError):
            await response.aclose()
        assert made[0].is_closed
        assert pool.transports == []

    run(test)


def test_a_closed_pool_keeps_nothing() -> None:
    async def test(pool: ConnectionPool, made: list[Connection]) -> None:
        await ask(pool, THERE)
        response = await pool.handle_async_request(HERE)
        await pool.aclose()
        assert [connection.is_closed for connection in made] == [True, True]
        await response.aclose()
        assert pool.transports == []

    run(test)


def test_many_replies_at_once_use_their_connections_again() -> None:
    workers, rounds = 40, 5

    async def work(server: ModelServer) -> None:
        for _ in range(rounds):
            await glm.aask("Why?", **PLACES[9].asked(server))

    async def all_of_them(server: ModelServer) -> None:
        await asyncio.gather(*(work(server) for _ in range(workers)))

    with ModelServer() as server:
        asyncio.run(all_of_them(server))
        assert len(server.requests) == workers * rounds
        assert server.connections <= workers
