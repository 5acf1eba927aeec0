"""A page that applies every delta holds what Python holds; one that missed any can tell."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from glm_magic.views.live.panel import PlainGrowth
from glm_magic.views.live.protocol import TextPart, common_prefix
from glm_magic.views.markup.incremental import IncrementalMarkdown

from .turns import ANSWER, cut

WRITTEN = st.lists(
    st.sampled_from(
        ["word ", "😀", "**b**", "`c`", "\n", "\n\n", "- i\n", "```\n", "$x$", "| a |\n"]
    ),
    max_size=25,
).map("".join)
SIZES = st.lists(st.integers(1, 9), min_size=1, max_size=5)


class Page:
    """What the front end does with deltas and snapshots, in Python."""

    def __init__(self) -> None:
        self.state: dict[str, Any] = {}

    def take_snapshot(self, snapshot: dict[str, Any]) -> None:
        self.state = dict(snapshot)

    def take_delta(self, delta: dict[str, Any]) -> bool:
        mine = self.state
        fits = (delta["epoch"], delta["at"], delta["was"]) == (
            mine["epoch"],
            mine["size"],
            mine["tail_size"],
        )
        if not fits:
            return False
        mine["tail"] = mine["tail"][: delta["keep"]] + delta["tail"]
        mine["frozen"] += delta["add"]
        mine["source"] += delta.get("more", "")
        mine["size"], mine["tail_size"] = delta["size"], delta["tail_size"]
        return True


@given(WRITTEN, SIZES)
def test_deltas_add_up_to_the_snapshot(text: str, sizes: list[int]) -> None:
    part, page = TextPart(IncrementalMarkdown(), with_source=True), Page()
    page.take_snapshot(part.snapshot())
    for prefix in cut(text, sizes):
        delta = part.grow(prefix)
        if delta is not None:
            assert page.take_delta(delta)
    assert page.state == part.snapshot()


@given(WRITTEN, SIZES, st.sets(st.integers(0, 40)))
def test_a_lost_delta_is_noticed_and_a_snapshot_heals(
    text: str, sizes: list[int], lost: set[int]
) -> None:
    part, page = TextPart(IncrementalMarkdown()), Page()
    page.take_snapshot(part.snapshot())
    for number, prefix in enumerate(cut(text, sizes)):
        delta = part.grow(prefix)
        if delta is None or number in lost:
            continue
        if not page.take_delta(delta):
            page.take_snapshot(part.snapshot())
    page.take_snapshot(part.snapshot())
    assert page.state == part.snapshot()


def test_only_what_changed_is_sent() -> None:
    part, sent = TextPart(IncrementalMarkdown()), 0
    for prefix in cut(ANSWER, [6]):
        delta = part.grow(prefix) or {"add": "", "tail": ""}
        sent += len(delta["add"]) + len(delta["tail"])
    assert sent < 12 * len(ANSWER)


def test_nothing_is_sent_when_nothing_changed() -> None:
    part = TextPart(IncrementalMarkdown())
    part.grow("hello")
    assert part.grow("hello") is None


def test_a_text_that_starts_again_has_a_new_epoch() -> None:
    part = TextPart(IncrementalMarkdown())
    before = part.grow("thought\n\nmore\n\n")
    after = part.grow("")
    assert before is not None
    assert after is not None
    assert after["epoch"] == before["epoch"] + 1
    assert part.snapshot()["frozen"] + part.snapshot()["tail"] == ""


def test_the_final_form_replaces_what_had_grown() -> None:
    part = TextPart(IncrementalMarkdown(), with_source=True)
    part.grow("hello")
    part.replace("<p>hello.</p>", "hello.")
    assert part.snapshot()["frozen"] == "<p>hello.</p>"
    assert part.snapshot()["source"] == "hello."


def test_plain_text_grows_as_it_is() -> None:
    part = TextPart(PlainGrowth())
    part.grow("\n\n**a** ")
    assert part.snapshot()["tail"] == '<pre class="glm-p">**a**</pre>\n'


@given(st.text(alphabet="ab😀"), st.text(alphabet="ab😀"))
def test_common_prefix(old: str, new: str) -> None:
    length = common_prefix(old, new)
    assert old[:length] == new[:length]
    assert old[length : length + 1] != new[length : length + 1] or length == len(old) == len(new)
