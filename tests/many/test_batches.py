"""``mode="batch"``: each row once, at the price of a batch, in any process."""

from __future__ import annotations

import asyncio
import json
import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import pandas as pd
import pytest

import glm_magic as glm
from glm_magic.core.paths import data_folder
from glm_magic.many.batch.courier import APIS
from tests.servers import batch_server
from tests.servers.batch_server import BatchServer
from tests.servers.script import Failure, Script, Tokens
from tests.servers.vendor import KEY

Sent = Callable[..., dict[str, Any]]
TEMPLATE = "About {text}"
ROWS = [{"text": "a"}, {"text": "b"}, {"text": "a"}, {"text": "c"}]
BAD = Failure(400, 400, "too strange")


@dataclass
class Mood:
    mood: str
    score: int


def fails_on(word: str) -> Callable[[str], Script | Failure]:
    return lambda prompt: BAD if word in prompt else Script(answer=prompt.upper())


def lines(error: glm.GlmError) -> list[str]:
    """Return an error as it is shown."""
    texts = error.lines()
    assert 2 <= len(texts) <= 3, texts  # the third names the provider's code
    return texts


def waited(batch: glm.Batch) -> glm.MapResult:
    return batch.wait(progress=False)


def test_a_frame_comes_back_with_its_index_and_what_it_cost(
    batches: BatchServer, sent: Sent, provider: str
) -> None:
    frame = pd.DataFrame(ROWS, index=pd.Index(list("wxyz"), name="key"))
    batch = glm.map(frame, TEMPLATE, **sent())
    assert batch.status == "validating"
    assert len(batch.result().left) == 4
    out = waited(batch)
    assert batch.status == "completed"
    assert list(out.frame.index) == list("wxyz")
    assert list(out.frame["answer"]) == [f"about About {t}" for t in "abac"]
    assert not out.errors
    assert not out.left
    assert list(out.frame["batch"]) == [True] * 4
    assert (out.usage.input, out.usage.output) == (3 * 11, 3 * 29)
    input_, output = {"openrouter": ("0.45", "2"), "bigmodel": ("2.5", "2.5")}[provider]
    price = (Decimal(33) * Decimal(input_) + Decimal(87) * Decimal(output)) / 1_000_000
    assert list(out.cost.amounts.values()) == [price]
    assert batch.counts == (3, 3, 0)
    assert "price of a batch" in " ".join(out.progress.notices)


def test_what_it_costs_is_shown_before_it_is_sent(
    batches: BatchServer, sent: Sent, provider: str, capsys: pytest.CaptureFixture[str]
) -> None:
    batches.held.set()
    first = glm.map(ROWS, TEMPLATE, **sent())
    shown = capsys.readouterr().err
    assert "4 rows, 3 to ask · 1 equal to others" in shown
    assert {"openrouter": "≈$", "bigmodel": "≈¥"}[provider] in shown
    assert "at the price of a batch" in shown
    glm.map(ROWS, TEMPLATE, **sent())
    assert f"these rows are in batch {first.id}" in capsys.readouterr().err
    glm.map(["a"], **sent(progress=False))
    assert capsys.readouterr() == ("", "")


def test_reasoning_is_told_from_the_answer(batches: BatchServer, sent: Sent) -> None:
    batches.script = lambda prompt: Script(answer="42", reasoning="Six times seven.")
    out = waited(glm.map(["What is 6 x 7?"], **sent()))
    assert (out[0].answer, out[0].reasoning) == ("42", "Six times seven.")


def test_a_line_is_named_by_its_key_and_does_not_stream(
    batches: BatchServer, sent: Sent, provider: str
) -> None:
    glm.map(ROWS, TEMPLATE, **sent(max_tokens=50))
    (job,) = batches.jobs.values()
    with closing(sqlite3.connect(data_folder() / "answers.db")) as database:
        keys = {key.hex() for (key,) in database.execute("SELECT key FROM batch_row")}
    assert {line["custom_id"] for line in job.lines} == keys
    assert all(line["body"]["max_tokens"] == 50 for line in job.lines)
    assert not any("stream" in line["body"] for line in job.lines)
    if provider == "openrouter":
        assert list(batches.last.json) == ["endpoint", "model", "requests"]
        assert batches.last.json["model"] == "z-ai/glm-5.3:batch"
    else:
        assert job.about["metadata"]["glm_magic"].startswith(glm.batches()[0].id)


def test_what_a_batch_answered_is_not_asked_again_live(batches: BatchServer, sent: Sent) -> None:
    waited(glm.map(ROWS, TEMPLATE, **sent(name="kept")))
    count = len(batches.requests)
    live = glm.map(ROWS, TEMPLATE, **sent(name="kept", mode="live"), progress=False)
    assert list(live.frame["answer"]) == [f"about About {t}" for t in "abac"]
    again = glm.map(ROWS, TEMPLATE, **sent(name="kept"))
    assert waited(again).progress.reused == 4
    assert len(batches.requests) == count


