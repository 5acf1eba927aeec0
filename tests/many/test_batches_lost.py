"""Batches whose fate is not known: a connection that broke, a kernel that was killed.

Nothing is sent twice by itself, and nothing that was paid for is lost.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import glm_magic as glm
from glm_magic.many.batch.courier import APIS
from tests.servers.batch_server import BatchServer
from tests.servers.script import Failure
from tests.servers.vendor import KEY

Sent = Callable[..., dict[str, Any]]
TEMPLATE = "About {text}"
ROWS = [{"text": "a"}, {"text": "b"}, {"text": "c"}]
QUOTA = Failure(429, "1113", "no balance")


def lines(error: glm.GlmError) -> list[str]:
    texts = error.lines()
    assert 2 <= len(texts) <= 3, texts  # the third names the provider's code
    return texts


def send_broken(batches: BatchServer, sent: Sent, breaks: str) -> glm.GlmError:
    batches.plan.breaks = breaks
    with pytest.raises(glm.GlmError) as raised:
        glm.map(ROWS, TEMPLATE, **sent())
    batches.plan.breaks = ""
    return raised.value


def test_a_batch_whose_id_did_not_arrive_is_found(
    batches: BatchServer, sent: Sent, provider: str
) -> None:
    batches.plan.breaks = "after"
    if provider == "bigmodel":  # its list has our label
        batch = glm.map(ROWS, TEMPLATE, **sent())
        batches.plan.breaks = ""
        assert batch.ids == ["batch_0001"]
    else:  # it is known by its results alone
        error = send_broken(batches, sent, "after")
        assert "it is not known whether part 1" in lines(error)[0]
        assert "batch_0001 at OpenRouter may be it" in lines(error)[1]
        batch = glm.batches(api_key=KEY)[0]
        assert batch.status == "unknown"
        assert "may be it" in repr(batch)
        while not batch.refresh().done:
            pass
    assert not batch.wait(progress=False).left
    assert batches.counters.made == 1


def test_a_batch_that_was_not_made_is_not_sent_again_by_itself(
    batches: BatchServer, sent: Sent, provider: str
) -> None:
    error = send_broken(batches, sent, "before")
    texts = lines(error)
    assert "it is not known" in texts[0]
    assert "lists no batch like it" in texts[1]
    again = glm.map(ROWS, TEMPLATE, **sent())
    assert batches.counters.made == 0
    out = again.wait(progress=False)
    assert "send(again=True)" in out.left[0]
    with pytest.raises(glm.UnavailableError):
        glm.map([*ROWS, {"text": "d"}], TEMPLATE, **sent(mode="live"))
    if provider == "openrouter":
        again.delete()  # the user may as well forget it
        assert not glm.batches()
        return
    assert not again.send(again=True).wait(progress=False).left
    assert batches.counters.made == 1


@pytest.mark.parametrize("provider", ["bigmodel"], indirect=True)  # which has files
def test_a_file_that_did_not_arrive_costs_nothing(batches: BatchServer, sent: Sent) -> None:
    error = send_broken(batches, sent, "upload")
    assert isinstance(error, glm.ConnectionFailedError)
    batch = glm.map(ROWS, TEMPLATE, **sent())
    assert not batch.wait(progress=False).left
    assert batches.counters.made == 1


def test_a_refusal_sends_nothing_and_says_how_to_go_on(
    batches: BatchServer, sent: Sent, provider: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    batches.plan.refusal = QUOTA
    with pytest.raises(glm.GlmError) as raised:
        glm.map(ROWS, TEMPLATE, **sent())
    assert "no balance" in lines(raised.value)[0]
    assert not glm.batches()
    batches.plan.refusal = None
    monkeypatch.setattr(type(APIS[provider]), "max_lines", 1)
    made = batches._made

    def second_is_refused(base: str, body: Any) -> Any:
        job = made(base, body)
        batches.plan.refusal = QUOTA
        return job

    monkeypatch.setattr(batches, "_made", second_is_refused)
    with pytest.raises(glm.GlmError) as raised:
        glm.map(ROWS, TEMPLATE, **sent())
    assert ".send()" in lines(raised.value)[1]
    batch = glm.batches(api_key=KEY)[0]
    assert [part.state for part in batch.record.parts] == ["validating", "unsent", "unsent"]
    out = batch.wait(progress=False)
    assert list(out.left) == [1, 2]
    assert "was not sent" in out.left[1]
    batches.plan.refusal = None
    monkeypatch.setattr(batches, "_made", made)
    assert not batch.send().wait(progress=False).left
    assert batches.counters.made == 3


def test_a_batch_that_the_provider_does_not_know_is_told_in_two_lines(
    batches: BatchServer, sent: Sent
) -> None:
    batch = glm.map(ROWS, TEMPLATE, **sent())
    batches.jobs.clear()
    for ask in (batch.refresh, lambda: batch.wait(progress=False)):
        with pytest.raises(glm.NotFoundError) as raised:
            ask()
        assert "does not know batch batch_0001" in lines(raised.value)[0]
    with pytest.raises(glm.UnknownNameError) as unknown:
        glm.batches()["nothing"]
    assert "there is no batch 'nothing'" in lines(unknown.value)[0]
    with pytest.raises(glm.UnsupportedError) as kept:
        batch.delete()
    assert "has not ended" in lines(kept.value)[0]


def test_a_wrong_key_is_told_and_the_batch_stays(batches: BatchServer, sent: Sent) -> None:
    glm.map(ROWS, TEMPLATE, **sent())
    with pytest.raises(glm.AuthenticationError):
        glm.batches(api_key="another-key")[0].refresh()
    with pytest.raises(glm.MissingKeyError):
        glm.batches()[0].refresh()
    assert not glm.batches(api_key=KEY)[0].wait(progress=False).left


def test_questions_that_get_no_answer_are_asked_again(
    batches: BatchServer, sent: Sent, monkeypatch: pytest.MonkeyPatch
) -> None:
    batch = glm.map(ROWS, TEMPLATE, **sent())
    about, asked = batches._about, []

    def sometimes(base: str, route: Any, words: Any, query: str, connection: Any) -> bool:
        asked.append(route)
        if len(asked) in (1, 3):
            connection.reset()
            return False
        if len(asked) == 2:
            return batches._refuse(connection, base, Failure(500, 500, "out of order"))
        return about(base, route, words, query, connection)

    monkeypatch.setattr(batches, "_about", sometimes)
    assert not batch.wait(progress=False).left
    assert len(asked) > 3


@pytest.mark.parametrize("provider", ["openrouter"], indirect=True)  # which has pages
def test_results_that_did_not_come_with_the_batch_are_read_in_pages(
    batches: BatchServer, sent: Sent
) -> None:
    batches.inline, batches.page = False, 2
    rows = [{"text": str(n)} for n in range(5)]
    out = glm.map(rows, TEMPLATE, **sent()).wait(progress=False)
    assert list(out.frame["answer"]) == [f"about About {n}" for n in range(5)]
    pages = [request.path for request in batches.requests if "/results?" in request.path]
    assert len(pages) == 3


def test_results_that_are_missing_are_not_given_up(batches: BatchServer, sent: Sent) -> None:
    batches.inline, batches.loses = False, 2
    batch = glm.map(ROWS, TEMPLATE, **sent())
    with pytest.raises(glm.ProtocolError) as raised:
        batch.wait(progress=False)
    assert "has 3 results, and" in lines(raised.value)[0]
    assert not batch.done
    assert len(batch.result().left) == 1
    batches.loses = 0
    assert not batch.wait(progress=False).left


# ---- kernels that are killed -------------------------------------------------------------------

PROGRAM = """
import sys, json
from glm_magic.many.batch import job
job.PAUSE_S, job.LONGEST_PAUSE_S = 0.005, 0.01
import glm_magic as glm
keywords = json.loads(sys.argv[1])
try:
    batch = glm.map(json.loads(sys.argv[2]), "About {text}", **keywords)
    print("sent", flush=True)
    batch.wait(progress=False)
    print("whole", flush=True)
