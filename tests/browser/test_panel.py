"""The live panel in a real JupyterLab: streaming, stopping, reloading, and what it leaves."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

from .lab import Lab
from .scripts import SETUP

if TYPE_CHECKING:
    from playwright.sync_api import Locator

pytestmark = [pytest.mark.browser, pytest.mark.timeout(180)]


def html_of(lab: Lab, index: int) -> str:
    (output,) = lab.outputs(index)
    return "".join(output["data"]["text/html"])


def errors(lab: Lab) -> list[str]:
    return [line for line in lab.console if "page error" in line or "anywidget" in line.lower()]


def test_a_reply_streams_and_ends_as_one_static_output(lab: Lab) -> None:
    lab.open([SETUP, "show()"])
    lab.run(0)
    lab.run(1, wait=False)
    lab.wait_phase(1, "thinking")
    assert lab.panel(1).locator("details.glm-r").get_attribute("open") is not None
    lab.wait_phase(1, "answering")
    assert lab.panel(1).locator("details.glm-r").get_attribute("open") is None
    lab.wait_done(1)
    lab.wait_static(1)
    (output,) = lab.outputs(1)
    assert set(output["data"]) == {"text/html", "text/markdown", "text/plain"}
    assert output["metadata"]["glm_magic"]["status"] == "complete"
    assert "Mean waiting time" in lab.text(1)
    assert errors(lab) == []


def test_no_widget_state_stays_in_the_file(lab: Lab) -> None:
    lab.open([SETUP, "show(rate=4000)"])
    lab.run(0)
    lab.run(1)
    lab.wait_static(1)
    notebook = lab.saved()
    assert "widgets" not in notebook["metadata"]
    (output,) = notebook["cells"][1]["outputs"]
    assert not any("widget" in kind for kind in output["data"])


def test_stop_ends_the_turn_at_once_and_the_queue_goes_on(lab: Lab) -> None:
    lab.open([SETUP, "show(rate=60)", "print('the next cell ran')"])
    lab.run(0)
    lab.run_all()
    lab.wait_phase(1, "thinking")
    began = time.monotonic()
    lab.click_stop(1)
    lab.wait_static(1)
    assert time.monotonic() - began < 2
    lab.wait_done(2)
    assert "the next cell ran" in lab.text(2)
    assert "interrupted" in lab.text(1)
    (output,) = lab.outputs(1)
    assert output["metadata"]["glm_magic"]["status"] == "interrupted"


def test_stop_interrupts_the_kernel_where_messages_do_not_arrive(lab: Lab) -> None:
    deaf = "class Deaf(PanelView):\n    def _stop(self): pass\n"
    lab.open([SETUP + deaf, "show(rate=60, view=Deaf)", "print('ran')"])
    lab.run(0)
    lab.run(1, wait=False)
    lab.run(2, wait=False)
    lab.wait_phase(1, "thinking")
    lab.click_stop(1)
    lab.wait_static(1)
    lab.wait_idle()
    assert "queued did not run" in lab.text(1)
    assert lab.outputs(2) == []


def test_an_interrupted_cell_shows_no_traceback(lab: Lab) -> None:
    lab.open([SETUP, "show(rate=60)"])
    lab.run(0)
    lab.run(1, wait=False)
    lab.wait_phase(1, "thinking")
    lab.interrupt()
    lab.wait_static(1)
    lab.wait_idle()
    assert "Traceback" not in lab.text(1)
    assert "interrupted" in lab.text(1)


def test_the_users_click_wins_for_good(lab: Lab) -> None:
    lab.open([SETUP, "show(rate=300)"])
    lab.run(0)
    lab.run(1, wait=False)
    lab.wait_phase(1, "answering")
    lab.click_toggle(1)
    lab.wait_done(1)
    lab.wait_static(1)
    assert "open><summary" in html_of(lab, 1)


def test_a_click_while_thinking_keeps_the_reasoning_open(lab: Lab) -> None:
    lab.open([SETUP, "show(rate=400)"])
    lab.run(0)
    lab.run(1, wait=False)
    lab.wait_phase(1, "thinking")
    lab.click_toggle(1)
    lab.click_toggle(1)
    lab.wait_phase(1, "answering")
    assert lab.panel(1).locator("details.glm-r").get_attribute("open") is not None


def test_the_reasoning_follows_the_stream_until_the_user_scrolls(lab: Lab) -> None:
    lab.open([SETUP, "show(rate=300, reasoning=REASONING * 8)"])
    lab.run(0)
    lab.run(1, wait=False)
    lab.wait_phase(1, "thinking")
    scroller = lab.panel(1).locator(".glm-t")
    gap = "(node) => node.scrollHeight - node.scrollTop - node.clientHeight"
    for height in (400, 500, 600):  # it follows with the frame after the text
        lab.until(lambda: scroller.evaluate("(node) => node.scrollHeight") > height)  # noqa: B023
        lab.until(lambda: scroller.evaluate(gap) < 3)
    scroller.hover()
    lab.page.mouse.wheel(0, -150)
    lab.until(lambda: scroller.evaluate(gap) > 200)  # it goes on growing below
    scroller.evaluate("(node) => { node.scrollTop = node.scrollHeight }")
    before = scroller.evaluate("(node) => node.scrollHeight")
    lab.until(lambda: scroller.evaluate("(node) => node.scrollHeight") > before + 100)
    lab.until(lambda: scroller.evaluate(gap) < 3)


def test_a_page_reloaded_while_the_cell_runs_shows_the_whole_reply(lab: Lab) -> None:
    # JupyterLab restores no widget before the kernel is free again; then it shows the model.
    lab.open([SETUP, "show(rate=250)"])
    lab.run(0)
    lab.run(1, wait=False)
    lab.wait_phase(1, "thinking")
    lab.save()
    lab.reload()
    lab.wait_phase(1, "complete")
    text = lab.panel(1).first.inner_text()
    assert "simulation to check it" in text
    assert "187 tok/s" in text


def test_a_page_reloaded_during_a_turn_in_the_background_goes_on(lab: Lab) -> None:
    lab.open([SETUP, "show_meanwhile(rate=150)"])
    lab.run(0)
    lab.run(1)
    lab.wait_phase(1, "thinking")
    lab.save()
    lab.reload()
    lab.wait_phase(1, "answering")
    reasoning = lab.panel(1).locator(".glm-t").text_content() or ""
    assert reasoning.startswith("The user asks")
    assert "也要注意单位" in reasoning
    lab.wait_phase(1, "complete")
    assert "simulation to check it" in lab.panel(1).first.inner_text()
    assert errors(lab) == []


def test_a_turn_in_the_background_ends_as_one_static_output(lab: Lab) -> None:
    lab.open([SETUP, "show_meanwhile(rate=600)", "import time; time.sleep(2)"])
    lab.run(0)
    lab.run(1)
    lab.run(2, wait=False)
    lab.wait_static(1)
    (output,) = lab.outputs(1)
    assert output["metadata"]["glm_magic"]["status"] == "complete"
    assert lab.outputs(2) == []


def test_a_file_saved_meanwhile_says_so_in_plain_text(lab: Lab) -> None:
    lab.open([SETUP, "show_meanwhile(rate=100)"])
    lab.run(0)
    lab.run(1)
    lab.wait_phase(1, "thinking")
    (output,) = lab.outputs(1)
    assert "still arriving" in output["data"]["text/plain"]


def test_two_views_of_one_panel_stay_alike(lab: Lab) -> None:
    twice = (
        "from IPython.display import display\n"
        "class Twice(Kept):\n"
        "    def start(self, turn, on_stop):\n"
        "        super().start(turn, on_stop)\n"
        "        display(self._widget)\n"
    )
    lab.open([SETUP + twice, "show(rate=2000, view=Twice)"])
    lab.run(0)
    lab.run(1)
    panels = lab.panel(1)
    panels.nth(1).wait_for()
    lab.until(lambda: all("simulation to check it" in text for text in panels.all_inner_texts()))
    first, second = panels.all()
    assert first.locator(".glm-a").inner_text() == second.locator(".glm-a").inner_text()


def test_lost_messages_are_healed(lab: Lab) -> None:
    lossy = (
        "class Lossy(Kept):\n"
        "    sent = 0\n"
        "    def _send(self, message):\n"
        "        Lossy.sent += 1\n"
        "        if Lossy.sent % 3: super()._send(message)\n"
        "    def finish(self, turn): self.paint(turn)\n"
    )
    text = "Emoji 😀😀 and **bold** 👩‍🚀.\\n\\n" * 30
    lab.open([SETUP + lossy, f"show(rate=600, view=Lossy, answer='{text}', reasoning='so')"])
    lab.run(0)
    lab.run(1, wait=False)
    lab.wait_phase(1, "answering")

    def lines() -> list[str]:
        shown = lab.panel(1).locator(".glm-a").inner_text()
        return [line for line in shown.splitlines() if line.strip()]

    lab.until(lambda: len(lines()) > 10)
    whole = lines()
    assert set(whole[:-1]) == {"Emoji 😀😀 and bold 👩‍🚀."}
    assert errors(lab) == []


STAYS = """
class Stays(PanelView):
    "A panel whose page is made, and does not take its place."
    def _publish_end(self, data, metadata, update):
        self._copy._page = (data, metadata)
        self._copy._send_page()
