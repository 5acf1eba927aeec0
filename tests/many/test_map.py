"""``glm.map``: every row once, in order, in the kind of frame that was given."""

from __future__ import annotations

import asyncio
import gc
import threading
import tracemalloc
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pandas as pd
import pytest

import glm_magic as glm
from glm_magic.engine.keywords import to_options
from glm_magic.many.job import Job
from glm_magic.many.results import MapResult
from glm_magic.many.run import make_job
from tests.servers.model_server import ModelServer
from tests.servers.script import Call, Failure, Script

Asked = Callable[..., dict[str, Any]]
TEMPLATE = "Sentiment of: {text}"


def prompts(server: ModelServer) -> list[str]:
    """Return the prompts that the server saw, in order of arrival."""
    return [request.json["messages"][-1]["content"] for request in server.requests]


def texts(count: int) -> pd.DataFrame:
    """Return a frame of different texts."""
    return pd.DataFrame({"text": [f"text {n}" for n in range(count)]})


def test_a_frame_comes_back_with_its_index_and_the_answers(
    server: ModelServer, asked: Asked
) -> None:
    frame = texts(6).set_index(pd.Index(list("aabbcc"), name="key"))
    out = glm.map(frame, TEMPLATE, **asked())
    assert list(out.frame.index) == list("aabbcc")
    assert out.frame.index.name == "key"
    assert list(out.frame.columns) == [
        "text", "answer", "reasoning", "input", "output", "cost", "currency", "seconds", "status",
        "error",
    ]  # fmt: skip
    assert set(out.frame["answer"]) == {Script().answer}
    assert set(out.frame["status"]) == {"complete"}
    assert len(out) == 6
    assert out[3].answer == Script().answer
    assert out[-1].row == 5
    assert out[0].request["messages"][-1]["content"] == "Sentiment of: text 0"
    assert (out.usage.input, out.usage.output) == (6 * 11, 6 * 29)
    assert sorted(prompts(server)) == [f"Sentiment of: text {n}" for n in range(6)]
    assert "answer" not in frame.columns


def test_polars_in_and_out(asked: Asked) -> None:
    pl = pytest.importorskip("polars")
    frame = pl.DataFrame({"text": ["a", "b", None], "answer": [1, 2, 3]})
    out = glm.map(frame, TEMPLATE, **asked())
    assert isinstance(out.frame, pl.DataFrame)
    assert out.frame["answer"].to_list() == [1, 2, 3]
    assert out.frame["answer_"].to_list() == [Script().answer, Script().answer, None]
    assert out.frame["status"].to_list() == ["complete", "complete", "failed"]


def test_without_a_name_too_only_failed_rows_are_asked_again(
    server: ModelServer, asked: Asked
) -> None:
    server.tell(Script(), Script(refusal=Failure(400, "bad", "too strange")), Script())
    glm.map(texts(4), TEMPLATE, **asked(jobs=1))
    glm.map(texts(4), TEMPLATE, **asked(jobs=1))
    assert prompts(server)[4:] == ["Sentiment of: text 1"]
    glm.map(texts(4), TEMPLATE, **asked(jobs=1))
    assert len(server.requests) == 9


@pytest.mark.parametrize(
    ("failure", "most"),
    [
        (Failure(401, "invalid", "the key has expired"), 5 + 4),
        (Failure(500, "broken", "out of order"), 5 + 20 + 2 * 4),
    ],
    ids=["the account", "the service"],
)
def test_what_breaks_in_the_middle_ends_the_call(
    server: ModelServer, asked: Asked, failure: Failure, most: int
) -> None:
    server.tell(*[Script()] * 5, Script(refusal=failure))
    out = glm.map(texts(200), TEMPLATE, **asked(jobs=4))
    assert len(server.requests) <= most
    assert failure.message in str(out.stopped)
    assert len(out.left) + len(out.errors) == 195
    server.tell(Script())
    sent = len(server.requests)
    assert not glm.map(texts(200), TEMPLATE, **asked(jobs=4)).errors
    assert len(server.requests) - sent == 195


@pytest.mark.parametrize(
    ("rows", "prompt"),
    [
        ([{"text": "a"}, {"text": "b"}], TEMPLATE),
        (["Sentiment of: a", "Sentiment of: b"], None),
        (iter([{"text": "a"}, {"text": "b"}]), lambda row: f"Sentiment of: {row['text']}"),
        (["a", "b"], lambda text: [{"role": "user", "content": f"Sentiment of: {text}"}]),
        (["a", "b"], TEMPLATE),
        ([{"the text": "a"}, {"the text": "b"}], 'Sentiment of: {row["the text"]}'),
    ],
    ids=["dicts", "texts alone", "a function", "messages", "texts", "a name with a space"],
)
def test_the_other_kinds_of_rows_and_prompts(
    server: ModelServer, asked: Asked, rows: Any, prompt: Any
) -> None:
    out = glm.map(rows, prompt, **asked())
    assert sorted(prompts(server)) == ["Sentiment of: a", "Sentiment of: b"]
    assert list(out.frame["status"]) == ["complete", "complete"]


