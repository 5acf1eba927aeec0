"""One account, one limiter: what runs at a time is learnt from refusals, and no lane is lost."""

from __future__ import annotations

import gc
import os
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

import glm_magic as glm
from glm_magic.core.secret import Secret
from glm_magic.engine import limiter
from glm_magic.engine.limiter import limiter_for
from glm_magic.wire import io_thread
from tests.faults.protocols import KEY, PROTOCOLS, Protocol
from tests.servers.busy_server import BusyServer
from tests.servers.raw_server import Send, head, reply
from tests.servers.vendor import to_json

BY_NAME = {protocol.provider: protocol for protocol in PROTOCOLS}
ZAI = BY_NAME["zai"]


def http(status: int, error: Any, **headers: str) -> Send:
    return reply(to_json(error).encode(), f"{status} No", "application/json", headers)


def in_stream(error: Any, before: bytes = b"") -> Send:
    return Send(head() + before + f"data: {to_json(error)}\n\n".encode())


def whole(protocol: Protocol) -> Send:
    return Send(head() + protocol.start + protocol.rest)


BUSY: dict[str, tuple[Protocol, Send]] = {
    "zai 1302": (ZAI, http(429, {"error": {"code": "1302", "message": "busy"}})),
    "zai 1302 as a number": (ZAI, http(429, {"error": {"code": 1302, "message": "busy"}})),
    "zai 1302 in a reply": (ZAI, in_stream({"error": {"code": "1302", "message": "busy"}})),
    "bigmodel 1305": (
        BY_NAME["bigmodel"], http(429, {"error": {"code": "1305", "message": "busy"}})),
    "dashscope": (
        BY_NAME["dashscope"],
        http(429, {"error": {"code": "Throttling.Concurrency", "message": "busy"}})),
    "dashscope-native in a reply": (
        BY_NAME["dashscope-native"],
        Send(head() + b'event:error\n:HTTP_STATUS/429\n'
             b'data:{"code":"Throttling","message":"busy","request_id":"r"}\n\n')),
    "openrouter 429": (BY_NAME["openrouter"], http(429, {"error": {"code": 429, "message": "b"}})),
    "wcode 429 in a reply": (BY_NAME["wcode"], in_stream({"error": {"code": 429, "message": "b"}})),
    "vllm without a code": (BY_NAME["vllm"], http(429, {"error": {"message": "busy"}})),
    "a gateway's page": (
        BY_NAME["lmstudio"],
        reply(b"<html><title>Slow down</title></html>", "429 Too Many Requests", "text/html")),
    "with a time that is too short": (
        ZAI, http(429, {"error": {"code": "1302", "message": "busy"}}, **{"Retry-After": "0"})),
}  # fmt: skip
every_refusal = pytest.mark.parametrize("name", BUSY)


@pytest.fixture
def serve() -> Iterator[Callable[..., BusyServer]]:
    """Give a function that starts a server which is too busy for more than so many requests."""
    servers: list[BusyServer] = []

    def start(name: str = "zai 1302", most: int = 1, **how: Any) -> BusyServer:
        protocol, refused = BUSY[name]
        server = BusyServer(whole(protocol), refused, most, **how)
        servers.append(server)
        server.__enter__()
        return server

    yield start
    for server in servers:
        server.stop()


