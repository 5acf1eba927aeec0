"""A long reply that ends: the saved page takes over what its panel had, and nothing moves."""

from __future__ import annotations

from typing import Any

import pytest

from .lab import Lab
from .scripts import SETUP

pytestmark = [pytest.mark.browser, pytest.mark.timeout(180)]

LONG = """
def section(n):
    return ANSWER.replace("rate", f"rate {n}").replace("lambda", f"lambda_{{{n}}}") + chr(10)
answer = "".join(map(section, range(1, 21)))
"""
SHOW = "show(rate=3500, answer=answer, reasoning=REASONING * 6)"
UNENDING = """
stream = ScriptedStream(turn_of(answer, REASONING * 6), 3500, hold_s=3600)
play(stream, PanelView(ViewOptions(language="en")))
"""

# What is at the middle of the page, and where; and each saved page that comes, with how high it is
# in the task in which it comes, and what is laid out of it then.
WATCH = """() => {
  const cell = document.querySelectorAll('.jp-Notebook .jp-Cell')[1];
  const scroller = document.querySelector('.jp-WindowedPanel-outer');
  const seen = (window.seen = { pages: 0 });
  const saved = '.glm:not(.glm-live)';
  const look = (page) => {
    seen.pages++;
    seen.height = page.offsetHeight;
    seen.isLaidOut = page.querySelector('.glm-a h2').checkVisibility();
  };
  seen.reading = () => {
    const box = scroller.getBoundingClientRect();
    const left = cell.querySelector('.glm-a').getBoundingClientRect().left;
    const node = document.elementFromPoint(left + 60, box.top + box.height / 2);
    const block = node.closest('.glm-f > *, .glm-a > *');
    const text = block?.textContent.trim().slice(0, 50);
    return { text, top: block?.getBoundingClientRect().top };
  };
  new MutationObserver((changes) => {
    for (const node of changes.flatMap(({ addedNodes }) => [...addedNodes]))
      if (node.matches?.(saved)) look(node);
      else node.querySelectorAll?.(saved).forEach(look);
  }).observe(cell, { childList: true, subtree: true });
}"""
SCROLL = "(top) => { document.querySelector('.jp-WindowedPanel-outer').scrollTop = top }"
FOLLOW = """() => {
  const scroller = document.querySelector('.jp-WindowedPanel-outer');
  const follow = () => {
    if (window.seen.pages) return;
    scroller.scrollTop = scroller.scrollHeight;
    window.seen.top = scroller.scrollTop;
    requestAnimationFrame(follow);
  };
  follow();
}"""
TOP = "() => document.querySelector('.jp-WindowedPanel-outer').scrollTop"
READING = "() => window.seen.reading()"
HEIGHT = "document.querySelectorAll('.jp-Notebook .glm-a')[1]?.offsetHeight"


@pytest.fixture
def ended(lab: Lab) -> Lab:
    """Show a long reply whose middle is being read as it ends."""
    lab.open([SETUP + LONG + "show(rate=20_000)", SHOW])
    lab.run(0)
    lab.wait_static(0)
    lab.page.evaluate(WATCH)
    lab.run(1, wait=False)
    lab.page.wait_for_function(f"() => {HEIGHT} > 4000", timeout=60_000)
    lab.page.evaluate(SCROLL, 3000)
    return lab


def reading(lab: Lab) -> dict[str, Any]:
    return dict(lab.page.evaluate(READING))


def test_what_is_read_does_not_move_and_the_page_comes_once(ended: Lab) -> None:
    panel = ended.panel(1)
    panel.locator(".glm-sealed").nth(4).wait_for(state="attached")
    ended.page.wait_for_timeout(500)  # the sizes of what has just come into sight are known
    before = reading(ended)
    ended.wait_static(1)
    ended.wait_idle()
    ended.page.wait_for_timeout(500)  # where it would come a second time, it would have by now
    after = reading(ended)
    assert after["text"] == before["text"]
    assert abs(after["top"] - before["top"]) < 3
    assert ended.page.evaluate("() => window.seen.pages") == 1


def test_a_page_that_comes_is_laid_out_with_the_next_frame(ended: Lab) -> None:
    """Until then it is as high as its panel was, so a notebook that is at its end stays there."""
    ended.panel(1).locator(".glm-sealed").nth(4).wait_for(state="attached")
    ended.page.evaluate(FOLLOW)
    ended.wait_static(1)
    page = ended.panel(1)
    ended.until(lambda: page.locator(".glm-a h2").first.evaluate("(it) => it.checkVisibility()"))
    seen = ended.page.evaluate("() => window.seen")
    assert seen["isLaidOut"] is False
    height = page.evaluate("(it) => it.offsetHeight")
    assert abs(seen["height"] - height) < 3
    assert page.evaluate("(it) => it.style.contentVisibility") == ""
    assert seen["top"] > 5000
    assert abs(ended.page.evaluate(TOP) - seen["top"]) < 60


