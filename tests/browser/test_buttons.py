"""What a user can press on a panel besides Stop: live, and in the page that stays."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.servers.model_server import ModelServer
from tests.servers.script import Script

from .lab import Lab
from .scripts import SETUP
from .test_magic import setup_cell

pytestmark = [pytest.mark.browser, pytest.mark.timeout(180)]

HELD = "options=ViewOptions(language='en', hold='answer')"


def clipboard(lab: Lab) -> str:
    return str(lab.page.evaluate("() => navigator.clipboard.readText()"))


def test_a_held_answer_waits_for_its_button_also_in_the_saved_page(lab: Lab) -> None:
    lab.open([SETUP, f"show(rate=300, {HELD})", f"show(rate=4000, {HELD})"])
    lab.run(0)
    lab.run(1, wait=False)
    lab.wait_phase(1, "answering")
    assert "Mean waiting" not in lab.text(1)
    lab.panel(1).locator(".glm-reveal").click()
    assert "Mean waiting" in lab.text(1)
    lab.wait_static(1)
    assert "Mean waiting" in lab.text(1), "what was shown stays shown"
    lab.run(2)
    lab.wait_static(2)
    assert "Mean waiting" not in lab.text(2)
    lab.panel(2).locator(".glm-o > summary").press("Enter")
    assert "Mean waiting" in lab.text(2)
    lab.reopen_untrusted()
    assert "Mean waiting" not in lab.text(2)
    lab.panel(2).locator("summary", has_text="Show the answer").click()
    assert "Mean waiting" in lab.text(2)


def test_each_block_of_code_is_copied_by_its_own_button(lab: Lab) -> None:
    lab.page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    code = "'```python\\nx = 1\\n```\\n\\n```\\ny < 2\\n```'"
    lab.open([SETUP, f"show(rate=4000, view=Kept, answer={code})", f"show(answer={code})"])
    lab.run(0)
    for cell in (1, 2):
        lab.run(cell)
        if cell == 2:
            lab.wait_static(2)
        lab.wait_phase(cell, "complete")
        for place, expected in ((1, "y < 2\n"), (0, "x = 1\n")):
            lab.panel(cell).locator("pre").nth(place).hover()
            lab.panel(cell).locator(".glm-a .glm-c").nth(place).click()
            lab.until(lambda copied=expected: clipboard(lab) == copied)  # type: ignore[misc]
    lab.reopen_untrusted()
    assert lab.page.locator(".glm-c:visible").count() == 0, "no button that does nothing"


def test_thinking_is_cut_short_and_both_calls_are_counted(
    lab: Lab, model_server: ModelServer
) -> None:
    model_server.tell(Script(reasoning="I could go on and on. " * 80, answer="Four.", pause_s=0.05))
    lab.open([setup_cell(model_server), "%%glm -p zai -m glm-4.6 --think\nWhat is 2+2?"])
    lab.run(0)
    lab.run(1, wait=False)
    lab.wait_phase(1, "thinking")
    lab.panel(1).locator(".glm-now").click()
    lab.wait_static(1)
    text = lab.text(1)
    assert "Four." in text
    assert "cut short" in text
    first, second = model_server.requests
    assert first.hung_up.wait(10)
    assert second.json["thinking"] == {"type": "disabled"}
    (output,) = lab.outputs(1)
    assert output["metadata"]["glm_magic"]["steps"] == 2


@pytest.mark.parametrize("width", [1400, 520])
def test_stop_stays_under_the_hand_while_the_reply_goes_on(
    new_lab: Callable[..., Lab], model_server: ModelServer, width: int
) -> None:
    lab = new_lab(width)
    thought = Script(reasoning="Let me see. " * 60, answer="word " * 2000, pause_s=0.02)
    model_server.tell(thought)
    lab.open([setup_cell(model_server), "%%glm -p zai -m glm-4.6 --think\ntell me"])
    lab.run(0)
    lab.run(1, wait=False)
    lab.wait_phase(1, "thinking")
    place = "(button) => JSON.stringify(button.getBoundingClientRect())"
    before = lab.panel(1).locator(".glm-stop").evaluate(place)
    lab.panel(1).locator(".glm-stop").hover()
    lab.page.mouse.down()
    lab.wait_phase(1, "answering")
    lab.until(lambda: lab.panel(1).locator(".glm-copy").is_enabled())
    assert lab.panel(1).locator(".glm-stop").evaluate(place) == before
    lab.page.mouse.up()
    lab.wait_static(1)
    assert "interrupted" in lab.text(1)


def test_every_button_that_is_seen_says_what_it_does(lab: Lab) -> None:
    lab.open([SETUP, "show(rate=60, view=Kept)"])
    lab.run(0)
    lab.run(1, wait=False)
    for phase in ("thinking", "answering", "complete"):
        lab.wait_phase(1, phase)
        buttons = lab.panel(1).locator("button:visible")
        seen = buttons.evaluate_all("(all) => all.map((one) => one.innerText || one.title)")
        assert seen, phase
        assert all(seen), phase


def test_movement_and_paper_are_respected(lab: Lab) -> None:
    lab.open([SETUP, "show(rate=40)"])
    lab.run(0)
    lab.run(1, wait=False)
    lab.wait_phase(1, "thinking")
    # In one step: the header is written anew with each tick of its clock.
    moves = "() => getComputedStyle(document.querySelector('.glm-live .glm-dot')).animationName"
    buttons = lab.panel(1).locator(".glm-buttons")
    assert lab.page.evaluate(moves) == "glm-pulse"
    lab.page.emulate_media(reduced_motion="reduce")
    assert lab.page.evaluate(moves) == "none"
    lab.page.emulate_media(media="print")
    assert buttons.evaluate("(node) => getComputedStyle(node).display") == "none"
    lab.page.emulate_media(media="screen")
    lab.click_stop(1)
    lab.wait_static(1)


def test_a_reply_that_grew_long_is_whole_and_reads_from_its_end_to_its_start(lab: Lab) -> None:
    many = "answer='\\n\\n'.join(f'Paragraph {n} of many.' for n in range(120))"
    lab.open([SETUP, f"show(rate=900, view=Kept, reasoning='so', {many})"])
    lab.run(0)
    lab.run(1)
    lab.wait_phase(1, "complete")
    answer = lab.panel(1).locator(".glm-a")
    assert answer.locator(".glm-sealed").count() >= 5
    shown = str(answer.text_content())
    places = [shown.index(f"Paragraph {n} of") for n in range(120)]
    assert places == sorted(places)
    assert shown.count("Paragraph") == 120
