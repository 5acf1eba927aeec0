"""A budget that several requests share at the same time is passed by one reply's price at most."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from pathlib import Path

import pytest

import glm_magic as glm
from glm_magic.core.errors import InvalidValueError
from glm_magic.core.turn import Notice
from glm_magic.engine.options import Options
from glm_magic.session import budgets, reservations
from glm_magic.session.amounts import parse_amount
from tests.servers.listener import Listener
from tests.servers.raw_server import head

MODEL = "glm-4.6"
INPUT_PRICE, OUTPUT_PRICE = Decimal("0.6"), Decimal("2.2")
"""Dollars for a million tokens at Z.ai."""
PATIENCE_S = 60
ROOT = Path(__file__).parents[2]


class Generator(Listener):
    """A model that writes replies of `length` tokens, as many at a time as it is asked for.

    Parameters
    ----------
    length : int
        Tokens of each reply, unless ``max_tokens`` is less.
    hidden : bool
        Show one letter and the usage at the end, and nothing before.
    """

    def __init__(self, length: int, *, hidden: bool) -> None:
        super().__init__()
        self.length, self.hidden = length, hidden
        self.generated: list[int] = []
        self.asked_for: list[int | None] = []
        self.running = self.most_running = 0
        self.hold = threading.Event()
        """Nothing is generated before it is set."""
        self.hold.set()
        self._counting = threading.Lock()
        self.arrived = threading.Condition(self._counting)

    def wait_for(self, count):
        """Wait until so many requests are being answered."""
        with self.arrived:
            return self.arrived.wait_for(lambda: self.running >= count, PATIENCE_S)

    def respond(self, request, connection):
        limit = request.json.get("max_tokens")
        tokens = min(self.length, limit or self.length)
        with self._counting:
            self.asked_for.append(limit)
            self.running += 1
            self.most_running = max(self.running, self.most_running)
            self.arrived.notify_all()
        written = 0
        try:
            connection.send(head())
            while not self.hold.is_set():
                connection.wait(0.01)
            connection.wait(0.05)
            if self.hidden:
                written = tokens
            for _ in range(0 if self.hidden else tokens // 100):
                connection.send(frame({"content": "four" * 100}))
                written += 100
                connection.wait(0.0005)
            finish = "length" if tokens < self.length else "stop"
            usage = {"prompt_tokens": 10, "completion_tokens": tokens}
            connection.send(frame({"content": "."}, finish, usage) + b"data: [DONE]\n\n")
        finally:
            with self._counting:
                self.running -= 1
                self.generated.append(written)
        return False

    @property
    def dollars(self) -> Decimal:
        read = 10 * len(self.generated) * INPUT_PRICE
        return (read + sum(self.generated) * OUTPUT_PRICE) / 1_000_000


def frame(delta, finish=None, usage=None):
    chunk = {"choices": [{"index": 0, "delta": delta, "finish_reason": finish}]}
    if usage:
        chunk["usage"] = usage
    return b"data: " + json.dumps(chunk).encode() + b"\n\n"


@pytest.fixture(params=[True, False], ids=["hidden", "shown"])
def generator(request):
    with Generator(10_000, hidden=request.param) as server:
        yield server


@pytest.fixture
def hidden():
    with Generator(10_000, hidden=True) as server:
        yield server


def session_at(server, name="shared"):
    return glm.Session(
        name, provider="zai", model=MODEL, base_url=f"{server.url}/api/paas/v4", api_key="test-key"
    )  # fmt: skip


def ask_until_refused(session, most=50):
    """Ask until a budget refuses; return how many replies there were."""
    for count in range(most):
        stream = session.open("why?", session.options)
        assert stream.wait(PATIENCE_S)
        error = stream.error
        if isinstance(error, InvalidValueError):
            return count
        assert error is None
    raise AssertionError("the budget never refused")


def until_refused(session):
    try:
        return ask_until_refused(session)
    except InvalidValueError:
        return 0


REPLY = 10_000 * OUTPUT_PRICE / 1_000_000


def test_threads_of_one_session_share_its_budget(generator):
    session = session_at(generator)
    session.budget = parse_amount("$0.05")
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(until_refused, [session] * 8))
    assert Decimal("0.04") <= generator.dollars <= Decimal("0.05") + REPLY
    if generator.hidden:
        assert generator.dollars <= Decimal("0.0501"), "max_tokens holds what is not shown"


def test_sessions_share_the_budget_of_a_day(generator):
    budgets.put(budgets.DAY, "0.05 USD")
    sessions = [session_at(generator, f"s{number}") for number in range(8)]
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(until_refused, sessions))
    assert Decimal("0.04") <= generator.dollars <= Decimal("0.05") + REPLY


def test_lanes_share_the_budget_of_their_cell_and_run_at_the_same_time(generator):
    generator.hold.clear()
    session = session_at(generator)
    lanes = [Options.layered(budgets.catalogue(), session.options)] * 4
    streams = session.open_lanes("why?", lanes, budget=parse_amount("$0.04"))
    for stream in streams:
        stream.start()
    assert generator.wait_for(4)
    generator.hold.set()
    for stream in streams:
        assert stream.wait(PATIENCE_S)
    assert generator.most_running == 4, "each has its share, and waits for nobody"
    assert generator.dollars <= Decimal("0.0401") + (0 if generator.hidden else REPLY)


KERNEL = """
import sys
import glm_magic as glm
from tests.session.test_shared_budgets import until_refused
session = glm.Session(sys.argv[2], provider="zai", model="glm-4.6",
                      base_url=sys.argv[1] + "/api/paas/v4", api_key="test-key")
