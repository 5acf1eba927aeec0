"""Proxies on 127.0.0.1 that count what goes through them: HTTP with CONNECT, and SOCKS 5.

Whatever host a client asks for, its bytes go to one server of the test, so that hosts which do not
exist can be asked.
"""

from __future__ import annotations

import contextlib
import socket
import struct
import threading
from typing import Self


class Proxy:
    """Accept connections and hand their bytes to `upstream`; a subclass reads who is asked for."""

    scheme = "http"

    def __init__(self, upstream: int) -> None:
        self.targets: list[str] = []
        """Each ``host:port`` that was asked for, in order."""
        self.heads: list[bytes] = []
        """What the proxy itself could read."""
        self._upstream = upstream
        self._socket = socket.create_server(("127.0.0.1", 0))
        self._open: list[socket.socket] = []
        self._threads: list[threading.Thread] = []

    @property
    def url(self) -> str:
        """The proxy's address."""
        return f"{self.scheme}://127.0.0.1:{self._socket.getsockname()[1]}"

    def __enter__(self) -> Self:
        self._start(self._accept)
        return self

    def __exit__(self, *exc: object) -> None:
        for one in (self._socket, *self._open):
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
            one.close()
        for thread in self._threads:
            thread.join(10)

    def _start(self, target: object, *args: object) -> None:
        thread = threading.Thread(target=target, args=args, daemon=True, name="test-proxy")  # type: ignore[arg-type]
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._socket.accept()
            except OSError:
                return
            self._open.append(client)
            self._start(self._serve, client)

    def _serve(self, client: socket.socket) -> None:
        try:
            first = self._greet(client)
            server = socket.create_connection(("127.0.0.1", self._upstream))
            self._open.append(server)
            server.sendall(first)
            self._start(_pump, server, client)
            _pump(client, server)
        except OSError:
            client.close()

    def _greet(self, client: socket.socket) -> bytes:
        """Read who is asked for, answer, and return what goes to the server first."""
        raise NotImplementedError


class HttpProxy(Proxy):
    """A forward proxy."""

    def _greet(self, client: socket.socket) -> bytes:
        head = b""
        while b"\r\n\r\n" not in head and (data := client.recv(65536)):
            head += data
        self.heads.append(head)
        method, target, _ = head.split(b" ", 2)
        if method == b"CONNECT":
            self.targets.append(target.decode())
            client.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
            return b""
        self.targets.append(target.decode().split("/")[2])
        return head


class SocksProxy(Proxy):
    """A SOCKS 5 server that wants no login."""

    scheme = "socks5"

    def _greet(self, client: socket.socket) -> bytes:
        methods = client.recv(2)[1]
        client.recv(methods)
        client.sendall(b"\x05\x00")
        kind = client.recv(4)[3]
        size = {1: 4, 4: 16}.get(kind) or client.recv(1)[0]
        host, port = client.recv(size), struct.unpack(">H", client.recv(2))[0]
        self.targets.append(f"{host.decode()}:{port}")
        client.sendall(b"\x05\x00\x00\x01" + bytes(6))
        return b""


def _pump(source: socket.socket, sink: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while data := source.recv(65536):
            sink.sendall(data)
    for one in (source, sink):
        with contextlib.suppress(OSError):
            one.shutdown(socket.SHUT_RDWR)
        one.close()
