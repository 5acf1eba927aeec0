"""Stopping a turn while one of the user's functions runs, in whatever thread."""

from __future__ import annotations

import asyncio
import os
import signal
import sqlite3
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest

import glm_magic as glm
from tests.api.providers import PLACES
from tests.servers.model_server import ModelServer
from tests.servers.script import Call, Script

HERE = PLACES[0]
ASKS = Script(answer="One moment. ", calls=(Call("work", "{}", "c1"), Call("work", "{}", "c2")))
SAYS = Script(answer="Done.")


def later(delay_s: float, action: Callable[[], Any]) -> threading.Thread:
    def run() -> None:
        time.sleep(delay_s)
        action()

    thread = threading.Thread(target=run)
    thread.start()
    return thread


def is_whole(turn: glm.Turn) -> bool:
    """Whether each call has its answer, as every provider asks."""
    messages = turn.to_messages()
    asked = [call.id for message in messages for call in message.tool_calls]
    return asked == [message.tool_call_id for message in messages if message.role == "tool"]


@pytest.mark.parametrize("aside", [False, True], ids=["in the main thread", "beside it"])
def test_a_stop_from_elsewhere_ends_the_turn_at_once(aside: bool) -> None:
    began = threading.Event()

    def work() -> None:
        began.set()
        for _ in range(3000):
            time.sleep(0.01)

    with ModelServer() as server:
        server.tell(ASKS, SAYS)
        with glm.stream("x", **HERE.asked(server, tools=[work], parallel=aside)) as stream:
            stopper = threading.Thread(target=lambda: (began.wait(20), stream.cancel()))
            stopper.start()
            start = time.monotonic()
            assert stream.wait(25)  # a function in this thread is interrupted; nothing leaks out
            assert time.monotonic() - start < 15
            stopper.join()
            turn = stream.turn
        assert len(server.requests) == 1
    assert turn.status == "interrupted"
    assert turn.steps[0].runs[0].status == "interrupted"
    assert is_whole(turn)


def test_an_interrupt_inside_a_function_is_the_users_own_and_ends_the_turn() -> None:
    def work() -> None:
        later(0.05, lambda: os.kill(os.getpid(), signal.SIGINT))
        time.sleep(30)

    with ModelServer() as server:
        server.tell(ASKS, SAYS)
        stream = glm.stream("x", **HERE.asked(server, tools=[work]))
        with pytest.raises(KeyboardInterrupt), stream:
            stream.wait()
        assert stream.done
    assert stream.turn.status == "interrupted"
    assert is_whole(stream.turn)


def test_a_stop_in_the_moment_in_which_a_function_ends_leaks_no_interrupt() -> None:
    def work() -> str:
        time.sleep(0.02)
        return "x"

    with ModelServer() as server:
        server.tell(*[ASKS, SAYS] * 40)
        for number in range(30):
            with glm.stream("x", **HERE.asked(server, tools=[work])) as stream:
                stopper = later(0.005 * (number % 12), stream.cancel)
                stream.wait()
                stopper.join()
            assert stream.turn.status in ("interrupted", "complete")
            assert is_whole(stream.turn)


def test_a_connection_of_the_main_thread_can_be_used() -> None:
    base = sqlite3.connect(":memory:")
    base.execute("CREATE TABLE city (name)")

    def work() -> int:
        base.execute("INSERT INTO city VALUES ('Ulm')")
        return int(base.execute("SELECT count(*) FROM city").fetchone()[0])

    with ModelServer() as server:
        server.tell(ASKS, SAYS)
        reply = glm.ask("x", **HERE.asked(server, tools=[work]))
    base.close()
    assert [run.content for run in reply.steps[0].runs] == ["1", "2"]


def test_a_cancelled_task_cancels_the_coroutine_it_waits_for() -> None:
    ended = threading.Event()

    async def work() -> None:
        try:
            await asyncio.sleep(60)
        finally:
            ended.set()

    async def main(server: ModelServer) -> None:
        task = asyncio.create_task(glm.aask("x", **HERE.asked(server, tools=[work])))
        await asyncio.sleep(0.5)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    with ModelServer() as server:
        server.tell(ASKS, SAYS)
        asyncio.run(main(server))
    assert ended.wait(10)


def test_leaving_the_block_stops_a_function_that_runs_beside() -> None:
    began = threading.Event()

    async def work() -> None:
        began.set()
        await asyncio.sleep(60)

    with ModelServer() as server:
        server.tell(ASKS, SAYS)
        with glm.stream("x", **HERE.asked(server, tools=[work])) as stream:
            assert began.wait(20)
        assert stream.done
    assert stream.turn.status == "interrupted"
    assert is_whole(stream.turn)
