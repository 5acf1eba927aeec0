"""What is tried again, when, and how often: exactly by the policy, told, and stopped at once."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from itertools import pairwise
from typing import Any

import pytest

import glm_magic as glm
from glm_magic.views.header import facts
from glm_magic.views.labels import CHINESE, ENGLISH
from glm_magic.views.options import ViewOptions
from glm_magic.wire import retry
from tests.faults.protocols import PROTOCOLS, Protocol
from tests.servers.raw_server import Close, RawServer, Reset, Send, Wait, head, reply
from tests.servers.vendor import to_json

BY_NAME = {protocol.provider: protocol for protocol in PROTOCOLS}
DASHSCOPE, BIGMODEL = BY_NAME["dashscope"], BY_NAME["bigmodel"]
every_protocol = pytest.mark.parametrize("protocol", PROTOCOLS, ids=lambda t: t.provider)


def whole(protocol: Protocol) -> Send:
    return Send(head() + protocol.start + protocol.rest)


def refusal(status: int, code: Any = None, **headers: str) -> Send:
    """Return an error response, with the code where every provider looks for it."""
    error = {"code": code, "message": "not now"}
    body = {**error, "error": error} if code is not None else {"error": {"message": "not now"}}
    return reply(to_json(body).encode(), f"{status} No", "application/json", headers)


def tries(server: RawServer, protocol: Protocol, answer: Send) -> tuple[int, glm.Turn]:
    """Ask a server that refuses twice and then answers; return how often it was asked."""
    server.answer_in_turn([answer], [answer], [whole(protocol)])
    with glm.stream("Why?", **protocol.asked(server.url)) as stream:
        assert stream.wait(10)
    return len(server.requests), stream.turn


@every_protocol
@pytest.mark.parametrize(
    ("status", "headers"),
    [(429, {}), (429, {"Retry-After": "0"}), (503, {"Retry-After": "0"}),
     (503, {"Retry-After-Ms": "5"}), (503, {"Retry-After": "0s"})],
)  # fmt: skip
def test_a_request_that_was_turned_away_is_tried_three_times(
    raw_server: RawServer, protocol: Protocol, status: int, headers: dict[str, str]
) -> None:
    asked, turn = tries(raw_server, protocol, refusal(status, **headers))
    assert asked == 3
    assert (turn.answer, turn.status) == ("Blue", "complete")
    assert len({request.body for request in raw_server.requests}) == 1, "the same request"
    retries = [notice for notice in turn.notices if notice.code == "retry"]
    assert ["1 of 2" in retries[0].message, "2 of 2" in retries[1].message] == [True, True]
    assert all("not now" in notice.message for notice in retries)
    assert len(turn.steps) == 1, "a refused request leaves no step"


@every_protocol
@pytest.mark.parametrize("status", [408, 409, 500, 502, 503, 504, 520, 522, 524, 529])
def test_what_may_have_been_generated_is_not_sent_again(
    raw_server: RawServer, protocol: Protocol, status: int
) -> None:
    """A gateway may have lost the reply to a prompt that is billed all the same."""
    asked, turn = tries(raw_server, protocol, refusal(status))
    assert (asked, turn.status) == (1, "failed")


@every_protocol
@pytest.mark.parametrize("status", [400, 401, 402, 403, 404, 405, 410, 413, 422, 451, 501, 505])
def test_a_status_that_stays_is_told_at_once(
    raw_server: RawServer, protocol: Protocol, status: int
) -> None:
    asked, turn = tries(raw_server, protocol, refusal(status))
    assert (asked, turn.status) == (1, "failed")


LIMITS = [
    *((DASHSCOPE, 429, code, True) for code in (
        "Throttling", "Throttling.RateQuota", "Throttling.BurstRate", "Throttling.Concurrency",
        "Throttling.AllocationQuota", "insufficient_quota")),
    *((BY_NAME["dashscope-native"], 429, code, True) for code in (
        "Throttling", "Throttling.RateQuota", "Throttling.AllocationQuota")),
    (DASHSCOPE, 429, "Something.New", False),
    (DASHSCOPE, 400, "Arrearage", False),
    (DASHSCOPE, 403, "AllocationQuota.FreeTierOnly", False),
    *((BIGMODEL, 429, code, True) for code in ("1302", "1303", "1305", "1312", 1302)),
    *((BIGMODEL, 429, code, False) for code in (
        "1113", "1304", *map(str, range(1308, 1312)), *map(str, range(1313, 1322)), 1113, "9999")),
    *((BIGMODEL, 500, code, False) for code in ("1200", "1230", "1234", "500")),
    (DASHSCOPE, 500, "InternalError", False),
    (DASHSCOPE, 500, "RequestTimeOut", False),
    (DASHSCOPE, 503, "ModelUnavailable", True),
    (BY_NAME["vllm"], 503, "overloaded_error", True),
    (BY_NAME["llamacpp"], 500, "rate_limit_exceeded", True),
    (BY_NAME["lmstudio"], 429, "insufficient_quota", False),
    *((BIGMODEL, 400, code, False) for code in ("1210", "1211", "1214", "1261", "1301")),
    (BY_NAME["zai"], 429, "1113", False),
    (BY_NAME["zai"], 429, "1302", True),
    (BY_NAME["openrouter"], 429, 429, True),
    (BY_NAME["wcode"], 429, 429, True),
    (BY_NAME["openrouter"], 402, 402, False),
    (BY_NAME["openrouter"], 524, 524, False),
    *((BY_NAME["openrouter"], status, status, True) for status in (502, 503, 529)),
    (BY_NAME["wcode"], 502, 502, True),
]  # fmt: skip


@pytest.mark.parametrize(
    ("protocol", "status", "code", "again"), LIMITS, ids=lambda v: getattr(v, "provider", str(v))
)
def test_the_providers_own_code_decides(
    raw_server: RawServer, protocol: Protocol, status: int, code: Any, again: bool
) -> None:
    asked, turn = tries(raw_server, protocol, refusal(status, code))
    assert asked == (3 if again else 1)
    assert turn.status == ("complete" if again else "failed")


@pytest.mark.parametrize("ending", [Reset(), Close()], ids=["reset", "close"])
@every_protocol
def test_a_connection_that_breaks_after_the_request_was_sent_is_not_tried_again(
    raw_server: RawServer, protocol: Protocol, ending: Any
) -> None:
    """The provider may have begun, and may bill it: only the user can decide."""
    raw_server.answer_in_turn([Wait(0.05), ending], [whole(protocol)])
    with glm.stream("Why?", **protocol.asked(raw_server.url)) as stream:
        assert stream.wait(10)
    assert (len(raw_server.requests), stream.turn.status) == (1, "failed")


@every_protocol
def test_nothing_is_tried_again_after_the_first_byte(
    raw_server: RawServer, protocol: Protocol
) -> None:
    began = head() + protocol.reply.records[0]
    for broken in ([Send(began), Wait(0.05), Reset()], [Send(began + protocol.error_in_stream())]):
        before = len(raw_server.requests)
        raw_server.answer_in_turn(broken, [whole(protocol)])
        with glm.stream("Why?", **protocol.asked(raw_server.url)) as stream:
            assert stream.wait(10)
        assert stream.error is not None
        assert len(raw_server.requests) == before + 1


# ── how long ─────────────────────────────────────────────────────────────────────────────────────


def gaps(server: RawServer) -> list[float]:
    """Return the seconds between the requests that arrived."""
    return [b.arrived_s - a.arrived_s for a, b in pairwise(server.requests)]


def http_date(seconds: float) -> str:
    """Return a time from now on as ``Retry-After`` spells it, which has whole seconds only."""
    return format_datetime(datetime.now(UTC) + timedelta(seconds=seconds), usegmt=True)


@pytest.mark.parametrize(
    ("header", "value", "low", "high"),
    [
        ("Retry-After", lambda: "0.3", 0.3, 2),
        ("Retry-After", lambda: "1", 1, 3),
        ("Retry-After", lambda: http_date(2), 0.5, 4),
        ("Retry-After", lambda: "0", 0, 1),
        ("Retry-After", lambda: "-5", 0, 1),
        ("Retry-After", lambda: http_date(-3600), 0, 1),
        ("Retry-After-Ms", lambda: "250", 0.25, 2),
        ("Retry-After", lambda: "300ms", 0.3, 2),
        ("Retry-After", lambda: " 0.3 ", 0.3, 2),
        ("Retry-After", lambda: "3e-1", 0.3, 2),
        ("Retry-After", lambda: "0s", 0, 1),
    ],
)
def test_retry_after_is_kept_in_every_form(
    raw_server: RawServer, header: str, value: Any, low: float, high: float
) -> None:
    refused = refusal(503, **{header: value()})
    raw_server.answer_in_turn([refused], [whole(DASHSCOPE)])
    assert glm.ask("Why?", **DASHSCOPE.asked(raw_server.url)).answer == "Blue"
    (gap,) = gaps(raw_server)
    assert low <= gap <= high


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("Retry-After", "31", "31 s"),
        ("Retry-After", "86400", "24 hours"),
        ("Retry-After", "1h", "60 minutes"),
        ("Retry-After", "1m30s", "90 s"),
        ("Retry-After", "9" * 400, "more than a year"),
        ("Retry-After", "inf", "more than a year"),
        pytest.param("Retry-After", http_date(2.9 * 86400), "3 days", id="Retry-After-a date"),
        ("Retry-After", "Fri, 31 Dec 9999 23:59:59 GMT", "more than a year"),
        ("Retry-After-Ms", "9" * 400, "more than a year"),
        ("Retry-After-Ms", "31000", "31 s"),
    ],
)
def test_a_wait_beyond_the_cap_is_told_and_not_waited_for(
    raw_server: RawServer, name: str, value: str, words: str
) -> None:
    raw_server.answer(refusal(429, "Throttling", **{name: value}))
    with glm.stream("Why?", **DASHSCOPE.asked(raw_server.url)) as stream:
        assert stream.wait(10)
    assert (len(raw_server.requests), stream.turn.status) == (1, "failed")
    assert isinstance(stream.error, glm.GlmError)
    assert f"asks to wait {words}" in stream.error.message


@pytest.mark.parametrize("value", ["soon", "", "nan", "Wed, 99 Foo 2026", "0x10", "١", "1_000"])
@pytest.mark.parametrize("name", ["Retry-After", "Retry-After-Ms"])
def test_a_wait_that_means_nothing_is_our_own(raw_server: RawServer, name: str, value: str) -> None:
    headers = f"HTTP/1.1 429 No\r\n{name}: {value}\r\nContent-Length: 0\r\n\r\n"
    raw_server.answer_in_turn([Send(headers.encode())], [whole(DASHSCOPE)])
    with glm.stream("Why?", **DASHSCOPE.asked(raw_server.url)) as stream:
        assert stream.wait(10)
    assert (stream.turn.status, len(raw_server.requests)) == ("complete", 2)


def test_our_own_waits_are_a_half_and_one_second_with_jitter(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(retry, "BACKOFF_S", (0.5, 1.0))
    for attempt, middle_s in enumerate((0.5, 1.0)):
        waits = [retry.retry_delay_s(attempt) for _ in range(200)]
        assert all(wait is not None and 0.5 * middle_s <= wait <= 1.5 * middle_s for wait in waits)
        assert len(set(waits)) > 100, "many notebooks must not come back in step"
    assert retry.retry_delay_s(2) is None
    assert retry.MAX_WAIT_S == 30


# ── what a person sees of it, and can do ─────────────────────────────────────────────────────────


def header(stream: glm.Stream) -> str:
    """Return what the panel's header says of the state."""
    items = facts(stream.turn, ViewOptions(), ENGLISH)
    return next(item.text for item in items if item.kind == "state")


