"""What is written as Markdown obeys no text in it, however a host parses Markdown.

`tests/browser/test_hostile_text.py` gives the same pages to JupyterLab's own parser.
"""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import mistune
import pytest
from markdown_it import MarkdownIt

from glm_magic.core.turn import Turn
from glm_magic.session import export
from glm_magic.session.slots import Slot, Variant
from glm_magic.views.markup.sanitize import is_safe, sanitize_markdown
from glm_magic.views.options import ViewOptions
from glm_magic.views.saved.compare_page import compare_bundle
from glm_magic.views.saved.page import bundle
from tests.security.compositions import OF_ONE_PARSER, REPORTED, Compositions
from tests.security.dom import PAGE_TAGS, Elements, obeyed
from tests.security.vectors import VECTORS
from tests.views.turns import turn_of

ENGLISH = ViewOptions(language="en")
LIBERAL = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])
LIBERAL.validateLink = lambda _url: True  # type: ignore[method-assign]
NBCONVERT = mistune.create_markdown(
    escape=False, plugins=["strikethrough", "table", "url", "math", "footnotes"]
)
"""As nbconvert reads it: a formula between two ``$$`` may hold anything."""
TAGS = PAGE_TAGS | {"sub"}
_BLOCK = re.compile(r"^(`{3,})[\w+#.-]*\n(?:.*\n)*?\1$", re.MULTILINE)
_SPAN = re.compile(r"(`+)[^`\n]+\1")
_OBEYED = re.compile(
    r"<(?=[a-z/!?])(?!(?:https?://|mailto:)[^\s<>$\\`\"]+>|/?(?:details|summary|sub)>)"
    r"|!\\*\[|\](?=[(:])(?![(:] ?<?(?:https?://|mailto:)[^\s$\\`\"\[\]]+)|^[ >\t]*~{3}",
    re.IGNORECASE | re.MULTILINE,
)
_NOTE = re.compile(r"\[\^[^\]\n]*\]:[ \t]+[^\s\[\]<>]+[ \t]+[^\s\"'(<]")
"""The beginning of a footnote, which is no address for a parser that knows none."""


def exposed(markdown: str) -> list[str]:
    """Return what stands outside of code that every parser sees, and could be obeyed."""
    without_blocks = _NOTE.sub("x", _BLOCK.sub("", markdown))
    return [match[0] for match in _OBEYED.finditer(_SPAN.sub("·", without_blocks))]


def live(markdown: str) -> list[str]:
    """Return everything that two parsers which allow all make of a page beyond formatted text."""
    theirs = [
        problem
        for problem in obeyed(str(NBCONVERT(markdown)), TAGS | {"sup", "section"})
        if not re.search(r"class='(math|footnote)|id='fn|href='#fn", problem)
    ]
    return obeyed(LIBERAL.render(markdown), TAGS) + theirs + exposed(markdown)


def test_a_test_that_sees_what_is_live() -> None:
    """A test of the tests."""
    for text in ("<img src=x>", "![b](https://ok.example)", "[a](javascript:x)", "[a]: data:x"):
        assert live(text)
        assert exposed(text)
    assert not live("```html\n<img src=x>\n```")


@pytest.mark.parametrize("seed", range(4))
def test_parts_that_are_harmless_alone_are_harmless_together(seed: int) -> None:
    pages = Compositions(seed)
    for _ in range(500):
        page = pages.markdown()
        assert live(page) == [], page
        assert is_safe(page)


@pytest.mark.parametrize("turn", REPORTED, ids=["open fence", "after a list", "title"])
def test_what_was_live_in_jupyterlab_is_not(turn: Turn) -> None:
    for data, _ in (bundle(turn, ENGLISH), compare_bundle(["a", "b"], [turn, turn], ENGLISH)):
        assert live(data["text/markdown"]) == []


@pytest.mark.parametrize("text", OF_ONE_PARSER)
def test_what_only_one_parser_obeys_is_broken_up_too(text: str) -> None:
    written = sanitize_markdown(text)
    assert live(written) == []
    assert "mermaid" not in written
    assert not re.search(r"\\(?:href|style)", written)


def test_an_answer_that_is_cut_inside_code_ends_before_the_reasoning() -> None:
    cut = turn_of("So:\n\n```python\nx = 1", "Let me see.\n\n```\ny\n```")
    markdown = bundle(cut, ENGLISH)[0]["text/markdown"]
    page = Elements(LIBERAL.render(markdown))
    assert "```python\nx = 1\n```\n\n<details><summary>Reasoning</summary>\n\nLet me" in markdown
    assert page.tags.count("details") == 1
    assert page.tags.count("pre") == 2


