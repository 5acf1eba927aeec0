"""A text rendered while it grows ends as the text rendered at once."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from glm_magic.views.markup import markdown
from glm_magic.views.markup.escape import strip_blank_lines
from glm_magic.views.markup.incremental import IncrementalMarkdown
from glm_magic.views.markup.markdown import markdown_html, render

from .turns import ANSWER, REASONING, cut

PIECES = st.lists(
    st.sampled_from(
        [
            "word", "two words", "**bold", "**", "`code", "`", "*", "_", "\n", "\n", "\n\n", "\n\n",
            "- ", "  - ", "1. ", "2) ", "> ", "# ", "## h\n", "---\n", "===\n", "```py\n", "```\n",
            "~~~\n", "$$", "$$\n", "$x$", "\\[", "\\]\n", "\\(a\\)", "\\begin{align}\n",
            "\\end{align}\n", "| a | b |\n", "|---|--:|\n", "    ", "\t", " ", "  \n", "\\",
            "<div>\n", "[l](http://h.example)", "[r]", "![p](http://h.example)", "\r\n", "\r",
            "[^1]", "[^1]: a note\n", "- [ ] ", "[x] ", "https://h.example ", "\u0634\u0643",
            "\u2028", "\x0b", "\x0c", "\x00", "é", "😀", "\ufeff", "- b", "= c",
        ]
    ),
    max_size=30,
).map("".join)  # fmt: skip
SIZES = st.lists(st.integers(1, 12), min_size=1, max_size=6)


def grown(prefixes: list[str]) -> str:
    """Return what a page holds that took every step of the growth."""
    growing = IncrementalMarkdown()
    frozen = tail = ""
    for prefix in prefixes:
        step = growing.update(prefix)
        frozen = step.added if step.restarted else frozen + step.added
        tail = step.tail
        assert frozen == growing.frozen
    return frozen + tail


@given(PIECES, SIZES)
@settings(max_examples=500, deadline=None)
def test_finished_blocks_never_change(text: str, sizes: list[int]) -> None:
    text += "\n\nend.\n\nclosed\n\n"
    growing = IncrementalMarkdown()
    for prefix in cut(text, sizes):
        growing.update(prefix)
        whole = markdown_html(prefix + "\n")
        assert whole.startswith(growing.frozen)


@given(PIECES, SIZES)
@settings(max_examples=500, deadline=None)
def test_a_closed_text_ends_as_a_render_at_once(text: str, sizes: list[int]) -> None:
    text += "\n\nend.\n\nclosed\n"
    whole = markdown_html(text)
    # An open fence or formula takes in the end as well: then nothing there can be closed.
    if whole.endswith("<p>closed</p>\n"):
        assert grown(cut(text, sizes)) == whole


@pytest.mark.parametrize("text", [ANSWER, REASONING])
@given(sizes=SIZES)
@settings(max_examples=40, deadline=None)
def test_a_reply_ends_alike_for_any_chunking(text: str, sizes: list[int]) -> None:
    assert grown(cut(text, sizes)) == markdown_html(text)


@given(PIECES, SIZES)
@settings(max_examples=500, deadline=None)
def test_what_is_remembered_is_what_a_render_at_once_gives(text: str, sizes: list[int]) -> None:
    growing = IncrementalMarkdown()
    for prefix in cut(text, sizes):
        growing.update(prefix)
    markdown._newest.clear()
    growing.remember()
    shown = strip_blank_lines(text.removesuffix("\r"))
    assert markdown_html(shown) == render(shown, {})


def test_what_is_shown_with_every_draft_stays_remembered() -> None:
    """A reasoning has ended, and is saved again with each state of an answer that grows."""
    markdown.remember("the reasoning", "<p>as rendered</p>")
    for state in range(3 * markdown._REMEMBERED):
        markdown.remember("the reasoning", "<p>as rendered</p>")
        markdown.remember(f"the answer {state}", "")
        assert markdown_html("the reasoning") == "<p>as rendered</p>"
    assert len(markdown._newest) == markdown._REMEMBERED


def test_a_link_that_is_defined_at_the_end_changes_what_stands_above() -> None:
    growing = IncrementalMarkdown()
    for text in ("[a][r]\n\nmore\n\n", "[a][r]\n\nmore\n\n[r]: https://h.example\n"):
        growing.update(text)
        growing.remember()
    assert 'href="https://h.example"' in markdown_html(strip_blank_lines(text))


def test_finished_blocks_are_rendered_once() -> None:
    growing = IncrementalMarkdown()
    first = growing.update("one\n\ntwo\n\nthr")
    second = growing.update("one\n\ntwo\n\nthree")
    assert first.added == "<p>one</p>\n"
    assert (second.added, second.tail) == ("", "<p>three</p>\n") or "two" in first.tail


def test_a_text_that_was_replaced_starts_again() -> None:
    growing = IncrementalMarkdown()
    growing.update("it was\n\nreasoning\n\nafter all\n\n")
    step = growing.update("")
    assert step.restarted
    assert growing.frozen + step.tail == ""
    assert growing.update("answer").tail == "<p>answer</p>\n"


def test_an_open_formula_is_shown_as_its_source() -> None:
    step = IncrementalMarkdown().update("so\n$$\n\\frac{1}\n= x\n- y")
    assert 'class="glm-u"' in step.tail
    assert "<h" not in step.tail
    assert "<li" not in step.tail


@pytest.mark.parametrize(
    ("tail", "expected"),
    [
        ("this is **bo", "<strong>bo</strong>"),
        ("this is **bold*", "<strong>bold</strong>"),
        ("this is `co", "<code>co</code>"),
        ("- item **bo", "<strong>bo</strong>"),
        ("this is *it", "<em>it</em>"),
        ("- *it", "<em>it</em>"),
        ("2 * 3", "2 * 3</p>"),
        ("a*b", "a*b</p>"),
        ("a **", "a **</p>"),
        ("`a` and **b", "<strong>b</strong>"),
    ],
)
def test_an_open_mark_is_closed_for_display(tail: str, expected: str) -> None:
    assert expected in IncrementalMarkdown().update(tail).tail


def test_an_early_link_reference_is_known_later() -> None:
    text = "[r]: http://h.example\n\nfirst\n\nsecond\n\nsee [r]\n"
    assert 'href="http://h.example"' in grown(cut(text, [3]))


@pytest.mark.parametrize(
    ("tail", "cells"),
    [
        ("| a | b", 2),
        ("| a | b |\n", 2),
        ("| a | b |\n|--", 2),
        ("text\n| a |", 1),
        ("| a | b |\n|--|--|\n", 2),
        ("| a | b |\n|--|--|\n| 1", 2),
    ],
)
def test_a_table_is_one_from_its_heading_on(tail: str, cells: int) -> None:
    assert IncrementalMarkdown().update(tail).tail.count("<th>") == cells
    assert IncrementalMarkdown().update("before\n\n" + tail).tail.count("<th>") == cells


@pytest.mark.parametrize("tail", ["|", "text\n|", "a | b", "| a |\nb | c"])
def test_a_bar_alone_is_no_table(tail: str) -> None:
    assert "<table" not in IncrementalMarkdown().update(tail).tail
