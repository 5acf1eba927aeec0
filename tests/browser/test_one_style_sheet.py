"""One reply carries style and player for all; when it is removed, the others stay as they were."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.servers.model_server import ModelServer
from tests.servers.script import Script

from .lab import Lab
from .test_magic import setup_cell
from .test_session import do

pytestmark = [pytest.mark.browser, pytest.mark.timeout(240)]

SLOW = Script(reasoning="Let me see. " * 30, answer="It is **so**. " * 60, pause_s=0.012)
"""It takes more than two seconds, so its page has a player."""


def pages(lab: Lab) -> list[str]:
    """Save, and return the HTML of every reply in the file."""
    return [
        "".join(output["data"].get("text/html", ""))
        for cell in lab.saved()["cells"]
        for output in cell.get("outputs", [])
        if "glm_magic" in output.get("metadata", {})
    ]


def sheets(lab: Lab) -> list[bool]:
    """Return which replies of the file carry the style sheet."""
    return ["<style>" in page for page in pages(lab)]


def look(lab: Lab, cell: int) -> list[Any]:
    """Return how a reply looks: what only the style sheet and the player's script give it."""
    return list(
        lab.panel(cell).evaluate(
            "(node) => { const head = getComputedStyle(node.querySelector('.glm-h'));"
            " return [head.minHeight, getComputedStyle(node).fontFamily,"
            " !!node.querySelector('.glm-pl')] }"
        )
    )


@pytest.mark.parametrize("how", ["notebook:delete-cell", "notebook:clear-cell-output"])
def test_the_others_stay_whole_when_the_first_is_removed(
    lab: Lab, model_server: ModelServer, how: str
) -> None:
    model_server.tell(SLOW)
    lab.open([setup_cell(model_server), *[f"%%glm -p zai --think\nprompt {n}" for n in range(3)]])
    lab.run(0)
    for cell in (1, 2, 3):
        lab.run(cell)
        lab.wait_idle()
        lab.wait_static(cell)
    assert sheets(lab) == [True, False, False]
    before = look(lab, 2)
    assert before[2], "there is a player to be lost"
    do(lab, 1, how)
    lab.until(lambda: sheets(lab) == [True, False])
    second = 1 if how == "notebook:delete-cell" else 2
    assert look(lab, second) == before
    assert look(lab, second + 1) == before
    lab.page.evaluate(
        "async () => { await window.jupyterapp.shell.currentWidget.sessionContext.shutdown() }"
    )
    lab.page.reload()
    lab.panel(second + 1).wait_for()
    lab.until(lambda: look(lab, second) == before and look(lab, second + 1) == before)


def test_the_next_reply_brings_back_what_was_removed_without_a_kernel(
    lab: Lab, model_server: ModelServer
) -> None:
    model_server.tell(SLOW)
    lab.open([setup_cell(model_server), *[f"%%glm -p zai --think\nprompt {n}" for n in range(3)]])
    for cell in (0, 1, 2):
        lab.run(cell)
        lab.wait_idle()
    lab.wait_static(2)
    notebook = lab.saved()
    notebook["cells"][1]["outputs"] = []
    path = lab.notebooks / "removed.ipynb"
    path.write_text(json.dumps(notebook), encoding="utf-8")
    lab.open(path.name)
    assert sheets(lab) == [False]
    for cell in (0, 3):
        lab.run(cell)
        lab.wait_idle()
    lab.wait_static(3)
    assert any(sheets(lab))
    assert look(lab, 2)[:2] == look(lab, 3)[:2]


def test_a_sheet_that_the_panels_brought_is_not_put_in_again(
    lab: Lab, model_server: ModelServer
) -> None:
    """For each new one the browser works out anew how the notebook looks."""
    model_server.tell(Script(answer="fine"))
    compare = "%%glm -p zai --compare think=on,off\na"
    lab.open([setup_cell(model_server), "%%glm -p zai\na", compare])
    for cell in (0, 1, 2):
        lab.run(cell)
        lab.wait_idle()
    lab.wait_static(1)
    lab.wait_static(2)
    in_page = "(node) => node.querySelectorAll(':scope > style').length"
    first, lanes = lab.panel(1), lab.panel(2)
    assert sheets(lab)[0], "the file has it"
    assert first.evaluate(in_page) == 0
    assert lanes.evaluate(in_page) == 1, "a comparison has more in its sheet than panels bring"
    before = look(lab, 1)
    lab.reload()
    first.wait_for()
    assert first.evaluate(in_page) == 1
    lab.until(lambda: look(lab, 1) == before)


def test_running_the_first_again_leaves_one_sheet(lab: Lab, model_server: ModelServer) -> None:
    model_server.tell(Script(answer="fine"))
    lab.open([setup_cell(model_server), "%%glm -p zai\na", "%%glm -p zai\nb"])
    for cell in (0, 1, 2, 1):
        lab.run(cell)
        lab.wait_idle()
    lab.wait_static(1)
    lab.until(lambda: sorted(sheets(lab)) == [False, True])
