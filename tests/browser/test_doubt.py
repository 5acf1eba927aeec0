"""Doubt and votes in a real JupyterLab: shown, reached by keyboard, and still there untrusted."""

from __future__ import annotations

import re

import pytest

from tests.servers.model_server import ModelServer
from tests.servers.script import Script

from .lab import Lab

pytestmark = [pytest.mark.browser, pytest.mark.timeout(180)]

REPLY = Script(
    answer=("The", " sky", " scatters", " short", " waves", " more", " than", " long", " ones."),
    reasoning=("Rayleigh", ":", " short", " waves", " scatter", " more", "."),
)
ASK = "%%glm -p vllm -m glm-4.6 {}\nWhy is the sky blue?"


def setup(server: ModelServer) -> str:
    return f"%load_ext glm_magic\n%env GLM_BASE_URL={server.url}/v1"


def test_doubt_is_below_the_reply_and_answers_to_the_keyboard(
    lab: Lab, model_server: ModelServer
) -> None:
    model_server.tell(REPLY)
    lab.open([setup(model_server), ASK.format("--logprobs 3"), ASK.format("")])
    for index in range(3):
        lab.run(index)
    lab.wait_static(1)
    view = lab.cell(1).locator(".glm-doubt")
    view.wait_for()
    assert lab.cell(2).locator(".glm-doubt").count() == 0
    assert view.get_attribute("open") is None
    view.locator("summary").click()
    texts = [part.inner_text() for part in view.locator(".glm-dt").all()]
    assert texts == ["Rayleigh: short waves scatter more.",
                     "The sky scatters short waves more than long ones."]  # fmt: skip
    first = view.locator(".glm-dt [title]").first
    assert first.get_attribute("title") == "61% · <b>or</b> 29% · ␀ 8%"
    view.locator("summary").focus()
    lab.page.keyboard.press("Tab")
    assert first.evaluate("(node) => node === document.activeElement")
    shown = first.evaluate("(node) => getComputedStyle(node, '::after').content")
    assert shown == '"61% · <b>or</b> 29% · ␀ 8%"'
    lab.reopen_untrusted()
    again = lab.cell(1).locator("details", has_text="Doubt").last
    again.evaluate("(node) => (node.open = true)")
    marks = again.locator("u[title], b[title], mark[title]")
    assert marks.count() > 5
    assert re.match(r"\d+% · ", marks.first.get_attribute("title") or "")


def test_votes_are_bars_that_open_to_their_thoughts(lab: Lab, model_server: ModelServer) -> None:
    model_server.tell(Script("391", reasoning="Add the products."), Script("401"),
                      Script("391.0", reasoning="Add the products."))  # fmt: skip
    lab.open([setup(model_server), ASK.format("--samples 6 -o votes"), "votes.vote"])
    for index in range(3):
        lab.run(index)
    bars = lab.cell(1).locator(".glm-v1")
    bars.first.wait_for()
    assert bars.count() == 2
    assert "5 · 83 %" in bars.first.inner_text()
    bars.first.locator("> summary").click()
    thought = bars.first.locator(".glm-v2").first
    thought.locator("summary").click()
    assert "Add the products." in thought.locator("div").inner_text()
    assert ": 5," in lab.text(2)


def test_it_grows_while_the_reply_streams_and_stays_as_it_was_left(
    lab: Lab, model_server: ModelServer
) -> None:
    words = tuple(f" word{n}" for n in range(400))
    model_server.tell(Script(answer=words, pause_s=0.02))
    lab.open([setup(model_server), ASK.format("--logprobs 3")])
    lab.run(0)
    lab.run(1, wait=False)
    view = lab.cell(1).locator(".glm-live .glm-doubt")
    view.wait_for()
    view.locator("summary").click()
    text = view.locator(".glm-dt")
    seen = text.inner_text()
    assert seen.split()[:2] == ["word0", "word1"]
    answer = lab.cell(1).locator(".glm-live .glm-a").bounding_box()
    assert answer["width"] > 800, "there is no reasoning beside it"
    lab.until(lambda: text.inner_text() != seen)
    assert view.get_attribute("open") is not None
    lab.wait_static(1)
    saved = lab.cell(1).locator(".glm-doubt").last
    assert saved.get_attribute("open") is not None
    assert saved.locator(".glm-dt").inner_text().split() == "".join(words).split()
