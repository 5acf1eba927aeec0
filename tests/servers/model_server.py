"""An honest model server: every vendor's protocol on its real path, on one port of 127.0.0.1."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable, Iterator, Mapping
from http import HTTPStatus
from typing import Any

from tests.servers.bigmodel import BigModel
from tests.servers.listener import Connection, Listener, Recorded
from tests.servers.model_studio import ModelStudio
from tests.servers.model_studio_native import ModelStudioNative
from tests.servers.openrouter import OpenRouter, Wcode
from tests.servers.script import Failure, Script
from tests.servers.selfhost import SelfHost
from tests.servers.vendor import Vendor, to_json

FOR_EVER_S = 3600.0


class ModelServer(Listener):
    """Tell scripts in the protocol that each request's path asks for.

    Parameters
    ----------
    selfhost : str
        Which of the self-hosted servers answers at ``/v1``.
    selfhost_key : str, optional
        The key that it asks for.
    strict : bool
        Refuse body keys that a vendor does not document.
    """

    def __init__(
        self, selfhost: str = "vllm", *, selfhost_key: str | None = None, strict: bool = False
    ) -> None:
        super().__init__()
        own = SelfHost(selfhost, key=selfhost_key, strict=strict)
        kinds = (ModelStudio, ModelStudioNative, BigModel, OpenRouter, Wcode)
        self.vendors: tuple[Vendor, ...] = (*(kind(strict=strict) for kind in kinds), own)
        self.released = threading.Event()
        """Set it to let stalled replies go on."""
        self.sent = 0
        """How many records of the newest reply were sent."""
        self._scripts: list[Script] = [Script()]

    def tell(self, *scripts: Script) -> None:
        """Answer the next requests with these scripts, in order; the last one stays."""
        self._scripts = list(scripts)

    def wait_sent(self, count: int) -> None:
        """Wait until so many records of a reply were sent."""
        deadline = time.monotonic() + 60
        while self.sent < count:
            assert time.monotonic() < deadline, "they were not sent"
            time.sleep(0.02)

    def respond(self, request: Recorded, connection: Connection) -> bool:
        """Answer one request as its vendor would."""
        vendor = self._vendor(request.path)
        if vendor is None:
            return _send_json(connection, 404, {"message": "no such path"})
        if request.method != "POST":
            return self._get(request, connection, vendor)
        body = request.json
        if not isinstance(body, dict):
            body = {}
        refusal = vendor.refuse(request, body)
        script = Script() if refusal else self._next_script()
        connection.wait(script.head_pause_s)
        refusal = refusal or script.refusal
        if refusal is not None:
            return _send_failure(connection, vendor, refusal)
        return self._tell(script, vendor, request, body, connection)

    def _vendor(self, path: str) -> Vendor | None:
        path = path.partition("?")[0]
        if path.endswith("/models"):
            path = path.removesuffix("/models") + "/chat/completions"
        return next((vendor for vendor in self.vendors if path in vendor.paths), None)

    def _get(self, request: Recorded, connection: Connection, vendor: Vendor) -> bool:
        if not request.path.endswith("/models"):
            return _send_json(connection, 405, {"message": "method not allowed"})
        models = [{"id": name, "object": "model"} for name in vendor.models]
        return _send_json(connection, 200, {"object": "list", "data": models})

    def _next_script(self) -> Script:
        return self._scripts.pop(0) if len(self._scripts) > 1 else self._scripts[0]

    def _tell(
        self,
        script: Script,
        vendor: Vendor,
        request: Recorded,
        body: Mapping[str, Any],
        connection: Connection,
    ) -> bool:
        if not vendor.streams(request, body):
            return _send_json(connection, 200, vendor.document(script, body))
        connection.send(_head(200, {"content-type": vendor.content_type}))
        connection.wait(script.first_pause_s)
        self.sent = 0
        for number, record in enumerate(vendor.records(script, body)):
            if number == script.cut_after:
                connection.reset()
                return False
            if number == script.stall_after:
                connection.wait(FOR_EVER_S, until=self.released)
            connection.wait(script.pause_s)
            connection.send(_http_chunk(record))
            self.sent += 1
        connection.send(b"0\r\n\r\n")
        return True


def _send_failure(connection: Connection, vendor: Vendor, failure: Failure) -> bool:
    return _send_json(connection, failure.status, vendor.error_body(failure), failure.headers)


def _send_json(
    connection: Connection, status: int, value: object, headers: Mapping[str, str] | None = None
) -> bool:
    content = to_json(value).encode()
    head = {"content-type": "application/json", "content-length": str(len(content))}
    connection.send(_head(status, {**head, **(headers or {})}) + content)
    return True


def _head(status: int, headers: Mapping[str, str]) -> bytes:
    phrase = HTTPStatus(status).phrase if status in set(HTTPStatus) else "Unknown"
    length = {} if "content-length" in headers else {"transfer-encoding": "chunked"}
    lines = [f"{name}: {value}" for name, value in {**headers, **length}.items()]
    return "\r\n".join([f"HTTP/1.1 {status} {phrase}", *lines, "", ""]).encode("latin-1")


def _http_chunk(record: bytes) -> bytes:
    return b"%x\r\n%s\r\n" % (len(record), record)


def body_of(records: Iterable[bytes] | Iterator[bytes]) -> bytes:
    """Return the whole body of a stream."""
    return b"".join(records)
