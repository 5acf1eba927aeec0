"""What is copied of a saved page: the answer as Markdown and as text, code, and a selection."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest

from glm_magic.views.markup.markdown import markdown_html
from glm_magic.views.options import ViewOptions
from glm_magic.views.saved.page import bundle
from tests.views.turns import ANSWER, turn_of

from .lab import Lab
from .scripts import SETUP

pytestmark = [pytest.mark.browser, pytest.mark.timeout(240)]

COPIED = """(html) => {
  const box = document.createElement("div");
  box.innerHTML = html;
  for (const node of box.querySelectorAll(".glm-x")) node.dataset.tex = node.textContent;
  return glmCopying.markdown(box);
}"""


@pytest.fixture
def page(chromium: Any) -> Any:
    """One page without a notebook, whose clipboard can be read."""
    context = chromium.new_context(viewport={"width": 1000, "height": 800})
    page = context.new_page()
    page.route(
        "http://saved.test/*", lambda route: route.fulfill(body="", content_type="text/html")
    )
    page.goto("http://saved.test/")
    yield page
    context.close()


@pytest.fixture
def markdown_of(page: Any) -> Callable[[str], str]:
    """Return what is copied of an answer."""
    page.set_content(bundle(turn_of(), ViewOptions(language="en"))[0]["text/html"])

    def copied(answer: str) -> str:
        return str(page.evaluate(COPIED, markdown_html(answer)))

    return copied


ANSWERS = [
    ANSWER,
    "One *two* **three** ~~four~~ `five` ``a ` b``.\n\nA line\\\nand another.",
    "# Title\n\n## Second **bold**\n\n---\n\nText",
    "- a\n- b\n  - c\n  - d\n\n    more of d\n- e\n",
    "1. one\n2. two\n\n   ```python\n   x = 1\n   ```\n3. three",
    "7. seven\n8. eight",
    "> quoted\n>\n> - a list\n> - in it\n\n> > twice",
    "| a | b | c |\n|:--|:-:|--:|\n| x \\| y | `z` | **w** |\n| 1 | 2 | 3 |",
    "[a link](https://example.org/a_b?c=d&e=f) and <https://example.org>",
    "````text\n```\ninside\n```\n````\n\n    indented code\n",
    "2 * 3 * 4 = 24, snake_case_name, _not_ 1\\. a list, \\# no title, a < b & c, &amp; [x] ~",
    "1986\\. A year.\n\n\\- no list\n\n\\+ none\n\n\\> no quote",
    "Inline $a_1 * b_2$ and $\\frac{1}{2}$:\n\n$$\\sum_{i=1}^n i$$\n\ncosts $5 or $10.",
    "中文**重点**，公式 $x^2$。",
]


@pytest.mark.parametrize("answer", ANSWERS)
def test_what_is_copied_renders_as_the_same_page(
    markdown_of: Callable[[str], str], answer: str
) -> None:
    again = markdown_of(answer)
    assert plain(markdown_html(again)) == plain(markdown_html(answer)), again
    assert markdown_of(again) == again


def plain(html: str) -> str:
    """Return HTML without what two spellings of one Markdown text may differ in."""

    def uncoloured(code: re.Match[str]) -> str:
        return re.sub(r"</?(?:span|b|i)\b[^>]*>", "", code[0])

    html = re.sub(r"<pre\b.*?</pre>", uncoloured, html, flags=re.DOTALL)
    return re.sub(r'\n| data-\w+="[^"]*"', "", html)


def test_code_keeps_its_language(page: Any, markdown_of: Callable[[str], str]) -> None:
    code = '<pre data-lang="python"><button class="glm-c"></button><code>x = 1\n</code></pre>'
    assert page.evaluate(COPIED, code) == "```python\nx = 1\n```"


def test_signs_that_mean_nothing_are_not_escaped(markdown_of: Callable[[str], str]) -> None:
    text = "snake_case_name costs $5 (or 10 %) - that is 2 < 3, isn't it? #1! A.B > C; x^2"
    assert markdown_of(text) == text


@pytest.fixture
def lab_with_reply(lab: Lab) -> Lab:
    lab.page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    lab.open([SETUP, "show(rate=4000)"])
    lab.run(0)
    lab.run(1)
    lab.wait_static(1)
    lab.until(lambda: lab.panel(1).locator(".glm-a mjx-container").count() == 3)
    return lab


def clipboard(lab: Lab) -> str:
    return str(lab.page.evaluate("() => navigator.clipboard.readText()"))


def test_a_saved_reply_is_copied_as_markdown_or_as_text(lab_with_reply: Lab) -> None:
    lab = lab_with_reply
    as_markdown, as_text = lab.panel(1).locator(".glm-cp button").all()
    assert as_markdown.inner_text() == "Copy"
    as_markdown.click()
    lab.until(lambda: as_markdown.inner_text() == "Copied")
    copied = clipboard(lab)
    assert copied.startswith(
        "## Mean waiting time\n\nThe gaps between arrivals are **exponential**"
    )
    assert "\\mathbb{E}[T] = \\int_0^\\infty" in copied, "typeset formulas are their TeX again"
    assert plain(markdown_html(copied)) == plain(markdown_html(ANSWER))
    as_text.click()
    lab.until(lambda: as_text.inner_text() == "Copied")
    text = clipboard(lab)
    assert "**" not in text
    assert "`" not in text
    assert "rate $\\lambda$\texact\tsimulated\terror" in text
    assert "    return sum(random.expovariate(rate) for _ in range(n)) / n" in text


def test_a_selection_keeps_its_formulas(lab_with_reply: Lab) -> None:
    lab = lab_with_reply
    lab.panel(1).locator(".glm-a").evaluate(
        "(node) => getSelection().selectAllChildren(node.querySelector('ol'))"
    )
    lab.page.evaluate("() => document.execCommand('copy')")
    assert "The error falls like $1/\\sqrt{n}$, so four times the draws halve it." in clipboard(lab)


def test_where_scripts_do_not_run_there_is_nothing_to_press(lab_with_reply: Lab) -> None:
    lab = lab_with_reply
    lab.reopen_untrusted()
    lab.panel(1).wait_for()
    assert lab.panel(1).locator(".glm-cp").count() == 0
    assert lab.panel(1).locator("button:visible").count() == 0


def test_the_headings_of_an_answer_are_no_chapters(lab: Lab) -> None:
    lab.open(["#md# My chapter", SETUP, "show(rate=4000)"])
    lab.run(1)
    lab.run(2)
    lab.wait_static(2)
    assert lab.panel(2).locator("h2").inner_text() == "Mean waiting time"
    lab.page.evaluate("() => { window.jupyterapp.commands.execute('toc:show-panel') }")
    titles = lab.page.locator(".jp-TableOfContents-tree .jp-tocItem-content")
    titles.first.wait_for()
    lab.save()
    assert [title.strip() for title in titles.all_inner_texts()] == ["My chapter"]


def test_the_hosts_search_opens_the_reasoning_that_it_leads_to(lab: Lab) -> None:
    lab.open([SETUP, "show(rate=4000)"])
    lab.run(0)
    lab.run(1)
    lab.wait_static(1)
    details = lab.panel(1).locator("details.glm-r")
    assert details.get_attribute("open") is None
    lab.page.evaluate("() => { window.jupyterapp.commands.execute('documentsearch:start') }")
    field = lab.page.locator(".jp-DocumentSearch-input").first
    field.fill("exponential with rate")
    lab.page.locator("[title='Show Search Filters']").click()
    lab.page.get_by_text("Search Cell Outputs").click()
    counter = lab.page.locator(".jp-DocumentSearch-index-counter")
    lab.until(lambda: counter.inner_text().endswith("/1"))
    field.press("Enter")
    lab.until(lambda: details.get_attribute("open") is not None)
    assert details.locator("mark.jp-current-match").is_visible()
