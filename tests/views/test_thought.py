"""How a thought that was begun, changed or prolonged is shown and saved."""

from __future__ import annotations

from dataclasses import replace

import pytest

from glm_magic.core.turn import Given, Sample, Step, Turn
from glm_magic.views.options import ViewOptions
from glm_magic.views.saved.page import bundle
from glm_magic.views.saved.thought import parts_of

GIVEN = Given(16, 17, 2, "It is odd.\n\nSo it is **prime**.", "It is prime.")
AGAIN = Turn(
    "Is 51 prime?",
    "llamacpp",
    "m",
    (
        Step(
            reasoning="51 looks prime. It is 3 times 17. So it is not.",
            content="It is not.",
            given=GIVEN,
        ),
    ),
    "complete",
)
BEGUN = replace(AGAIN, steps=(replace(AGAIN.steps[0], given=Given(written=33)),))
PUSHED = replace(
    AGAIN,
    steps=(
        Step(reasoning="Prime."),
        Step(reasoning="Wait, no.", content="No.", cause="think on", given=Given(written=5)),
    ),
)
FORMS = ("text/html", "text/markdown", "text/plain")
WORDS = {
    "en": ("kept", "changed to", "what came of it", "before", "the answer then"),
    "zh": ("保留", "改为", "由此产生", "原来", "当时的回答"),
}


def shown(turn: Turn, language: str = "en") -> dict[str, str]:
    data, _ = bundle(turn, ViewOptions(language=language))
    return data


@pytest.mark.parametrize("language", WORDS)
@pytest.mark.parametrize("form", FORMS)
def test_every_form_says_what_was_kept_and_changed_and_what_came(form: str, language: str) -> None:
    text = shown(AGAIN, language)[form].rpartition("</style>")[2]
    places = [text.index(word) for word in WORDS[language]]
    if form == "text/html":  # what was before stands beside, to the left
        kept, changed, came, before, then = places
        places = [kept, before, then, changed, came]
    assert places == sorted(places)
    for words in ("51 looks prime.", "It is 3 times 17.", "So it is not.", "It is odd."):
        assert words in text


def test_what_was_changed_stands_open_beside_what_was_before() -> None:
    html = shown(AGAIN)["text/html"]
    assert '<details class="glm-r glm-few glm-anew"' in html
    assert html.count("<details") == html.count(" open>") == 1
    assert "<strong>prime</strong>" in html


def test_a_beginning_and_a_push_are_marked() -> None:
    assert [(p.kind, p.text) for p in parts_of(BEGUN)] == [
        ("begun", "51 looks prime. It is 3 times 17."),
        ("own", "So it is not."),
    ]
    assert "begun for the model" in shown(BEGUN)["text/html"]
    assert [(p.kind, p.text) for p in parts_of(PUSHED)] == [
        ("own", "Prime."),
        ("pushed", "Wait,"),
        ("own", "no."),
    ]
    for form in FORMS:
        assert "made to think on" in shown(PUSHED)[form]


def test_its_time_is_said_to_be_that_of_the_new_part() -> None:
    from glm_magic.core.turn import Timing

    timed = replace(AGAIN.steps[0], timing=Timing(0.0, thinking_s=2.0, total_s=3.0))
    text = shown(replace(AGAIN, steps=(timed,)))["text/plain"]
    assert "thought 2.0 s more" in text


def test_a_thought_in_parts_is_not_played_again() -> None:
    rhythm = (Sample(0.1, 20, 0), Sample(4.0, 47, 0), Sample(9.0, 47, 10))
    turn = replace(AGAIN, steps=(replace(AGAIN.steps[0], rhythm=rhythm),))
    assert "data-beats" not in shown(turn)["text/html"]


def test_what_stood_there_before_is_as_tame_as_any_text() -> None:
    hostile = Given(1, 1, 1, "<script>alert(1)</script>", "<img src=x onerror=alert(1)>")
    turn = replace(AGAIN, steps=(replace(AGAIN.steps[0], given=hostile),))
    for form in FORMS[:2]:
        text = shown(turn)[form]
        assert "<script>alert" not in text
        assert "<img src=x" not in text
