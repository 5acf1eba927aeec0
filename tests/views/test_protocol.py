"""A page that applies every delta holds what Python holds; one that missed any can tell."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from glm_magic.views.live.protocol import (
    SNAPSHOT_AT_LEAST,
    STATE_EVERY_S,
    UNREADY_EVERY_S,
    UNREADY_S,
    Outgoing,
    PanelProtocol,
    PlainRenderer,
    TextPart,
    common_prefix,
)
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
        html = mine["tail"][: delta["keep"]] + delta["html"]
        added = delta["size"] - delta["at"]
        mine["frozen"] += html[:added]
        mine["tail"] = html[added:]
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
        delta = part.grow(prefix) or {"html": ""}
        sent += len(delta["html"])
    assert sent < 9 * len(ANSWER)


def test_a_block_that_is_finished_is_not_sent_again() -> None:
    part = TextPart(IncrementalMarkdown())
    part.grow("The first\n\nThe second")
    delta = part.grow("The first\n\nThe second\n\nThe third")
    assert delta is not None
    assert part.snapshot()["frozen"].startswith("<p>The first</p>")
    assert "first" not in delta["html"]
    assert "third" in delta["html"]


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
    part = TextPart(PlainRenderer())
    part.grow("\n\n**a** ")
    assert part.snapshot()["tail"] == '<pre class="glm-p">**a**</pre>\n'


@given(st.text(alphabet="ab😀"), st.text(alphabet="ab😀"))
def test_common_prefix(old: str, new: str) -> None:
    length = common_prefix(old, new)
    assert old[:length] == new[:length]
    assert old[length : length + 1] != new[length : length + 1] or length == len(old) == len(new)


class Panel:
    """A protocol with its page, and a state that the test changes."""

    def __init__(self, **state: Any) -> None:
        self.state = state
        self.protocol = PanelProtocol(lambda: dict(self.state))
        self.page: dict[str, Any] = {}
        self.take(Outgoing(snapshot=self.protocol.start(0.0)))

    def take(self, outgoing: Outgoing) -> Outgoing:
        """Do what the front end does."""
        if outgoing.snapshot is not None:
            self.page = deepcopy(outgoing.snapshot)
        message = outgoing.message or {}
        for name in ("reasoning", "answer"):
            if name in message:
                part = Page()
                part.take_snapshot(self.page[name])
                assert part.take_delta(message[name])
                self.page[name] = part.state
        self.page["steps"] = message.get("steps", self.page["steps"])
        self.page["state"] = {**self.page["state"], **message.get("state", {})}
        return outgoing

    def update(
        self, now: float, reasoning: str = "", answer: str = "", steps: str = ""
    ) -> Outgoing:
        return self.take(self.protocol.update(reasoning, answer, steps, now))


def ready(**state: Any) -> Panel:
    """Return a panel whose page is ready and has everything."""
    panel = Panel(**state)
    panel.protocol.page_asks()
    assert panel.update(10.0).snapshot is not None
    return panel


def test_a_page_that_is_loading_is_sent_snapshots_for_a_while() -> None:
    panel = Panel()
    assert panel.update(1.0).snapshot is not None
    assert panel.update(1.0 + UNREADY_EVERY_S / 2).snapshot is None
    assert panel.update(1.0 + UNREADY_EVERY_S * 1.5).snapshot is not None
    assert panel.update(UNREADY_S + 1).snapshot is None


def test_a_page_that_asks_gets_one_snapshot() -> None:
    panel = ready()
    assert panel.update(10.01, answer="a").snapshot is None
    panel.protocol.page_asks()
    assert panel.update(10.02, answer="ab").snapshot is not None
    assert panel.update(10.03, answer="abc").snapshot is None


def test_a_text_that_has_doubled_is_sent_whole_to_a_page_that_cannot_ask() -> None:
    panel = Panel()
    panel.update(UNREADY_S + 1)
    assert panel.update(10.01, answer="x" * (SNAPSHOT_AT_LEAST + 100)).snapshot is not None
    assert panel.update(10.02, answer="x" * (SNAPSHOT_AT_LEAST + 200)).snapshot is None
    assert panel.update(10.03, answer="x" * (SNAPSHOT_AT_LEAST * 3)).snapshot is not None
    panel = ready()
    assert panel.update(10.01, answer="x" * (SNAPSHOT_AT_LEAST * 3)).snapshot is None


def test_of_the_state_only_what_changed_is_sent_and_not_too_often() -> None:
    panel = ready(phase="thinking", head="1 s")
    panel.state["head"] = "2 s"
    assert panel.update(10.0 + STATE_EVERY_S / 2).message == {}
    assert panel.update(10.01 + STATE_EVERY_S).message == {"state": {"head": "2 s"}}
    assert panel.update(11.0).message == {}


def test_an_unready_page_is_sent_the_whole_state() -> None:
    panel = Panel(phase="thinking", head="1 s")
    panel.update(0.5)
    panel.state["head"] = "2 s"
    assert panel.update(UNREADY_S + 1).message == {"state": {"phase": "thinking", "head": "2 s"}}


def test_the_end_is_sent_at_once_with_the_whole_state() -> None:
    panel = ready(phase="thinking")
    panel.state["phase"] = "complete"
    outgoing = panel.take(panel.protocol.finish("", "hello", "", 10.01))
    assert outgoing.message is not None
    assert outgoing.message["state"] == {"phase": "complete"}
    assert "hello" in panel.page["answer"]["tail"]


def test_the_end_is_a_snapshot_for_a_page_that_never_asked() -> None:
    panel = Panel()
    panel.update(UNREADY_S + 1, answer="hel")
    assert panel.protocol.finish("", "hello", "", UNREADY_S + 2).snapshot is not None


def test_every_snapshot_differs_from_the_one_before() -> None:
    panel = ready()
    first = panel.page
    panel.protocol.page_asks()
    panel.update(12.0)
    assert panel.page != first


def test_the_final_html_is_sent_whole() -> None:
    panel = ready()
    panel.update(10.01, reasoning="so", answer="hel")
    panel.take(panel.protocol.replace("<p>so</p>", "<p>hello</p>", "hello", 10.02))
    assert panel.page["reasoning"]["frozen"] == "<p>so</p>"
    assert panel.page["answer"]["frozen"] == "<p>hello</p>"
    assert panel.page["answer"]["source"] == "hello"
    assert panel.page["answer"]["tail"] == ""


@given(WRITTEN, SIZES, st.sets(st.integers(0, 40)))
def test_whatever_is_sent_the_page_has_all_of_it(
    text: str, sizes: list[int], asked: set[int]
) -> None:
    panel = ready(phase="answering")
    for number, prefix in enumerate(cut(text, sizes)):
        if number in asked:
            panel.protocol.page_asks()
        steps = f"<p>{len(prefix) // 20}</p>"
        panel.update(10.0 + number * 0.05, text[: len(prefix) // 2], prefix, steps)
    panel.protocol.page_asks()
    shown = deepcopy(panel.page)
    panel.update(100.0, text[: len(text) // 2], text, shown["steps"] or "")
    assert {**shown, "made_at": 0, "state": 0} == {**panel.page, "made_at": 0, "state": 0}
