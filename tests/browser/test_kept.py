"""The reply always reaches the file, whatever happens to its cell and its page meanwhile."""

from __future__ import annotations

from typing import Any

import pytest

from tests.servers.model_server import ModelServer
from tests.servers.script import Failure, Script

from .lab import Lab
from .scripts import SETUP
from .test_magic import setup_cell
from .test_session import do

pytestmark = [pytest.mark.browser, pytest.mark.timeout(240)]

WIDGET = "application/vnd.jupyter.widget-view+json"
LAST_WORDS = "simulation to check it"
SAVE_STATE = "@jupyter-widgets/jupyterlab-manager:saveWidgetState"
CURRENT = "window.jupyterapp.shell.currentWidget"


def glm_outputs(lab: Lab) -> list[dict[str, Any]]:
    """Save, and return every output of the file that shows a reply, or a widget."""
    return [
        output
        for cell in lab.saved()["cells"]
        for output in cell.get("outputs", [])
        if WIDGET in output.get("data", {}) or "glm_magic" in output.get("metadata", {})
    ]


def is_whole(output: dict[str, Any]) -> bool:
    return (
        set(output["data"]) == {"text/html", "text/markdown", "text/plain"}
        and all(LAST_WORDS in "".join(form) for form in output["data"].values())
        and output["metadata"]["glm_magic"]["status"] == "complete"
    )


def wait_whole(lab: Lab, count: int = 1) -> None:
    """Wait until the file holds so many whole replies, and nothing else of a panel."""
    lab.until(lambda: [is_whole(output) for output in glm_outputs(lab)] == [True] * count, 60)


def start(lab: Lab, cell: str, *more: str) -> None:
    """Let a reply stream into the second cell."""
    lab.open([SETUP, cell, *more])
    lab.run(0)
    lab.run(1, wait=False)
    lab.wait_phase(1, "thinking")


MEANWHILE = "show_meanwhile(rate=250)"


def wait_ended(lab: Lab, name: str) -> None:
    """Wait until the kernel has ended a reply, which it says with a file."""
    lab.until(lambda: (lab.notebooks / name).exists(), 60)


def test_the_file_holds_the_text_so_far_and_says_that_it_is_unfinished(lab: Lab) -> None:
    start(lab, "show(rate=60)")
    panel = lab.panel(1)
    panel.evaluate("(node) => { node.dataset.here = 'the same' }")
    lab.until(lambda: "The user asks" in str(glm_outputs(lab)), 15)
    (output,) = glm_outputs(lab)
    assert WIDGET not in output["data"], "a file needs no widget to be read"
    for form in ("text/html", "text/markdown", "text/plain"):
        text = "".join(output["data"][form])
        assert "The user asks" in text
        assert "Unfinished" in text
        assert "unfinished" in text
    assert output["metadata"]["glm_magic"]["status"] == "streaming"
    before = len(str(output))
    lab.until(lambda: len(str(glm_outputs(lab))) > before + 200, 15)
    assert panel.get_attribute("data-here") == "the same", "the panel was not drawn again"
    lab.interrupt()


@pytest.mark.parametrize("cell", [MEANWHILE, "show(rate=250)"], ids=["background", "running"])
def test_a_cell_that_is_moved_keeps_its_reply(lab: Lab, cell: str) -> None:
    start(lab, cell, "print('below')")
    do(lab, 1, "notebook:move-cell-down")
    lab.wait_phase(2, "answering")
    lab.wait_static(2)
    wait_whole(lab)
    assert LAST_WORDS in lab.text(2)


def test_a_cell_that_is_cut_and_pasted_keeps_its_reply(lab: Lab) -> None:
    start(lab, MEANWHILE, "print('below')")
    do(lab, 1, "notebook:cut-cell")
    do(lab, 1, "notebook:paste-cell-below")
    lab.wait_static(2)
    wait_whole(lab)


def test_both_of_a_duplicated_cell_get_the_reply(lab: Lab) -> None:
    start(lab, MEANWHILE)
    do(lab, 1, "notebook:duplicate-below")
    lab.wait_static(2)
    wait_whole(lab, 2)


