"""The player of a saved reply, in JupyterLab and a bare page; the lanes of a comparison."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import nbformat
import pytest
from nbconvert import HTMLExporter

from .lab import Lab

if TYPE_CHECKING:
    from playwright.sync_api import Locator

pytestmark = [pytest.mark.browser, pytest.mark.timeout(180)]

TAPE = """
import json
from datetime import UTC, datetime
from pathlib import Path
from glm_magic.wire.tape.matching import Chunk, Recording, RequestKey
from glm_magic.wire.tape.tape import Tape

def event(at_s, **delta):
    end = "stop" if delta.get("content", "").endswith("end.") else None
    choice = {"index": 0, "delta": delta, "finish_reason": end}
    return Chunk(at_s, b"data: " + json.dumps({"choices": [choice]}).encode() + b"\\n\\n")

def entry(thinking, words):
    more = "Wait, there is more to it than one would think at first."
    chunks = [event(.2 + .1 * n, reasoning_content=f"Thought {n}. {more}\\n\\n")
              for n in range(words if thinking else 0)]
    chunks += [event(.3 + .1 * (words if thinking else 0) + .1 * n, content=f"word{n} ")
               for n in range(words)]
    chunks.append(event(chunks[-1].at_s + .1, content="end."))
    key = RequestKey("zai", "glm-4.7", ({"role": "user", "content": "Why?"},),
                     {"thinking": {"type": "enabled" if thinking else "disabled"}})
    sent, end_s = datetime(2026, 11, 21, tzinfo=UTC), chunks[-1].at_s + .1
    return Recording(key, sent, 200, .1, tuple(chunks), "whole", end_s)

tape = Tape(Path("player.glmtape"))
tape.keep(entry(True, 12)); tape.keep(entry(False, 12))
%load_ext glm_magic
%glm replay player.glmtape
"""


def words_shown(panel) -> int:
    return panel.locator(".glm-a").inner_text().count("word")


def replayed(lab: Lab, options: str) -> Locator:
    """Replay a reply to its end, and return its panel."""
    lab.open([TAPE, f"%%glm {options}\nWhy?"])
    lab.run(0)
    lab.run(1)
    lab.wait_static(1)
    return lab.panel(1)


def test_a_finished_reply_plays_again_pauses_and_can_be_scrubbed(lab: Lab) -> None:
    panel = replayed(lab, "--think")
    assert "replayed, recorded on 2026-11-21" in lab.text(1)
    assert panel.locator(".glm-pl").is_hidden(), "it is behind the control in the header"
    panel.locator(".glm-y > summary").click()
    assert "% thinking" in panel.locator(".glm-y").inner_text()
    play, slider = panel.locator(".glm-pl button").first, panel.locator(".glm-pl input")
    assert words_shown(panel) == 12
    play.click()
    thoughts = panel.locator(".glm-t")
    lab.until(lambda: words_shown(panel) == 0 and "Thought 1" in thoughts.inner_text())
    play.click()
    paused = slider.input_value()
    lab.page.wait_for_timeout(400)
    assert slider.input_value() == paused
    slider.evaluate("(n) => { n.value = n.max * 0.75; n.dispatchEvent(new Event('input')) }")
    assert 0 < words_shown(panel) < 12
    panel.locator(".glm-pl button").nth(1).click()
    assert panel.locator(".glm-pl button").nth(1).inner_text() == "2×"
    play.click()
    lab.until(lambda: words_shown(panel) == 12)
    (output,) = lab.outputs(1)
    assert set(output["data"]) == {"text/html", "text/markdown", "text/plain"}


def test_the_reasoning_can_be_searched_and_jumped_in(lab: Lab) -> None:
    panel = replayed(lab, "--think --show-thinking open")
    panel.locator(".glm-se").fill("thought 1")
    assert panel.locator(".glm-se").get_attribute("title") == "3"  # 1, 10 and 11
    panel.locator(".glm-ol > summary").click()
    assert "12 marks of self-correction" in panel.locator(".glm-ol").inner_text()
    panel.locator(".glm-ol a").last.click()
    lab.until(lambda: panel.locator(".glm-t").evaluate("(node) => node.scrollTop") > 100)


def test_an_untrusted_file_shows_the_bar_and_no_dead_controls(lab: Lab) -> None:
    panel = replayed(lab, "--think")
    lab.reopen_untrusted()
    panel.locator(".glm-y > summary").click()
    assert "% thinking" in panel.locator(".glm-y").inner_text()
    assert panel.locator(".glm-pl").count() == 0
    assert panel.locator("button").count() == 0


def test_an_exported_page_plays_without_any_network(lab: Lab, tmp_path: Path) -> None:
    lab.open([TAPE, "%%glm --think\nWhy?", "%%glm --no-think --no-history\nWhy?"], "export.ipynb")
    lab.run(0)
    lab.run(1)
    lab.run(2)
    lab.wait_static(2)
    notebook = nbformat.reads(str_of(lab), as_version=4)
    page, _ = HTMLExporter(template_name="basic").from_notebook_node(notebook)
    file = tmp_path / "export.html"
    file.write_text(f"<!doctype html><meta charset=utf-8>{page}", encoding="utf-8")
    lab.page.context.set_offline(True)
    try:
        lab.page.goto(file.as_uri())
        long, short = (lab.page.locator(".glm").nth(number) for number in range(2))
        assert short.locator(".glm-y").count() == 0, "it took 1.7 s: there is nothing to watch"
        assert words_shown(short) == words_shown(long) == 12
        long.locator(".glm-y > summary").click()
        long.locator(".glm-pl button").first.click()
        lab.until(lambda: words_shown(long) < 12)
        lab.until(lambda: words_shown(long) == 12)
    finally:
        lab.page.context.set_offline(False)
        lab._name = ""  # the kernel is shut down with the server


def str_of(lab: Lab) -> str:
    import json

    return json.dumps(lab.saved())


def test_lanes_stream_side_by_side_and_end_as_one_table(lab: Lab) -> None:
    lab.open(
        [TAPE, "%%glm --speed 0.1 --compare think=on,off\nWhy?", "_glm.to_frame()[['status']]"]
    )
    lab.run(0)
    lab.run(1, wait=False)
    lanes = lab.cell(1).locator(".glm:has(.glm-buttons)")
    script = "lanes => lanes.map(lane => [lane.dataset.s, lane.getBoundingClientRect().toJSON()])"

    def stream_side_by_side() -> bool:
        seen = lanes.evaluate_all(script)  # at one moment, as a lane that ends has no buttons
        if [phase for phase, _ in seen] != ["thinking", "answering"]:
            return False
        left, right = (box for _, box in seen)  # the page lays them out a moment after it has them
        return left["x"] + left["width"] <= right["x"] + 1 and abs(left["y"] - right["y"]) < 2

    lab.until(stream_side_by_side)
    lab.wait_done(1)
    table = lab.cell(1).locator("table.glm-lanes")
    table.wait_for()
    rows = table.locator("tr")
    assert rows.first.inner_text().split() == ["Lane", "think=on", "think=off"]
    assert "Difference to think=on" in rows.last.inner_text()
    (output,) = lab.outputs(1)
    assert set(output["data"]) == {"text/html", "text/markdown", "text/plain"}
    lab.run(2)
    assert "complete" in lab.text(2)