def test_only_rows_whose_line_failed_are_sent_again(batches: BatchServer, sent: Sent) -> None:
    batches.script = fails_on("About b")
    out = waited(glm.map(ROWS, TEMPLATE, **sent()))
    assert list(out.errors) == [1]
    assert "too strange" in out.errors[1]
    assert list(out.frame["status"]) == ["complete", "failed", "complete", "complete"]
    assert out[1].status == "failed"
    batches.script = lambda prompt: Script(answer=prompt.upper())
    again = waited(glm.map(ROWS, TEMPLATE, **sent()))
    assert [len(job.lines) for job in batches.jobs.values()] == [3, 1]
    assert list(again.frame["answer"]) == ["ABOUT A", "ABOUT B", "ABOUT A", "ABOUT C"]


def test_where_every_line_failed_the_first_is_named(batches: BatchServer, sent: Sent) -> None:
    batches.script = fails_on("About")
    with pytest.raises(glm.GlmError, match="no row was answered, 4 failed"):
        waited(glm.map(ROWS, TEMPLATE, **sent()))


@pytest.mark.parametrize("end", ["expired", "cancelled"])
def test_what_had_ended_before_a_batch_did_is_kept(
    batches: BatchServer, sent: Sent, end: str
) -> None:
    batches.plan.states, batches.plan.answered = ("validating", "in_progress", end), 1
    out = waited(glm.map(ROWS, TEMPLATE, **sent()))
    assert list(out.frame["status"]) == ["complete", "left", "complete", "left"]
    assert list(out.left) == [1, 3]
    assert end in out.left[3]
    assert "answered" in out.frame["error"][1]
    batches.plan.states, batches.plan.answered = ("completed",), None
    assert not waited(glm.map(ROWS, TEMPLATE, **sent())).left
    assert [len(job.lines) for job in batches.jobs.values()] == [3, 2]


def test_a_batch_that_is_refused_as_a_whole_says_why(batches: BatchServer, sent: Sent) -> None:
    batches.plan.states = ("validating", "failed")
    batch = glm.map(ROWS, TEMPLATE, **sent())
    with pytest.raises(glm.ApiError) as raised:
        waited(batch)
    assert "rejected" in lines(raised.value)[0]
    assert batch.status == "failed"
    assert "rejected" in batch.result().left[0]
    reopened = glm.batches(api_key=KEY)[0]
    assert "rejected" in reopened.result().left[3]
    batches.plan.states = ("completed",)
    assert len(waited(glm.map(ROWS, TEMPLATE, **sent())).frame) == 4