print(until_refused(session))
"""


def test_kernels_share_the_budget_of_a_day(hidden, tmp_path):
    budgets.put(budgets.DAY, "0.05 USD")
    script = tmp_path / "kernel.py"
    script.write_text(KERNEL)
    kernels = [
        subprocess.Popen([sys.executable, script, hidden.url, f"kernel-{number}"],
                         cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT)})
        for number in range(3)
    ]  # fmt: skip
    assert [kernel.wait(PATIENCE_S) for kernel in kernels] == [0, 0, 0]
    assert Decimal("0.04") <= hidden.dollars <= Decimal("0.05") + REPLY
    assert budgets.current_store().read("SELECT * FROM setting WHERE name LIKE 'holds%'") == []


def test_what_a_killed_kernel_held_is_free_again(hidden, monkeypatch):
    budgets.put(budgets.DAY, "0.05 USD")
    hold = json.dumps({"at": time.time() - reservations.LIFE_S - 1, "unit": "USD", "held": "0.05"})
    undecided = json.dumps(
        {"at": time.time() - reservations.LIFE_S - 1, "unit": "USD", "held": None}
    )
    for run, value in (("gone", hold), ("lost", undecided), ("odd", "{")):
        row = {"name": f"holds of the day: {run}", "value": value}
        budgets.current_store().write([budgets.insert("setting", row)])
    assert session_at(hidden).ask("why?").usage.output == 10_000


def test_a_request_that_waits_for_a_budget_says_so_and_can_be_stopped(hidden):
    hidden.hold.clear()
    session = session_at(hidden)
    session.budget = parse_amount("12k")
    first, second, third = (session.open(f"{n}?", session.options) for n in range(3))
    first.start()
    assert hidden.wait_for(1)
    for stream in (second, third):
        stream.start()
        assert any("reserved" in notice.message for notice in notices_of(stream))
    third.cancel()
    assert third.wait(PATIENCE_S)
    assert third.turn.status == "interrupted"
    hidden.hold.set()
    assert second.wait(PATIENCE_S)
    assert (first.turn.status, second.turn.status) == ("complete", "complete")
    assert len(hidden.requests) == 2
    assert hidden.asked_for == [pytest.approx(12_000, abs=50), pytest.approx(2_000, abs=50)]
    assert {"budget", "budget-length"} & {notice.code for notice in second.turn.notices}


def notices_of(stream):
    """Return the notices of a stream, once it has one."""
    for event in stream:
        if isinstance(event, Notice):
            return [event]
    return []


def test_a_reply_that_was_cut_by_its_share_says_so(hidden):
    session = session_at(hidden)
    session.budget = parse_amount("40k")
    hidden.length = 18_000  # half of what is left is enough for most replies, and not for this one
    hidden.hold.clear()
    first, second = session.open("1?", session.options), session.open("2?", session.options)
    first.start()
    assert hidden.wait_for(1)
    second.start()
    assert hidden.wait_for(2)
    hidden.hold.set()
    assert first.wait(PATIENCE_S)
    assert second.wait(PATIENCE_S)
    assert hidden.asked_for == [pytest.approx(20_000, abs=50)] * 2
    hidden.length = 30_000
    third = session.open("3?", session.options)
    assert third.wait(PATIENCE_S)
    assert "budget-length" in {notice.code for notice in third.turn.notices}


def test_a_request_with_room_enough_goes_out_as_it_is(hidden):
    session = session_at(hidden)
    session.budget = parse_amount("$5")
    body = session.ask("why?").request
    assert "max_tokens" not in body
    assert session.ask("why?", max_tokens=700).request["max_tokens"] == 700


@pytest.mark.parametrize(("provider", "path", "names"), [
    ("dashscope", "/compatible-mode/v1", {"max_tokens", "thinking_budget"}),
    ("wcode", "/api/gpt/v1", {"max_tokens"}),
    ("vllm", "/v1", {"max_tokens"}),
])  # fmt: skip
def test_the_limit_is_written_as_the_provider_takes_it(hidden, provider, path, names):
    session = glm.Session(
        "limited", provider=provider, model="glm-4.5", api_key="test-key",
        base_url=hidden.url + path)  # fmt: skip
    session.budget = parse_amount("5k")
    body = session.ask("why?").request
    limits = {name: body.get(name) for name in ("max_tokens", "thinking_budget") if name in body}
    assert set(limits) == names
    assert sum(limits.values()) == pytest.approx(5_000, abs=50)
