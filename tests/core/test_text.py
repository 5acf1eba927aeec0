"""Nothing that reaches disk, a widget or the wire is unencodable."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from glm_magic.core.text import SurrogateJoiner, join_surrogates

any_text = st.text(alphabet=st.characters(categories=None, codec=None), max_size=40)
halves = st.lists(st.sampled_from(["\ud83d", "\ude00", "a", "é", "中"]), max_size=12).map("".join)


@given(any_text | halves)
def test_cleaned_text_can_be_encoded(text):
    join_surrogates(text).encode()


@given(st.text(max_size=40))
def test_clean_leaves_good_text_alone(text):
    if not any("\ud800" <= c <= "\udfff" for c in text):
        assert join_surrogates(text) == text


@given(halves, st.data())
def test_joining_pieces_equals_cleaning_the_whole(text, data):
    joiner, shown, rest = SurrogateJoiner(), "", text
    while rest:
        cut = data.draw(st.integers(1, len(rest)))
        shown += joiner.feed(rest[:cut])
        shown.encode()
        rest = rest[cut:]
    assert shown + joiner.finish() == join_surrogates(text)


def test_two_halves_in_two_pieces_make_one_character():
    joiner = SurrogateJoiner()
    assert joiner.feed("smile \ud83d") == "smile "
    assert joiner.feed("\ude00!") == "😀!"
    assert joiner.finish() == ""