@pytest.mark.parametrize("provider", ["bigmodel"], indirect=True)  # which reads the file later
def test_a_line_that_validation_refuses_is_named(
    batches: BatchServer, sent: Sent, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(batch_server, "BIGMODEL_MODELS", ())
    batch = glm.map(ROWS, TEMPLATE, **sent())
    with pytest.raises(glm.ApiError, match=r"not supported in batches \(line 1\)"):
        waited(batch)


def test_cancelling_keeps_what_was_answered(
    batches: BatchServer, sent: Sent, provider: str
) -> None:
    batches.held.set()
    batch = glm.map(ROWS, TEMPLATE, **sent())
    if provider == "openrouter":
        with pytest.raises(glm.UnsupportedError) as raised:
            batch.cancel()
        assert "no way to cancel" in lines(raised.value)[0]
        batches.held.clear()
        assert not waited(batch).left
        return
    assert batch.cancel().status == "cancelling"
    out = waited(batch)
    assert batches.counters.cancels == 1
    assert list(out.frame["status"]) == ["complete", "left", "complete", "left"]


def test_a_call_beyond_the_limits_has_several_parts(
    batches: BatchServer, sent: Sent, provider: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(type(APIS[provider]), "max_lines", 2)
    rows = [{"text": str(n)} for n in range(5)]
    batch = glm.map(rows, TEMPLATE, **sent())
    assert [len(job.lines) for job in batches.jobs.values()] == [2, 2, 1]
    assert len(batch.ids) == 3
    assert "3 parts" in " ".join(batch.result().progress.notices)
    assert list(waited(batch).frame["answer"]) == [f"about About {n}" for n in range(5)]


def test_the_same_call_finds_the_batch_that_runs(batches: BatchServer, sent: Sent) -> None:
    batches.held.set()
    first = glm.map(ROWS, TEMPLATE, **sent())
    second = glm.map(pd.DataFrame(ROWS, index=list("wxyz")), TEMPLATE, **sent())
    assert second.id == first.id
    for mode in ("batch", "live"):
        with pytest.raises(glm.UnavailableError) as raised:
            glm.map([*ROWS, {"text": "d"}], TEMPLATE, **sent(mode=mode))
        texts = lines(raised.value)
        assert "3 of these rows are in batch" in texts[0]
        assert first.id in texts[1]
    assert batches.counters.made == 1
    glm.map(ROWS, TEMPLATE, **sent(fresh=True))
    assert batches.counters.made == 2
    batches.held.clear()
    out = waited(second)
    assert list(out.frame.index) == list("wxyz")
    assert set(out.frame["status"]) == {"complete"}


def test_two_handles_of_one_batch_come_to_the_same(batches: BatchServer, sent: Sent) -> None:
    batches.script = fails_on("About b")
    first = glm.map(ROWS, TEMPLATE, **sent())
    second = glm.map(ROWS[::-1], TEMPLATE, **sent())
    third = glm.batches(api_key=KEY)[0]
    assert len(third.result().left) == 4
    outs = [waited(first), waited(second), waited(third), glm.batches()[first.id].result()]
    for out in (outs[0], outs[2], outs[3]):
        assert list(out.frame["status"]) == ["complete", "failed", "complete", "complete"]
        assert "too strange" in out.errors[1]
    assert list(outs[1].frame["answer"].fillna("")) == ["ABOUT C", "ABOUT A", "", "ABOUT A"]
    assert len({str(out.cost) for out in outs}) == 1
    asked = len(batches.requests)
    assert not waited(second).left
    assert len(batches.requests) == asked


def test_a_budget_is_held_before_anything_is_sent(
    batches: BatchServer, sent: Sent, provider: str
) -> None:
    with pytest.raises(glm.InvalidValueError) as raised:
        glm.map(ROWS, TEMPLATE, **sent(budget="1k"))
    assert "needs max_tokens" in lines(raised.value)[0]
    assert not batches.requests
    money = {"openrouter": "$0.0005", "bigmodel": "¥0.0006"}[provider]
    for budget in ("250", money):
        batch = glm.map(ROWS, TEMPLATE, **sent(budget=budget, max_tokens=100, fresh=True))
        out = waited(batch)
        assert [line["body"]["messages"][-1]["content"] for line in job_of(batches, batch)] == [
            "About a", "About b",
        ]  # fmt: skip
        assert list(out.left) == [3]
        assert "budget" in out.left[3]
        assert "budget" in glm.batches(api_key=KEY)[batch.id].result().left[3]


def job_of(batches: BatchServer, batch: glm.Batch) -> list[dict[str, Any]]:
    return batches.jobs[batch.ids[0]].lines


def test_an_answer_that_does_not_match_the_schema_is_no_answer(
    batches: BatchServer, sent: Sent
) -> None:
    def says(prompt: str) -> Script:
        fits = json.dumps({"mood": "glad", "score": 3})
        return Script(answer="glad" if prompt.startswith("About b") else fits)

    batches.script = says
    batch = glm.map(ROWS, TEMPLATE, **sent(schema=Mood))
    out = waited(batch)
    assert list(out.frame["mood"].fillna("")) == ["glad", "", "glad", "glad"]
    assert out[0].value == Mood("glad", 3)
    assert "does not match the schema" in out.errors[1]
    reopened = glm.batches(api_key=KEY)[batch.id].result()
    assert reopened.frame["score"][3] == 3
    assert "schema" in reopened.errors[1]


def test_no_key_is_kept_or_shown(batches: BatchServer, sent: Sent) -> None:
    batches.script = lambda prompt: Script(answer=f"the key is {KEY}")
    out = waited(glm.map(["a"], **sent()))
    assert KEY not in out[0].answer
    for path in data_folder().glob("answers.db*"):
        assert KEY.encode() not in path.read_bytes()


def test_awaiting_leaves_the_loop_alone(batches: BatchServer, sent: Sent) -> None:
    async def run() -> tuple[glm.MapResult, int]:
        batch = await glm.amap(ROWS, TEMPLATE, **sent())
        ticks, waiting = 0, asyncio.ensure_future(wait_for(batch))
        while not waiting.done():
            await asyncio.sleep(0)
            ticks += 1
        return waiting.result(), ticks

    async def wait_for(batch: glm.Batch) -> glm.MapResult:
        return await batch

    out, ticks = asyncio.run(run())
    assert set(out.frame["status"]) == {"complete"}
    assert ticks > 10


def test_a_wait_that_is_cut_short_leaves_the_batch_alone(batches: BatchServer, sent: Sent) -> None:
    batches.held.set()
    batch = glm.map(ROWS, TEMPLATE, **sent())
    out = batch.wait(0.05, progress=False)
    assert "the batch goes on" in out.left[0]
    assert not batch.done
    batches.held.clear()
    assert not waited(batch).left
    assert batches.counters.cancels == 0


def test_a_sweep_can_be_a_batch(batches: BatchServer, sent: Sent) -> None:
    how = sent(temperature=[0.1, 0.9], samples=2)
    batch = glm.sweep(ROWS[:2], TEMPLATE, score=lambda reply, case: 1.0, **how)
    out = waited(batch)
    assert isinstance(out, glm.SweepResult)
    assert len(out.frame) == 8
    assert len(batches.jobs[batch.ids[0]].lines) == 8
    assert list(out.summary()["score"]) == [1.0, 1.0]


def test_tokens_that_are_not_told_are_estimated(batches: BatchServer, sent: Sent) -> None:
    batches.script = lambda prompt: Script(answer="yes", tokens=None)
    out = waited(glm.map(["a"], **sent()))
    assert out.cost.estimated
    batches.script = lambda prompt: Script(answer="yes", tokens=Tokens(7, 8))
    assert waited(glm.map(["b"], **sent())).usage.output == 8
