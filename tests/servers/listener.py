"""A listening socket on 127.0.0.1, and one thread for each connection."""

from __future__ import annotations

import contextlib
import json
import select
import socket
import ssl
import struct
import threading
import time
from dataclasses import dataclass, field
from typing import Any, Self

_TICK_S = 0.02


class HungUpError(Exception):
    """The client closed the connection while it was being answered."""


class StoppedError(Exception):
    """The server is being stopped."""


@dataclass(slots=True)
class Recorded:
    """One request as it arrived, and what became of its connection."""

    method: str
    path: str
    headers: dict[str, str]
    """Names in lower case."""
    body: bytes
    arrived_s: float = field(default_factory=time.monotonic)
    """On the monotonic clock."""
    answered: threading.Event = field(default_factory=threading.Event)
    """Set when the whole answer was sent."""
    hung_up: threading.Event = field(default_factory=threading.Event)
    """Set when the client left before that."""
    hung_up_s: float | None = None
    """When the client left, on the monotonic clock."""

    @property
    def json(self) -> Any:
        """The body as JSON; ``None`` when it is empty or not JSON."""
        try:
            return json.loads(self.body)
        except ValueError:
            return None


class Connection:
    """One accepted connection, read and written without a web framework in between."""

    def __init__(self, sock: socket.socket, stopping: threading.Event) -> None:
        self._sock = sock
        self._stopping = stopping
        self._read = sock.makefile("rb")

    def request(self) -> Recorded | None:
        """Read the next request; ``None`` when the client has closed the connection."""
        start = self._read.readline(65536).decode("latin-1").split()
        if len(start) < 2:
            return None
        headers: dict[str, str] = {}
        while line := self._read.readline(65536).decode("latin-1").strip():
            name, _, value = line.partition(":")
            headers[name.strip().lower()] = value.strip()
        return Recorded(start[0], start[1], headers, self._body(headers))

    def _body(self, headers: dict[str, str]) -> bytes:
        if "chunked" in headers.get("transfer-encoding", ""):
            parts = []
            while size := int(self._read.readline().split(b";")[0], 16):
                parts.append(self._read.read(size))
                self._read.readline()
            self._read.readline()
            return b"".join(parts)
        return self._read.read(int(headers.get("content-length", 0)))

    def send(self, data: bytes) -> None:
        """Send bytes at once.

        Raises
        ------
        HungUpError
            The client is gone.
        """
        try:
            self._sock.sendall(data)
        except OSError:
            raise self._gone() from None

    def wait(self, seconds: float, until: threading.Event | None = None) -> None:
        """Wait, watching the client; `until` ends the wait early.

        Raises
        ------
        HungUpError
            The client left meanwhile.
        """
        deadline = time.monotonic() + seconds
        while (left := deadline - time.monotonic()) > 0 and not (until and until.is_set()):
            if self._stopping.is_set():
                raise StoppedError
            if self._client_left(min(left, _TICK_S)):
                raise self._gone()

    def _client_left(self, timeout_s: float) -> bool:
        try:
            readable, _, _ = select.select([self._sock], [], [], timeout_s)
            if readable and self._sock.recv(1, socket.MSG_PEEK) == b"":
                return True
        except (OSError, ValueError):
            return True
        if readable:  # bytes of a next request: nothing to learn until they are read
            time.sleep(timeout_s)
        return False

    def _gone(self) -> Exception:
        return StoppedError() if self._stopping.is_set() else HungUpError()

    def reset(self) -> None:
        """Break the connection with a TCP reset."""
        self._sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.close()

    def abort(self) -> None:
        """Wake whoever reads or writes here, from another thread."""
        with contextlib.suppress(OSError):
            self._sock.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """Close the connection."""
        for part in (self._read, self._sock):
            with contextlib.suppress(OSError):
                part.close()


class Listener:
    """Accept connections on a free port of 127.0.0.1 until stopped.

    A subclass says in `respond` how a request is answered.
    """

    def __init__(self, tls: ssl.SSLContext | None = None, port: int = 0) -> None:
        self.requests: list[Recorded] = []
        """Every request, in order of arrival."""
        self._tls = tls
        self._stopping = threading.Event()
        self._lock = threading.Lock()
        self._connections: set[Connection] = set()
        self._threads: list[threading.Thread] = []
        self._socket = socket.create_server(("127.0.0.1", port))
        self.port: int = self._socket.getsockname()[1]
        self.connections = 0
        """How many connections were accepted so far."""

    @property
    def url(self) -> str:
        """The server's address, without a path."""
        return f"{'https' if self._tls else 'http'}://127.0.0.1:{self.port}"

    @property
    def last(self) -> Recorded:
        """The newest request."""
        return self.requests[-1]

    def respond(self, request: Recorded, connection: Connection) -> bool:
        """Answer one request; return whether the connection can serve another."""
        raise NotImplementedError

    def __enter__(self) -> Self:
        self._start(self._accept)
        return self

    def __exit__(self, *exc: object) -> None:
        self.stop()

    def stop(self) -> None:
        """Close every connection and join every thread."""
        self._stopping.set()
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        with self._lock:
            for connection in self._connections:
                connection.abort()
        for thread in self._threads:
            thread.join(10)

    def _start(self, target: Any, *args: Any) -> None:
        thread = threading.Thread(target=target, args=args, daemon=True, name="test-server")
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        while True:
            try:
                sock, _ = self._socket.accept()
            except OSError:
                return
            self.connections += 1
            self._start(self._serve, sock)

    def _serve(self, sock: socket.socket) -> None:
        try:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            sock = self._tls.wrap_socket(sock, server_side=True) if self._tls else sock
        except OSError:  # a client that does not trust the certificate
            sock.close()
            return
        connection = Connection(sock, self._stopping)
        with self._lock:
            self._connections.add(connection)
        try:
            while self._serve_one(connection):
                pass
        finally:
            with self._lock:
                self._connections.discard(connection)
            connection.close()

    def _serve_one(self, connection: Connection) -> bool:
        try:
            request = connection.request()
        except (OSError, ValueError):
            return False
        if request is None or self._stopping.is_set():
            return False
        self.requests.append(request)
        try:
            again = self.respond(request, connection)
        except HungUpError:
            request.hung_up_s = time.monotonic()
            request.hung_up.set()
            return False
        except StoppedError:
            return False
        request.answered.set()
        return again
