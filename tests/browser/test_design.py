"""How a reply looks: contrast, line length, sizes, height, and paper; measured in Chromium."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from nbconvert import HTMLExporter
from nbformat.v4 import new_code_cell, new_notebook, new_output

from glm_magic.core.messages import ToolCall, ToolRun
from glm_magic.core.turn import Notice, Sample, Step, Turn
from glm_magic.views.options import ViewOptions
from glm_magic.views.saved.compare_page import compare_bundle
from glm_magic.views.saved.page import bundle
from tests.views.turns import ANSWER, REASONING, doubted, turn_of

from .lab import Lab
from .scripts import SETUP

pytestmark = [pytest.mark.browser, pytest.mark.timeout(240)]

ENGLISH = ViewOptions(language="en")
CODE = (
    "```python\nclass A(Base):  # why\n    x = f'{1}' and len('s')\n```\n[link](https://a.example)"
)
WIDE_TABLE = "\n".join(
    (
        "| " + " | ".join(f"column{n}" for n in range(14)) + " |",
        "|" + "---|" * 14,
        "| " + " | ".join(f"value{n}" for n in range(14)) + " |",
    )
)
LONG_LINE = "print(" + ", ".join(f"argument_{n}" for n in range(40)) + ")"
LONG_TEXT = "Many words that go on and on. " * 40
WIDE = f"{LONG_TEXT}\n\n- {LONG_TEXT}\n\n```python\n{LONG_LINE}\n```\n\n{WIDE_TABLE}\n"


def with_calls() -> Turn:
    calls = (ToolCall("1", "weather", '{"city": "Ulm"}'), ToolCall("2", "news", "{}"))
    runs = (ToolRun("1", "done", '{"sky": "clear"}'), ToolRun("2", "failed", "TimeoutError"))
    first = Step(reasoning="First.", content="Let me look.", tool_calls=calls, runs=runs)
    return turn_of(steps=(first, replace(turn_of("It is clear.").steps[0], began_s=3.0)))


def played() -> Turn:
    turn = turn_of(ANSWER + CODE, REASONING + "\n\nWait, that is wrong.")
    rhythm = (Sample(0.3, 10, 0), Sample(7.0, 20, 20))
    return replace(turn, steps=(replace(turn.steps[0], rhythm=rhythm),))


NOTICE = Notice("length", "The answer was cut at the limit.")
STATES: dict[str, tuple[Turn, ViewOptions]] = {
    "complete": (played(), ENGLISH),
    "open": (played(), replace(ENGLISH, show_thinking="open", remark="replayed", inserted=("df",))),
    "interrupted": (turn_of("Half", "so", status="interrupted", notices=(NOTICE,)), ENGLISH),
    "failed": (turn_of("Half", "so", status="failed", error="It broke.\n→ try again"), ENGLISH),
    "incomplete": (turn_of("Half", "so", status="incomplete"), ENGLISH),
    "no answer": (turn_of("", "so"), ENGLISH),
    "no reasoning": (turn_of("> quoted\n\nand `code`", ""), ENGLISH),
    "answer held": (turn_of(), replace(ENGLISH, hold="answer")),
    "reasoning held": (turn_of(), replace(ENGLISH, hold="thinking")),
    "tools": (with_calls(), ENGLISH),
    "wide": (turn_of(WIDE, REASONING), ENGLISH),
    "doubt": (doubted(turn_of()), ENGLISH),
}


def notebook_page(theme: str = "light") -> str:
    """Return a notebook with every state, as nbconvert writes it in JupyterLab's own style."""
    outputs = [bundle(turn, options)[0] for turn, options in STATES.values()]
    lanes = [doubted(turn_of()), turn_of("Plain.", "")]
    outputs.append(compare_bundle(["think=on", "think=off"], lanes, ENGLISH)[0])
    cells = [
        new_code_cell("x", outputs=[new_output("display_data", data={"text/html": o["text/html"]})])
        for o in outputs
    ]
    exporter = HTMLExporter(template_name="lab", theme=theme, mathjax_url="")
    html, _ = exporter.from_notebook_node(new_notebook(cells=cells))
    return re.sub(r'<script src="https?://[^"]*"></script>', "", html)


