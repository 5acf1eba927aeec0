"""``on=client``: the same call and the same result, asked by the workers of a Dask cluster."""

from __future__ import annotations

import asyncio
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest

pytest.importorskip("distributed")

from distributed import Client

import glm_magic as glm
from glm_magic.core.errors import GlmError
from glm_magic.many.places import KEEP_S
from tests.api.providers import PLACES
from tests.faults.protocols import PROTOCOLS
from tests.many.dask_clusters import cluster, wait_until
from tests.servers.busy_server import BusyServer
from tests.servers.model_server import ModelServer
from tests.servers.raw_server import Send, head, reply
from tests.servers.script import Call, Failure, Script, Tokens
from tests.servers.vendor import to_json

Asked = Callable[..., dict[str, Any]]
TEMPLATE = "About {text}"
ZAI = next(place for place in PLACES if place.provider == "zai")
BUSY = next(protocol for protocol in PROTOCOLS if protocol.provider == "zai")
ROW = 11 + 29
"""Tokens that the server reports for a row."""

pytestmark = pytest.mark.timeout(240)


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    """Give the client of two workers with one thread each."""
    with cluster(tmp_path_factory.mktemp("workers")) as running:
        yield running


def rows(count: int) -> list[str]:
    """Return different texts."""
    return [f"text {n}" for n in range(count)]


def prompts(server: ModelServer) -> Counter[str]:
    """Return how often each prompt came."""
    return Counter(request.json["messages"][-1]["content"] for request in server.requests)


@dataclass
class Sentiment:
    """What is in a text."""

    mood: str
    score: float


def test_the_result_is_that_of_a_call_without_it(
    server: ModelServer, asked: Asked, client: Client
) -> None:
    server.tell(Script(reasoning="Let me see."))
    texts = [*rows(6), "text 1"]
    there = glm.map(texts, TEMPLATE, **asked(on=client))
    assert len(server.requests) == 6
    here = glm.map(texts, TEMPLATE, **asked())
    assert len(server.requests) == 12
    columns = there.frame.columns.drop("seconds")
    assert there.frame[columns].equals(here.frame[columns])
    assert there.usage == here.usage
    assert there[3].answer == here[3].answer
    assert there[3].turn.steps[0].timing.total_s is not None
    assert "asked by 2 Dask workers" in there.progress.notices
    assert set(prompts(server).values()) == {2}


def test_a_schema_and_a_function(server: ModelServer, asked: Asked, client: Client) -> None:
    server.tell(Script('{"mood": "glad", "score": 0.5}'))
    out = glm.map(rows(2), TEMPLATE, **asked(on=client, schema=Sentiment))
    assert list(out.frame["mood"]) == ["glad", "glad"]
    assert out[1].value == Sentiment("glad", 0.5)

    def add(a: int, b: int) -> int:
        """Add."""
        return a + b

    call = Script(calls=(Call("add", '{"a": 1, "b": 2}'),), finish="tool_calls", answer="")
    server.tell(call, Script("3"))
    out = glm.map(["what?"], None, **asked(on=client, tools=[add]))
    assert out[0].answer == "3"
    assert [run.content for run in out[0].turn.steps[0].runs] == ["3"]


def test_what_one_place_answered_the_other_does_not_ask(
    server: ModelServer, asked: Asked, client: Client
) -> None:
    glm.map(rows(5), TEMPLATE, **asked(on=client, name="mine"))
    glm.map(rows(8), TEMPLATE, **asked(name="mine"))
    glm.map(rows(9), TEMPLATE, **asked(on=client, name="mine"))
    assert len(server.requests) == 9


def test_failed_rows_are_told_and_asked_again(
    server: ModelServer, asked: Asked, client: Client
) -> None:
    server.tell(Script(), Script(refusal=Failure(400, "bad", "too strange")), Script())
    out = glm.map(rows(4), TEMPLATE, **asked(on=client, jobs=1))
    assert list(out.errors) == [1]
    assert "too strange" in out.errors[1]
    glm.map(rows(4), TEMPLATE, **asked(on=client, jobs=1))
    assert len(server.requests) == 5


def test_an_account_that_is_refused_ends_the_call(
    server: ModelServer, asked: Asked, client: Client
) -> None:
    server.tell(*[Script()] * 5, Script(refusal=Failure(401, "invalid", "the key has expired")))
    out = glm.map(rows(60), TEMPLATE, **asked(on=client, jobs=4))
    assert "the key has expired" in str(out.stopped)
    assert len(server.requests) <= 5 + 4
    assert len(out.left) + len(out.errors) == 55


@pytest.mark.parametrize("jobs", [1, 8])
def test_a_budget_counts_what_is_in_flight(
    server: ModelServer, asked: Asked, client: Client, jobs: int
) -> None:
    out = glm.map(rows(60), TEMPLATE, **asked(on=client, budget="1k", jobs=jobs))
    used = (out.usage.input or 0) + (out.usage.output or 0)
    assert 1000 - 3 * ROW <= used <= 1000 + ROW
    assert set(out.left.values()) == {"the call's budget of 1,000 tokens is used up"}
    assert len(out.left) + len(server.requests) == 60


