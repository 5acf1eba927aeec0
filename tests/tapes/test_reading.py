"""Reading a reply afterwards: the timeline, outline, marks, and the rhythm in the file."""

from __future__ import annotations

import re
from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

import glm_magic as glm
from glm_magic.core.price import Cost
from glm_magic.core.turn import Sample, Step, Timing, Turn
from glm_magic.core.usage import Usage
from glm_magic.engine.step_builder import MAX_SAMPLES, RhythmRecorder
from glm_magic.views.labels import labels_for
from glm_magic.views.markup.markdown import markdown_html
from glm_magic.views.options import ViewOptions
from glm_magic.views.saved.outline import MAX_PARTS, outline_html
from glm_magic.views.saved.page import bundle, page_html
from glm_magic.views.saved.player import pack, rhythm_of
from glm_magic.views.saved.timeline import timeline_html
from tests.api.providers import PLACES
from tests.servers.model_server import ModelServer
from tests.servers.script import Script
from tests.views.turns import turn_of

LABELS = labels_for("en")


def with_step(**fields: object) -> Turn:
    turn = turn_of()
    return replace(turn, steps=(replace(turn.steps[0], **fields),))  # type: ignore[arg-type]


def text_of(html: str) -> str:
    return " ".join(re.sub(r"<[^>]*>", " ", html).split())


def timeline_of(turn: Turn, *, plays: bool = False) -> str:
    return timeline_html(turn, LABELS, plays=plays)


def test_the_timeline_shows_shares_and_repeats_no_figure_of_the_header() -> None:
    cost = Cost(Decimal("0.0031"), "CNY", output=Decimal("0.002568"))
    html = timeline_of(with_step(cost=cost))
    # What a host shows that strips every style.
    assert text_of(html) == (
        "Timeline time 61 % thinking · tokens 63 % thinking"
        " · money ¥0.0016 thinking + ¥0.000946 answer"
    )
    assert 'title="4.2 s thinking + 2.7 s answer"' in html
    assert 'title="811 thinking + 473 answer"' in html
    assert "<details" in html
    assert " open" not in html
    assert "<script" not in html


def test_tokens_that_were_not_reported_are_marked_and_money_unknown_is_not_shown() -> None:
    turn = with_step(usage=Usage(42, 1000), reasoning="a" * 300, content="b" * 100, cost=None)
    assert 'title="≈750 thinking + ≈250 answer"' in timeline_of(turn)
    assert "money" not in timeline_of(turn)


def test_what_took_less_than_two_seconds_has_no_timeline_and_no_player() -> None:
    quick = replace(turn_of().timing, first_answer_s=1.0, thinking_s=0.7, total_s=1.9)
    rhythm = (Sample(0.3, 10, 0), Sample(1.9, 20, 20))
    turn = with_step(timing=quick, rhythm=rhythm)
    assert timeline_of(turn) == ""
    assert "data-beats" not in page_html(turn, ViewOptions(language="en"), LABELS)
    slow = with_step(timing=replace(quick, total_s=2.0), rhythm=rhythm)
    assert timeline_of(slow) != ""
    assert "data-beats" in page_html(slow, ViewOptions(language="en"), LABELS)


def test_without_thinking_the_timeline_is_there_only_for_the_player() -> None:
    assert timeline_of(turn_of(reasoning="")) == ""
    # Nothing is in it where scripts do not run, and nothing leads to it.
    assert "display:none" in timeline_of(turn_of(reasoning=""), plays=True)
    assert "display:none" not in timeline_of(turn_of(), plays=True)


def test_the_price_of_the_output_is_part_of_the_cost(model_server: ModelServer) -> None:
    reply = glm.ask("why?", **PLACES[3].asked(model_server))
    if reply.cost is not None:
        assert reply.cost.output is not None
        assert 0 < reply.cost.output < reply.cost.amount


