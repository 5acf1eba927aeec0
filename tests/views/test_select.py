"""The host decides the view, unless the user does."""

from __future__ import annotations

import os
from types import SimpleNamespace
from typing import Any

import pytest

from glm_magic.views import frontend
from glm_magic.views.live.panel import PanelView
from glm_magic.views.options import ViewOptions
from glm_magic.views.publish import NullView, PlainView
from glm_magic.views.select import view_for
from glm_magic.views.terminal import TerminalView

COMMAND_LINE = frontend._command_line


def kernel_shell(**content: Any) -> Any:
    parent = {"content": content}
    return SimpleNamespace(kernel=SimpleNamespace(get_parent=lambda: parent))


@pytest.fixture(autouse=True)
def a_server_started_the_kernel(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(frontend, "_command_line", lambda _pid: ["python", "/bin/jupyter-lab"])


@pytest.mark.parametrize(
    ("shell", "view"),
    [
        (kernel_shell(allow_stdin=True), PanelView),
        (kernel_shell(), PanelView),
        (kernel_shell(allow_stdin=False), PlainView),
        (SimpleNamespace(), TerminalView),
        (None, TerminalView),
    ],
)
def test_the_host_decides(shell: Any, view: type) -> None:
    assert type(view_for(shell, ViewOptions())) is view


@pytest.mark.parametrize(
    "command",
    [
        ["python3", "/usr/bin/jupyter-console"],
        ["python3", "-m", "jupyter_console", "--simple-prompt"],
        ["/bin/euporie-console"],
        ["x/jupyter-qtconsole"],
    ],
)
def test_a_console_gets_printed_text(command: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(frontend, "_command_line", lambda _pid: command)
    assert type(view_for(kernel_shell(allow_stdin=True), ViewOptions())) is TerminalView


@pytest.mark.parametrize(
    ("where", "view"), [("panel", PanelView), ("page", PlainView), ("terminal", TerminalView)]
)
def test_the_user_decides(where: Any, view: type) -> None:
    assert type(view_for(None, ViewOptions(where=where))) is view


def test_quiet_shows_nothing() -> None:
    assert type(view_for(kernel_shell(), ViewOptions(quiet=True))) is NullView


def test_a_kernel_that_says_nothing_of_its_request_is_a_page() -> None:
    shell = SimpleNamespace(kernel=SimpleNamespace(get_parent=lambda: None))
    assert frontend.frontend_of(shell) == "page"


@pytest.mark.parametrize("pid", ["not a number", "-1", ""])
def test_the_command_line_of_no_process_is_empty(pid: str) -> None:
    assert COMMAND_LINE(pid) == []


def test_the_command_line_of_this_process_names_its_python() -> None:
    assert "python" in COMMAND_LINE(str(os.getpid()))[0]


def test_markdown_in_a_terminal_needs_colour(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("rich")
    options = ViewOptions(format="markdown")
    assert type(view_for(None, options)).__name__ == "TerminalView"
    monkeypatch.setattr("glm_magic.views.terminal.has_colour", lambda _out: True)
    assert type(view_for(None, options)).__name__ == "RichTerminalView"
    assert type(view_for(None, ViewOptions())).__name__ == "TerminalView"