"""
MANY = "'\\n\\n'.join(f'Paragraph {n} of many.' for n in range(240))"
PARAGRAPH = re.compile(r"Paragraph (\d+) of many")


def let_stay(lab: Lab, texts: str) -> Locator:
    """Let a reply stream into the third cell; return its panel, which stays after its end."""
    # What the first panel of a page sends may wait for the end of its cell, and all is sent again.
    lab.open([SETUP + STAYS, "show(rate=4000)", f"show(rate=1800, view=Stays, {texts})"])
    for cell in range(3):
        lab.run(cell)
    lab.wait_phase(2, "complete")
    return lab.panel(2)


def read_all(lab: Lab, column: Locator) -> list[str]:
    """Scroll through a column, and return the numbers of the paragraphs that stand there."""
    read = ""
    for run in column.locator("> .glm-sealed").all():
        run.scroll_into_view_if_needed()
        lab.until(lambda run=run: run.inner_text() != "")  # type: ignore[misc]
        read += run.inner_text() + "\n"
    return PARAGRAPH.findall(read + column.locator("> .glm-tail").inner_text())


def test_a_panel_that_stays_after_its_end_is_whole_where_it_is_read(lab: Lab) -> None:
    answer = let_stay(lab, f"reasoning='so', answer={MANY}").locator(".glm-a")
    is_aside = "(runs) => runs.some((run) => !run.childElementCount)"
    lab.until(lambda: answer.locator("> .glm-sealed").evaluate_all(is_aside))
    assert read_all(lab, answer) == [str(n) for n in range(240)]


def test_a_thought_that_was_folded_away_is_whole_and_shown_from_its_beginning(lab: Lab) -> None:
    panel = let_stay(lab, f"reasoning={MANY}, answer='so ' * 2000")
    thought = panel.locator(".glm-t")
    is_aside = "(runs) => runs.every((run) => !run.childElementCount)"
    lab.until(lambda: thought.locator("> .glm-sealed").evaluate_all(is_aside))
    panel.locator("summary").click()
    lab.until(lambda: "Paragraph 0 of many" in thought.inner_text())
    assert thought.evaluate("(node) => node.scrollTop") == 0
    assert read_all(lab, thought) == [str(n) for n in range(240)]


def test_copy_gives_the_markdown(lab: Lab) -> None:
    lab.page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    lab.open([SETUP, "show(rate=4000, view=Kept)"])
    lab.run(0)
    lab.run(1)
    lab.wait_phase(1, "complete")
    lab.panel(1).locator(".glm-copy").click()
    copied = lab.page.evaluate("() => navigator.clipboard.readText()")
    assert copied.startswith(
        "## Mean waiting time\n\nThe gaps between arrivals are **exponential**"
    )
    assert "Copied" in lab.panel(1).locator(".glm-copy").inner_text()


def test_everything_can_be_reached_by_keyboard(lab: Lab) -> None:
    lab.open([SETUP, "show(rate=60)"])
    lab.run(0)
    lab.run(1, wait=False)
    lab.wait_phase(1, "thinking")
    summary = lab.panel(1).locator("summary")
    summary.focus()
    assert summary.get_attribute("aria-expanded") == "true"
    lab.page.keyboard.press("Enter")
    lab.until(lambda: summary.get_attribute("aria-expanded") == "false")
    lab.panel(1).locator(".glm-stop").focus()
    lab.page.keyboard.press("Enter")
    lab.wait_static(1)
    assert "interrupted" in lab.text(1)


def test_the_phase_is_announced_politely(lab: Lab) -> None:
    lab.open([SETUP, "show(rate=4000, view=Kept)"])
    lab.run(0)
    lab.run(1)
    lab.wait_phase(1, "complete")
    live = lab.panel(1).locator("[aria-live=polite]")
    assert live.text_content() == "complete"
    assert lab.panel(1).get_attribute("aria-label") == "Reply of glm-4.6"


def test_live_and_saved_say_the_same(lab: Lab) -> None:
    lab.open([SETUP, "show(rate=4000, view=Kept)", "show(rate=4000)"])
    lab.run(0)
    lab.run(1)
    lab.run(2)
    lab.wait_static(2)
    live, saved = lab.panel(1), lab.panel(2)
    for part in (".glm-a", ".glm-t"):
        ours, theirs = (panel.locator(part).locator("mjx-container") for panel in (live, saved))
        lab.until(lambda a=ours, b=theirs: 0 < a.count() == b.count())  # type: ignore[misc]
    words = "(node) => node.querySelector('.glm-a').textContent.replace(/\\s+/g, ' ').trim()"
    assert live.evaluate(words) == saved.evaluate(words)


def test_money_is_not_typeset(lab: Lab) -> None:
    lab.open([SETUP, "show(rate=4000, answer='It costs $5 and then $10.', reasoning='$3 or $4?')"])
    lab.run(0)
    lab.run(1)
    lab.wait_static(1)
    lab.page.wait_for_timeout(1500)
    assert "It costs $5 and then $10." in lab.text(1)
    assert lab.panel(1).locator("mjx-container").count() == 0


def test_an_untrusted_notebook_keeps_the_columns_and_every_word(lab: Lab) -> None:
    lab.open([SETUP, "show(rate=4000, options=ViewOptions(language='en', show_thinking='open'))"])
    lab.run(0)
    lab.run(1)
    lab.wait_static(1)
    lab.reopen_untrusted()
    panel = lab.panel(1)
    assert panel.locator("style").count() == 0
    answer, reasoning = (
        panel.locator(".glm-a").bounding_box(),
        panel.locator("details.glm-r").bounding_box(),
    )
    assert answer is not None
    assert reasoning is not None
    assert reasoning["x"] < answer["x"]
    assert abs(reasoning["y"] - answer["y"]) < 2
    text = panel.inner_text()
    assert "simulation to check it" in text
    assert "The user asks for the mean" in text
    assert "¥0.0031" in text


def test_a_narrow_page_puts_the_reasoning_above(new_lab: Callable[..., Lab]) -> None:
    lab = new_lab(620)
    lab.open([SETUP, "show(rate=4000, options=ViewOptions(language='en', show_thinking='open'))"])
    lab.run(0)
    lab.run(1)
    lab.wait_static(1)
    answer = lab.panel(1).locator(".glm-a").bounding_box()
    reasoning = lab.panel(1).locator("details.glm-r").bounding_box()
    assert answer is not None
    assert reasoning is not None
    assert reasoning["y"] + reasoning["height"] <= answer["y"] + 1


def test_an_answer_without_reasoning_streams_over_the_whole_width(lab: Lab) -> None:
    lab.open([SETUP, "show(rate=60, reasoning='')"])
    lab.run(0)
    lab.run(1, wait=False)
    lab.wait_phase(1, "answering")
    body = lab.panel(1).locator(".glm-b")
    width, room = body.evaluate("b => [b.querySelector('.glm-a').offsetWidth, b.clientWidth]")
    assert width > 0.95 * room


def test_the_panel_follows_the_theme(lab: Lab) -> None:
    lab.open([SETUP, "show(rate=4000)"])
    lab.run(0)
    lab.run(1)
    lab.wait_static(1)
    colour = "(node) => getComputedStyle(node).backgroundColor"
    light = lab.panel(1).evaluate(colour)
    lab.theme("dark")
    assert lab.panel(1).evaluate(colour) != light
    lab.theme("light")


def test_a_failed_turn_keeps_its_text(lab: Lab) -> None:
    failed = "show(rate=4000, answer='half an ans', status='failed', error='The line broke.')"
    lab.open([SETUP, failed])
    lab.run(0)
    lab.run(1)
    lab.wait_static(1)
    assert "The line broke." in lab.text(1)
    assert "half an ans" in lab.text(1)
    assert "failed" in lab.text(1)
