"""Lines of a terminal end between words, and nothing else changes."""

from __future__ import annotations

import re
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from glm_magic.views.columns import LineBreaker, text_width, wrap

from .turns import cut

PROSE = "Actually, the sky is blue because short waves scatter more than long ones do."


def test_a_chinese_character_takes_two_columns() -> None:
    assert text_width("sky 天空 é é") == 4 + 4 + 1 + 1 + 1 + 1


@pytest.mark.parametrize("most", [12, 20, 40, 80])
def test_lines_end_between_words(most: int) -> None:
    lines = wrap(PROSE, most)
    assert " ".join(lines) == PROSE
    assert max(map(text_width, lines)) <= most
    # Each line is as full as it can be.
    for line, after in pairwise(lines):
        assert text_width(f"{line} {after.split()[0]}") > most


def test_chinese_lines_end_anywhere_but_before_punctuation() -> None:
    text = "因为短波散射更强，所以天空是蓝色的。GLM模型回答。"
    lines = wrap(text, 11)
    assert "".join(lines) == text
    assert max(map(text_width, lines)) <= 12, "punctuation may stand at the edge"
    assert not any(line[0] in "，。" for line in lines)
    assert all("GLM" in line or "G" not in line for line in lines)


def test_a_word_that_is_too_long_stays_whole() -> None:
    address = "https://example.org/" + "a" * 40
    assert wrap(f"see {address} there", 20) == ["see", address, "there"]


CODE = "```python title=x\nvalue = some_function(with_many, arguments_that, are_long)\n```\n"
TABLE = "| a long heading | another long heading |\n|---|---|\n"
INDENTED = "    value = some_function(with_many, arguments_that, are_long)\n"


@pytest.mark.parametrize("block", [CODE, TABLE, INDENTED])
def test_code_and_tables_stay_as_they_are(block: str) -> None:
    breaker = LineBreaker(20)
    printed = breaker.feed(f"{PROSE}\n\n{block}\n{PROSE}") + breaker.end()
    assert block in printed
    assert printed.endswith("\n".join(wrap(PROSE, 20))), "after it, prose is broken again"


@given(
    st.text(alphabet="ab 天，|`\n\t", max_size=60),
    st.integers(1, 12),
    st.lists(st.integers(1, 5), min_size=1, max_size=3),
)
def test_any_chunking_gives_the_same_lines(text: str, most: int, sizes: list[int]) -> None:
    whole, pieces = LineBreaker(most), LineBreaker(most)
    expected = whole.feed(text) + whole.end()
    assert "".join(map(pieces.feed, split(text, sizes))) + pieces.end() == expected
    blanks = re.compile(r"\s+")
    assert blanks.sub("", expected) == blanks.sub("", text), "no character is lost"


def split(text: str, sizes: list[int]) -> list[str]:
    ends = [0, *map(len, cut(text, sizes))]
    return [text[start:end] for start, end in pairwise(ends)]
