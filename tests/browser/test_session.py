"""What a session makes of cells that are run again, moved, duplicated and deleted in JupyterLab."""

from __future__ import annotations

import pytest

from tests.servers.model_server import ModelServer
from tests.servers.script import Script

from .lab import Lab
from .test_magic import sent_prompts, setup_cell

pytestmark = [pytest.mark.browser, pytest.mark.timeout(240)]

_COMMAND = "async (name) => { await window.jupyterapp.commands.execute(name) }"
_SELECT = (
    "(index) => { window.jupyterapp.shell.currentWidget.content.activeCellIndex = index;"
    " window.jupyterapp.shell.currentWidget.content.mode = 'command' }"
)


def do(lab: Lab, index: int, command: str) -> None:
    """Select a cell and do something with it, as the menu does."""
    lab.page.evaluate(_SELECT, index)
    lab.page.evaluate(_COMMAND, command)


def asked(lab: Lab, server: ModelServer, count: int) -> None:
    """Wait until so many prompts were sent and answered; a cell that ran before has its number."""
    for _ in range(300):
        if len(server.requests) >= count:
            break
        lab.page.wait_for_timeout(100)
    assert len(server.requests) == count, [lab.outputs(n) for n in range(1, 4)]
    lab.wait_idle()


def test_the_session_follows_cells_that_are_run_again_moved_duplicated_and_deleted(
    lab: Lab, model_server: ModelServer
) -> None:
    model_server.tell(Script(answer="fine"))
    lab.open([setup_cell(model_server), *(f"%%glm -q -p zai\n{word}" for word in ("a", "b", "c"))])
    for index in range(4):
        lab.run(index)
    asked(lab, model_server, 3)
    assert sent_prompts(model_server)[-1] == ["a", "fine", "b", "fine", "c"]

    lab.run(2)
    asked(lab, model_server, 4)
    assert sent_prompts(model_server)[-1] == ["a", "fine", "b"], "a cell run again"

    do(lab, 3, "notebook:move-cell-up")
    lab.run(2)
    asked(lab, model_server, 5)
    assert sent_prompts(model_server)[-1] == ["a", "fine", "b", "fine", "c"], (
        "a moved cell keeps the place in which it first ran, until the kernel is restarted"
    )

    do(lab, 3, "notebook:duplicate-below")
    lab.run(4)
    asked(lab, model_server, 6)
    assert sent_prompts(model_server)[-1][-3:] == ["c", "fine", "b"], "a copy is a cell of its own"
    assert len(sent_prompts(model_server)[-1]) == 7

    do(lab, 3, "notebook:delete-cell")
    lab.run(3)
    asked(lab, model_server, 7)
    assert sent_prompts(model_server)[-1] == ["a", "fine", "c", "fine", "b"], (
        "a deleted cell is no longer sent"
    )


def test_restart_and_run_all_sends_the_same_contexts_in_the_same_order(
    lab: Lab, model_server: ModelServer
) -> None:
    model_server.tell(Script(answer="fine"))
    cells = [f"%%glm -q -p zai\n{word}" for word in ("a", "b", "c")]
    lab.open([setup_cell(model_server), *cells])
    lab.run_all()
    lab.wait_done(3)
    lab.wait_idle()
    first = sent_prompts(model_server)
    lab.page.evaluate(
        "async () => { await window.jupyterapp.shell.currentWidget.sessionContext.session"
        ".kernel.restart() }"
    )
    lab.wait_idle()
    lab.page.evaluate(_COMMAND, "notebook:clear-all-cell-outputs")
    lab.run_all()
    lab.wait_done(3)
    lab.wait_idle()
    assert len(first) == 3
    assert sent_prompts(model_server)[3:] == first


def test_later_outputs_say_that_they_were_answered_before_the_change(
    lab: Lab, model_server: ModelServer
) -> None:
    model_server.tell(Script(answer="fine"))
    lab.open([setup_cell(model_server), "%%glm -p zai\na", "%%glm -p zai\nb", "%glm choose 1 1"])
    for index in (0, 1, 2):
        lab.run(index)
        lab.wait_idle()
    mark = "answered before the change above"
    assert mark not in lab.text(2)
    lab.run(1)
    lab.wait_idle()
    lab.cell(2).get_by_text(mark).wait_for(timeout=10_000)
    assert mark not in lab.text(1)
    assert len(lab.outputs(2)) == 1
    lab.run(3)
    lab.wait_idle()
    lab.cell(2).get_by_text(mark).wait_for(state="detached", timeout=10_000)
    lab.run(1)
    lab.run(2)
    lab.wait_idle()
    lab.wait_static(2)
    assert mark not in lab.text(2)


def test_the_arrows_in_a_panel_choose_the_run_that_later_turns_see(
    lab: Lab, model_server: ModelServer
) -> None:
    lab.open([setup_cell(model_server), "%%glm -p zai\na", "%%glm -p zai\nb", "%%glm -q -p zai\nc"])
    lab.run(0)
    for answer in ("first", "second", "third"):
        model_server.tell(Script(answer=answer))
        lab.run(1)
        lab.wait_idle()
    lab.run(2)
    lab.wait_idle()
    lab.wait_static(1)
    head, arrows = lab.panel(1).locator(".glm-h"), lab.panel(1).locator(".glm-go")
    assert "run 3/3" in head.inner_text()
    assert [arrow.is_enabled() for arrow in arrows.all()] == [True, False]
    assert lab.panel(2).locator(".glm-go").count() == 0, "one run has no others"

    arrows.first.press("Enter")
    head.get_by_text("run 2/3").wait_for(timeout=30_000)
    arrows.first.press("Enter")
    head.get_by_text("run 1/3").wait_for(timeout=30_000)
    focused = lab.page.evaluate("() => document.activeElement.dataset.run")
    assert focused == "1", "the first run has nothing before it: the keyboard is on the other arrow"
    lab.cell(2).get_by_text("answered before the change above").wait_for(timeout=30_000)
    answer = lab.panel(1).locator(".glm-a > p").first
    assert answer.inner_text() == "first"
    lab.run(3)
    lab.wait_idle()
    assert sent_prompts(model_server)[-1] == ["a", "first", "b", "third", "c"]
    (output,) = lab.outputs(1)
    assert "run 1/3" in output["data"]["text/plain"]
    assert "first" in output["data"]["text/plain"]

    lab.save()
    lab.reload()
    lab.panel(1).wait_for()
    assert not arrows.first.is_visible(), "nobody would hear it"


def test_the_arrows_leave_with_the_kernel(lab: Lab, model_server: ModelServer) -> None:
    model_server.tell(Script(answer="fine"))
    lab.open([setup_cell(model_server), "%%glm -p zai\na"])
    lab.run(0)
    for _ in range(2):
        lab.run(1)
        lab.wait_idle()
    arrow = lab.panel(1).locator(".glm-go").first
    arrow.wait_for(timeout=30_000)
    lab.page.evaluate(
        "async () => { await window.jupyterapp.shell.currentWidget.sessionContext.session"
        ".kernel.restart() }"
    )
    arrow.wait_for(state="hidden", timeout=30_000)
