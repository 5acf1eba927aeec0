"""Consoles and programs that ask a kernel: the answer is seen once, whatever asks."""

import os
import re
import signal
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import pexpect
import psutil  # comes with ipykernel
import pytest

from tests.hosts.seen import AT_THE_END, ONE_OUTPUT, PRINTED, TEXT, installed, saw
from tests.servers.script import Script

pytestmark = [pytest.mark.hosts, pytest.mark.slow]

HERE = Path(__file__).parent
ANSWER = "Because of **scattering**."
STACKS_S = 5
"""How long a process may take to say where it is, once a test has failed."""
CONTROL = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|\x1b[=>]|\r")


def version_of(python, package):
    code = f"import importlib.metadata as m; print(m.version({package!r}))"
    return run(python, "-c", code).strip()


def run(*command):
    done = subprocess.run(map(str, command), capture_output=True, text=True, timeout=100)
    assert done.returncode == 0, done.stderr
    return done.stdout


class Console:
    """Jupyter's console in a pseudo-terminal."""

    def __init__(self, *options):
        command = Path(sys.executable).with_name("jupyter-console")
        if not command.exists():
            pytest.skip("jupyter-console is not installed beside this Python")
        self.child = pexpect.spawn(
            str(command),
            ["--no-confirm-exit", *options],
            encoding="utf-8",
            timeout=60,
            dimensions=(60, 140),
            env={**os.environ, "PYTHONFAULTHANDLER": "1"},
        )
        self.child.expect_exact("In [")

    def run(self, line, last):
        """Type a line; return what is printed until the text `last`, which comes at the end."""
        self.child.send(f"{line}\r")
        return self.wait(last)

    def wait(self, last="In ["):
        """Return what is printed until the text `last`; typing before the prompt mixes with it."""
        try:
            self.child.expect_exact(last)
        except pexpect.TIMEOUT:
            pytest.fail(f"{last!r} did not come:\n{self._tell_stacks()}")
        return CONTROL.sub("", self.child.before + self.child.after)

    def _tell_stacks(self):
        """End the console and its kernel; return the screen, on which each says where it was."""
        console = psutil.Process(self.child.pid)
        console.suspend()  # or it would notice that its kernel ends, and go on
        for process in (*console.children(recursive=True), console):
            process.send_signal(signal.SIGABRT)
            process.resume()
            # Without a reader, the terminal is full before the stacks are written.
            self.child.expect([pexpect.EOF, pexpect.TIMEOUT], timeout=STACKS_S)
        return CONTROL.sub("", self.child.before)

    def close(self):
        self.child.sendeof()
        self.child.close(force=True)


@pytest.fixture
def colourless(monkeypatch):
    """Let a terminal be one that answers no questions about itself."""
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("PROMPT_TOOLKIT_NO_CPR", "1")


@pytest.mark.parametrize("joins", [False, True], ids=["its own kernel", "an existing kernel"])
def test_a_console_prints_the_reply_as_it_arrives(kernel, asks_the_server, colourless, joins):
    asks_the_server.tell(Script(answer="one two three four", stall_after=3))
    console = Console(*(["--existing", kernel.manager.connection_file] if joins else []))
    try:
        console.run("%load_ext glm_magic", "In [")
        console.run("%glm why?", "one")  # the rest has not been sent
        asks_the_server.released.set()
        printed = console.wait()
        console.run("print('the', 'end', _glm.status)", "the end complete")
        assert "four" in printed
        assert "arriving" not in printed
        assert "No such comm" not in printed
        if not joins:  # a console cannot interrupt what it did not start
            asks_the_server.released.clear()
            console.run("%glm again", "one")
            console.child.sendintr()
            console.wait()
            console.run("print('the', 'end', _glm.status)", "the end interrupted")
    finally:
        console.close()
    name = "jupyter console --existing" if joins else "jupyter console"
    stop = "" if joins else "Ctrl-C"
    saw(name, version("jupyter-console"), streams=PRINTED, stop=stop, stays=TEXT)


def test_a_program_that_embeds_a_console_shows_the_reply(asks_the_server, monkeypatch):
    python = installed("env") / "bin" / "python"
    loads = subprocess.run([python, "-c", "from PySide6 import QtWidgets"], check=False)
    if loads.returncode:
        pytest.skip("this system lacks a library that Qt needs, such as libegl1")
    monkeypatch.setenv("QT_QPA_PLATFORM", "offscreen")
    asks_the_server.tell(Script(answer="Because of **scattering**.", pause_s=0.2))
    lines = ("%load_ext glm_magic", "%glm why?", "_glm.status")
    shown = run(python, HERE / "embedding.py", "Because", ANSWER, *lines)
    assert shown.startswith("seen early: True")
    assert shown.count(ANSWER) == 1, shown
    assert "'complete'" in shown
    assert "arriving" not in shown
    assert "Widget" not in shown
    saw("a program with qtconsole in it (Spyder, napari)", version_of(python, "qtconsole"),
        streams=PRINTED, stays=TEXT)  # fmt: skip


def test_a_program_gets_the_reply_as_one_output_when_it_has_ended(kernel, asks_the_server):
    for code in ("%%glm\nwhy?", "%glm why?", "%time r = %glm why"):
        ran = kernel.run(code)
        kinds = [kind for kind, _ in ran.messages]
        assert kinds.count("display_data") == 1, code
        assert not {"update_display_data", "execute_result", "comm_open"} & set(kinds), code
        (output,) = ran.outputs
        assert set(output) == {"text/html", "text/markdown", "text/plain"}
        assert ANSWER in output["text/markdown"]
    asks_the_server.tell(Script(answer="one two three four", stall_after=3))
    asks_the_server.sent = 0
    request = kernel.send("%glm why?")
    asks_the_server.wait_sent(3)
    kernel.manager.interrupt_kernel()
    ran = kernel.collect(request)
    assert ran.reply["status"] == "error"
    (output,) = ran.outputs
    assert "interrupted" in output["text/plain"]
    saw("a program with jupyter_client", version("jupyter_client"),
        streams=AT_THE_END, stop="interrupt", stays=ONE_OUTPUT)  # fmt: skip


def test_every_engine_of_a_cluster_shows_its_reply(asks_the_server):
    python = installed("env") / "bin" / "python"
    printed = run(python, HERE / "parallel.py")
    assert printed.count("scattering") == 2, printed
    assert "arriving" not in printed
    assert "Widget" not in printed
    saw("%%px of ipyparallel", version_of(python, "ipyparallel"),
        streams=AT_THE_END, stays=ONE_OUTPUT)  # fmt: skip
