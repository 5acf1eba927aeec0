"""An interrupt at any moment of a prompt ends it, and leaves nothing behind."""

import inspect
import os
import signal
import sys
import threading
from functools import partial

import pytest

from glm_magic.core import interrupts
from glm_magic.core.interrupts import StoppedByUser, held, landing, raises_interrupt, restore
from tests.servers.script import Call, Script

PLAIN = "%%glm -S {name}\nwhy?"
COMPARE = "%%glm -S {name} --compare temperature=0,1\nwhy?"
TOOL = "%%glm -S {name} --tool weather\nwhy?"


class Calls:
    """Counts the calls of the package's functions in this thread, and interrupts at one of them."""

    def __init__(self, at=None, again=False):
        self.count, self.where = 0, ""
        self.at = at
        self.again = again

    def __call__(self, frame, event, _argument):
        if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
            return  # the magic has not begun, or has ended
        code = frame.f_code
        is_generator = code.co_flags & inspect.CO_GENERATOR  # called to be thrown away as well
        if event == "call" and "glm_magic/" in code.co_filename and not is_generator:
            self.count += 1
            if self.count == self.at:
                self.where = code.co_qualname
                os.kill(os.getpid(), signal.SIGINT)
                if self.again:
                    os.kill(os.getpid(), signal.SIGINT)

    def run(self, cells, source):
        before = sys.getprofile()
        sys.setprofile(self)
        try:
            return cells._run(source)
        finally:
            sys.setprofile(before)


def is_left(workspace):
    """Return what is neither ended nor taken back."""
    return [
        stream.turn.status
        for session in workspace.sessions
        for stream in session.asked
        if not stream.done or stream.turn.status == "streaming"
    ]


@pytest.mark.parametrize("source", [PLAIN, COMPARE, TOOL], ids=["plain", "compare", "tool"])
@pytest.mark.parametrize("part", range(4))
def test_an_interrupt_at_any_call_ends_the_cell(glm_shell, model_server, source, part):
    glm_shell.run("def weather(city: str) -> str:\n    return 'rain'")
    asks = Script(answer="", calls=(Call("weather", '{"city": "Ulm"}'),))
    scripts = (asks, Script(answer="Fine.")) if source is TOOL else (Script(answer="Fine."),)
    model_server.tell(*scripts)
    whole = Calls()
    whole.run(glm_shell, source.format(name="whole"))
    workspace = glm_shell.shell.find_line_magic("glm").__self__.workspace
    step = max(1, whole.count // 60)
    for at in range(1 + part * step // 4, whole.count, step):
        model_server.tell(*scripts)
        calls = Calls(at, again=at % 2 == 0)
        printed = calls.run(glm_shell, source.format(name=f"s{at}"))
        where = f"call {at} of {whole.count}: {calls.where}"
        assert "Traceback" not in printed, where
        assert glm_shell.error is None or isinstance(glm_shell.error, StoppedByUser), where
        assert is_left(workspace) == [], where
    model_server.tell(Script(answer="Still here."))
    assert "Still here." in glm_shell.run("%%glm -S after\nand now?")
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_what_was_interrupted_before_it_was_sent_is_on_disk_as_interrupted(glm_shell, sent):
    from glm_magic.session.store import current_store

    glm_shell.run("%glm -q first")
    shell = glm_shell.shell
    shell.user_ns["cell"] = shell.find_line_magic("glm").__self__.workspace.outputs
    register = type(shell.user_ns["cell"]).register

    def interrupted(*arguments):
        register(*arguments)
        signal.raise_signal(signal.SIGINT)

    try:
        type(shell.user_ns["cell"]).register = interrupted
        glm_shell.fail("%glm second")
    finally:
        type(shell.user_ns["cell"]).register = register
    assert isinstance(glm_shell.error, StoppedByUser)
    assert len(sent()) == 1
    statuses = [row[0] for row in current_store().read("SELECT status FROM run ORDER BY rowid")]
    assert statuses == ["complete", "interrupted"]


def test_interrupts_that_are_held_back_land_at_the_end_and_only_once():
    steps = []

    def work():
        with held():
            signal.raise_signal(signal.SIGINT)
            signal.raise_signal(signal.SIGINT)
            steps.append("held")
        steps.append("after")

    with pytest.raises(StoppedByUser), landing():
        work()
    signal.raise_signal(signal.SIGINT)  # a second press of the key means the same
    assert steps == ["held"]
    assert raises_interrupt(signal.getsignal(signal.SIGINT))


def interrupt():
    signal.raise_signal(signal.SIGINT)


class Finalized:
    """An object that something is done with at its end."""

    def __init__(self, at_end):
        self.at_end = at_end

    def __del__(self):
        self.at_end()


def interrupt_a_finalizer():
    Finalized(partial(signal.raise_signal, signal.SIGINT))


def interrupt_what_a_finalizer_calls():
    Finalized(interrupt)


def interrupt_an_import():
    source = "signal.raise_signal(signal.SIGINT)"
    exec(compile(source, "<frozen importlib._bootstrap>", "exec"), {"signal": signal})


PLACES = (interrupt_a_finalizer, interrupt_what_a_finalizer_calls, interrupt_an_import)


@pytest.mark.parametrize("is_late", [False, True], ids=["in time", "timer starts late"])
@pytest.mark.parametrize("place", PLACES)
def test_an_interrupt_is_not_lost_where_exceptions_are_dropped(monkeypatch, place, is_late):
    class Timer(threading.Timer):
        """The first of them has fired before its `start` returns."""

        count = 0

        def start(self):
            super().start()
            Timer.count += 1
            if Timer.count == 1:
                self.join()

    if is_late:
        monkeypatch.setattr(threading, "Timer", Timer)

    def work():
        place()
        threading.Event().wait()

    with pytest.raises(StoppedByUser), landing():
        work()


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_a_finalizer_that_waits_is_ended(monkeypatch):
    monkeypatch.setattr(interrupts, "FINALIZER_S", 0.01)

    def wait():
        interrupt()
        threading.Event().wait()

    def work():
        Finalized(wait)
        interrupt()
        threading.Event().wait()

    with pytest.raises(StoppedByUser), landing():
        work()


def test_another_thread_is_left_alone():
    seen = []

    restore()

    def work():
        with landing(), held():
            seen.append(signal.getsignal(signal.SIGINT))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert seen == [signal.default_int_handler]
