"""What is there when a panel has given its place to the page that stays."""

from __future__ import annotations

import pytest

from .lab import Lab
from .scripts import SETUP
from .test_player import replayed

pytestmark = [pytest.mark.browser, pytest.mark.timeout(180)]

ACTIVE = "() => window.jupyterapp.shell.currentWidget.content.activeCellIndex"


def test_after_stop_the_keyboard_goes_on_at_the_cell(lab: Lab) -> None:
    lab.open([SETUP, "show(rate=60)", "print('below')"])
    lab.run(0)
    lab.run(1, wait=False)
    lab.wait_phase(1, "thinking")
    lab.panel(1).locator(".glm-stop").focus()
    lab.page.keyboard.press("Enter")
    lab.wait_static(1)
    lab.wait_idle()
    before = lab.page.evaluate(ACTIVE)
    lab.page.keyboard.press("ArrowUp")
    lab.until(lambda: lab.page.evaluate(ACTIVE) == before - 1)


def test_panels_that_are_gone_leave_nothing_in_memory(lab: Lab) -> None:
    lab.open([SETUP, *["show(rate=9000)"] * 4])
    lab.run(0)
    client = lab.page.context.new_cdp_session(lab.page)

    def panels() -> int:
        client.send(
            "Runtime.releaseObjectGroup", {"objectGroup": "looked"}
        )  # what we hold ourselves
        for _ in range(3):
            client.send("HeapProfiler.collectGarbage")
        prototype = client.send("Runtime.evaluate", {"expression": "HTMLDivElement.prototype"})
        completion = client.send(
            "Runtime.queryObjects",
            {"prototypeObjectId": prototype["result"]["objectId"], "objectGroup": "looked"},
        )
        count = client.send(
            "Runtime.callFunctionOn",
            {
                "objectId": completion["objects"]["objectId"],
                "functionDeclaration": "function () { return this.filter((node) =>"
                " node.classList.contains('glm') && !node.isConnected).length }",
                "returnByValue": True,
            },
        )
        return int(count["result"]["value"])

    for cell in range(1, 5):
        lab.run(cell)
        lab.wait_static(cell)
    lab.page.evaluate(
        "() => window.jupyterapp.commands.execute('notebook:clear-all-cell-outputs').then(() => 0)"
    )
    lab.until(lambda: panels() <= 1)  # the browser itself may hold the one it showed last


def test_reasoning_that_is_being_read_stays_open(lab: Lab) -> None:
    lab.open([SETUP, "show(rate=400, reasoning=REASONING * 4)"])
    lab.run(0)
    lab.run(1, wait=False)
    lab.wait_phase(1, "thinking")
    scroller = lab.panel(1).locator(".glm-t")
    lab.until(lambda: scroller.evaluate("(node) => node.scrollTop") > 200)
    scroller.hover()
    lab.page.mouse.wheel(0, -150)
    lab.wait_static(1)
    assert lab.panel(1).locator("details.glm-r").get_attribute("open") is not None


def test_the_position_is_chosen_by_keyboard_and_the_cell_stays(lab: Lab) -> None:
    panel = replayed(lab, "--think")
    panel.locator(".glm-y > summary").click()
    before = lab.page.evaluate(ACTIVE)
    slider = panel.locator(".glm-pl input")
    slider.focus()
    end = float(slider.input_value())
    for _ in range(5):
        lab.page.keyboard.press("ArrowLeft")
    assert float(slider.input_value()) == pytest.approx(end * 0.95, rel=0.01)
    lab.page.keyboard.press("ArrowUp")
    assert lab.page.evaluate(ACTIVE) == before


@pytest.mark.parametrize("held", ["answer", "thinking"])
def test_playing_shows_nothing_that_is_held_back(lab: Lab, held: str) -> None:
    panel = replayed(lab, f"--think --hold {held}")
    hidden = panel.locator(".glm-o" if held == "answer" else ".glm-r")
    button = hidden.locator("summary").first
    words = button.inner_text()
    panel.locator(".glm-y > summary").click()
    panel.locator(".glm-pl button").first.click()
    lab.page.wait_for_timeout(600)
    assert hidden.get_attribute("open") is None
    assert button.is_visible()
    assert button.inner_text() == words


def test_each_lane_is_wide_enough_and_a_table_in_it_reads_as_words(lab: Lab) -> None:
    table = "| city | people who live there |\\n|---|---|\\n| Ulm | onehundredthousand |"
    code = (
        "from IPython.display import HTML\n"
        "from glm_magic.views.saved.compare_page import compare_bundle\n"
        f"turns = [turn_of('{table}', 'so')] * 6\n"
        "html = compare_bundle([f'lane {n}' for n in range(6)], turns, ViewOptions())[0]\n"
        "HTML(html['text/html'])"
    )
    lab.open([SETUP, code])
    lab.resize(700)
    lab.run(0)
    lab.run(1)
    cells = lab.cell(1).locator("table.glm-lanes > thead th")
    cells.nth(1).wait_for()
    widths = [cell.bounding_box()["width"] for cell in cells.all()[1:]]  # type: ignore[index]
    assert min(widths) > 140
    inner = lab.cell(1).locator(".glm-lanes .glm-a table td").nth(1)
    assert inner.bounding_box()["height"] < 60, "no letter below the other"  # type: ignore[index]