def of_two_steps() -> Turn:
    """Return a turn that thought, called a function, thought again and answered."""
    first = Step(
        reasoning="a" * 30,
        usage=Usage(10, 40, reasoning=30),
        cost=Cost(Decimal("0.4"), "CNY", output=Decimal("0.3")),
        timing=Timing(first_byte_s=0.5, first_reasoning_s=1.0, thinking_s=2.0, total_s=3.0),
        rhythm=(Sample(1.0, 10, 0), Sample(3.0, 30, 0)),
    )
    second = Step(
        reasoning="b" * 10,
        content="c" * 20,
        usage=Usage(60, 60, reasoning=20),
        cost=Cost(Decimal("0.7"), "CNY", output=Decimal("0.7")),
        timing=Timing(
            first_byte_s=0.5,
            first_reasoning_s=1.0,
            first_answer_s=2.0,
            thinking_s=1.0,
            total_s=4.0,
        ),
        rhythm=(Sample(1.0, 10, 0), Sample(4.0, 10, 20)),
        began_s=5.0,
    )
    return turn_of(steps=(first, second))


def test_the_timeline_of_several_steps_is_their_sum() -> None:
    html = timeline_of(of_two_steps())
    assert 'title="3.0 s thinking + 2.0 s answer"' in html
    assert 'title="50 thinking + 50 answer"' in html
    assert "money ¥0.50 thinking + ¥0.50 answer" in text_of(html).replace("0.5000", "0.50")
    silent = replace(of_two_steps().steps[1], usage=None)
    unknown = turn_of(steps=(of_two_steps().steps[0], silent))
    assert "tokens" not in text_of(timeline_of(unknown))


def test_the_rhythm_of_several_steps_goes_on_where_the_last_one_ended() -> None:
    assert rhythm_of(of_two_steps()) == (
        Sample(1.0, 10, 0),
        Sample(3.0, 30, 0),
        Sample(6.0, 40, 0),
        Sample(9.0, 40, 20),
    )


REASONING = (
    """First, the ball costs x.

Wait, that is wrong: `wait` is code. Actually x is half.

- a list
- 不对,应该重新计算。

So the answer is 0.05 <b>dollars</b>.
"""
    + " So it is." * 60
)


def test_the_outline_lists_every_part_and_leads_to_it() -> None:
    html = outline_html(markdown_html(REASONING), LABELS)
    links = re.findall(r'<a href="#([^"]+)">([^<]*)</a>', html)
    assert [text[:12] for _, text in links] == [
        "First, the b", "Wait, that i", "a list 不对,应该", "So the answe"]  # fmt: skip
    for anchor, _ in links:
        assert html.count(f'id="{anchor}"') == 1
    assert "Outline: 4 parts, 5 marks of self-correction" in text_of(html)


def test_the_outline_of_a_long_reasoning_is_read_on_a_screen_or_two() -> None:
    text = "\n\n".join(f"Thought {n} of many. Wait, {n} again." for n in range(1, 211))
    html = outline_html(markdown_html(text), LABELS)
    links = re.findall(r'<a href="#([^"]+)">Thought (\d+) of many', html)
    assert [int(first) for _, first in links] == [*range(1, 211, 6)]
    for anchor, first in links:
        assert html.count(f'id="{anchor}">Thought {first} of') == 1
    assert "Outline: 35 parts, 210 marks of self-correction" in text_of(html)


@pytest.mark.parametrize("count", [3, 39, 40, 41, 80, 81, 1_000])
def test_an_outline_has_no_more_parts_than_are_read(count: int) -> None:
    html = outline_html(markdown_html("\n\n".join(["word " * 50] * count)), LABELS)
    parts = html.count("<a href")
    assert parts == count if count <= MAX_PARTS else MAX_PARTS // 2 < parts <= MAX_PARTS


def test_what_is_seen_at_a_glance_has_no_outline() -> None:
    assert "glm-ol" not in outline_html(markdown_html("One.\n\nTwo.\n\nThree."), LABELS)


