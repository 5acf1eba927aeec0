"""What models also write: endless lines, thousands of items, nothing at all. Each is shown."""

from __future__ import annotations

import time

import pytest

from glm_magic.views.markup.incremental import IncrementalMarkdown
from glm_magic.views.markup.markdown import markdown_html
from glm_magic.views.options import ViewOptions
from glm_magic.views.saved.page import bundle

from .test_incremental import grown
from .test_markdown import Elements
from .turns import cut, turn_of

ENGLISH = ViewOptions(language="en")
LINE = "word " * 40_000
ITEMS = "".join(f"- item {n}\n" for n in range(10_000))
QUOTES = "> " * 300 + "deep"
CASES = {
    "an unclosed fence": "so:\n\n```python\nx = 1\n",
    "an unclosed fence in a list": "- so:\n\n  ```\n  x = 1\n",
    "an unclosed table": "| a | b |\n|---|---|\n| 1 |",
    "half a table heading": "| a | b",
    "an unclosed formula": "so $$\\frac{1}{",
    "unclosed marks": "**a *b `c [d](http://e.example",
    "one line of 200 kB": LINE,
    "10,000 items": ITEMS,
    "300 nested quotes": QUOTES,
}


@pytest.mark.parametrize("name", CASES)
def test_every_word_is_shown(name: str) -> None:
    source = CASES[name]
    began = time.process_time()
    shown = Elements(markdown_html(source)).text
    assert time.process_time() - began < 10
    for word in ("x = 1", "item 9999", "deep", "frac", "a"):
        assert word not in source or word in shown
    assert shown.count("word") == source.count("word")


@pytest.mark.parametrize("name", CASES)
def test_it_may_grow_and_end_there(name: str) -> None:
    source = CASES[name]
    prefixes = cut(source, [max(1, len(source) // 12)])
    shown = Elements(grown(prefixes)).text
    assert shown.count("item") == source.count("item")
    assert shown.count("word") == source.count("word")


@pytest.mark.parametrize("name", ["one line of 200 kB", "10,000 items"])
def test_an_endless_block_is_cheap_to_paint(name: str) -> None:
    growing = IncrementalMarkdown()
    growing.update(CASES[name][:-100])
    began = time.process_time()
    growing.update(CASES[name])
    assert time.process_time() - began < 0.5


def test_ten_lists_inside_each_other_are_lists() -> None:
    page = markdown_html("".join("  " * n + f"- level {n}\n" for n in range(10)))
    assert page.count("<ul>") == 10
    assert "level 9" in page


@pytest.mark.parametrize(
    ("answer", "reasoning", "expected"),
    [
        ("", "", "The reply is empty."),
        (" \n\t\n ", "", "The reply is empty."),
        ("", "I wonder.", "The model reasoned, but gave no answer."),
        ("\n\n", "I wonder.", "The model reasoned, but gave no answer."),
        ("", " \n ", "The reply is empty."),
    ],
)
def test_nothing_is_said_in_words_in_every_form(answer: str, reasoning: str, expected: str) -> None:
    data, _ = bundle(turn_of(answer, reasoning), ENGLISH)
    for form in data.values():
        assert expected in form
    assert ("<details" in data["text/html"]) is bool(reasoning.strip())
