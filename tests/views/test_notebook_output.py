"""What reaches a front end, seen from IPython: one output, no widget where none may be."""

from __future__ import annotations

import gc
from dataclasses import replace
from typing import Any
from weakref import ref

import pytest

from glm_magic.views.live import widget
from glm_magic.views.live.handshake import receive_while_a_cell_runs
from glm_magic.views.live.panel import PanelView
from glm_magic.views.options import ViewOptions
from glm_magic.views.play import play
from glm_magic.views.publish import PlainView

from .turns import ScriptedStream, turn_of

pytestmark = pytest.mark.usefixtures("models_are_closed")

ENGLISH = ViewOptions(language="en")


def test_an_executor_gets_exactly_one_output(published: list[dict[str, Any]]) -> None:
    play(ScriptedStream(turn_of(), rate=20_000), PlainView(ENGLISH))
    (output,) = published
    assert set(output["data"]) == {"text/html", "text/markdown", "text/plain"}
    assert output["metadata"]["glm_magic"]["model"] == "glm-4.6"


def test_a_panel_is_displayed_and_then_replaced(published: list[dict[str, Any]]) -> None:
    play(ScriptedStream(turn_of(), rate=20_000), PanelView(ENGLISH))
    first, last = published
    assert "application/vnd.jupyter.widget-view+json" in first["data"]
    assert first["data"]["text/plain"].startswith("glm-4.6: Unfinished: the reply was")
    assert last["update"] is True
    assert last["transient"] == first["transient"]
    assert "application/vnd.jupyter.widget-view+json" not in last["data"]


FAILED = turn_of("", "", status="failed", error="It broke.")