@pytest.mark.parametrize("when", ["thinking", "ended"])
def test_a_deleted_cell_that_is_brought_back_has_its_reply(lab: Lab, when: str) -> None:
    start(lab, "show_meanwhile(rate=250, ended='deleted')")
    do(lab, 1, "notebook:delete-cell")
    if when == "ended":
        wait_ended(lab, "deleted")
    do(lab, 0, "notebook:undo-cell-action")
    wait_whole(lab)


def test_a_cell_that_is_split_keeps_its_reply(lab: Lab) -> None:
    start(lab, f"{MEANWHILE}\nprint('below')")
    lab.page.evaluate(
        f"() => {{ const editor = {CURRENT}.content.activeCell.editor;"
        " editor.setCursorPosition({ line: 1, column: 0 }) }"
    )
    do(lab, 1, "notebook:split-cell-at-cursor")
    wait_whole(lab)


@pytest.mark.parametrize("cell", [MEANWHILE, "show(rate=250)"], ids=["background", "running"])
def test_a_page_that_is_reloaded_gets_the_reply(lab: Lab, cell: str) -> None:
    start(lab, cell)
    lab.until(lambda: "The user asks" in str(glm_outputs(lab)), 15)
    lab.reload()
    wait_whole(lab)
    assert lab.panel(1).count() == 1


def test_a_tab_that_is_closed_and_opened_again_gets_the_reply(lab: Lab) -> None:
    start(lab, "show_meanwhile(rate=250, ended='closed')")
    lab.until(lambda: "The user asks" in str(glm_outputs(lab)), 15)
    path = lab.page.evaluate(f"() => {CURRENT}.context.path")
    lab.page.evaluate(f"() => {CURRENT}.dispose()")
    wait_ended(lab, "closed")
    lab.page.evaluate(
        "async (path) => { await window.jupyterapp.commands.execute("
        "'docmanager:open', { path, factory: 'Notebook' }) }",
        path,
    )
    lab.panel(1).wait_for()
    wait_whole(lab)


def test_an_output_widget_shows_the_page_that_stays(lab: Lab) -> None:
    start(
        lab,
        "import ipywidgets\nout = ipywidgets.Output()\ndisplay(out)\nwith out:\n    show(rate=400)",
    )
    lab.wait_static(1)
    assert LAST_WORDS in lab.text(1)
    lab.run(0)
    lab.until(lambda: "text/markdown" in str(widget_state(lab)))
    assert "AnyModel" not in str(widget_state(lab))


def widget_state(lab: Lab) -> dict[str, Any]:
    """Return the widget state as a file would hold it."""
    return dict(
        lab.page.evaluate(
            "async () => {"
            f"  const plugin = '{SAVE_STATE}';"
            "  const commands = window.jupyterapp.commands;"
            "  if (!commands.isToggled(plugin)) await commands.execute(plugin);"
            f"  await {CURRENT}.context.save();"
            f"  return {CURRENT}.context.model.getMetadata('widgets')"
            "}"
        )
    )


def test_a_reply_survives_several_of_these_in_a_row(lab: Lab) -> None:
    start(lab, "show_meanwhile(rate=120)", "print('below')")
    for index, command in (
        (1, "notebook:move-cell-down"),
        (2, "notebook:duplicate-below"),
        (2, "notebook:delete-cell"),
        (0, "notebook:undo-cell-action"),
    ):
        do(lab, index, command)
        lab.page.wait_for_timeout(700)  # what is done at once is undone at once
    lab.until(lambda: [LAST_WORDS in str(output) for output in glm_outputs(lab)] == [False] * 2)
    lab.reload()
    wait_whole(lab, 2)


def test_a_newer_run_is_left_alone(lab: Lab) -> None:
    start(lab, "show_meanwhile(rate=150, ended='older')")
    lab.page.evaluate(
        f"() => {CURRENT}.content.activeCell.model.sharedModel.setSource('show(answer=\"newer\")')"
    )
    lab.run(1)
    lab.wait_static(1)
    wait_ended(lab, "older")
    lab.wait_idle()
    (output,) = glm_outputs(lab)
    assert "newer" in "".join(output["data"]["text/plain"])


