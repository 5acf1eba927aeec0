"""A function runs in the thread that waits, or in another one where none does."""

from __future__ import annotations

import asyncio
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from glm_magic.engine import executor as executors
from glm_magic.engine.executor import CallerExecutor


@pytest.fixture
def executor():
    return CallerExecutor(threading.Condition())


def outcome_of(executor, function, *, waits=True, in_thread=False, finish=None):
    """Return the outcome of a function that a loop in another thread asks for."""
    if waits:
        executor.expect_caller()
    with ThreadPoolExecutor(1) as threads:
        future = threads.submit(
            lambda: asyncio.run(executor.run(function, in_thread=in_thread, finish=finish))
        )
        if waits:
            executor.wait(future.done, time.monotonic() + 20)
        return future.result(20)


def test_a_function_runs_in_the_thread_that_waits(executor):
    outcome = outcome_of(executor, threading.get_ident)
    assert outcome.value == threading.get_ident()


def test_a_function_of_its_own_thread_runs_beside_one_that_waits(executor):
    outcome = outcome_of(executor, threading.current_thread, in_thread=True)
    assert outcome.value.name == "glm-tool"


def test_where_no_thread_waits_a_function_gets_one(executor):
    assert outcome_of(executor, threading.current_thread, waits=False).value.name == "glm-tool"


def test_a_thread_that_was_expected_and_never_came_is_not_waited_for(executor, monkeypatch):
    monkeypatch.setattr(executors, "CLAIM_S", 0.05)
    executor.expect_caller()
    assert outcome_of(executor, threading.current_thread, waits=False).value.name == "glm-tool"


def test_a_result_is_finished_in_the_same_thread(executor):
    outcome = outcome_of(
        executor, lambda: 6, finish=lambda value: (value * 7, threading.get_ident())
    )
    assert outcome.value == (42, threading.get_ident())


def test_what_a_function_raises_is_its_outcome(executor):
    def fails():
        raise SystemExit("a function must not end the kernel")

    assert isinstance(outcome_of(executor, fails).error, SystemExit)


def test_an_awaitable_and_an_asynchronous_generator_are_awaited(executor):
    async def answer():
        return 42

    async def numbers():
        for number in range(3):
            yield number

    assert outcome_of(executor, answer).value == 42
    assert outcome_of(executor, numbers, finish=list).value == [0, 1, 2]


def test_a_wait_ends_at_its_time_and_at_its_condition(executor):
    executor.wait(lambda: False, time.monotonic() + 0.01)
    executor.wait(lambda: True)
