"""What a page is sent for the notebook's file: the text so far, then the page that stays."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest

from glm_magic.core.turn import Turn
from glm_magic.engine.compare import MAX_LANES
from glm_magic.views.header import phase, unfinished
from glm_magic.views.labels import labels_for
from glm_magic.views.live import fallback, widget
from glm_magic.views.live.fallback import FallbackView
from glm_magic.views.live.lanes import ComparePanel
from glm_magic.views.live.panel import PanelView
from glm_magic.views.markup import incremental, markdown
from glm_magic.views.markup.markdown import render as render_markdown
from glm_magic.views.options import ViewOptions
from glm_magic.views.saved.assets import WHOLE_MARK, stylesheet_owner
from glm_magic.views.saved.page import bundle

from .turns import ScriptedStream, turn_of

pytestmark = pytest.mark.usefixtures("models_are_closed")

ENGLISH = ViewOptions(language="en")
FORMS = {"text/html", "text/markdown", "text/plain"}


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch, published: object) -> list[dict[str, Any]]:
    """Catch what the pages of panels are sent."""
    messages: list[dict[str, Any]] = []
    monkeypatch.setattr(
        widget.PanelWidget, "send", lambda _self, content: messages.append(dict(content))
    )
    return messages


def streaming(answer: str) -> Turn:
    return turn_of(answer, "let me see", status="streaming")


def drafts(sent: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [message["draft"] for message in sent if "draft" in message]


def started(answer: str = "") -> PanelView:
    view = PanelView(ENGLISH)
    view.start(streaming(answer), lambda: None)
    return view


def test_the_text_so_far_is_sent_in_every_form_and_says_that_it_is_unfinished(
    sent: list[dict[str, Any]],
) -> None:
    view = started()
    view.paint(streaming("half an ans"))
    (draft,) = drafts(sent)
    assert set(draft["data"]) == FORMS
    for form in draft["data"].values():
        assert "half an ans" in form
        assert "unfinished" in form
        assert "%glm resume" in form
    facts = draft["metadata"]["glm_magic"]
    assert facts["status"] == "streaming"
    assert facts["panel"] == widget._open[-1].model_id == widget._open[-1].key


def test_it_is_sent_at_most_every_few_seconds_and_only_when_it_has_grown(
    sent: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    view = started()
    for answer in ("a", "ab", "abc"):
        view.paint(streaming(answer))
    assert len(drafts(sent)) == 1, "rendering all of it takes a moment"
    monkeypatch.setattr(widget, "DRAFT_EVERY_S", 0.0)
    monkeypatch.setattr(widget, "DRAFT_SHARE", float("inf"))
    monkeypatch.setattr(widget, "DRAFT_CHARS_PER_S", float("inf"))
    view._receive(None, {"type": "ready"}, [])
    for answer in ("abcd", "abcd", "abcde"):
        view.paint(streaming(answer))
    assert [draft["data"]["text/plain"][-5:].strip() for draft in drafts(sent)[1:]] == [
        "abcd",
        "abcde",
    ]


def test_of_a_text_that_goes_on_the_markdown_is_a_block_of_code(
    sent: list[dict[str, Any]], published: list[dict[str, Any]]
) -> None:
    """Making any text of a model harmless parses it several times, while nothing is painted."""
    answer = "Half *an*\n\n```python\n<b>ans"
    view = started()
    view.paint(streaming(answer))
    (draft,) = drafts(sent)
    assert f"````text\n{answer}\n````" in draft["data"]["text/markdown"]
    view.finish(turn_of(answer))
    assert f"````text\n{answer}" not in published[-1]["data"]["text/markdown"]


def catch_rendered(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return what is rendered from now on, and let the next paint make a draft."""
    texts: list[str] = []

    def render(text: str, env: dict[str, Any]) -> str:
        texts.append(text)
        return render_markdown(text, env)

    for module in (incremental, markdown):
        monkeypatch.setattr(module, "render", render)
    monkeypatch.setattr(widget, "DRAFT_EVERY_S", 0.0)
    return texts


