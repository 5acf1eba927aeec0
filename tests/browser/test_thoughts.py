"""The pencil in a panel's reasoning: a sentence is changed, and the model thinks on from there."""

from __future__ import annotations

import pytest

from tests.servers.model_server import ModelServer
from tests.servers.script import Script

from .lab import Lab

THOUGHT = (
    "The user asks whether 51 is prime. It is odd.\n\nThe digits add up to 6. "
    "Hmm, that means nothing to me.\n\n1. It is odd.\n2. It is not in the table of 5.\n\n"
    "So it is **prime**."
)
FIRST = Script(reasoning=THOUGHT, answer="Yes, 51 is **prime**.", pause_s=0.01)
SECOND = Script(
    reasoning=" So 51 is divisible by 3.\n\nIt is not prime.",
    answer="No, 51 is 3 × 17.",
    pause_s=0.02,
)
PENCIL, LIST, PEN = ".glm-pencil", ".glm-sentences", ".glm-sentences > li"


def cells(server: ModelServer, *cells: str) -> list[str]:
    setting = {"GLM_PROVIDER": "llamacpp", "GLM_BASE_URL": f"{server.url}/v1"}
    return [f"import os\nos.environ.update({setting})\n%load_ext glm_magic", *cells]


@pytest.fixture
def server():
    with ModelServer("llamacpp") as server:
        server.tell(FIRST)
        yield server


def open_sentences(lab: Lab, cell: int) -> None:
    if not lab.panel(cell).locator(PENCIL).is_visible():
        lab.click_toggle(cell)
    lab.panel(cell).locator(PENCIL).click()
    lab.panel(cell).locator(LIST).wait_for()


def test_a_sentence_is_changed_and_what_comes_stands_beside_what_was(
    lab: Lab, server: ModelServer
) -> None:
    lab.open(cells(server, "%%glm\nIs 51 prime?"))
    lab.run(0)
    lab.run(1)
    lab.wait_static(1)
    open_sentences(lab, 1)
    panel = lab.panel(1)
    rows = panel.locator(PEN)
    assert rows.count() == 7
    assert rows.nth(3).locator("span").inner_text() == "Hmm, that means nothing to me."
    rows.nth(3).locator("button").click()
    area = panel.locator("textarea")
    assert area.input_value() == "Hmm, that means nothing to me."
    assert panel.locator(".glm-gone-by").count() == 3
    area.press("Escape")
    assert panel.locator("textarea").count() == 0
    rows.nth(3).locator("button").click()
    panel.locator("textarea").fill("So it is a multiple of 3.")
    server.tell(SECOND)
    panel.locator(".glm-think-on").click()
    lab.until(lambda: len(server.requests) == 2)
    sent = server.last.json["messages"][-1]["reasoning_content"]
    assert sent.endswith("The digits add up to 6. So it is a multiple of 3.")
    lab.until(lambda: "3 × 17" in lab.text(1))
    lab.wait_static(1)
    text = lab.text(1)
    for words in ("kept", "changed to", "So it is a multiple of 3.", "before", "It is not prime."):
        assert words in text
    assert "run 2/2" in text
    assert "3 × 17" in text
    outputs = lab.saved()["cells"][1]["outputs"]
    assert len(outputs) == 1
    assert "So it is a multiple of 3." in "".join(outputs[0]["data"]["text/html"])
    assert "application/vnd.jupyter.widget-view+json" not in outputs[0]["data"]
    panel = lab.panel(1)
    panel.locator(".glm-go").first.click()  # back to the first run
    lab.until(lambda: "changed to" not in lab.text(1))
    assert not [line for line in lab.console if "page error" in line]


def test_a_page_that_is_loaded_again_shows_the_new_run_alone(lab: Lab, server: ModelServer) -> None:
    lab.open(cells(server, "%%glm\nIs 51 prime?"))
    lab.run(0)
    lab.run(1)
    lab.wait_static(1)
    open_sentences(lab, 1)
    lab.panel(1).locator(PEN).nth(1).locator("button").click()
    server.tell(SECOND)
    lab.panel(1).locator(".glm-think-on").click()
    lab.until(lambda: "3 × 17" in lab.text(1))
    lab.wait_static(1)
    lab.reload()  # without having been saved
    lab.until(lambda: "run 2/2" in lab.text(1))
    assert lab.panel(1).count() == 1


def test_what_cannot_be_done_is_said_where_it_was_asked_for(lab: Lab, server: ModelServer) -> None:
    lab.open(cells(server, "%%glm\nIs 51 prime?", "%glm drop 1"))
    for number in range(3):
        lab.run(number)
    open_sentences(lab, 1)
    panel = lab.panel(1)
    panel.locator(PEN).nth(0).locator("button").click()
    panel.locator(".glm-think-on").click()
    panel.locator(".glm-refused").wait_for()
    assert "no longer part of the session" in panel.locator(".glm-refused").inner_text()
    assert panel.locator(".glm-think-on").is_enabled()
    assert len(server.requests) == 1


def test_a_thought_that_goes_on_can_be_stopped(lab: Lab, server: ModelServer) -> None:
    lab.open(cells(server, "%%glm\nIs 51 prime?"))
    lab.run(0)
    lab.run(1)
    lab.wait_static(1)
    server.tell(Script(reasoning=THOUGHT, answer="late", stall_after=3))
    open_sentences(lab, 1)
    panel = lab.panel(1)
    panel.locator(PEN).nth(0).locator("button").click()
    panel.locator(".glm-think-on").click()
    lab.wait_phase(1, "thinking")
    lab.click_stop(1)
    lab.wait_static(1)
    assert "interrupted" in lab.text(1)


def test_the_keyboard_alone_is_enough(lab: Lab, server: ModelServer) -> None:
    lab.open(cells(server, "%%glm --show-thinking open\nIs 51 prime?"))
    lab.run(0)
    lab.run(1)
    lab.wait_static(1)
    panel = lab.panel(1)
    panel.locator(PENCIL).focus()
    lab.page.keyboard.press("Enter")
    panel.locator(LIST).wait_for()
    panel.locator(".glm-pen").nth(1).focus()
    lab.page.keyboard.press("Enter")
    lab.page.keyboard.press("Control+a")
    lab.page.keyboard.type("It is 3 times 17. b a x")  # keys that mean something to a notebook
    server.tell(SECOND)
    lab.page.keyboard.press("Control+Enter")
    lab.until(lambda: len(server.requests) == 2)
    sent = server.last.json["messages"][-1]["reasoning_content"]
    assert sent == "The user asks whether 51 is prime. It is 3 times 17. b a x"
    lab.wait_static(1)


def test_a_page_without_its_kernel_has_no_pencil(lab: Lab, server: ModelServer) -> None:
    lab.open(cells(server, "%%glm --show-thinking open\nIs 51 prime?"))
    lab.run(0)
    lab.run(1)
    lab.wait_static(1)
    assert lab.panel(1).locator(PENCIL).is_visible()
    lab.reopen_untrusted()
    assert lab.panel(1).locator(PENCIL).count() == 0 or not (
        lab.panel(1).locator(PENCIL).is_visible()
    )