@pytest.fixture
def page(chromium: Any) -> Iterator[Any]:
    """One page without a server."""
    context = chromium.new_context(viewport={"width": 1400, "height": 900})
    yield context.new_page()
    context.close()


CONTRASTS = (Path(__file__).parent / "contrast.js").read_text(encoding="utf-8")


def too_faint(page: Any) -> list[list[Any]]:
    measured = page.evaluate(CONTRASTS)
    assert len(measured) > 20
    return [item for item in measured if item[0] < item[1]]


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_every_state_of_a_saved_page_can_be_read(page: Any, theme: str) -> None:
    page.set_content(notebook_page(theme))
    page.evaluate(
        "() => document.querySelectorAll('details').forEach((node) => (node.open = true))"
    )
    assert page.locator(".glm-pl").count() == 2
    assert too_faint(page) == []


@pytest.mark.parametrize("colours", ["light", "dark"])
def test_so_can_it_in_a_host_without_colours_of_its_own(page: Any, colours: str) -> None:
    page.emulate_media(color_scheme=colours)
    html = "".join(bundle(turn, options)[0]["text/html"] for turn, options in STATES.values())
    page.set_content(f"<meta name=color-scheme content='light dark'><body>{html}")
    assert too_faint(page) == []


WIDTHS = """(selector) => [...document.querySelectorAll(selector)].map((node) => {
  const ruler = document.createElement("span");
  ruler.style.cssText = "position:absolute;width:1ch";
  node.append(ruler);
  const ch = ruler.getBoundingClientRect().width;
  ruler.remove();
  return node.getBoundingClientRect().width / ch;
})"""


@pytest.mark.parametrize("width", [420, 900, 1400, 2400])
def test_text_is_narrow_and_code_and_tables_are_as_wide_as_they_need(page: Any, width: int) -> None:
    page.set_viewport_size({"width": width, "height": 900})
    page.set_content(notebook_page())
    texts = page.evaluate(WIDTHS, ".glm :is(p, ul, blockquote, h2)")
    assert max(texts) <= 80.5
    panel = page.locator(".glm").nth(list(STATES).index("wide"))
    box = panel.bounding_box()
    for selector in (".glm-a > pre", ".glm-a > .glm-w"):
        part = panel.locator(selector)
        right = part.evaluate("(node) => node.getBoundingClientRect().right")
        assert right <= box["x"] + box["width"], "nothing sticks out"
    if width == 2400:
        table = panel.locator("table")
        assert table.bounding_box()["width"] > 1000
        assert table.locator("th").first.bounding_box()["height"] < 40, "no heading is broken"
    assert page.evaluate("() => document.documentElement.scrollWidth <= innerWidth")


SIZES = """() => [...document.querySelectorAll(".glm *")]
  .filter((node) => node.checkVisibility())
  .map((node) => [`${node.tagName}.${node.className}`, parseFloat(getComputedStyle(node).fontSize)])
"""


def in_doubt(page: Any, width: int = 1400, seed: int = 0) -> Any:
    """Show a reply with its doubt opened; return the view."""
    page.set_viewport_size({"width": width, "height": 900})
    page.set_content(bundle(doubted(turn_of(), seed), ENGLISH)[0]["text/html"])
    view = page.locator(".glm-doubt")
    assert view.get_attribute("open") is None, "it is closed until somebody asks"
    view.locator("summary").click()
    return view


def test_the_keyboard_reaches_what_a_token_could_have_been(page: Any) -> None:
    view = in_doubt(page)
    view.locator("summary").focus()
    page.keyboard.press("Tab")
    focused = page.evaluate("() => document.activeElement.title")
    assert re.match(r"\d+% · or \d+%", focused)
    shown = "() => getComputedStyle(document.activeElement, '::after').content"
    assert page.evaluate(shown) == f'"{focused}"'
    page.keyboard.press("Tab")
    assert page.evaluate("() => document.activeElement.closest('.glm-dt') !== null")


