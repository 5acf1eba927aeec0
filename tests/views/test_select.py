"""The host decides the view, unless the user does."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from glm_magic.views import frontend
from glm_magic.views.live.panel import PanelView
from glm_magic.views.options import ViewOptions
from glm_magic.views.publish import NullView, PlainView
from glm_magic.views.select import view_for
from glm_magic.views.terminal import TerminalView

SESSION = "0f5ac6ee-1f0ec9b1a75b4a9d8f3f4bd1"
FROM_PYTHON = {"session": SESSION, "msg_id": f"{SESSION}_4711_3"}
FROM_A_PAGE = {"session": SESSION, "msg_id": "a3c0b5de-4d3f-4b4c-8d92-3a4f0a3ce5b1"}


def kernel_shell(
    header: dict[str, str] | None = None, cell: str | None = None, **content: Any
) -> Any:
    metadata = {"cellId": cell} if cell else {}
    request = {"header": header or {}, "metadata": metadata, "content": content}
    kernel = SimpleNamespace(
        get_parent=lambda: request,
        shell_handlers={"is_complete_request": lambda _stream, _ident, _request: "complete"},
    )
    return SimpleNamespace(kernel=kernel)


@pytest.mark.parametrize(
    ("shell", "view"),
    [
        (kernel_shell(allow_stdin=True), PanelView),
        (kernel_shell(FROM_A_PAGE, allow_stdin=True), PanelView),
        (kernel_shell(FROM_PYTHON, "cell", allow_stdin=True), PanelView),
        (kernel_shell(FROM_PYTHON, allow_stdin=True), PlainView),
        (kernel_shell(FROM_PYTHON), PlainView),
        (kernel_shell(allow_stdin=False), PlainView),
        (SimpleNamespace(), TerminalView),
        (None, TerminalView),
    ],
)
def test_the_host_decides(shell: Any, view: type) -> None:
    assert type(view_for(shell, ViewOptions())) is view


def test_who_asks_whether_a_line_is_complete_gets_printed_text(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(frontend, "_typed_in", set())
    shell = kernel_shell(FROM_PYTHON, allow_stdin=True)
    handlers = shell.kernel.shell_handlers
    before = handlers["is_complete_request"]
    watch = frontend.TypedLines(shell)
    watch.install()
    asked = handlers["is_complete_request"](None, None, shell.kernel.get_parent())
    assert asked == "complete"
    assert frontend.frontend_of(shell) == "console"
    assert type(view_for(shell, ViewOptions())) is TerminalView
    watch.uninstall()
    assert handlers["is_complete_request"] is before


def test_the_console_of_a_page_asks_too_and_stays_a_page(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(frontend, "_typed_in", {SESSION})
    assert frontend.frontend_of(kernel_shell(FROM_A_PAGE)) == "page"


def test_what_is_captured_is_one_output_that_stays() -> None:
    from IPython.core.displaypub import CapturingDisplayPublisher

    shell = kernel_shell(FROM_A_PAGE, allow_stdin=True)
    shell.display_pub = CapturingDisplayPublisher()
    assert type(view_for(shell, ViewOptions())) is PlainView


@pytest.mark.parametrize("allowed", [False, True])
def test_a_buttons_callback_may_ask_what_the_last_cell_might(allowed: bool) -> None:
    shell = kernel_shell({"msg_type": "comm_msg"})
    shell.kernel._allow_stdin = allowed  # as ipykernel keeps it
    assert frontend.can_answer(shell) is allowed


def test_a_cell_says_itself_whether_it_may_ask() -> None:
    shell = kernel_shell({"msg_type": "execute_request"}, allow_stdin=False)
    assert not frontend.can_answer(shell)


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


def test_markdown_in_a_terminal_needs_colour(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("rich")
    options = ViewOptions(format="markdown")
    assert type(view_for(None, options)).__name__ == "TerminalView"
    monkeypatch.setattr("glm_magic.views.terminal.has_colour", lambda _out: True)
    assert type(view_for(None, options)).__name__ == "RichTerminalView"
    assert type(view_for(None, ViewOptions())).__name__ == "TerminalView"
