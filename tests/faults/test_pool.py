"""Which connection a request takes, and when one is closed."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable

import anyio
import httpcore
import httpx
import pytest

import glm_magic as glm
from glm_magic.wire import pool as pools
from glm_magic.wire.pool import MAX_IDLE, MAX_STALE, STALE_S, ConnectionPool
from tests.api.providers import PLACES
from tests.servers.model_server import ModelServer

HERE = httpx.Request("GET", "http://here.example/a")
THERE = httpx.Request("GET", "http://there.example")


class Connection(httpcore.AsyncConnectionInterface):
    """A connection that answers, fails, or hangs."""

    broken_from_the_start: BaseException | None = None

    def __init__(self, origin: httpcore.Origin, made: list[Connection]) -> None:
        self.origin = origin
        self.requests = 0
        self.asked, self.answers = asyncio.Event(), asyncio.Event()
        self.is_open = True
        self.is_readable = False
        self.failure = self.broken_from_the_start
        self.hangs = False
        made.append(self)

    async def handle_async_request(self, request: httpcore.Request) -> httpcore.Response:
        assert self.is_open, "a request on a closed connection"
        assert request.url.origin == self.origin
        self.requests += 1
        if self.hangs:
            self.asked.set()
            await self.answers.wait()
        if self.failure is not None:
            raise self.failure
        return httpcore.Response(200, content=Body(self))

    def can_handle_request(self, origin: httpcore.Origin) -> bool:
        return origin == self.origin

    def has_expired(self) -> bool:
        return self.is_readable

    def is_idle(self) -> bool:
        return self.is_open

    async def aclose(self) -> None:
        await asyncio.sleep(0)
        self.is_open = False


class Body:
    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def __aiter__(self) -> AsyncIterator[bytes]:
        yield b"text"

    async def aclose(self) -> None:
        if self._connection.failure is not None:
            raise self._connection.failure


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
        await test(ConnectionPool(lambda origin: Connection(origin, made), 10.0), made)

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
        assert all(connection.is_open for connection in made)
        for response in responses:
            await response.aread()
        assert [connection.is_open for connection in made] == [False] * 5 + [True] * MAX_IDLE
        assert len(pool.connections) == MAX_IDLE

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
        assert [connection.is_open for connection in made] == [True, False]
        clock[0] += 11
        assert pool.is_unused
        await ask(pool)
        assert [connection.requests for connection in made] == [3, 1, 1]
        assert [connection.is_open for connection in made] == [False, False, True]

    run(test)


@pytest.mark.parametrize(
    ("failure", "expected"),
    [
        (httpcore.ReadTimeout("late"), httpx.ReadTimeout),
        (httpcore.ProxyError("no"), httpx.ProxyError),
        (RuntimeError("broken"), RuntimeError),
        (asyncio.CancelledError(), asyncio.CancelledError),
    ],
    ids=repr,
)
def test_a_connection_that_failed_is_closed_and_not_used_again(
    failure: BaseException, expected: type[BaseException]
) -> None:
    async def test(pool: ConnectionPool, made: list[Connection]) -> None:
        await ask(pool)
        made[0].failure = failure
        with pytest.raises(expected):
            await pool.handle_async_request(HERE)
        assert not made[0].is_open
        assert pool.connections == []
        await ask(pool)
        assert len(made) == 2

    run(test)


STALE = httpcore.RemoteProtocolError("Server disconnected without sending a response.")


def test_a_kept_connection_that_its_server_has_closed_is_not_used() -> None:
    async def test(pool: ConnectionPool, made: list[Connection]) -> None:
        for response in [await pool.handle_async_request(HERE) for _ in range(2)]:
            await response.aread()
        made[1].is_readable = True
        await ask(pool)
        assert [connection.requests for connection in made] == [2, 1]
        assert [connection.is_open for connection in made] == [True, False]

    run(test)


def test_a_connection_that_ends_with_its_response_is_not_kept() -> None:
    async def test(pool: ConnectionPool, made: list[Connection]) -> None:
        response = await pool.handle_async_request(HERE)
        made[0].is_open = False
        await response.aread()
        assert pool.connections == []

    run(test)


@pytest.mark.parametrize("stale", [1, MAX_STALE, MAX_STALE + 1])
def test_a_request_that_a_kept_connection_did_not_take_goes_out_on_another(stale: int) -> None:
    async def test(pool: ConnectionPool, made: list[Connection]) -> None:
        for response in [await pool.handle_async_request(HERE) for _ in range(stale)]:
            await response.aread()
        for connection in made:
            connection.failure = STALE
        if stale > MAX_STALE:
            with pytest.raises(httpx.RemoteProtocolError):
                await ask(pool)
        else:
            await ask(pool)
        tried = min(stale, MAX_STALE + 1)
        assert [connection.is_open for connection in made[:stale]] == [False] * tried
        assert len(made) == stale + (stale <= MAX_STALE)

    run(test)


def test_a_request_that_a_kept_connection_broke_late_is_not_sent_again(clock: list[float]) -> None:
    async def test(pool: ConnectionPool, made: list[Connection]) -> None:
        await ask(pool)
        made[0].hangs = True
        request = asyncio.create_task(pool.handle_async_request(HERE))
        await made[0].asked.wait()
        clock[0] += STALE_S + 0.1
        made[0].failure = STALE
        made[0].answers.set()
        with pytest.raises(httpx.RemoteProtocolError):
            await request
        assert len(made) == 1

    run(test)


def test_a_new_connection_that_broke_is_not_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    async def test(pool: ConnectionPool, made: list[Connection]) -> None:
        await ask(pool, THERE)
        monkeypatch.setattr(Connection, "broken_from_the_start", STALE)
        with pytest.raises(httpx.RemoteProtocolError):
            await ask(pool)
        assert [connection.requests for connection in made] == [1, 1]

    run(test)


def test_what_is_no_web_address_opens_nothing() -> None:
    async def test(pool: ConnectionPool, made: list[Connection]) -> None:
        with pytest.raises(httpx.UnsupportedProtocol):
            await ask(pool, httpx.Request("GET", "ftp://here.example"))
        assert made == []

    run(test)


@pytest.mark.parametrize("by_scope", [False, True], ids=["by its task", "by a scope of anyio"])
def test_a_request_that_is_cancelled_closes_its_connection(by_scope: bool) -> None:
    async def test(pool: ConnectionPool, made: list[Connection]) -> None:
        await ask(pool)
        made[0].hangs = True
        scope = anyio.CancelScope()

        async def request() -> None:
            with scope:
                await pool.handle_async_request(HERE)

        task = asyncio.create_task(request())
        await made[0].asked.wait()
        (scope if by_scope else task).cancel()
        await asyncio.wait([task])
        assert task.cancelled() is not by_scope
        assert not made[0].is_open
        assert pool.is_unused

    run(test)


def test_a_connection_that_fails_as_its_response_is_closed_is_not_kept() -> None:
    async def test(pool: ConnectionPool, made: list[Connection]) -> None:
        response = await pool.handle_async_request(HERE)
        made[0].failure = RuntimeError("broken as it was closed")
        with pytest.raises(RuntimeError):
            await response.aclose()
        assert not made[0].is_open
        assert pool.connections == []

    run(test)


def test_a_closed_pool_keeps_nothing() -> None:
    async def test(pool: ConnectionPool, made: list[Connection]) -> None:
        await ask(pool, THERE)
        response = await pool.handle_async_request(HERE)
        await pool.aclose()
        assert [connection.is_open for connection in made] == [False, False]
        await response.aclose()
        assert pool.connections == []

    run(test)


def test_a_request_names_its_program_and_asks_for_a_plain_body() -> None:
    with ModelServer() as server:
        glm.ask("Why?", **PLACES[9].asked(server))
        headers = server.last.headers
        assert headers["host"] == f"127.0.0.1:{server.port}"
        assert headers["user-agent"] == "glm_magic"
        assert headers["accept-encoding"] == "identity"
        assert headers["connection"] == "keep-alive"
        assert headers["content-type"] == "application/json"


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