REPLY = Script(reasoning="Let me see. " * 30, answer=f"A {LAST_WORDS}.", pause_s=0.1)


@pytest.mark.parametrize("option", ["--bg", ""])
def test_a_page_that_is_reloaded_without_having_been_saved_gets_the_reply(
    lab: Lab, model_server: ModelServer, option: str
) -> None:
    model_server.tell(REPLY)
    lab.open([setup_cell(model_server), f"%%glm -p zai --think {option}\nwhy?"])
    lab.run(0)
    lab.save()  # with the ids of the cells
    lab.run(1, wait=False)
    lab.wait_phase(1, "thinking")
    lab.reload()
    lab.wait_static(1)
    wait_whole(lab)


def test_what_the_reader_cleared_does_not_come_back(lab: Lab, model_server: ModelServer) -> None:
    model_server.tell(Script(answer="fine"))
    lab.open([setup_cell(model_server), "%%glm -p zai\nwhy?", "print('ready')"])
    for cell in (0, 1):
        lab.run(cell)
        lab.wait_idle()
    lab.wait_static(1)
    do(lab, 1, "notebook:clear-cell-output")
    lab.save()
    lab.wait_idle()
    lab.reload()
    lab.run(2)
    lab.wait_idle()
    assert lab.outputs(1) == []


def test_a_comparison_in_a_cell_that_is_moved_keeps_its_lanes(
    lab: Lab, model_server: ModelServer
) -> None:
    model_server.tell(REPLY)
    cell = "%%glm -p zai -m glm-4.6 --compare think=on,off\nwhy?"
    lab.open([setup_cell(model_server), cell, "print('below')"])
    lab.run(0)
    lab.run(1, wait=False)
    lab.panel(1).locator("visible=true").first.wait_for()
    # At first the file has the panel itself, which says in plain text that it is unfinished.
    lab.until(lambda: "Unfinished" in (text := str(glm_outputs(lab))) and WIDGET not in text, 15)
    (output,) = glm_outputs(lab)
    assert WIDGET not in output["data"]
    do(lab, 1, "notebook:move-cell-down")
    lab.cell(2).locator("table.glm-lanes").wait_for()
    (output,) = glm_outputs(lab)
    assert "".join(output["data"]["text/html"]).count(LAST_WORDS) == 2
    assert "Unfinished" not in str(output)
    assert widget_state(lab)["application/vnd.jupyter.widget-state+json"]["state"] == {}


def test_a_failure_without_text_leaves_nothing_in_a_cell_that_was_moved(
    lab: Lab, model_server: ModelServer
) -> None:
    model_server.tell(Script(head_pause_s=3, refusal=Failure(400, "1210", "refused")))
    lab.open([setup_cell(model_server), "%%glm -p zai\nwhy?", "print('below')"])
    lab.run(0)
    lab.run(1, wait=False)
    lab.wait_phase(1, "waiting")
    do(lab, 1, "notebook:move-cell-down")
    lab.wait_done(2)
    lab.until(lambda: lab.panel(2).count() == 0)
    assert all(output["data"] == {} for output in glm_outputs(lab))


def test_a_cell_that_is_out_of_sight_and_not_drawn_gets_its_reply(lab: Lab) -> None:
    start(lab, "show_meanwhile(rate=150)", *["#md" + "far below\n\n" * 40] * 30)
    lab.page.evaluate(
        f"() => {{ const {{ content }} = {CURRENT};"
        " content.notebookConfig = { ...content.notebookConfig, windowingMode: 'full' };"
        " content.activeCellIndex = 31; return content.scrollToItem(31) }"
    )
    drawn = f"() => {CURRENT}.content.widgets[1].node.offsetParent !== null"
    lab.until(lambda: not lab.page.evaluate(drawn))
    do(lab, 1, "notebook:copy-cell")
    do(lab, 31, "notebook:paste-cell-below")
    lab.until(lambda: not lab.page.evaluate(drawn))
    wait_whole(lab, 2)
