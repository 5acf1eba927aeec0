"""Plain connections on sockets of our own, for servers that are asked without TLS or a proxy.

A read of such a socket is one call where something has come already, and a connection is one open
file from its beginning to its end: nobody reads ahead, or has to be closed before it is read here.
"""

from __future__ import annotations

import asyncio
import socket
from collections import deque
from collections.abc import Awaitable, Iterable
from typing import Any, TypeVar

import httpcore

HEAD_START_S = 0.25
"""How long one address of a host is tried before the next is tried beside it (RFC 8305, 5)."""

_T = TypeVar("_T")
_Address = tuple[Any, ...]
"""Family, kind and protocol of a socket, a name, and what it connects to."""


def is_possible() -> bool:
    """Whether the running loop can wait for a socket that is used here."""
    return isinstance(asyncio.get_running_loop(), asyncio.SelectorEventLoop)


# ``timeout`` is a parameter of httpcore's own interface.
async def connect(
    host: str,
    port: int,
    timeout: float | None,  # noqa: ASYNC109
    options: Iterable[httpcore.SOCKET_OPTION],
) -> SocketStream:
    """Open a connection to the address of a host that answers first.

    Raises
    ------
    httpcore.ConnectTimeout, httpcore.ConnectError
        None answers in time, or there is none.
    """
    loop = asyncio.get_running_loop()

    async def first_to_answer() -> socket.socket:
        try:
            addresses = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
            return await _first_to_answer(addresses, tuple(options))
        except OSError as error:
            raise httpcore.ConnectError(str(error)) from error

    return SocketStream(
        await _in_time(first_to_answer(), timeout, httpcore.ConnectTimeout, httpcore.ConnectError)
    )


async def _first_to_answer(
    addresses: Iterable[_Address], options: tuple[httpcore.SOCKET_OPTION, ...]
) -> socket.socket:
    left = deque(addresses)
    trying: set[asyncio.Task[socket.socket]] = set()
    failure: BaseException | None = None
    try:
        while left or trying:
            if left:
                trying.add(asyncio.create_task(_connected(left.popleft(), options)))
            done, _ = await asyncio.wait(
                trying,
                timeout=HEAD_START_S if left else None,
                return_when=asyncio.FIRST_COMPLETED,
            )
            for task in done:
                trying.remove(task)
                failure = task.exception()
                if failure is None:
                    return task.result()
    finally:
        for task in trying:
            task.cancel()
            task.add_done_callback(_close_late)
    raise failure or OSError("no address")


async def _connected(
    address: _Address, options: tuple[httpcore.SOCKET_OPTION, ...]
) -> socket.socket:
    family, kind, protocol, _, place = address
    loop = asyncio.get_running_loop()
    connection = socket.socket(family, kind, protocol)
    try:
        connection.setblocking(False)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for option in options:
            connection.setsockopt(*option)
        await loop.sock_connect(connection, place)
    except BaseException:
        _close(connection, loop)
        raise
    return connection


def _close_late(task: asyncio.Task[socket.socket]) -> None:
    """Close the connection of an address that answered after another one had."""
    if not task.cancelled() and task.exception() is None:
        task.result().close()


def _close(connection: socket.socket, loop: asyncio.AbstractEventLoop) -> None:
    if connection.fileno() >= 0:
        loop.remove_reader(connection)  # the next socket may get the same number
        loop.remove_writer(connection)
        connection.close()


class SocketStream(httpcore.AsyncNetworkStream):
    """A connection over a socket.

    Parameters
    ----------
    connection : socket.socket
        A connected socket that does not block.
    """

    def __init__(self, connection: socket.socket) -> None:
        self._socket = connection

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:  # noqa: ASYNC109
        """Return what has come, once something has; nothing at the end."""
        try:
            return self._socket.recv(max_bytes)
        except BlockingIOError:
            reading = asyncio.get_running_loop().sock_recv(self._socket, max_bytes)
            return await _in_time(reading, timeout, httpcore.ReadTimeout, httpcore.ReadError)
        except OSError as error:
            raise httpcore.ReadError from error

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:  # noqa: ASYNC109
        """Send all of something."""
        if not buffer:
            return  # sending nothing would take the news of a reset from the next read
        sending = asyncio.get_running_loop().sock_sendall(self._socket, buffer)
        await _in_time(sending, timeout, httpcore.WriteTimeout, httpcore.WriteError)

    async def aclose(self) -> None:
        """Close the connection."""
        _close(self._socket, asyncio.get_running_loop())

    def get_extra_info(self, info: str) -> Any:
        """Return a fact about the connection."""
        return self._socket if info == "socket" else None


async def _in_time(
    work: Awaitable[_T],
    timeout: float | None,  # noqa: ASYNC109
    late: type[Exception],
    broken: type[Exception],
) -> _T:
    """Wait for what the loop does with a socket, with httpcore's errors."""
    try:
        async with asyncio.timeout(timeout):
            return await work
    except TimeoutError as error:
        raise late from error
    except OSError as error:
        raise broken from error