def test_formulas_are_taken_from_the_panel_and_the_rest_is_the_hosts(ended: Lab) -> None:
    ended.wait_static(1)
    page = ended.panel(1)
    ended.until(lambda: page.locator(".glm-x:not(:has(mjx-container))").count() == 0)
    assert page.locator(".glm-x").count() > 40
    assert page.evaluate("(node) => node.classList.contains('mathjax_ignore')")
    left = page.locator(".mathjax_process").count()
    assert left <= 4, "at most those that were not ready when the reply ended"
    parts = """(node) => [...node.querySelectorAll('.glm-r, .glm-f')].map((part) => [
      part.hasAttribute('data-mjx'), part.querySelector('.mathjax_process') === null])"""
    passed_over = page.evaluate(parts)
    assert len(passed_over) > 10
    assert all(is_passed_over == is_ready for is_passed_over, is_ready in passed_over)


def test_what_is_out_of_sight_is_neither_laid_out_nor_lost(ended: Lab) -> None:
    ended.wait_static(1)
    page = ended.panel(1)
    hidden = """(node) => [...node.querySelectorAll('.glm-sealed')].filter((run) =>
      !run.firstElementChild.checkVisibility({ contentVisibilityAuto: true })).length"""
    ended.until(lambda: page.evaluate(hidden) > 4)
    # Each block once, in its order.
    titles = page.locator(".glm-a h2, .glm-a h3").all_text_contents()
    assert len(titles) >= 20
    text = page.locator(".glm-a").evaluate("(node) => node.textContent")
    places = [text.index(f"rate {number}") for number in range(1, 21)]
    assert places == sorted(places)
    ended.page.emulate_media(media="print")
    assert page.evaluate(hidden) == 0, "a printed page has all of it"


SELECT = """(run) => {
  const range = document.createRange();
  range.selectNodeContents(run.querySelector('p'));
  getSelection().removeAllRanges();
  getSelection().addRange(range);
  return getSelection().toString();
}"""
SIZE = "(run) => run.style.containIntrinsicSize"


def test_a_run_that_goes_out_of_sight_while_it_streams_comes_back_as_it_was(lab: Lab) -> None:
    """It lets go of its boxes, but not of its height, and of nothing that the reader selected."""
    lab.open([SETUP + LONG, UNENDING])
    lab.run(0)
    lab.run(1, wait=False)
    page, panel = lab.page, lab.panel(1)
    runs = panel.locator(".glm-a > .glm-sealed")
    runs.nth(1).wait_for(state="attached")
    selected = runs.first.evaluate(SELECT)
    page.evaluate(SCROLL, 700)
    lab.until(lambda: runs.nth(1).locator("p").first.is_visible())
    heights = runs.evaluate_all("(runs) => runs.slice(0, 2).map((run) => run.offsetHeight)")
    lab.page.wait_for_function("() => document.querySelector('.glm-a').offsetHeight > 8000")
    page.evaluate(SCROLL, 7000)
    lab.until(lambda: runs.nth(1).evaluate(SIZE) == f"auto {heights[1]}px")
    assert runs.first.evaluate(SIZE) == ""
    assert page.evaluate("() => getSelection().toString()") == selected
    page.evaluate(SCROLL, 700)
    lab.until(lambda: runs.nth(1).locator("p").first.is_visible())
    again = runs.evaluate_all("(runs) => runs.slice(0, 2).map((run) => run.offsetHeight)")
    assert again == heights
    assert panel.get_attribute("data-s") == "answering"
    lab.click_stop(1)


def test_a_run_that_begins_with_a_heading_has_space_above_it(ended: Lab) -> None:
    """In the panel and in the page; only what an answer begins with has none."""
    margins = """(node) => [...node.querySelectorAll('.glm-a > .glm-f')].slice(0, -1).map((run) => [
      /^H[1-6]$/.test(run.firstElementChild.tagName),
      parseFloat(getComputedStyle(run.firstElementChild).marginTop) > 0])"""
    panel = ended.panel(1)
    panel.locator(".glm-sealed").nth(4).wait_for(state="attached")
    for _ in range(2):
        first, *later = panel.evaluate(margins)
        assert first[1] is False
        assert any(is_heading for is_heading, _ in later)
        assert all(has_space for is_heading, has_space in later if is_heading)
        ended.wait_static(1)


def test_a_reasoning_gets_its_search_as_it_is_opened(ended: Lab) -> None:
    ended.wait_static(1)
    page = ended.panel(1)
    assert page.locator(".glm-se").count() == 0, "with a field, a browser lays all of it out"
    page.locator(".glm-r > summary").scroll_into_view_if_needed()
    ended.click_toggle(1)
    page.locator(".glm-se").wait_for()
    page.locator(".glm-se").fill("gaps")
    ended.until(lambda: int(page.locator(".glm-se").get_attribute("data-matches") or 0) > 5)