def test_nothing_that_was_live_is_rendered_again_for_the_file(
    sent: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    view = started()
    answer = ""
    for number in range(60):
        answer += f"Block **{number}** with $x_{{{number}}}$.\n\n"
        view.paint(streaming(answer))
    rendered = catch_rendered(monkeypatch)
    view._receive(None, {"type": "ready"}, [])
    view.paint(streaming(answer + "And so"))
    assert len(drafts(sent)) == 2
    view.finish(turn_of(answer + "And so on.", "let me see"))
    assert 0 < max(map(len, rendered)) < 60


BLOCKS = 60


def written(blocks: int) -> str:
    return "".join(f"Block **{number}** with $x_{{{number}}}$.\n\n" for number in range(blocks))


@pytest.fixture
def rendered(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Catch what is rendered, and let each paint make a draft."""
    texts = catch_rendered(monkeypatch)
    monkeypatch.setattr(widget, "DRAFT_SHARE", float("inf"))
    monkeypatch.setattr(widget, "DRAFT_CHARS_PER_S", float("inf"))
    return texts


def test_nothing_is_rendered_again_for_the_file_however_often_it_is_written(
    sent: list[dict[str, Any]], rendered: list[str]
) -> None:
    view = started()
    reasoning = written(BLOCKS)
    for blocks in range(BLOCKS):
        view.paint(turn_of("", written(blocks), status="streaming"))
    for blocks in range(BLOCKS):
        view.paint(turn_of(written(blocks), reasoning, status="streaming"))
    view.finish(turn_of(written(BLOCKS) + "And so on.", reasoning))
    assert len(drafts(sent)) == 2 * BLOCKS
    assert 0 < max(map(len, rendered)) < 60


def test_nothing_is_rendered_again_for_the_file_in_the_widest_comparison(
    sent: list[dict[str, Any]], rendered: list[str]
) -> None:
    def texts(lane: int, blocks: int) -> tuple[str, str]:
        return f"Lane {lane}.\n\n{written(blocks)}", f"Thought {lane}.\n\n{written(blocks)}"

    def turns(blocks: int, status: str) -> list[Turn]:
        return [turn_of(*texts(lane, blocks), status=status) for lane in range(MAX_LANES)]

    lanes = SimpleNamespace(
        labels=[f"lane {lane}" for lane in range(MAX_LANES)],
        turns=turns(0, "streaming"),
        streams=[ScriptedStream(turn) for turn in turns(0, "streaming")],
    )
    view = ComparePanel(lanes, ENGLISH)
    view.start(lanes.turns[0], lambda: None)
    for blocks in range(BLOCKS):
        lanes.turns = turns(blocks, "streaming")
        view.paint(lanes.turns[0])
    lanes.turns = turns(BLOCKS, "complete")
    view.finish(lanes.turns[0])
    assert len(drafts(sent)) == BLOCKS
    assert 0 < max(map(len, rendered)) < 80


def test_at_the_end_the_page_gets_what_was_published_and_so_does_a_later_one(
    sent: list[dict[str, Any]], published: list[dict[str, Any]]
) -> None:
    view = started()
    view.finish(turn_of())
    (page,) = [message["page"] for message in sent if "page" in message]
    assert page["data"] == published[-1]["data"]
    assert page["metadata"] == published[-1]["metadata"]
    assert page["metadata"]["glm_magic"]["panel"] == widget._open[-1].model_id
    assert WHOLE_MARK in page["sheet"]
    assert "<script>" in page["sheet"]
    sent.clear()
    view._receive(None, {"type": "ready", "page": "another"}, [])
    assert [message["page"] for message in sent if "page" in message] == [page]


def test_a_run_that_is_chosen_later_is_sent_too(sent: list[dict[str, Any]]) -> None:
    view = started()
    view.finish(turn_of())
    view.repaint(turn_of("another run"), None, stale=True)
    page = [message["page"] for message in sent if "page" in message][-1]
    assert "another run" in page["data"]["text/plain"]


def test_a_failure_without_text_leaves_nothing_anywhere(sent: list[dict[str, Any]]) -> None:
    view = started()
    view.finish(turn_of("", "", status="failed", error="It broke."))
    (page,) = [message["page"] for message in sent if "page" in message]
    assert page["data"] == {}


def test_the_model_remembers_its_first_page_and_that_the_notebook_was_saved(
    sent: list[dict[str, Any]],
) -> None:
    view = PanelView(replace(ENGLISH, position=("cell-1", 0)))
    view.start(streaming(""), lambda: None)
    model = widget._open[-1]
    assert model.cell == "cell-1"
    assert (model.page, model.kept) == ("", False)
    for message in ({"type": "ready", "page": "a"}, {"type": "ready", "page": "b"}):
        view._receive(None, message, [])
    assert model.page == "a"
    view._receive(None, {"type": "kept"}, [])
    assert model.kept


def test_a_panel_in_an_output_widget_knows_it() -> None:
    from ipywidgets import Output

    out = Output()
    assert widget.open_widget({}, {}).inside == ""
    out.msg_id = "the cell that runs"
    assert widget.open_widget({}, {}).inside == out.model_id
    out.close()


@pytest.mark.parametrize(("language", "word"), [("en", "unfinished"), ("zh", "未完成")])
def test_an_unfinished_reply_is_neither_thinking_nor_ended(language: str, word: str) -> None:
    turn = unfinished(streaming("half"), labels_for(language))
    assert phase(turn) == "unfinished"
    data, metadata = bundle(turn, ViewOptions(language=language))
    assert data["text/plain"].splitlines()[0].count(word) == 1
    assert "thinking 0" not in data["text/plain"]
    assert metadata["glm_magic"]["notices"] == ["unfinished"]


def test_without_anywidget_the_output_is_published_with_the_text_so_far(
    published: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fallback, "DRAFT_EVERY_S", 0.0)
    view = FallbackView(ENGLISH)
    view.start(streaming(""), lambda: None)
    view.paint(streaming("half an ans"))
    first, draft = published
    assert draft["update"] is True
    assert draft["transient"] == first["transient"]
    assert set(draft["data"]) - set(first["data"]) == {"text/markdown"}
    assert "half an ans" in draft["data"]["text/markdown"]
    assert "unfinished" in draft["data"]["text/html"]
    view.close()


def test_the_style_for_all_is_marked_and_one_output_carries_it() -> None:
    stylesheet_owner.position = None
    pages = [bundle(turn_of(), replace(ENGLISH, position=(cell, 0)))[0] for cell in "ab"]
    assert [WHOLE_MARK in page["text/html"] for page in pages] == [True, False]
    hostile, _ = bundle(turn_of(f"<style>{WHOLE_MARK}"), replace(ENGLISH, position=("b", 0)))
    assert f"<style>{WHOLE_MARK}" not in hostile["text/html"], "a model cannot pretend to carry it"
    stylesheet_owner.position = None
