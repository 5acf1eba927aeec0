"""A server that never stops, or says too much at once, takes a bounded part of the memory."""

from __future__ import annotations

import json
import subprocess
import sys
import zlib

import pytest

import glm_magic as glm
from glm_magic.core import errors
from glm_magic.engine import exchange
from glm_magic.session.amounts import parse_amount
from tests.faults.life import settled
from tests.faults.protocols import PROTOCOLS, Protocol
from tests.linear import is_linear
from tests.memory import PEAK
from tests.servers.listener import Connection, Listener, Recorded
from tests.servers.raw_server import RawServer, Send, Stall, head

MEGABYTE = 1024 * 1024
VLLM = next(protocol for protocol in PROTOCOLS if protocol.provider == "vllm")
every_protocol = pytest.mark.parametrize("protocol", PROTOCOLS, ids=lambda t: t.provider)

CLIENT = """
import json, sys
import glm_magic as glm
asked = json.loads(sys.argv[1])
warm = asked.pop("warm")
glm.ask("warm up", **{**asked, "base_url": warm})
before = peak_mb()
with glm.stream("Why?", **asked) as stream:
    stream.wait(60)
    turn = stream.turn
print(json.dumps([peak_mb() - before, type(stream.error).__name__, str(stream.error), turn.status,
                  turn.answer[:20]]))
"""
"""Measured in a process of its own: the server's memory is not the client's."""


class Endless(Listener):
    """Send the same bytes again and again, until the client leaves or a number of times."""

    def __init__(self, first: bytes, again: bytes, times: int) -> None:
        super().__init__()
        self._first, self._again, self._times = first, again, times

    def respond(self, request: Recorded, connection: Connection) -> bool:
        """Send, and count what was taken."""
        connection.send(self._first)
        for _ in range(self._times):
            connection.send(self._again)
        return False


def measured(server: Listener, protocol: Protocol = VLLM) -> tuple[float, str, str, str, str]:
    """Ask in a process of its own; return the growth in MB, the error, the status, the answer."""
    with RawServer() as warm:
        warm.answer(Send(head() + protocol.start + protocol.rest))
        asked = {**protocol.asked(server.url), "warm": warm.url + protocol.path}
        command = [sys.executable, "-c", PEAK + CLIENT, json.dumps(asked)]
        run = subprocess.run(command, capture_output=True, text=True, timeout=100, check=True)
    growth, *rest = json.loads(run.stdout)
    return (growth, *rest)


@pytest.mark.parametrize(
    ("first", "again"),
    [
        (b'data: {"x":"', b"y" * MEGABYTE),
        (b"", b": " + b"y" * MEGABYTE),
        (b"", b"data: y\n" * 100_000),
        (b"{", b" " * MEGABYTE),
        (b"", b"\n" * MEGABYTE),
        (b"<html>", b"y" * MEGABYTE),
    ],
    ids=["line", "comment", "data lines", "document", "blank lines", "page"],
)
def test_fifty_megabytes_of_one_thing_are_given_up(first: bytes, again: bytes) -> None:
    with Endless(head() + VLLM.start * (first[:1] == b"d") + first, again, 60) as server:
        growth, kind, message, status, _ = measured(server)
    assert growth < 90
    assert kind == "ProtocolError"
    assert "16 MB" in message
    assert status in ("failed", "incomplete")


@every_protocol
def test_what_came_before_a_line_without_an_end_is_kept(protocol: Protocol) -> None:
    with Endless(head() + protocol.start + b'data: {"x":"', b"y" * MEGABYTE, 60) as server:
        with glm.stream("Why?", **protocol.asked(server.url)) as stream:
            assert stream.wait(30)
        assert isinstance(stream.error, errors.ProtocolError)
        assert (stream.turn.reasoning, stream.turn.answer) == ("Think", "Blue")
        assert stream.turn.status == "incomplete"


def test_an_answer_without_an_end_is_stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exchange, "MAX_REPLY_BYTES", 4 * MEGABYTE)
    with Endless(head(), VLLM.piece("word " * 1000), 10**6) as server:
        with glm.stream("Why?", **VLLM.asked(server.url)) as stream:
            assert stream.wait(30)
        assert server.last.hung_up.wait(10)
    assert isinstance(stream.error, errors.ProtocolError)
    assert "was stopped" in stream.error.message
    assert stream.turn.status == "incomplete"
    assert stream.turn.answer.startswith("word word")
    assert len(stream.turn.answer) < 4 * MEGABYTE


@every_protocol
def test_an_answer_without_an_end_stops_at_the_budget(protocol: Protocol) -> None:
    with Endless(head() + protocol.start, protocol.piece("word " * 20), 10**6) as server:
        session = glm.Session("bounded", **protocol.asked(server.url))
        session.set_budget(parse_amount("5000"))
        with session.stream("Why?") as stream:
            assert stream.wait(60)
        assert server.last.hung_up.wait(10)
    turn = stream.turn
    assert turn.status == "interrupted"
    assert [notice.code for notice in turn.notices][-1] == "budget"
    assert turn.answer.startswith("Blueword word")
    biggest = 2 * 65_536  # what one read from the socket may bring
    assert 15_000 < len(turn.answer) < 4 * 5000 + biggest
    assert settled() == []


def test_a_small_packet_that_unpacks_to_a_gigabyte_is_given_up() -> None:
    packer = zlib.compressobj(9, wbits=31)
    packed = packer.compress(b"data: ") + b"".join(
        packer.compress(b" " * MEGABYTE) for _ in range(1024)
    )
    packed += packer.flush()
    assert len(packed) < 2 * MEGABYTE
    with Endless(head(headers={"Content-Encoding": "gzip"}) + packed, b"", 0) as server:
        growth, kind, *_ = measured(server)
    assert growth < 90
    assert kind == "ProtocolError"


def test_an_error_page_without_an_end_is_cut() -> None:
    with Endless(head("500 Server Error") + b"<title>Oh</title>", b"y" * MEGABYTE, 500) as server:
        growth, kind, message, *_ = measured(server)
    assert growth < 60
    assert (kind, "Oh" in message) == ("ServerError", True)


def test_pings_for_ever_can_be_stopped_and_cost_nothing(raw_server: RawServer) -> None:
    raw_server.answer(Send(head() + VLLM.start), Send(b": ping\n\n" * 200_000), Stall())
    with glm.stream("Why?", **VLLM.asked(raw_server.url)) as stream:
        while not stream.turn.answer:
            assert not stream.wait(0.01)
        stream.cancel()
        assert stream.wait(10)
    assert raw_server.last.hung_up.wait(10)
    assert len(stream.events) < 20
    assert len(stream.raw) <= MEGABYTE


@pytest.mark.usefixtures("quiet_heap")
def test_very_many_tiny_events_arrive_in_linear_time() -> None:
    assert is_linear(_swallow, 20_000, 80_000)


def _swallow(count: int) -> None:
    body = head() + VLLM.piece("w") * count + VLLM.rest
    with RawServer() as server:
        server.answer(Send(body))
        assert len(glm.ask("Why?", **VLLM.asked(server.url)).answer) == count
