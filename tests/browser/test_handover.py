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

# What is at the middle of the page, and where; and each saved page that comes.
WATCH = """() => {
  const cell = document.querySelectorAll('.jp-Notebook .jp-Cell')[1];
  const scroller = document.querySelector('.jp-WindowedPanel-outer');
  const seen = (window.seen = { pages: 0 });
  const saved = '.glm:not(.glm-live)';
  seen.reading = () => {
    const box = scroller.getBoundingClientRect();
    const left = cell.querySelector('.glm-a').getBoundingClientRect().left;
    const node = document.elementFromPoint(left + 60, box.top + box.height / 2);
    const block = node.closest('.glm-f > *, .glm-a > *');
    const text = block?.textContent.trim().slice(0, 50);
    return { text, top: block?.getBoundingClientRect().top };
  };
  new MutationObserver((changes) => {
    for (const { addedNodes } of changes)
      for (const node of addedNodes)
        if (node.matches?.(saved) || node.querySelector?.(saved)) seen.pages++;
  }).observe(cell, { childList: true, subtree: true });
}"""
SCROLL = "(top) => { document.querySelector('.jp-WindowedPanel-outer').scrollTop = top }"
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


def test_formulas_are_taken_from_the_panel_and_the_rest_is_the_hosts(ended: Lab) -> None:
    ended.wait_static(1)
    page = ended.panel(1)
    ended.until(lambda: page.locator(".glm-x:not(:has(mjx-container))").count() == 0)
    assert page.locator(".glm-x").count() > 40
    assert page.evaluate("(node) => node.classList.contains('mathjax_ignore')")
    left = page.locator(".mathjax_process").count()
    assert left <= 4, "at most those that were not ready when the reply ended"


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


def test_a_reasoning_gets_its_search_as_it_is_opened(ended: Lab) -> None:
    ended.wait_static(1)
    page = ended.panel(1)
    assert page.locator(".glm-se").count() == 0, "with a field, a browser lays all of it out"
    page.locator(".glm-r > summary").scroll_into_view_if_needed()
    ended.click_toggle(1)
    page.locator(".glm-se").wait_for()
    page.locator(".glm-se").fill("gaps")
    ended.until(lambda: int(page.locator(".glm-se").get_attribute("data-matches") or 0) > 5)
