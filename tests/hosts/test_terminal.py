"""Plain IPython in a real terminal."""

import re
import sys
from importlib.metadata import version

import pexpect
import pytest

from tests.hosts.seen import PRINTED, TEXT, saw
from tests.servers.script import Script

pytestmark = pytest.mark.hosts

_CONTROL = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|\x1b[=>]|\r")


class Terminal:
    """IPython in a pseudo-terminal."""

    def __init__(self, *options):
        command = [
            "-m",
            "IPython",
            "--no-banner",
            "--no-confirm-exit",
            "--colors=nocolor",
            *options,
        ]
        self.child = pexpect.spawn(
            sys.executable, command, encoding="utf-8", timeout=40, dimensions=(50, 140)
        )
        self.count = 0
        self.wait()

    def wait(self):
        """Wait for the next prompt and return what was printed before it."""
        self.count += 1
        self.child.expect_exact(f"In [{self.count}]:")
        return _CONTROL.sub("", self.child.before)

    def run(self, line):
        self.child.sendline(line)
        return self.wait()

    def close(self):
        self.child.sendeof()
        self.child.close(force=True)


@pytest.fixture
def terminal(asks_the_server, monkeypatch):
    monkeypatch.setenv("TERM", "xterm")
    terminal = Terminal("--simple-prompt")
    terminal.run("%load_ext glm_magic")
    yield terminal
    terminal.close()


def test_a_line_is_asked_and_printed_once(terminal, asks_the_server):
    printed = terminal.run("%glm why is it so?")
    assert printed.count("Because of **scattering**.") == 1
    assert "Let me see." in printed
    assert "Out[" not in printed
    assert asks_the_server.requests[0].json["messages"][-1]["content"] == "why is it so?"


def test_an_assigned_line_gives_the_reply(terminal):
    terminal.run("r = %glm what's up?")
    assert "complete scattering" in terminal.run("print(r.status, r.answer.split('**')[1])")


def test_an_error_is_two_lines(terminal):
    printed = terminal.run("%glm --nope")
    assert "UnknownNameError: there is no option --nope" in printed
    assert "Traceback" not in printed


def test_control_c_keeps_what_came_and_the_shell(terminal, asks_the_server):
    asks_the_server.tell(Script(answer="one two three four five", stall_after=4))
    terminal.child.sendline("%glm count")
    terminal.child.expect_exact("one")
    terminal.child.sendintr()
    printed = terminal.wait()
    assert "Traceback" not in printed
    asks_the_server.released.set()
    assert "interrupted" in terminal.run("_glm.status")
    saw("IPython", version("ipython"), streams=PRINTED, stop="Ctrl-C", stays=TEXT)


def test_a_background_turn_leaves_the_terminal_to_its_user(terminal, asks_the_server):
    asks_the_server.tell(Script(answer="one two three", pause_s=0.1))
    printed = terminal.run("job = %glm --bg count")
    assert "Job 1 runs in the background" in printed
    assert "one" not in printed
    assert "complete one two three" in terminal.run("r = job.result(); print(r.status, r.answer)")


def test_a_cell_ends_with_an_empty_line(asks_the_server, monkeypatch):
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("PROMPT_TOOLKIT_NO_CPR", "1")
    terminal = Terminal()
    try:
        terminal.run("%load_ext glm_magic")
        terminal.child.send("%%glm -q\r")
        terminal.child.expect_exact("...:")
        terminal.child.send("first\r")
        terminal.child.expect_exact("...:")
        terminal.child.send("\r\r")
        terminal.wait()
        assert asks_the_server.requests[0].json["messages"][-1]["content"] == "first"
    finally:
        terminal.close()