def test_pages_that_a_search_found_are_no_part_of_an_answers_list() -> None:
    (turn,) = (turn for turn in REPORTED if turn.steps[0].links and "Found." in turn.answer)
    answers = {"1. one\n2. two": 1, "- one": 1, "One.": 1}
    for answer, lists in answers.items():
        step = replace(turn.steps[0], content=answer, reasoning="")
        markdown = bundle(replace(turn, steps=(step,)), ENGLISH)[0]["text/markdown"]
        page = Elements(LIBERAL.render(markdown))
        assert page.tags.count("ol") + page.tags.count("ul") == lists, markdown


ORDINARY = (
    "Install it:\n\n1. First:\n   ```bash\n   pip install x\n   ```\n2. Then `a[i] < b`.\n",
    "Use `<div>` and `<my-tag>`, *not* `<b>`; a < b, `x**2`, `{a: 1}`.",
    "| `a` | `<b>` |\n|---|---|\n| 1 | [x](https://docs.example/a_(b)#c \"A title\") |",
    "```html\n<script>1</script>\n```\n\nand\n\n```latex\n\\frac{a}{b} $x$\n```",
    "Costs \\$5; $x_1 < y$ and $a$ and\n\n$$\nx^2\n$$",
    "See <https://docs.example> and https://docs.example/a?b=c#d, (www.docs.example).",
    "[a][b] and [b]\n\n[b]: https://docs.example/b \"B\"",
    "~~~python\nx = 1\n~~~",
    "Noted[^1].\n\n[^1]: In more than one word.",
    "Wow! [1] really!\n\n> quoted\n> `code`\n\n***\n\n# Title\n\n    indented = 1",
)  # fmt: skip


@pytest.mark.parametrize("text", ORDINARY)
def test_ordinary_text_stays_as_it_was_written(text: str) -> None:
    assert sanitize_markdown(text) == text


def test_code_that_has_to_leave_its_list_can_still_be_copied() -> None:
    code = "<div>\n  $x `y`\n</div>"
    indented = code.replace("\n", "\n   ")
    written = sanitize_markdown(f"1. So:\n   ```html\n   {indented}\n   ```\n2. Done.")
    assert f"\n\n```html\n{code}\n```\n\n2. Done." in written


# ── %glm save FILE.md ────────────────────────────────────────────────────────────────────────────


def saved(path: Path, *turns: Turn, name: str = "talk", system: str | None = None) -> str:
    export.save(path, name, [Slot(variants=[Variant(turn, "")]) for turn in turns], system)
    return path.read_text(encoding="utf-8").replace(export._MARK, "")


@pytest.mark.parametrize("seed", range(4))
def test_a_saved_transcript_obeys_nothing(seed: int, tmp_path: Path) -> None:
    pages = Compositions(seed)
    for number in range(100):
        turns = [replace(pages.turn(), prompt=pages.text()) for _ in range(3)]
        text = saved(tmp_path / f"{number}.md", *turns, name=pages.text(3), system=pages.text(4))
        assert live(text) == [], text


def test_every_vector_in_a_saved_transcript(tmp_path: Path) -> None:
    for number, vector in enumerate((*VECTORS[::9], *OF_ONE_PARSER)):
        turn = turn_of(vector, vector, prompt=vector, model=vector, error=vector, status="failed")
        text = saved(tmp_path / f"{number}.md", turn, turn_of("", "", error=vector), name=vector)
        assert live(text) == [], text


def test_a_saved_transcript_keeps_ordinary_text(tmp_path: Path) -> None:
    for number, text in enumerate(ORDINARY):
        written = saved(tmp_path / f"{number}.md", turn_of(text, "So.", prompt="Why?\n\nAnd how?"))
        assert text.strip() in written
        assert "> Why?\n>\n> And how?" in written


def test_code_in_a_saved_prompt_stands_outside_of_the_quote(tmp_path: Path) -> None:
    prompt = "Mend:\n```python\nprint('<b>')\n```\nplease"
    written = saved(tmp_path / "talk.md", turn_of("Done.", "", prompt=prompt))
    assert "> Mend:\n>\n\n```python\nprint('<b>')\n```\n>\n> please" in written