def test_a_failure_without_text_leaves_no_panel(
    published: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    cleared: list[bool] = []
    monkeypatch.setattr("IPython.display.clear_output", lambda wait: cleared.append(wait))
    play(ScriptedStream(FAILED), PanelView(ENGLISH))
    assert published[-1]["data"] == {}
    assert cleared == [], "what else the cell printed stays"
    play(ScriptedStream(FAILED), PanelView(replace(ENGLISH, owns_cell=True)))
    assert cleared == [True]
    published.clear()
    play(ScriptedStream(FAILED), PlainView(ENGLISH))
    assert published == []


def test_a_failure_in_the_background_stays_on_its_panel(published: list[dict[str, Any]]) -> None:
    play(ScriptedStream(FAILED), PanelView(replace(ENGLISH, background=True)))
    assert "It broke." in published[-1]["data"]["text/html"]


def test_a_page_that_is_loaded_again_is_given_the_whole_reply(
    published: list[dict[str, Any]],
) -> None:
    view = PanelView(ENGLISH)
    play(ScriptedStream(turn_of(), rate=20_000), view)
    view._receive(None, {"type": "ready"}, [])
    snapshot = widget._open[-1].snapshot
    assert snapshot["state"]["phase"] == "complete"
    assert not snapshot["state"]["live"]
    assert "simulation to check it" in snapshot["answer"]["frozen"]
    assert snapshot["answer"]["tail"] == ""


def test_only_the_last_models_stay_open(published: list[dict[str, Any]]) -> None:
    first = widget.open_widget({}, {})
    for _ in range(widget.MAX_OPEN):
        widget.open_widget({}, {})
    assert len(widget._open) == widget.MAX_OPEN
    assert first.comm is None


def test_a_view_whose_turn_has_ended_holds_its_stream_no_more(
    published: list[dict[str, Any]],
) -> None:
    view, stream = PanelView(ENGLISH), ScriptedStream(turn_of(), rate=20_000)
    play(stream, view)
    freed = ref(stream)
    del stream
    gc.collect()
    assert freed() is None
    view._receive(None, {"type": "stop"}, [])
    view._receive(None, {"type": "answer_now"}, [])


def test_a_view_whose_model_is_closed_can_be_repainted_and_holds_no_text(
    published: list[dict[str, Any]],
) -> None:
    view = PanelView(ENGLISH)
    play(ScriptedStream(turn_of(), rate=20_000), view)
    marked = published[-1]["metadata"]["glm_magic"]["panel"]
    model = ref(widget._open[-1])
    for _ in range(widget.MAX_OPEN):
        widget.open_widget({}, {})
    gc.collect()
    assert model() is None
    assert "simulation" not in repr([view.__dict__, vars(view._copy), view._protocol.__dict__])
    assert not view._protocol._answer.size
    view.repaint(turn_of("another run"), None, stale=False)
    assert "another run" in published[-1]["data"]["text/plain"]
    assert published[-1]["metadata"]["glm_magic"]["panel"] == marked
    assert view._copy is not None
    assert view._copy._page is None


def test_a_model_that_is_closed_while_its_turn_runs_leaves_the_same_output(
    published: list[dict[str, Any]],
) -> None:
    views = [PanelView(ENGLISH), PanelView(ENGLISH)]
    for view in views:
        view.start(turn_of("", "", status="streaming"), lambda: None)
    widget._open.pop().close()
    for view in views:
        view.paint(turn_of("half", "", status="streaming"))
        view._receive(None, {"type": "ready"}, [])
        view.finish(turn_of())
    first, second = published[-2:]
    assert first["data"] == second["data"]
    assert views[1]._turn is None


def test_stop_reaches_the_stream_and_is_answered_first(published: list[dict[str, Any]]) -> None:
    order: list[str] = []
    view = PanelView(ENGLISH)
    view.start(turn_of("", "", status="streaming"), lambda: order.append("cancelled"))
    send = view._send
    view._send = lambda message: (order.append("answered"), send(message))[1]  # type: ignore[method-assign]
    view._receive(None, {"type": "stop"}, [])
    assert order == ["answered", "cancelled"]
    assert view._state()["stopping"]


def test_the_users_toggle_is_kept_in_the_saved_page(published: list[dict[str, Any]]) -> None:
    view = PanelView(ENGLISH)
    view.start(turn_of("", "", status="streaming"), lambda: None)
    view._receive(None, {"type": "toggle", "open": True}, [])
    view.finish(turn_of())
    assert "open><summary" in published[-1]["data"]["text/html"]


def test_messages_of_the_page_stay_on_their_own_subshell() -> None:
    class Comm:
        def _reply_subshell_for(self, data: Any, default: Any) -> str:
            return "main"

    class Model:
        comm = Comm()

    model = Model()
    receive_while_a_cell_runs(model)
    assert model.comm._reply_subshell_for({}, "own") == "own"


def test_an_older_kernel_is_left_alone() -> None:
    class Model:
        comm = object()

    receive_while_a_cell_runs(Model())


def test_a_text_that_starts_again_is_sent_whole(published: list[dict[str, Any]]) -> None:
    view = PanelView(ENGLISH)
    view.start(turn_of("", "", status="streaming"), lambda: None)
    view._receive(None, {"type": "ready"}, [])
    view.paint(turn_of("thought as answer", "", status="streaming"))
    view.paint(turn_of("", "thought as answer", status="streaming"))
    snapshot = widget._open[-1].snapshot
    assert snapshot["answer"]["tail"] == ""
    assert "thought as answer" in snapshot["reasoning"]["tail"]


class Thinking(ScriptedStream):
    """A stream whose thinking can be cut short."""

    can_answer_now = True
    hurried = 0

    def answer_now(self) -> bool:
        self.hurried += 1
        return True


def test_thinking_can_be_cut_short_once_the_page_was_heard(
    published: list[dict[str, Any]],
) -> None:
    view, stream = PanelView(ENGLISH), Thinking(turn_of(), rate=100)
    view.attach(stream)
    view.start(stream.turn, stream.cancel)
    view.paint(stream.turn)
    assert view._state()["hurry"] is False, "its messages may be waiting for the cell to end"
    view._receive(None, {"type": "ready"}, [])
    assert view._state()["hurry"] is True
    view._receive(None, {"type": "answer_now"}, [])
    assert stream.hurried == 1
    view._receive(None, {"type": "stop"}, [])
    assert view._state()["hurry"] is False


def test_a_revealed_answer_is_saved_open(published: list[dict[str, Any]]) -> None:
    view = PanelView(replace(ENGLISH, hold="answer"))
    view.start(turn_of("", "so", status="streaming"), lambda: None)
    assert view._state()["held"] is True
    view._receive(None, {"type": "reveal"}, [])
    assert view._state()["held"] is False
    view.finish(turn_of())
    assert '<details class="glm-o" open>' in published[-1]["data"]["text/html"]