def until(happened: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not happened():
        assert time.monotonic() < deadline, "it never happened"
        time.sleep(0.005)


def codes(stream: glm.Stream) -> list[str]:
    return [notice.code for notice in stream.turn.notices]


@every_refusal
def test_every_lane_of_a_comparison_is_served(name: str, serve: Callable[..., BusyServer]) -> None:
    server, (protocol, _) = serve(name), BUSY[name]
    comparison = glm.compare("why?", "temperature=0,0.1,0.2,0.3", **protocol.asked(server.url))
    assert [lane.answer for lane in comparison.lanes] == ["Blue"] * 4
    assert {lane.status for lane in comparison.lanes} == {"complete"}
    assert all(len(lane.steps) == 1 for lane in comparison.lanes)
    assert len(server.served) == 4, "each is billed once"
    assert server.peak == 1


def test_a_refused_request_waits_for_ours_to_end_and_not_for_a_time(
    serve: Callable[..., BusyServer],
) -> None:
    server = serve(holds=True)
    first = glm.stream("first", **ZAI.asked(server.url))
    first.start()
    until(lambda: len(server.served) == 1)
    second = glm.stream("second", **ZAI.asked(server.url))
    second.start()
    until(lambda: "waiting" in codes(second))
    assert not second.wait(0.3), "ten times our longest wait before a retry"
    assert len(server.refused) == 1, "it does not knock again"
    notice = next(n for n in second.turn.notices if n.code == "waiting")
    assert "takes 1 of this account's requests at a time" in notice.message
    assert "retry" not in codes(second)
    server.release(2)
    assert first.wait(10)
    assert second.wait(10)
    assert (first.turn.answer, second.turn.answer) == ("Blue", "Blue")
    assert (len(server.served), len(server.refused)) == (2, 1)


def test_a_service_that_notices_an_end_late_is_given_the_time(
    serve: Callable[..., BusyServer],
) -> None:
    server = serve(lag_s=0.3)
    lanes = glm.compare("why?", "temperature=0,0.1,0.2", **ZAI.asked(server.url)).lanes
    assert [lane.answer for lane in lanes] == ["Blue"] * 3


def test_first_come_first_served(
    serve: Callable[..., BusyServer], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limiter, "FIRST_SERIES", 99)  # two at a time could overtake each other
    server = serve(holds=True)
    streams = []
    for number in range(5):
        stream = glm.stream(f"prompt {number}", **ZAI.asked(server.url))
        stream.start()
        until(lambda at=number, s=stream: "waiting" in codes(s) if at else bool(server.served))
        streams.append(stream)
    server.release(5)
    assert all(stream.wait(10) for stream in streams)
    assert server.prompts == [f"prompt {number}" for number in range(5)]
    assert len(server.refused) == 1, "those who know of the limit wait before they knock"


def test_stop_while_waiting_works_at_once_and_sends_nothing(
    serve: Callable[..., BusyServer],
) -> None:
    server = serve(holds=True)
    streams = [glm.stream(f"prompt {n}", **ZAI.asked(server.url)) for n in range(3)]
    streams[0].start()
    until(lambda: len(server.served) == 1)
    for stream in streams[1:]:
        stream.start()
        until(lambda s=stream: "waiting" in codes(s))
    sent = len(server.requests)
    began = time.monotonic()
    streams[1].cancel()
    assert streams[1].wait(10)
    assert time.monotonic() - began < 5
    assert (streams[1].turn.status, streams[1].error) == ("interrupted", None)
    assert len(server.requests) == sent
    server.release(2)
    assert streams[0].wait(10)
    assert streams[2].wait(10), "a place that was given up does not block the next"
    assert server.prompts == ["prompt 0", "prompt 2"]


def test_one_that_is_stopped_while_it_runs_makes_room(
    serve: Callable[..., BusyServer], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("glm_magic.wire.retry.BACKOFF_S", (1.0, 2.0))  # the server has to notice
    server = serve(holds=True)
    first, second = (glm.stream(n, **ZAI.asked(server.url)) for n in ("first", "second"))
    first.start()
    until(lambda: len(server.served) == 1)
    second.start()
    until(lambda: "waiting" in codes(second))
    first.cancel()
    until(lambda: len(server.served) == 2 or second.done)
    server.release()
    assert second.wait(10)
    assert second.turn.answer == "Blue"


def test_the_limit_goes_up_again(serve: Callable[..., BusyServer]) -> None:
    server = serve()
    glm.compare("why?", "temperature=0,0.1,0.2,0.3", **ZAI.asked(server.url))
    server.most, server.peak = 3, 0
    for rounds in range(2, 30):
        glm.compare("why?", "temperature=0,0.1,0.2,0.3", **ZAI.asked(server.url))
        assert len(server.served) == 4 * rounds
        if server.peak == 3:
            return
    pytest.fail("it stayed down")


def test_a_service_that_takes_three_is_asked_three_at_a_time(
    serve: Callable[..., BusyServer],
) -> None:
    server = serve(most=3, holds=True)
    streams = [glm.stream(f"prompt {n}", **ZAI.asked(server.url)) for n in range(5)]
    for stream in streams:
        stream.start()
    until(lambda: len(server.served) == 3 and sum("waiting" in codes(s) for s in streams) == 2)
    server.release(5)
    assert all(stream.wait(10) for stream in streams)
    assert {stream.turn.answer for stream in streams} == {"Blue"}
    assert len(server.served) == 5


def test_threads_sessions_and_asyncio_share_it(serve: Callable[..., BusyServer]) -> None:
    server = serve()
    answers: list[str] = []

    def ask(number: int) -> None:
        session = glm.Session(f"s{number}", **ZAI.asked(server.url))
        answers.append(session.ask("why?").answer)

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert answers == ["Blue"] * 6
    assert (len(server.served), server.peak) == (6, 1)


def test_another_key_at_the_same_server_waits_for_nobody(serve: Callable[..., BusyServer]) -> None:
    server = serve(most=1, holds=True)
    first, second = (glm.stream(n, **ZAI.asked(server.url)) for n in ("first", "second"))
    first.start()
    until(lambda: len(server.served) == 1)
    second.start()
    until(lambda: "waiting" in codes(second))
    other = glm.stream("other", **{**ZAI.asked(server.url), "api_key": "sk-of-somebody-else"})
    other.start()
    until(lambda: len(server.requests) == 3)
    assert "waiting" not in codes(other)
    server.release(3)
    assert all(stream.wait(10) for stream in (first, second, other))


def test_a_far_time_is_told_although_others_run(serve: Callable[..., BusyServer]) -> None:
    far = http(429, {"error": {"code": "1302", "message": "busy"}}, **{"Retry-After": "3600"})
    server = BusyServer(whole(ZAI), far, holds=True)
    with server:
        first = glm.stream("first", **ZAI.asked(server.url))
        first.start()
        until(lambda: len(server.served) == 1)
        with pytest.raises(glm.GlmError, match="asks to wait 60 minutes"):
            glm.ask("second", **ZAI.asked(server.url))
        server.release()
        assert first.wait(10)


def test_when_no_other_runs_a_refusal_is_tried_twice_more(
    serve: Callable[..., BusyServer],
) -> None:
    server = serve(most=0)
    with pytest.raises(glm.GlmError, match="busy"):
        glm.ask("why?", **ZAI.asked(server.url))
    assert len(server.refused) == 3


def test_no_key_is_kept() -> None:
    key = Secret(KEY, "a test")
    assert limiter_for("https://h/v1", key) is limiter_for("https://u:p@H/v2", Secret(KEY, "b"))
    assert limiter_for("https://h/v1", key) is not limiter_for("https://h/v1", None)
    assert limiter_for("https://h/v1", key) is not limiter_for("https://h:8/v1", key)
    accounts = limiter._accounts.get()
    assert KEY not in repr(vars(accounts))
    assert not any(isinstance(item, Secret) for item in gc.get_referents(accounts))


def test_accounts_are_bounded() -> None:
    for number in range(3 * limiter.MAX_ACCOUNTS):
        limiter_for(f"https://h{number}/v1", None)
    assert len(limiter._accounts.get()._limiters) <= limiter.MAX_ACCOUNTS


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
@pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning")
def test_a_forked_child_begins_without_what_its_parent_learnt() -> None:
    mine = limiter_for("https://h/v1", None)
    mine.limit = 1
    child = os.fork()
    if child == 0:
        os._exit(0 if limiter_for("https://h/v1", None).limit is None else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert limiter_for("https://h/v1", None) is mine


def test_a_new_io_thread_finds_every_place_given_back(serve: Callable[..., BusyServer]) -> None:
    server = serve(holds=True)
    streams = [glm.stream(n, **ZAI.asked(server.url)) for n in ("first", "second")]
    streams[0].start()
    until(lambda: len(server.served) == 1)
    streams[1].start()
    until(lambda: "waiting" in codes(streams[1]))
    io_thread.shared.close()
    assert all(stream.wait(10) for stream in streams)
    account = limiter_for(server.url, Secret(KEY, "a test"))
    assert account.is_idle