def test_rows_that_outgrow_what_they_reserved_are_stopped(
    server: ModelServer, asked: Asked, client: Client
) -> None:
    """Eight replies of 4,000 tokens run at once where only short ones were seen before."""
    short = Script("short", tokens=Tokens(10, 10))
    long = Script("word " * 4000, tokens=Tokens(10, 4000), piece_chars=50, pause_s=0.02)
    server.tell(*[short] * 8, long)
    out = glm.map(rows(40), TEMPLATE, **asked(on=client, budget="1500 tokens", jobs=8))
    used = (out.usage.input or 0) + (out.usage.output or 0)
    assert used <= 1500 + 4000 + 1500  # and what comes between two reports of each
    assert out.left
    stopped = [request for request in server.requests if request.hung_up.is_set()]
    assert len(stopped) >= len(server.requests) - 8 - 1


def test_replies_come_as_they_end_and_a_loop_may_be_left(
    server: ModelServer, asked: Asked, client: Client
) -> None:
    keywords = asked(on=client, jobs=2)
    del keywords["progress"]
    replies = list(glm.imap(["a", "b", "a", "c"], TEMPLATE, **keywords))
    assert sorted(reply.row for reply in replies) == [0, 1, 2, 3]
    assert len(server.requests) == 3
    for _ in glm.imap(rows(50), TEMPLATE, **keywords):
        break
    glm.map(rows(50), TEMPLATE, **asked(on=client))
    assert len(server.requests) <= 3 + 50 + 2


def test_it_does_not_block_a_loop(asked: Asked, client: Client) -> None:
    async def main() -> tuple[int, int]:
        ticks = 0

        async def tick() -> None:
            nonlocal ticks
            while True:
                ticks += 1
                await asyncio.sleep(0.001)

        ticking = asyncio.create_task(tick())
        out = await glm.amap(rows(10), TEMPLATE, **asked(on=client))
        ticking.cancel()
        return ticks, len(out)

    ticks, count = asyncio.run(main())
    assert count == 10
    assert ticks > 3


def test_a_sweep(server: ModelServer, asked: Asked, client: Client) -> None:
    out = glm.sweep(
        ["a", "b"], TEMPLATE, temperature=[0.1, 0.9], samples=2, **asked(on=client),
        score=lambda reply, _: bool(reply.answer),
    )  # fmt: skip
    assert len(out.frame) == 8
    assert list(out.summary()["score"]) == [1.0, 1.0]
    assert len(server.requests) == 8


def test_stop_ends_the_requests_on_the_workers(
    server: ModelServer, asked: Asked, client: Client
) -> None:
    server.tell(*[Script()] * 5, Script(stall_after=2))

    async def main() -> None:
        running = asyncio.create_task(glm.amap(rows(20), TEMPLATE, **asked(on=client, jobs=3)))
        while len(server.requests) < 8:  # noqa: ASYNC110 - another thread counts
            await asyncio.sleep(0.01)
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running

    asyncio.run(main())
    assert all(request.hung_up.wait(20) for request in server.requests[5:])
    server.tell(Script())
    assert not glm.map(rows(20), TEMPLATE, **asked(on=client)).left
    assert len(server.requests) == 8 + 15


def test_nothing_stays_on_the_cluster(server: ModelServer, asked: Asked, client: Client) -> None:
    def left(dask_scheduler: Any) -> tuple[int, int, int]:
        semaphores = dask_scheduler.extensions["semaphores"]
        mine = [key for key in dask_scheduler.tasks if str(key).startswith("glm-")]
        return len(mine), len(semaphores.max_leases), sum(map(len, semaphores.leases.values()))

    glm.map(rows(5), TEMPLATE, **asked(on=client))
    wait_until(lambda: client.run_on_scheduler(left) == (0, 0, 0))


@pytest.mark.slow
def test_eight_at_a_time_over_all_workers(client: Client) -> None:
    whole = Send(head() + BUSY.start + BUSY.rest)
    busy = reply(
        to_json({"error": {"code": "1302", "message": "busy"}}).encode(), "429 No",
        "application/json", {},
    )  # fmt: skip
    with BusyServer(whole, busy, 8, pause_s=0.05, fills=True) as server:
        out = glm.map(
            rows(400), TEMPLATE, jobs=16, progress=False, on=client, keys="send",
            provider="zai", model="glm-4.6", base_url=server.url + BUSY.path,
            api_key="0123456789abcdef.0123456789",
        )  # fmt: skip
        assert not out.errors
        assert len(server.served) == 400
        refused = len(server.refused) / (len(server.served) + len(server.refused))
        assert refused <= 0.1
        assert server.peak == 8
        if out.progress.elapsed_s < KEEP_S:  # else places come back, and are tried again
            assert len(server.refused) <= 16 - 8 + 4  # twice as many where each learns alone
        assert any("the workers send fewer" in notice for notice in out.progress.notices)


def test_without_a_worker_rows_wait_for_one(
    server: ModelServer, asked: Asked, tmp_path: Any
) -> None:
    with cluster(tmp_path, workers=0) as client:
        done: list[glm.MapResult] = []
        thread = threading.Thread(
            target=lambda: done.append(glm.map(rows(3), TEMPLATE, **asked(on=client)))
        )
        thread.start()
        client.cluster.scale(1)
        thread.join(60)
        assert len(server.requests) == 3
        assert any("no Dask worker is there yet" in text for text in done[0].progress.notices)


def test_an_unsendable_function(server: ModelServer, asked: Asked, client: Client) -> None:
    lock = threading.Lock()

    def ask(question: str) -> str:
        """Ask."""
        with lock:
            return question

    with pytest.raises(GlmError, match="cannot be sent to a Dask worker") as caught:
        glm.map(["a"], None, **asked(on=client, tools=[ask]))
    assert len(caught.value.lines()) == 2
    assert not server.requests
