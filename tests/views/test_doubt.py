"""Doubt in the saved page: marked by kind, with the alternatives, harmless and of bounded size."""

from __future__ import annotations

import html
import re
from dataclasses import replace

import pytest

from glm_magic.core.tokens import Alternative, Token, figures_of
from glm_magic.core.turn import Step, Turn
from glm_magic.views.labels import CHINESE, ENGLISH
from glm_magic.views.options import ViewOptions
from glm_magic.views.saved.doubt import MAX_SHARE, SMALL, doubt_html
from glm_magic.views.saved.page import bundle, page_html
from tests.security.dom import PAGE_TAGS, obeyed
from tests.security.vectors import VECTORS
from tests.views.turns import ANSWER, doubted, turn_of

OPTIONS = ViewOptions(language="en")
_TAG = re.compile(r"<[^>]*>")


def view_of(turn: Turn, options: ViewOptions = OPTIONS) -> str:
    return doubt_html(turn, options, ENGLISH)


def texts_of(view: str) -> list[str]:
    """Return what the columns of a view read as."""
    columns = re.findall(r'<div class="glm-dt"[^>]*>(.*?)</div></div>', view, re.DOTALL)
    return [html.unescape(_TAG.sub("", column)) for column in columns]


def answered(*tokens: Token) -> Turn:
    text = "".join(token.text for token in tokens)
    figures = figures_of(tokens, reasoning="", answer=text)
    step = Step(content=text, answer_figures=figures["answer"])
    return turn_of(steps=(step,))


def open_choice(text: str, *others: str) -> Token:
    alternatives = (Alternative(text, -1.0), *(Alternative(other, -1.2) for other in others))
    return Token("answer", text, -1.0, alternatives)


def test_a_reply_without_figures_has_no_such_view() -> None:
    assert view_of(turn_of()) == ""
    assert "doubt" not in page_html(turn_of(), OPTIONS, ENGLISH)


def test_the_texts_are_shown_whole_and_closed() -> None:
    turn = doubted(turn_of())
    view = view_of(turn)
    assert view.startswith('<details class="glm-doubt"')
    assert " open" not in view.partition(">")[0]
    assert texts_of(view) == [turn.reasoning, turn.answer]


def test_marks_are_of_three_kinds_and_certain_tokens_have_none() -> None:
    sure = Token("answer", "sure", 0.0, (Alternative("sure", 0.0), Alternative("not", -9.0)))
    some = Token("answer", " some", -0.1, (Alternative(" some", -0.1), Alternative(" x", -2.0)))
    view = view_of(answered(sure, some, open_choice(" more", "x"), open_choice(" most", *"xyz")))
    inside = re.findall(r"<(\w+)[^>]*>(?: (some|more|most)|(sure))</\1>", view.partition("dc")[2])
    assert [(tag, word) for tag, word, _ in inside] == [
        ("u", "some"),
        ("b", "more"),
        ("mark", "most"),
    ]
    assert "3 of 4 tokens could well have been another" in view


def test_a_title_says_how_likely_a_token_and_its_alternatives_were() -> None:
    token = Token("answer", " is", -0.6931, (
        Alternative(" was", -1.3863), Alternative(" is", -0.6931), Alternative("\n", -2.3026),
        Alternative("x" * 50, -3.0), Alternative(" never", -9.0)))  # fmt: skip
    (title,) = re.findall(r'title="([^"]*)"', view_of(answered(token)))
    assert title == f"50% · was 25% · ⏎ 10% · {'x' * 15}… 5%"


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("size", [1, 200, 3000, 40_000])
def test_it_takes_at_most_three_times_the_text(seed: int, size: int) -> None:
    text = (ANSWER * 30)[:size]
    turn = doubted(turn_of(text, text[::-1]), seed, others=("«other»" * 3, "<b>", "&amp;"))
    plain = page_html(turn_of(text, text[::-1]), OPTIONS, ENGLISH)
    page = page_html(turn, OPTIONS, ENGLISH)
    view = view_of(turn)
    most = max(SMALL, MAX_SHARE * len((turn.answer + turn.reasoning).encode()))
    assert len(view.encode()) <= most
    without_style = re.compile(r"<style>.*?</style>", re.DOTALL)
    added = [len(without_style.sub("", whole).encode()) for whole in (plain, page)]
    assert added[1] - added[0] == len(view.encode())
    if size >= 200:
        assert "title=" in view


def test_the_most_doubtful_tokens_get_the_room() -> None:
    tokens = [open_choice(f" word{n}", *"abcd"[: 1 + n % 4]) for n in range(2000)]
    view = view_of(answered(*tokens))
    titled = re.findall(r"<(\w+) tabindex", view)
    marked = re.findall(r"<(u|b|mark)>[^<]* word", view)
    assert set(titled) == {"mark"}
    assert len(titled) + len(marked) == 2000


def test_text_that_grows_when_it_is_escaped_is_left_out_rather_than_too_large() -> None:
    assert view_of(answered(*[open_choice("$" * 10, "x")] * 500)) == ""


def test_what_is_held_back_or_hidden_stays_so() -> None:
    turn = doubted(turn_of("Forty-two it is.", "Six times seven."))
    assert texts_of(view_of(turn, ViewOptions(hold="answer"))) == ["Six times seven."]
    for options in (ViewOptions(hold="thinking"), ViewOptions(show_thinking="hide")):
        assert texts_of(view_of(turn, options)) == ["Forty-two it is."]


def test_the_reasoning_of_all_steps_is_shown_also_where_one_has_no_figures() -> None:
    turn = doubted(turn_of("Yes.", "Second."))
    turn = replace(turn, steps=(Step(reasoning="First."), turn.steps[0]))
    assert texts_of(view_of(turn)) == ["First.\n\nSecond.", "Yes."]


@pytest.mark.parametrize("vector", VECTORS[::5], ids=range(len(VECTORS[::5])))
def test_hostile_tokens_are_text(vector: str) -> None:
    pieces = [vector[at : at + 3] for at in range(0, len(vector), 3)]
    tokens = [open_choice(piece, vector[:200], "\0\u202e", '"><script>') for piece in pieces]
    data, _ = bundle(answered(*tokens), OPTIONS)
    view = data["text/html"]
    assert obeyed(view, PAGE_TAGS | {"u"}) == []
    assert "\0" not in view
    assert "\u202e" not in view


def test_it_is_in_chinese_too() -> None:
    view = doubt_html(doubted(turn_of()), ViewOptions(language="zh"), CHINESE)
    assert "犹豫之处" in view
    assert "Hover" not in view