def test_doubt_is_told_apart_without_colours(page: Any) -> None:
    view = in_doubt(page)
    style = "(node) => getComputedStyle(node).textDecorationStyle"
    kinds = [view.locator(f".glm-dk > {name}").evaluate(style) for name in ("u", "b", "mark")]
    assert kinds == ["dotted", "solid", "double"]
    marks = [view.locator(f".glm-dt > {name}").first for name in ("u", "b", "mark")]
    assert [mark.evaluate(style) for mark in marks] == kinds


@pytest.mark.parametrize("width", [420, 1400])
def test_doubt_stays_within_the_page(page: Any, width: int) -> None:
    view = in_doubt(page, width)
    parts = [part.bounding_box() for part in view.locator(".glm-dt").all()]
    assert (parts[0]["y"] == parts[1]["y"]) == (width > 1000), "side by side where there is room"
    edge = view.bounding_box()["x"] + view.bounding_box()["width"]
    view.locator(".glm-dt [title]").last.focus()
    assert all(part["x"] + part["width"] <= edge for part in parts)
    assert page.evaluate("() => document.documentElement.scrollWidth <= innerWidth")


def test_every_size_grows_with_the_hosts_font(page: Any) -> None:
    page.set_content(notebook_page())
    grow = "document.documentElement.style.setProperty('--jp-content-font-size1', '28px')"
    # In one go: a script may add its controls at any moment.
    both = f"() => {{ const all = {SIZES.strip()}; return [all(), ({grow}, all())] }}"
    before, after = page.evaluate(both)
    still = [
        name
        for (name, small), (_, large) in zip(before, after, strict=True)
        if large < 1.95 * small and "glm-" in name
    ]
    assert still == []
    heads = page.locator(".glm-h")
    assert min(heads.nth(n).bounding_box()["height"] for n in range(len(STATES))) > 70


def test_a_few_words_of_reasoning_take_no_more_room_than_they_need(page: Any) -> None:
    page.set_content(notebook_page())
    panel = page.locator(".glm").nth(list(STATES).index("no answer"))
    assert panel.bounding_box()["height"] < 130


def test_a_reset_and_a_framework_keep_bullets_and_triangles(page: Any) -> None:
    reset = "ul,ol{list-style:none;margin:0;padding:0} summary{display:block}"
    html = bundle(turn_of("- a\n- b\n\n1. c", "so"), ENGLISH)[0]["text/html"]
    page.set_content(f"<style>{reset}</style>{html}")
    style = "(node) => getComputedStyle(node).listStyleType"
    assert page.locator(".glm-a ul").evaluate(style) == "disc"
    assert page.locator(".glm-a ol").evaluate(style) == "decimal"
    without = re.sub(r"<(style|script)>.*?</\1>", "", html, flags=re.DOTALL)
    page.set_content(f"<style>{reset}</style>{without}")
    display = page.locator("summary").first.evaluate("(node) => getComputedStyle(node).display")
    assert display == "list-item"


def test_the_right_border_is_seen_whatever_a_hosts_padding(page: Any) -> None:
    html = bundle(turn_of(), ENGLISH)[0]["text/html"]
    for padding in (0, 20):
        page.set_content(
            f"<div style='width:800px;overflow:hidden'><div class='jp-RenderedHTMLCommon' "
            f"style='padding-right:{padding}px'>{html}</div></div>"
        )
        box = page.locator(".glm").bounding_box()
        outer = page.locator("div").first.bounding_box()
        assert box["x"] + box["width"] <= outer["x"] + outer["width"]


def test_paper_shows_all_columns_all_code_and_closed_reasoning(page: Any) -> None:
    page.set_content(notebook_page())
    page.emulate_media(media="print")
    page.set_viewport_size({"width": 700, "height": 900})
    panel = page.locator(".glm").nth(list(STATES).index("wide"))
    box = panel.bounding_box()
    edge = box["x"] + box["width"]
    for cell in panel.locator("th").all():
        cell_box = cell.bounding_box()
        assert cell_box["x"] + cell_box["width"] <= edge
    code = panel.locator("pre > code")
    assert code.evaluate("(node) => node.scrollWidth <= node.clientWidth + 1")
    reasoning = panel.locator(".glm-t p").first
    assert panel.locator(".glm-r").get_attribute("open") is None
    assert reasoning.evaluate("(node) => node.checkVisibility({ contentVisibilityAuto: true })")
    assert reasoning.bounding_box()["height"] > 10
    assert panel.locator(".glm-t").evaluate("(node) => node.scrollHeight <= node.clientHeight + 1")
    for name in ("reasoning held", "answer held"):
        held = page.locator(".glm").nth(list(STATES).index(name))
        hidden = held.locator(".glm-t" if name == "reasoning held" else ".glm-o > :not(summary)")
        seen = "(node) => node.checkVisibility({ contentVisibilityAuto: true })"
        assert not hidden.first.evaluate(seen), "what is held back stays so"
    assert page.locator(".glm-cp").first.is_hidden()