def test_the_outline_tells_formulas_in_words() -> None:
    texts = (
        "With $\\lambda = 2$ it is **easy**, or `so`.",
        "$$\\int_0^1 x^2 dx = 1/3$$",
        "x " * 400,
    )
    html = outline_html(markdown_html("\n\n".join(texts)), LABELS)
    assert re.findall(r"<a href[^>]*>([^<]*)</a>", html)[:2] == [
        "With lambda = 2 it is easy, or so.", "…"]  # fmt: skip


def test_marks_are_labelled_as_lexical_and_leave_code_alone() -> None:
    html = outline_html(markdown_html(REASONING), LABELS)
    marked = re.findall(r'<mark title="([^"]*)">([^<]*)</mark>', html)
    assert [word for _, word in marked if word != "?"] == [
        "Wait", "that is wrong", "Actually", "不对", "重新计算"]  # fmt: skip
    assert all("not by understanding" in title for title, _ in marked)
    assert "<code>wait</code>" in html


@given(
    st.lists(st.sampled_from([*REASONING.split("\n"), "```", "$x$", "> q", "| a |"]), max_size=9)
)
def test_reading_changes_no_text(lines: list[str]) -> None:
    rendered = markdown_html("\n\n".join(lines))
    html = outline_html(rendered, LABELS)
    body = html.partition("</ol></details>")[2] if "glm-ol" in html else html
    unmarked = re.sub(r'</?mark\b[^>]*>| id="g[0-9a-f]{5}-\d+"', "", body)
    assert unmarked == rendered


@given(st.lists(st.tuples(st.floats(0, 2), st.integers(0, 9), st.integers(0, 9)), max_size=900))
def test_a_rhythm_ends_where_the_texts_end_and_stays_small(steps: list) -> None:
    rhythm, at_s = RhythmRecorder(), 1.0
    for wait_s, reasoning, answer in steps:
        at_s += wait_s
        rhythm.add(at_s, reasoning, answer)
    samples = rhythm.samples(1.0)
    assert len(samples) <= MAX_SAMPLES
    if steps:
        assert samples[-1].reasoning == sum(step[1] for step in steps)
        assert samples[-1].answer == sum(step[2] for step in steps)
        assert samples[-1].at_s == at_s - 1.0
        assert list(samples) == sorted(samples)


def unpacked(text: str) -> list[tuple[int, int, int]]:
    at = (0, 0, 0)
    points = []
    for beat in text.split(" "):
        step = [int(value) if value else 0 for value in beat.split(",")] + [0, 0]
        at = (at[0] + step[0], at[1] + step[1], at[2] + step[2])
        points.append(at)
    return points


def test_the_saved_page_holds_the_rhythm_that_was_seen(model_server: ModelServer) -> None:
    model_server.tell(Script(answer="a" * 40, reasoning="b" * 60, pause_s=0.2))
    reply = glm.ask("why?", **PLACES[4].asked(model_server))
    beats = reply.turn.steps[0].rhythm
    assert (beats[-1].reasoning, beats[-1].answer) == (60, 40)
    html = page_html(reply.turn, ViewOptions(), LABELS)
    data = re.search(r'data-beats="([^"]*)"', html)
    assert data is not None
    points = unpacked(data[1])
    assert points[-1] == (round(beats[-1].at_s * 1000), 60, 40)
    assert [t[1:] for t in points] == [(b.reasoning, b.answer) for b in beats]


def test_one_output_of_a_notebook_carries_the_player_and_the_others_call_it() -> None:
    from glm_magic.views.saved import assets

    beats = tuple(Sample(n / 10, n, n) for n in range(1, 5))
    turn = with_step(rhythm=beats)
    assets.stylesheet_owner.position = None
    try:
        first = bundle(turn, ViewOptions(position=("a", 0)))[0]["text/html"]
        second = bundle(turn, ViewOptions(position=("b", 0)))[0]["text/html"]
    finally:
        assets.stylesheet_owner.position = None
    assert "function textOf" in first
    assert "function textOf" not in second
    assert len(second) < len(first) - 3000
    assert "glmPage(document.currentScript)" in second
    assert pack(beats) in second
    assert "http" not in "".join(re.findall(r"<script>.*?</script>", first, re.DOTALL))
