"""A cell that ran again keeps what it answered before, folded away."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

from glm_magic.core.turn import Step, Timing, Turn
from glm_magic.views.options import ViewOptions
from glm_magic.views.saved.page import bundle

from .turns import turn_of


class Runs:
    """The runs of a cell."""

    def __init__(self, turns: Sequence[Turn]) -> None:
        self.turns = turns
        self.chosen = len(turns) - 1

    def choose(self, place: int) -> None:
        self.chosen = place


def run(number: int, answer: str) -> Turn:
    timing = Timing(started_at=1000.0 + number, total_s=1.0)
    return turn_of(steps=(Step(content=answer, timing=timing),))


TURNS = [run(0, "The **first** try."), run(1, ""), run(2, "The third one.")]
OPTIONS = ViewOptions(language="en", variants=Runs(TURNS))


def test_the_header_says_which_run_this_is() -> None:
    for form in bundle(TURNS[2], OPTIONS)[0].values():
        assert "run 3/3" in form
    assert "run 1/3" in bundle(TURNS[0], OPTIONS)[0]["text/plain"]


def test_the_arrows_lead_to_the_runs_beside_this_one_and_are_hidden_without_a_kernel() -> None:
    page = bundle(TURNS[1], OPTIONS)[0]["text/html"]
    back, on = re.findall(r'<button[^>]*class="glm-go"[^>]*>', page)
    assert 'data-run="0"' in back
    assert 'data-run="2"' in on
    assert "disabled" not in back + on
    assert (back + on).count("display:none") == 2
    first = bundle(TURNS[0], OPTIONS)[0]["text/html"]
    assert [("disabled" in arrow) for arrow in re.findall(r"<button[^>]*glm-go[^>]*>", first)] == [
        True,
        False,
    ]


def test_the_answers_of_later_runs_stay_when_an_earlier_one_is_chosen() -> None:
    data, _ = bundle(TURNS[0], OPTIONS)
    assert "run 3/3 · glm-4.6" in data["text/html"]
    assert "The third one." in data["text/markdown"]


def test_a_run_that_was_never_sent_knows_its_own_place() -> None:
    unsent = [replace(turn, steps=(replace(turn.steps[0], timing=Timing()),)) for turn in TURNS]
    options = replace(OPTIONS, variants=Runs(unsent))
    for number, turn in enumerate(unsent, 1):
        assert f"run {number}/3" in bundle(turn, options)[0]["text/plain"]


def test_other_answers_stay_behind_a_line() -> None:
    data, _ = bundle(TURNS[2], OPTIONS)
    page = data["text/html"]
    assert (
        page.index("The third one.")
        < page.index("run 1/3 · glm-4.6")
        < page.index("first</strong>")
    )
    assert page.count('class="glm-tool glm-other"') == 1, (
        "a run without an answer has nothing to keep"
    )
    assert "<summary>run 1/3 · glm-4.6</summary>\n\nThe **first** try." in data["text/markdown"]
    assert "first" not in data["text/plain"]


def test_an_only_run_says_nothing() -> None:
    data, _ = bundle(TURNS[0], replace(OPTIONS, variants=Runs(TURNS[:1])))
    assert "run 1" not in data["text/html"]


def test_only_the_last_answers_are_kept() -> None:
    many = [run(number, f"answer {number}.") for number in range(9)]
    page = bundle(many[8], replace(OPTIONS, variants=Runs(many)))[0]["text/html"]
    assert [f"answer {n}." in page for n in range(9)] == [False] * 5 + [True] * 4


def test_a_held_answer_is_not_told_by_an_earlier_run() -> None:
    data, _ = bundle(TURNS[2], replace(OPTIONS, hold="answer"))
    assert "first</strong>" not in data["text/html"]
