"""Whatever happens, the text is kept, the status honest, and nothing is sent twice."""

from __future__ import annotations

from typing import Any

import pytest

import glm_magic as glm
from tests.faults.protocols import KEY, PROTOCOLS, Protocol
from tests.faults.table import FAULTS, Fault
from tests.servers.raw_server import RawServer, Send, head

every_protocol = pytest.mark.parametrize("protocol", PROTOCOLS, ids=lambda t: t.provider)
every_fault = pytest.mark.parametrize("fault", FAULTS, ids=lambda f: f.name)


def asked(prompt: str, **options: Any) -> tuple[glm.Turn, glm.GlmError | None]:
    """Ask, and return the turn and what was raised."""
    with glm.stream(prompt, **options) as stream:
        assert stream.wait(30)
        return stream.turn, stream.error


@every_protocol
@every_fault
def test_a_fault(raw_server: RawServer, protocol: Protocol, fault: Fault) -> None:
    raw_server.answer_in_turn(
        fault.steps(protocol), [Send(head() + protocol.start + protocol.rest)]
    )
    turn, error = asked("Why?", **protocol.asked(raw_server.url, **fault.options))
    assert (turn.reasoning, turn.answer) == fault.left
    assert turn.status == fault.status
    _check_error(error, fault, protocol)
    assert error is None or error.turn == turn
    assert len(raw_server.requests) == fault.sent, "nothing that may be billed is sent twice"
    _check_health(raw_server, protocol)


def _check_error(error: glm.GlmError | None, fault: Fault, protocol: Protocol) -> None:
    if fault.kind is None:
        assert error is None
        return
    assert isinstance(error, fault.kind)
    assert fault.words in error.message
    assert error.hint
    assert fault.hint in error.hint
    assert error.provider == protocol.provider
    assert 2 <= len(error.lines()) <= 3
    assert len(str(error)) < 700
    shown = repr(vars(error)) + str(error)
    assert KEY not in shown
    assert "private" not in shown, "a page's text is not shown"


def _check_health(server: RawServer, protocol: Protocol) -> None:
    """Ask once more at the same server, over the same pool."""
    turn, error = asked("Again?", **protocol.asked(server.url))
    assert error is None
    assert (turn.answer, turn.status) == ("Blue", "complete")


@every_protocol
def test_a_new_word_for_the_end_is_shown_as_it_is(
    raw_server: RawServer, protocol: Protocol
) -> None:
    raw_server.answer(Send(head() + protocol.finished("brand_new")))
    turn, _ = asked("Why?", **protocol.asked(raw_server.url))
    assert (turn.status, turn.finish_reason) == ("complete", "brand_new")


@every_protocol
@pytest.mark.parametrize("status", ["301 Moved", "302 Found", "307 Temporary", "308 Permanent"])
def test_a_redirect_to_another_host_gets_neither_key_nor_prompt(
    raw_server: RawServer, protocol: Protocol, status: str
) -> None:
    with RawServer() as elsewhere:
        location = f"Location: {elsewhere.url}{protocol.path}/chat/completions\r\n"
        raw_server.answer(
            Send(f"HTTP/1.1 {status}\r\n{location}Content-Length: 0\r\n\r\n".encode())
        )
        _, error = asked("Why?", **protocol.asked(raw_server.url))
        assert error is not None
        assert error.status == int(status[:3])
        assert "moved" in error.hint
        assert (len(raw_server.requests), elsewhere.connections) == (1, 0)


def test_silence_may_last_for_minutes_while_a_model_thinks() -> None:
    stream = glm.stream("Why?", **PROTOCOLS[0].asked("http://127.0.0.1:9"))
    assert stream.call.idle_timeout_s >= 180
