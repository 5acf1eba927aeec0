"""The formulas of a saved page, in pages that load no MathJax."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from glm_magic.views.labels import ENGLISH
from glm_magic.views.options import ViewOptions
from glm_magic.views.saved.page import page_html
from tests.views.turns import ANSWER, REASONING, turn_of

pytestmark = pytest.mark.browser

SHOWN = page_html(turn_of(ANSWER, REASONING), ViewOptions(language="en"), ENGLISH)
SHORT = page_html(turn_of("So $a^2$.", "Then $b_1$."), ViewOptions(language="en"), ENGLISH)

AS_VS_CODE_DOES = """
(sources) => {
  for (const source of sources) {
    const output = document.body.appendChild(document.createElement("div"));
    output.innerHTML = source;
    for (const script of Array.from(output.getElementsByTagName("script"))) {
      const copy = document.createElement("script");
      copy.text = script.innerText;
      output.appendChild(copy).parentNode.removeChild(copy);
    }
  }
}
"""
"""Its renderer of HTML runs copies of the scripts, at the end of the output, without attributes."""


@pytest.fixture
def page(chromium: Any) -> Iterator[Any]:
    """A page without anything."""
    context = chromium.new_context()
    page = context.new_page()
    page.goto("about:blank")
    yield page
    context.close()


def wait_for(page: Any, drawn: int) -> None:
    page.wait_for_function(f"() => document.querySelectorAll('.glm-x > math').length === {drawn}")
    assert page.locator(".glm-x").count() == drawn


def test_a_plain_page_draws_them(page: Any) -> None:
    count = SHOWN.count('class="glm-x')
    assert count > 3
    page.set_content(SHOWN)
    wait_for(page, count)


def test_every_output_of_a_notebook_in_vs_code_draws_its_own(page: Any) -> None:
    page.evaluate(AS_VS_CODE_DOES, [SHORT, SHOWN, SHORT])
    wait_for(page, 2 * SHORT.count('class="glm-x') + SHOWN.count('class="glm-x'))


def test_an_output_that_comes_later_draws_its_own(page: Any) -> None:
    page.set_content(SHORT)
    wait_for(page, 2)
    page.evaluate(AS_VS_CODE_DOES, [SHORT])
    wait_for(page, 4)


def test_where_scripts_are_dropped_their_tex_can_be_read(page: Any) -> None:
    page.evaluate("(source) => { document.body.innerHTML = source }", SHORT)
    assert page.locator(".glm-x").all_text_contents() == [r"\(a^2\)", r"\(b_1\)"]


def test_what_mathjax_has_typeset_is_left_alone(page: Any) -> None:
    page.set_content(
        "<script>window.MathJax = { startup: { promise: new Promise("
        "(done) => { window.typeset = done }) } }</script>" + SHORT
    )
    page.evaluate(
        "() => { document.querySelector('.glm-x').innerHTML = '<i>typeset</i>'; window.typeset() }"
    )
    page.wait_for_function("() => document.querySelectorAll('.glm-x > math').length === 1")
    assert page.locator(".glm-x > i").count() == 1
