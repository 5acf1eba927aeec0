"""A server that sends exact bytes, cut and delayed as told, and breaks off in every way."""

from __future__ import annotations

import gzip
import ssl
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from tests.servers.listener import Connection, Listener, Recorded

FOR_EVER_S = 3600.0


@dataclass(frozen=True, slots=True)
class Send:
    """Send these bytes, whole or `each` so many at a time with a pause between."""

    data: bytes
    each: int | None = None
    pause_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Wait:
    """Send nothing for a while."""

    seconds: float


class Stall:
    """Send nothing more and keep the connection open until the client leaves."""


class Close:
    """Close the connection in good order."""


class Reset:
    """Break the connection."""


Step = Send | Wait | Stall | Close | Reset


class RawServer(Listener):
    """Answer each request with the next list of steps; the last list stays.

    A connection closes after its steps.
    """

    def __init__(self, tls: ssl.SSLContext | None = None, port: int = 0) -> None:
        super().__init__(tls, port)
        self._answers: list[list[Step]] = [[Close()]]

    def answer(self, *steps: Step) -> None:
        """Answer every request with these steps."""
        self._answers = [list(steps)]

    def answer_in_turn(self, *answers: Iterable[Step]) -> None:
        """Answer the next requests with these lists of steps, in order; the last one stays."""
        self._answers = [list(steps) for steps in answers]

    def respond(self, request: Recorded, connection: Connection) -> bool:
        """Carry out the steps."""
        steps = self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]
        for step in steps:
            _carry_out(step, connection)
            if isinstance(step, Close | Reset):
                break
        return False


def _carry_out(step: Step, connection: Connection) -> None:
    match step:
        case Send():
            size = step.each or max(len(step.data), 1)
            for start in range(0, len(step.data), size):
                connection.wait(step.pause_s if start else 0)
                connection.send(step.data[start : start + size])
        case Wait():
            connection.wait(step.seconds)
        case Stall():
            connection.wait(FOR_EVER_S)
        case Reset():
            connection.reset()
        case Close():
            pass


def head(
    status: str = "200 OK",
    content_type: str = "text/event-stream",
    headers: Mapping[str, str] | None = None,
) -> bytes:
    """Return a response head; the body that follows ends with the connection."""
    fields = {"Content-Type": content_type, "Connection": "close", **(headers or {})}
    lines = [f"{name}: {value}" for name, value in fields.items()]
    return "\r\n".join([f"HTTP/1.1 {status}", *lines, "", ""]).encode("latin-1")


def reply(
    body: bytes,
    status: str = "200 OK",
    content_type: str = "text/event-stream",
    headers: Mapping[str, str] | None = None,
) -> Send:
    """Return a whole response: a head with the body's length, and the body."""
    length = {"Content-Length": str(len(body)), **(headers or {})}
    return Send(head(status, content_type, length) + body)


def zipped(body: bytes, content_type: str = "text/event-stream") -> Send:
    """Return a whole response with a gzip body."""
    return reply(
        gzip.compress(body), content_type=content_type, headers={"Content-Encoding": "gzip"}
    )


def chunks(parts: Iterable[bytes], *, ends: bool = True) -> Send:
    """Return a chunked body; without its end the client can see that it was cut."""
    body = b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in parts if part)
    return Send(body + (b"0\r\n\r\n" if ends else b""))
