"""Tokens laid along a text: joined they are the text, whatever a server reported."""

from __future__ import annotations

import json
import math
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from glm_magic.core.tokens import (
    MAX_FIGURES,
    PARTS,
    Alternative,
    Part,
    Token,
    TokenFigures,
    figures_of,
    logprob_of,
)


def reported(*texts: str, part: Part | None = None) -> list[Token]:
    return [Token(part, text, -1.0) for text in texts]


def laid(reasoning: str, answer: str, tokens: list[Token]) -> list[tuple[str, str, bool]]:
    """Return part and text of each token, and whether it has a figure."""
    texts: dict[Part, str] = {"reasoning": reasoning, "answer": answer}
    figures = figures_of(tokens, **texts)
    along = [
        t for part in PARTS if part in figures for t in figures[part].tokens(texts[part], part)
    ]
    return [(str(t.part), t.text, t.logprob is not None) for t in along]


def test_what_was_given_has_no_figures_even_where_the_model_writes_the_same() -> None:
    text = " so so so"
    figures = figures_of(reported(" so", " so"), reasoning=text, answer="", given=3)
    tokens = [(t.text, t.logprob) for t in figures["reasoning"].tokens(text, "reasoning")]
    assert tokens == [(" so", None), (" so", -1.0), (" so", -1.0)]


def test_the_reasoning_comes_before_the_answer_where_no_part_is_named() -> None:
    tokens = reported("<think>", "The", " user", "</think>", "\n\n", "The", " sky")
    assert laid("The user", "The sky", tokens) == [
        ("reasoning", "The", True),
        ("reasoning", " user", True),
        ("answer", "The", True),
        ("answer", " sky", True),
    ]


def test_text_without_figures_is_a_token_without_one() -> None:
    tokens = reported("Once", " upon", " time", part="answer")
    assert laid("", "Once upon a time.", tokens) == [
        ("answer", "Once", True),
        ("answer", " upon", True),
        ("answer", " a", False),
        ("answer", " time", True),
        ("answer", ".", False),
    ]


def test_a_token_of_a_wrongly_named_part_is_found_in_the_other() -> None:
    tokens = [*reported("I", " see"), *reported(".", part="answer"), *reported("A", part="answer")]
    assert laid("I see.", "A", tokens)[2] == ("reasoning", ".", True)


def test_half_a_character_has_a_figure_and_no_text() -> None:
    tokens = [Token(None, "", -0.5), Token(None, "🐼", -0.1)]
    assert laid("", "🐼", tokens) == [("answer", "", True), ("answer", "🐼", True)]


def test_nothing_is_kept_where_nothing_fits() -> None:
    assert figures_of(reported("x", "<eos>"), reasoning="abc", answer="def") == {}


words = st.lists(st.sampled_from(["a", " b", "ab", "\n", "<think>", "é", "\x00", "<b>"]))


@given(words, words, st.integers(0, 2**32))
def test_whatever_is_reported_the_tokens_joined_are_the_text(
    reasoning: list[str], answer: list[str], seed: int
) -> None:
    chance = random.Random(seed)
    tokens = reported(*reasoning, *answer)
    tokens = [token for token in tokens if chance.random() > 0.2]
    for _ in range(3):
        tokens.insert(
            chance.randint(0, len(tokens)), Token(chance.choice([*PARTS, None]), "ab", -1)
        )
    texts: dict[Part, str] = {"reasoning": "".join(reasoning), "answer": "".join(answer)}
    for part, figures in figures_of(tokens, **texts).items():
        assert "".join(t.text for t in figures.tokens(texts[part], part)) == texts[part]


@given(st.lists(st.sampled_from(["one", " two", " three", "\n", ".", " é"]), min_size=1))
def test_a_whole_report_leaves_nothing_without_a_figure(texts: list[str]) -> None:
    along = laid("", "".join(texts), reported(*texts))
    assert along == [("answer", text, True) for text in texts]


def test_figures_are_laid_in_time_that_grows_with_the_text() -> None:
    count = MAX_FIGURES // 10
    lost = reported(*(["Q"] * count))
    assert figures_of(lost, reasoning="a" * count, answer="b" * count) == {}
    figures = figures_of(reported(*(["ab"] * count)), reasoning="", answer="ab" * count)
    assert sum(1 for _ in figures["answer"].tokens("ab" * count, "answer")) == count


@pytest.mark.parametrize(
    "packed",
    [
        "", "[", "null", "{}", "[1,2,3,4]", "[[1],[-1],[[]]]", "[" * 100_000,
        '[["x"],["y"],["z"],["w"]]', '[[1e999],[NaN],[{"a":1}],[3]]', "[[9],[-1],[[1]],[[2]]]",
        '[[-5],[-1e400],[["a"]],[[1e300]]]', '[[true],[true],[["a"]],[[true]]]',
    ],
)  # fmt: skip
def test_a_file_may_hold_anything(packed: str) -> None:
    tokens = list(TokenFigures(packed).tokens("text", "answer"))
    assert "".join(token.text for token in tokens) == "text"
    for token in tokens:
        assert token.logprob is None or -9999 <= token.logprob <= 0
        assert not token.alternatives
        assert token.doubt >= 0


def test_entropy_is_in_bits_among_what_is_known() -> None:
    half = math.log(0.5)
    even = Token("answer", "a", half, (Alternative("a", half), Alternative("b", half)))
    assert even.entropy == pytest.approx(1.0)
    sure = Token("answer", "a", 0.0, (Alternative("a", 0.0), Alternative("b", -9999.0)))
    assert sure.entropy == 0.0
    outside = Token("answer", "c", half - 1, (Alternative("a", half), Alternative("b", half)))
    assert outside.entropy is not None
    assert 1.0 < outside.entropy < math.log2(3)


def test_without_alternatives_doubt_is_how_little_a_token_was_expected() -> None:
    token = Token("answer", "a", math.log(0.25))
    assert token.entropy is None
    assert token.doubt == pytest.approx(2.0)
    assert Token("answer", "a").doubt == 0.0


@pytest.mark.parametrize(
    ("value", "logprob"),
    [
        (-0.5, -0.5), (0, 0.0), (1e-9, 0.0), (-1e9, -9999.0), (-math.inf, -9999.0), (0.5, None),
        (math.nan, None), (math.inf, None), ("-1", None), (True, None), (None, None), ([], None),
        (-(10**400), -9999.0), (10**400, None),
    ],
)  # fmt: skip
def test_a_logarithm_is_a_number_up_to_zero(value: object, logprob: float | None) -> None:
    assert logprob_of(value) == logprob


def test_figures_are_saved_as_one_text() -> None:
    figures = TokenFigures.of([(2, Token(None, "ab", -0.5, (Alternative('"é\n', -1.25),)))])
    assert json.loads(figures.packed) == [[2], [-0.5], [['"é\n']], [[-1.25]]]