except KeyboardInterrupt:
    print("interrupted", flush=True)
"""


def start(keywords: dict[str, Any]) -> subprocess.Popen[str]:
    import json

    words = [sys.executable, "-c", PROGRAM, json.dumps(keywords), json.dumps(ROWS)]
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    return subprocess.Popen(words, stdout=subprocess.PIPE, text=True, env=environment)


def until(true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.005)


def test_a_kernel_that_was_killed_while_it_waited_loses_nothing(
    batches: BatchServer, sent: Sent
) -> None:
    batches.held.set()
    process = start(sent())
    until(lambda: any(job.state == "in_progress" for job in batches.jobs.values()))
    process.kill()
    process.communicate()
    batches.held.clear()
    (batch,) = glm.batches(api_key=KEY)
    out = batch.wait(progress=False)
    assert list(out.frame["text"]) == ["a", "b", "c"]
    assert list(out.frame["answer"]) == [f"about About {t}" for t in "abc"]
    assert out.cost.amounts
    assert batches.counters.made == 1
    asked = len(batches.requests)
    assert list(glm.batches()[batch.id].result().frame["answer"]) == list(out.frame["answer"])
    assert len(batches.requests) == asked


def test_a_kernel_that_was_killed_before_the_id_arrived_loses_nothing(
    batches: BatchServer, sent: Sent, provider: str
) -> None:
    batches.plan.breaks = "stall"
    process = start(sent())
    until(lambda: batches.counters.made == 1)
    process.kill()
    process.communicate()
    batches.plan.breaks = ""
    (batch,) = glm.batches(api_key=KEY)
    assert batch.status == "sending"
    again = glm.map(ROWS, TEMPLATE, **sent())
    while not again.done:
        again.refresh()
    assert again.ids == ["batch_0001"]
    assert set(again.result().frame["status"]) == {"complete"}
    assert batches.counters.made == 1


@pytest.mark.skipif(sys.platform == "win32", reason="needs SIGINT")
def test_an_interrupt_ends_the_waiting_alone(batches: BatchServer, sent: Sent) -> None:
    batches.held.set()
    process = start(sent())
    until(lambda: any(job.state == "in_progress" for job in batches.jobs.values()))
    process.send_signal(signal.SIGINT)
    out, _ = process.communicate(timeout=20)
    assert out == "sent\ninterrupted\n"
    assert batches.counters.cancels == 0
    batches.held.clear()
    assert not glm.batches(api_key=KEY)[0].wait(progress=False).left
