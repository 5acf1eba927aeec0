"""A view is started, painted from one thread, and finished exactly once."""

from __future__ import annotations

import _thread
import threading
import time
from collections.abc import Callable

import pytest

from glm_magic.core.interrupts import StoppedByUser
from glm_magic.core.turn import Turn
from glm_magic.views.play import View, play

from .turns import ScriptedStream, turn_of


class Recorder(View):
    """A view that remembers how it was used."""

    def __init__(self) -> None:
        self.calls: list[str] = []
        self.threads: set[str] = set()
        self.last: Turn | None = None
        self.on_stop: Callable[[], None] | None = None

    def start(self, turn: Turn, on_stop: Callable[[], None]) -> None:
        self.calls.append("start")
        self.on_stop = on_stop

    def paint(self, turn: Turn) -> None:
        self.calls.append("paint")
        self.threads.add(threading.current_thread().name)

    def finish(self, turn: Turn) -> None:
        self.calls.append("finish")
        self.last = turn


def test_a_stream_is_painted_at_most_25_times_a_second_and_finished_once() -> None:
    view = Recorder()
    play(ScriptedStream(turn_of("x" * 500, "y" * 500), rate=1000), view)
    assert view.calls[0] == "start"
    assert view.calls[-1] == "finish"
    assert view.calls.count("finish") == 1
    assert 3 <= view.calls.count("paint") <= 27
    assert view.threads == {"glm-painter"}
    assert view.last == turn_of("x" * 500, "y" * 500)


def test_an_interrupt_cancels_shows_what_arrived_and_leaves_no_traceback() -> None:
    view, stream = Recorder(), ScriptedStream(turn_of(), rate=50)
    threading.Timer(0.3, _thread.interrupt_main).start()
    began = time.monotonic()
    with pytest.raises(StoppedByUser) as caught:
        play(stream, view)
    assert time.monotonic() - began < 10
    assert caught.value._render_traceback_() == []
    assert isinstance(caught.value, KeyboardInterrupt)
    assert view.calls.count("finish") == 1
    assert view.last is not None
    assert view.last.status == "interrupted"


def test_stop_returns_normally_with_what_arrived() -> None:
    view, stream = Recorder(), ScriptedStream(turn_of(), rate=50)
    threading.Timer(0.3, lambda: view.on_stop and view.on_stop()).start()
    play(stream, view)
    assert view.last is not None
    assert view.last.status == "interrupted"


def test_a_view_that_breaks_does_not_break_the_reply(caplog: pytest.LogCaptureFixture) -> None:
    class Broken(Recorder):
        def paint(self, turn: Turn) -> None:
            raise RuntimeError("a bug in painting")

    view = Broken()
    play(ScriptedStream(turn_of("x" * 400, ""), rate=2000), view)
    assert view.calls == ["start", "finish"]
    assert "a bug in painting" in caplog.text


def test_slow_painting_leaves_most_of_the_time_to_the_rest() -> None:
    class Slow(Recorder):
        def paint(self, turn: Turn) -> None:
            super().paint(turn)
            time.sleep(0.1)

    view = Slow()
    play(ScriptedStream(turn_of("x" * 1000, ""), rate=1000), view)
    assert view.calls.count("paint") <= 4


def test_no_painter_is_left_behind() -> None:
    play(ScriptedStream(turn_of("x" * 100, ""), rate=1000), Recorder())
    assert "glm-painter" not in {thread.name for thread in threading.enumerate()}


def test_a_view_that_cannot_start_cancels_the_reply() -> None:
    class Unable(Recorder):
        def start(self, turn: Turn, on_stop: Callable[[], None]) -> None:
            raise RuntimeError("no display")

    stream = ScriptedStream(turn_of(), rate=50)
    with pytest.raises(RuntimeError, match="no display"):
        play(stream, Unable())
    assert stream.turn.status == "interrupted"