HELD_SETUP = SETUP.replace("**fields):", "hold=0, **fields):").replace(
    "**fields), rate)", "**fields), rate, hold)"
)
HEIGHTS = """() => {
  window.heights = [];
  const isThere = ({ family, status }) => family.includes("MJX") && status === "loaded";
  new MutationObserver(() => {
    if (window.hadFonts === undefined && document.querySelector(".glm-f mjx-container"))
      window.hadFonts = [...document.fonts].some(isThere);
  }).observe(document.body, { childList: true, subtree: true });
  const look = () => {
    const body = document.querySelector(".glm-live .glm-b");
    if (body) window.heights.push(body.getBoundingClientRect().height);
    if (!window.looked) requestAnimationFrame(look);
  };
  look();
}"""


BUSY = """() => setInterval(() => {
  const until = performance.now() + 150;
  while (performance.now() < until);
}, 160)"""


@pytest.mark.parametrize("is_busy", [False, True])
def test_a_panel_is_never_lower_than_it_was_until_the_end(lab: Lab, is_busy: bool) -> None:
    lab.open([SETUP, "show(rate=250, reasoning=REASONING, answer=ANSWER[:400])"])
    lab.run(0)
    lab.page.evaluate(HEIGHTS)
    if is_busy:  # so that there is no frame for a while
        lab.page.evaluate(BUSY)
    lab.run(1, wait=False)
    lab.wait_phase(1, "answering")
    lab.wait_static(1)
    heights = lab.page.evaluate("() => { window.looked = true; return window.heights }")
    assert len(set(heights)) > 3, "it grew"
    lower = [(a, b) for a, b in pairwise(heights) if b < a - 1]
    assert lower == []
    assert lab.page.evaluate("window.hadFonts"), "the first formula waits for its fonts"


def test_a_formula_that_needs_less_room_than_its_source_moves_nothing(lab: Lab) -> None:
    source = r"\(" + r"\alpha\beta\gamma " * 60 + r"\)"
    lab.open([HELD_SETUP, f"show(rate=100_000, reasoning='', answer={source!r}, hold=60)"])
    lab.run(0)
    lab.page.evaluate(HEIGHTS)
    lab.run(1, wait=False)
    lab.cell(1).locator(".glm-f mjx-container").wait_for(state="attached")
    frame = "() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))"
    lab.page.evaluate(frame)
    heights = lab.page.evaluate("() => { window.looked = true; return window.heights }")
    assert [(a, b) for a, b in pairwise(heights) if b < a - 1] == []
    lab.interrupt()
    lab.wait_static(1)


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("phase", ["waiting", "thinking", "answering"])
def test_every_state_of_a_live_panel_can_be_read(lab: Lab, theme: str, phase: str) -> None:
    texts = {
        "waiting": "reasoning='', answer='', hold=60",
        "thinking": "reasoning=REASONING * 20, answer=''",
        "answering": "reasoning='so', answer=ANSWER * 20",
    }[phase]
    lab.open([HELD_SETUP, f"show(rate=300, {texts})"])
    lab.theme(theme)
    lab.run(0)
    lab.run(1, wait=False)
    lab.wait_phase(1, phase)
    lab.until(lambda: len(lab.page.evaluate(CONTRASTS)) > 5)
    measured = lab.page.evaluate(CONTRASTS)
    assert [item for item in measured if item[0] < item[1] and "glm-dot" not in item[2]] == []
    lab.interrupt()
    lab.wait_static(1)
