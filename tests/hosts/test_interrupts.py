"""Interrupts of a real kernel: the cell ends at once, without a traceback, and nothing runs on."""

import time

import pytest

from tests.servers.script import Call, Script

pytestmark = pytest.mark.hosts

AT_MOST_S = 0.3
"""How long a cell may take to end after an interrupt, as the median of some."""

HOOK = """
import os, signal, sys, time
class Finder:
    def find_spec(self, name, path=None, target=None):
        if name == {name!r}:
            sys.meta_path.remove(self)
            os.kill(os.getpid(), signal.SIGINT)
            time.sleep(5)
sys.meta_path.insert(0, Finder())
"""
"""Interrupts the kernel where a module is imported for the first time."""

DROPPED = "Stopped by a kernel interrupt: cells that were queued did not run."

COUNT = "sum(1 for s in [glm.asked for glm in sessions] for stream in s if not stream.done)"
LEFT = (
    "sessions = list(get_ipython().find_line_magic('glm').__self__.workspace.sessions)\n"
    f"print('left', {COUNT})"
)


def check_end(kernel, server, ran):
    """Check how a cell ended, that nothing is left of it, and that the next prompt works."""
    assert ran.reply["status"] == "error"
    assert ran.reply["ename"] == "StoppedByUser"
    assert ran.traceback == [DROPPED]
    assert not [content for kind, content in ran.messages if kind == "stream"]
    assert "left 0" in kernel.run(LEFT).text
    assert "streaming" not in kernel.run("%glm show", cell="show").text
    server.released.set()
    server.tell(Script(answer="Still here."))
    assert "Still here." in kernel.run("%%glm\nand now?", cell="next").text


@pytest.mark.parametrize(
    "module",
    [
        "glm_magic.magic.prompt",
        "glm_magic.magic.workspace",
        "glm_magic.session.store",
        "glm_magic.dialects",
        "glm_magic.views.live.panel",
        "glm_magic.views.saved.page",
    ],
)
def test_an_interrupt_in_the_first_imports(cold_kernel, asks_the_server, module):
    cold_kernel.run(HOOK.format(name=module))
    was_loaded = "True" in cold_kernel.run(f"print({module!r} in sys.modules)").text
    if was_loaded:
        pytest.skip("it is loaded with the extension")
    began = time.monotonic()
    ran = cold_kernel.collect(cold_kernel.send("%%glm\nwhy?", "a"))
    assert time.monotonic() - began < 5, "the interrupt was lost"
    check_end(cold_kernel, asks_the_server, ran)


def interrupted(kernel, server, code, after, *, times=1):
    """Run a cell, interrupt it once something has happened, and return how long it then took."""
    count = len(server.requests)
    request = kernel.send(code, f"cell {count}")
    after(count)
    began = time.monotonic()
    for _ in range(times):
        kernel.manager.interrupt_kernel()
    ran = kernel.collect(request)
    return ran, time.monotonic() - began


@pytest.mark.parametrize("times", [1, 3])
@pytest.mark.parametrize(
    "script",
    [
        Script(head_pause_s=60),
        Script(first_pause_s=60),
        Script(answer="one two three four", stall_after=3),
    ],
    ids=["before the head", "before the first byte", "in the answer"],
)
def test_an_interrupt_while_the_reply_is_awaited(kernel, asks_the_server, script, times):
    def after(count):
        until = time.monotonic() + 30
        while len(asks_the_server.requests) == count and time.monotonic() < until:
            time.sleep(0.01)

    took = []
    kernel.run("%glm -q first", cell="first")
    for _ in range(3):
        asks_the_server.released.clear()
        asks_the_server.tell(script)
        ran, seconds = interrupted(kernel, asks_the_server, "%%glm\nwhy?", after, times=times)
        took.append(seconds)
        assert len(ran.outputs) == 1
        assert "interrupted" in ran.outputs[0]["text/plain"]
        check_end(kernel, asks_the_server, ran)
    assert sorted(took)[1] < AT_MOST_S, took


@pytest.mark.parametrize(
    "body",
    [
        "    print('runs', flush=True)\n    time.sleep(60)",
        "    print('runs', flush=True)\n    while True: pass",
        "    print('runs', flush=True)\n    threading.Event().wait(60)",
        "    print('runs', flush=True)\n    try: time.sleep(60)\n    except: return 'rain'",
    ],
    ids=["sleeps", "computes", "waits", "goes on"],
)
def test_an_interrupt_while_a_tool_runs(kernel, asks_the_server, body):
    kernel.run(f"import threading, time\ndef weather(city: str) -> str:\n{body}")
    asks_the_server.tell(Script(answer="", calls=(Call("weather", '{"city": "Ulm"}'),)))
    request = kernel.send("%%glm --tool weather\nwhy?", "a")
    messages = []
    while not any(kind == "stream" and "runs" in c["text"] for kind, c in messages):
        message = kernel.client.get_iopub_msg(timeout=60)
        messages.append((message["msg_type"], message["content"]))
    began = time.monotonic()
    kernel.manager.interrupt_kernel()
    ran = kernel.collect(request)
    assert time.monotonic() - began < 5
    check_end(kernel, asks_the_server, ran)


FINISHING = """
import os, signal
from glm_magic.views.live import panel
bundle = panel.bundle
def interrupted(*arguments):
    panel.bundle = bundle
    os.kill(os.getpid(), signal.SIGINT)
    return bundle(*arguments)
panel.bundle = interrupted
"""


def test_an_interrupt_while_the_saved_output_is_made(kernel, asks_the_server):
    kernel.run("%glm -q first", cell="first")
    kernel.run(FINISHING)
    ran = kernel.collect(kernel.send("%%glm\nwhy?", "a"))
    assert len(ran.outputs) == 1
    assert "scattering" in ran.outputs[0]["text/html"], "the whole reply is shown"
    assert "complete" in kernel.run("_glm.status").text
    check_end(kernel, asks_the_server, ran)