def test_equal_rows_are_asked_once(server: ModelServer, asked: Asked) -> None:
    out = glm.map(["a", "b", "a", "a"], "About {text}", **asked())
    assert len(server.requests) == 2
    assert list(out.frame["answer"]) == [Script().answer] * 4


def test_a_call_that_ended_is_asked_afresh_and_a_name_is_not(
    server: ModelServer, asked: Asked
) -> None:
    for expected in (3, 6):
        glm.map(texts(3), TEMPLATE, **asked())
        assert len(server.requests) == expected
    for expected in (9, 9):
        glm.map(texts(3), TEMPLATE, **asked(name="mine"))
        assert len(server.requests) == expected
    glm.map(texts(5), TEMPLATE, **asked(name="mine"))
    assert len(server.requests) == 11
    glm.map(texts(5), TEMPLATE, **asked(name="mine", fresh=True))
    assert len(server.requests) == 16
    out = glm.map(texts(5), TEMPLATE, **asked(name="mine"))
    assert len(server.requests) == 16
    assert out.usage.output is None
    assert list(out.frame["output"]) == [29] * 5


def test_without_a_store_it_works_all_the_same(
    server: ModelServer, asked: Asked, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GLM_STORE", "off")
    out = glm.map(texts(3), TEMPLATE, **asked(name="mine"))
    assert out[2].answer == Script().answer
    glm.map(texts(3), TEMPLATE, **asked(name="mine"))
    assert len(server.requests) == 6


@dataclass
class Sentiment:
    """What is in a text."""

    mood: str
    score: float


def test_the_fields_of_a_schema_are_columns(server: ModelServer, asked: Asked) -> None:
    server.tell(Script('{"mood": "glad", "score": 0.5}'))
    out = glm.map(texts(2), TEMPLATE, **asked(schema=Sentiment))
    assert list(out.frame["mood"]) == ["glad", "glad"]
    assert list(out.frame["score"]) == [0.5, 0.5]
    assert "answer" not in out.frame.columns
    assert out[1].value == Sentiment("glad", 0.5)


def test_functions_are_called_and_at_once(server: ModelServer, asked: Asked) -> None:
    called: list[int] = []

    def add(a: int, b: int) -> int:
        """Add."""
        called.append(a + b)
        return a + b

    call = Script(calls=(Call("add", '{"a": 1, "b": 2}'),), finish="tool_calls", answer="")
    server.tell(call, Script("3"))
    out = glm.map(["what?"], None, **asked(tools=[add], jobs=1))
    assert called == [3]
    assert out[0].answer == "3"
    assert out.progress.elapsed_s < 0.9  # no thread was waited for that never comes


def test_a_failed_row_does_not_end_the_others_and_is_asked_again(
    server: ModelServer, asked: Asked
) -> None:
    server.tell(Script(), Script(refusal=Failure(400, "bad", "too strange")), Script())
    out = glm.map(texts(4), TEMPLATE, **asked(jobs=1, name="mine"))
    assert list(out.errors) == [1]
    assert "too strange" in out.errors[1]
    assert list(out.frame["status"]) == ["complete", "failed", "complete", "complete"]
    assert out[1].status == "failed"
    assert out[1].turn.error == out.errors[1]
    glm.map(texts(4), TEMPLATE, **asked(jobs=1, name="mine"))
    assert prompts(server)[4:] == ["Sentiment of: text 1"]


def test_replies_come_as_they_end_and_each_once(server: ModelServer, asked: Asked) -> None:
    keywords = asked()
    del keywords["progress"]
    replies = list(glm.imap(["a", "b", "a", "c"], "About {text}", **keywords))
    assert sorted(reply.row for reply in replies) == [0, 1, 2, 3]
    assert {reply.record for reply in replies} == {"a", "b", "c"}
    assert len(server.requests) == 3


def test_a_loop_that_is_left_stops_the_call(server: ModelServer, asked: Asked) -> None:
    keywords = asked(jobs=2)
    del keywords["progress"]
    for _ in glm.imap(texts(100), TEMPLATE, **keywords):
        break
    sent = len(server.requests)
    assert sent <= 1 + 2 * 4  # what was written ahead, and what was in flight
    glm.map(texts(100), TEMPLATE, **asked())
    assert len(server.requests) <= 100 + 2


def test_it_does_not_block_a_loop(asked: Asked) -> None:
    async def main() -> tuple[int, int]:
        ticks = 0

        async def tick() -> None:
            nonlocal ticks
            while True:
                ticks += 1
                await asyncio.sleep(0.001)

        ticking = asyncio.create_task(tick())
        out = await glm.amap(texts(10), TEMPLATE, **asked())
        ticking.cancel()
        return ticks, len(out)

    ticks, count = asyncio.run(main())
    assert count == 10
    assert ticks > 3


def test_a_cancelled_await_stops_the_call(server: ModelServer, asked: Asked) -> None:
    server.tell(Script(stall_after=1))

    async def main() -> None:
        running = asyncio.create_task(glm.amap(texts(50), TEMPLATE, **asked(jobs=3)))
        while len(server.requests) < 3:  # noqa: ASYNC110 - another thread counts
            await asyncio.sleep(0.01)
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running

    asyncio.run(main())
    assert len(server.requests) == 3
    assert all(request.hung_up.wait(5) for request in server.requests)


def test_stop_keeps_what_has_ended(server: ModelServer, asked: Asked) -> None:
    server.tell(*[Script()] * 5, Script(stall_after=1))
    keywords = asked(jobs=2)
    del keywords["progress"]
    out: list[glm.RowReply] = []
    replies = glm.imap(texts(20), TEMPLATE, **keywords)
    for reply in replies:
        out.append(reply)
        if len(out) == 5:
            replies.close()  # type: ignore[attr-defined]
    server.tell(Script())
    again = glm.map(texts(20), TEMPLATE, **asked())
    assert not again.left
    times = Counter(prompts(server))
    assert len(times) == 20
    assert all(times[f"Sentiment of: text {reply.row}"] == 1 for reply in out)
    assert sum(times.values()) <= 20 + 2


def test_it_is_planned_in_the_thread_of_the_caller(asked: Asked) -> None:
    threads: set[int] = set()

    def prompt(row: str) -> str:
        threads.add(threading.get_ident())
        return row

    glm.map(["a", "b", "c"], prompt, **asked())
    assert threads == {threading.get_ident()}


def test_the_answers_take_no_memory(asked: Asked, server: ModelServer) -> None:
    server.tell(Script("x" * 100_000, piece_chars=50_000))
    glm.map(texts(4), TEMPLATE, **asked(name="warm"))
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        out = glm.map(texts(200), TEMPLATE, **asked(jobs=2))
        gc.collect()
        grown = tracemalloc.get_traced_memory()[0] - before
    finally:
        tracemalloc.stop()
    assert len(out) == 200
    assert len(out[100].answer) == 100_000
    assert grown < 3_000_000  # the answers have 20 MB


def test_jobs_run_at_the_same_time_and_no_more(server: ModelServer, asked: Asked) -> None:
    server.tell(Script(stall_after=1))
    keywords = asked()
    del keywords["progress"]
    job: Job = make_job(texts(9), TEMPLATE, to_options(keywords), jobs=4)
    job.start()
    while len(server.requests) < 4:
        job.wait(0.01)
    assert job.progress.running == 4
    assert not job.wait(0.2)
    assert len(server.requests) == 4
    job.cancel()
    assert job.wait(5)
    assert job.progress.left == 9
    assert job.stopped == "stopped"


def test_the_rows_are_read_when_the_call_is_shown_already(asked: Asked) -> None:
    """A plan of many rows takes a while, and an interrupt or Stop ends it."""
    seen: list[Any] = []

    def prompt(row: str) -> str:
        seen.append(job.progress)
        if len(seen) == 500:
            job.cancel()
        return row

    options = {k: v for k, v in asked().items() if k != "progress"}
    job = make_job([f"text {n}" for n in range(1000)], prompt, to_options(options))
    assert not seen
    assert (job.progress.rows, job.progress.reading) == (1000, 0)
    assert job.wait(10)
    assert [now.reading for now in seen] == list(range(500))
    assert job.stopped == "stopped"
    assert len(MapResult(job).left) == 1000


def test_rows_that_a_budget_leaves_are_no_error(server: ModelServer, asked: Asked) -> None:
    """Neither with rows beside them that could not be asked: their fault is another one."""
    out = glm.map([{"text": None}, {"text": "a" * 4000}], "{text}", **asked(budget="500 tokens"))
    assert list(out.errors) == [0]
    assert out.left == {1: "the call's budget of 500 tokens is used up"}
    assert not server.requests