def test_the_header_counts_down_to_the_next_try(raw_server: RawServer) -> None:
    refused = refusal(503, **{"Retry-After": "2"})
    raw_server.answer_in_turn([refused], [Wait(0.5), whole(DASHSCOPE)])
    seen: list[str] = []
    with glm.stream("Why?", **DASHSCOPE.asked(raw_server.url)) as stream:
        while not stream.wait(0.02):
            seen.append(header(stream))
    left = [
        float(text.split()[-2].lstrip("<")) for text in seen if text.startswith("trying again in")
    ]
    assert left == sorted(left, reverse=True)
    assert left[0] > 1
    assert left[-1] < 1
    assert len(set(left)) > 3
    last_wait = max(at for at, text in enumerate(seen) if text.startswith("trying again in"))
    assert "waiting" in seen[last_wait + 1]
    assert (stream.turn.status, len(raw_server.requests)) == ("complete", 2)
    assert CHINESE.retrying.format(time="1 s") == "1 s 后重试"


def test_a_wait_can_be_cancelled_at_once(raw_server: RawServer) -> None:
    raw_server.answer(refusal(503, **{"Retry-After": "25"}))
    with glm.stream("Why?", **DASHSCOPE.asked(raw_server.url)) as stream:
        while not header(stream).startswith("trying again"):
            assert not stream.wait(0.01)
        began = time.monotonic()
        stream.cancel()
        assert stream.wait(10)
        assert time.monotonic() - began < 5
    assert (stream.turn.status, stream.error) == ("interrupted", None)
    assert len(raw_server.requests) == 1
