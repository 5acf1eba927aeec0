"""Words are found in everything that is kept, wherever it is."""

from __future__ import annotations

import pytest

from glm_magic.session.search import search
from tests.servers.script import Script


@pytest.fixture
def kept(model_server, chat, store):
    """Three sessions: two turns, a variant, and reasoning."""
    model_server.tell(
        Script(answer="Rayleigh scattering.", reasoning="Short waves scatter more."),
        Script(answer="瑞利散射使天空呈蓝色。"),
        Script(answer='Use "df.merge" — naïve, but it works.'),
    )
    physics, pandas = chat("physics"), chat("pandas")
    physics.ask("why is the sky blue?")
    physics.ask("天空为什么是蓝色的？")
    pandas.ask("How do I JOIN two frames?")
    yield store
    del physics, pandas  # as long as it is in use, a conversation is in memory


def found_in(store, *words):
    return [(m.session, m.number, m.part) for m in search(words, store)]


@pytest.mark.parametrize(("words", "places"), [
    (["SKY"], [("physics", 1, "prompt")]),
    (["rayleigh"], [("physics", 1, "answer")]),
    (["waves"], [("physics", 1, "reasoning")]),
    (["sky", "waves"], [("physics", 1, "prompt")]),
    (["蓝色"], [("physics", 2, "prompt")]),
    (["散射"], [("physics", 2, "answer")]),
    (["NAÏVE"], [("pandas", 1, "answer")]),
    (['"df.merge"'], [("pandas", 1, "answer")]),
    (["join", "works"], [("pandas", 1, "prompt")]),
    (["100%"], []),
    (["sky", "merge"], []),
])  # fmt: skip
@pytest.mark.parametrize("kernel", ["this", "another", "without a disk"])
def test_words_are_found_in_memory_and_on_disk(kept, another_kernel, words, places, kernel):
    if kernel == "another":
        another_kernel()
    assert found_in(None if kernel == "without a disk" else kept, *words) == places


def test_the_newest_comes_first_and_each_variant_is_found(kept, chat, another_kernel):
    chat("physics").retry().wait()
    another_kernel()
    places = [(m.number, m.variant) for m in search(["天空"], kept)]
    assert places == [(2, 2), (2, 1)]


def test_what_is_shown_is_around_the_word(model_server, chat, store):
    model_server.tell(Script(answer="a " * 500 + "needle" + " z" * 500))
    chat("hay").ask("?")
    (match,) = search(["NEEDLE"], store)
    assert match.excerpt == "…" + "a " * 20 + "needle" + " z" * 20 + "…"
    assert match.at is not None
