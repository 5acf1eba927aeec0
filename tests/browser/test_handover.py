"""A long reply that ends: the saved page takes over what its panel had, and nothing moves."""

from __future__ import annotations

import statistics
from typing import Any

import pytest

from .lab import Lab
from .scripts import SETUP

pytestmark = [pytest.mark.browser, pytest.mark.timeout(180)]

LONG = """
def section(n):
    return ANSWER.replace("rate", f"rate {n}").replace("lambda", f"lambda_{{{n}}}") + chr(10)
answer = "".join(map(section, range(1, 21)))
more = "".join(map(section, range(21, 121)))
"""
SHOW = "show(rate=3500, answer=answer, reasoning=REASONING * 6)"
UNENDING = """
stream = ScriptedStream(turn_of(answer, REASONING * 6), 3500, hold_s=3600)
play(stream, PanelView(ViewOptions(language="en")))
"""

# A reply that has arrived whole, and ends when it is told to.
AT_REST = """
stream = ScriptedStream(turn_of(answer, REASONING * 6), 20_000, hold_s=3600)
view = PanelView(ViewOptions(language="en"))
run = contextvars.copy_context().run
threading.Thread(target=run, args=(play, stream, view), daemon=True).start()
"""
END = "stream.hold_s = 0"

# What is at the middle of the page, and where; and each saved page that comes, with how high it is
# in the task in which it comes, what is laid out of it then and in the first frame, and whether it
# has its controls; and what is typeset after it.
WATCH = """() => {
  const cell = document.querySelectorAll('.jp-Notebook .jp-Cell')[1];
  const scroller = document.querySelector('.jp-WindowedPanel-outer');
  const seen = (window.seen = { pages: 0, typeset: [] });
  const saved = '.glm:not(.glm-live)';
  const look = (page) => {
    seen.pages++;
    seen.height = page.offsetHeight;
    seen.isLaidOut = page.querySelector('.glm-a h2').checkVisibility();
    seen.hasControls = !!page.querySelector('.glm-cp');
    const near = [...page.querySelectorAll('.glm-near')];
    const isHidden = (run) => run.style.contentVisibility === 'hidden';
    requestAnimationFrame(() => (seen.near = near.map(isHidden)));
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
      else if (seen.pages && node.matches?.('.glm-bench > div'))
        seen.typeset.push([...node.children].map((formula) => formula.textContent));
      else node.querySelectorAll?.(saved).forEach(look);
  }).observe(document.body, { childList: true, subtree: true });
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
# Let MathJax wait for `goOn`.
HOLD_MATHJAX = """() => {
  const { latexTypesetter } = window.jupyterapp.shell.currentWidget.content.rendermime;
  const typeset = latexTypesetter.typeset.bind(latexTypesetter);
  const held = new Promise((goOn) => (window.goOn = goOn));
  latexTypesetter.typeset = async (node) => (await held, typeset(node));
}"""
# The formulas that the browser lays out, two frames after the notebook was scrolled.
IN_SIGHT = """(page) => new Promise((done) => {
  const isInSight = (node) => node.checkVisibility({ contentVisibilityAuto: true });
  const look = () => {
    const all = [...page.querySelectorAll('.glm-a .glm-x:not(:has(*))')];
    done([...new Set(all.filter(isInSight).map((node) => node.textContent))]);
  };
  requestAnimationFrame(() => requestAnimationFrame(look));
})"""
ARE_HIDDEN = "(runs) => runs.some((run) => run.style.contentVisibility === 'hidden')"
TEX = ".glm-x:not(:has(mjx-container))"
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


def test_a_page_that_comes_is_laid_out_with_the_next_frame(lab: Lab) -> None:
    """Until then it is as high as its panel was, so a notebook that is at its end stays there."""
    lab.open([SETUP + LONG + "show(rate=20_000)", AT_REST, END])
    for cell in (0, 1):
        lab.run(cell)
    lab.wait_static(0)
    lab.page.evaluate(WATCH)
    panel = lab.panel(1)
    panel.locator(".glm-a > .glm-tail > :last-child").filter(has_text="to check it.").wait_for()
    lab.page.evaluate(FOLLOW)
    lab.until(lambda: panel.locator(f".glm-tail {TEX}").count() == 0)
    lab.run(2)
    lab.wait_static(1)
    page = lab.panel(1)
    lab.until(lambda: page.locator(".glm-a h2").first.evaluate("(it) => it.checkVisibility()"))
    seen = lab.page.evaluate("() => window.seen")
    assert seen["isLaidOut"] is False
    assert seen["hasControls"] is False
    page.locator(".glm-cp").wait_for()
    height = page.evaluate("(it) => it.offsetHeight")
    assert abs(seen["height"] - height) < 3
    assert page.evaluate("(it) => it.style.contentVisibility") == ""
    assert seen["top"] > 5000
    assert abs(lab.page.evaluate(TOP) - seen["top"]) < 60


def test_what_is_near_the_screen_is_laid_out_after_what_is_on_it(ended: Lab) -> None:
    ended.panel(1).locator(".glm-sealed").nth(4).wait_for(state="attached")
    ended.wait_static(1)
    near = ended.panel(1).locator(".glm-near")
    ended.until(lambda: near.count() > 0 and not near.evaluate_all(ARE_HIDDEN))
    hidden = ended.page.evaluate("() => window.seen.near")
    assert hidden == [True] * near.count()
    ended.until(lambda: near.locator(TEX).count() == 0)


def test_formulas_are_taken_from_the_panel(ended: Lab) -> None:
    ended.wait_static(1)
    page = ended.panel(1)
    ended.until(lambda: page.locator(TEX).count() == 0)
    assert page.locator(".glm-x").count() > 40
    assert page.locator(".glm-x:not([data-tex])").count() == 0, "each can be copied"
    assert page.evaluate("(node) => node.classList.contains('mathjax_ignore')")
    assert page.evaluate("(node) => node.hasAttribute('data-mjx')")
    assert page.locator(".mathjax_process").count() == 0
    left = sum(map(len, ended.page.evaluate("() => window.seen.typeset")))
    assert left <= 4, "at most those that were not ready when the reply ended"
    ended.run(1)  # the earlier reply of the cell knows the same formulas
    ended.wait_static(1)
    ended.until(lambda: page.locator(TEX).count() == 0)
    assert page.locator(".glm-bench").count() <= 1


def test_formulas_that_wait_as_the_reply_ends_are_typeset_a_few_at_a_time(lab: Lab) -> None:
    """In sight first; MathJax would do all in one task, which on a slow machine takes a second."""
    lab.open([SETUP + LONG + "show(rate=20_000)", "show(rate=200_000, answer=more)"])
    lab.run(0)
    lab.wait_static(0)
    lab.page.evaluate(WATCH)
    lab.page.evaluate(HOLD_MATHJAX)
    lab.run(1)
    lab.wait_static(1)
    page = lab.panel(1)
    lab.page.evaluate(SCROLL, 20_000)
    lab.until(lambda: len(page.evaluate(IN_SIGHT)) > 5)
    in_sight = page.evaluate(IN_SIGHT)
    lab.page.evaluate("() => window.goOn()")
    lab.page.wait_for_function(f"() => !document.querySelector('{TEX}')", timeout=60_000)
    groups = lab.page.evaluate("() => window.seen.typeset")
    assert max(map(len, groups)) <= 16
    formulas = [formula for group in groups for formula in group]
    assert len(formulas) > 150
    assert r"\(1/\sqrt{n}\)" in in_sight, "one that stands in other sections too"
    # As formulas come, some go out of sight and others come into it; there are 80 above them.
    assert statistics.median(map(formulas.index, in_sight)) < 40
    sizes = """(node) => [...node.querySelectorAll('.glm-a .glm-x:not(th *) > mjx-container')]
      .map((it) => it.style.fontSize)"""
    as_typeset_here = page.evaluate(sizes)
    lab.save()
    lab.reload()
    page.wait_for()
    lab.until(lambda: page.locator(TEX).count() == 0)
    assert page.evaluate(sizes) == as_typeset_here, "measured in the page's font"


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
