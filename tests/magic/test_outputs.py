"""Outputs that stay and follow their session."""

from __future__ import annotations

import gc
from weakref import ref

import pytest

import glm_magic as glm
from glm_magic.core.turn import Turn
from glm_magic.magic.outputs import Outputs
from glm_magic.views.options import ViewOptions
from glm_magic.views.play import View
from glm_magic.views.publish import PlainView
from tests.servers.model_server import ModelServer
from tests.servers.script import Failure, Script


class Recorder(View):
    """A view that writes down what it is told to show."""

    def __init__(self) -> None:
        self.shown: list[tuple[str, bool]] = []

    def repaint(self, turn: Turn, options: ViewOptions | None, *, stale: bool) -> None:
        del options
        self.shown.append((turn.answer, stale))


@pytest.fixture
def session(model_server: ModelServer) -> glm.Session:
    return glm.Session(
        "marks", provider="bigmodel", model="glm-4.6", api_key="test-key",
        base_url=model_server.url + "/api/paas/v4",
    )  # fmt: skip


def run(session: glm.Session, outputs: Outputs, prompt: str, key: str) -> Recorder:
    """Ask from a cell, and show the reply to its end."""
    stream = session.open(prompt, session.options, (key, 0))
    view = Recorder()
    outputs.register(session, session.slot_of(stream), view, ViewOptions(position=(key, 0)))
    outputs.refresh(session)
    stream.start()
    stream.wait()
    outputs.finished(session, view)
    return view


def test_an_output_follows_only_runs_that_have_ended(
    session: glm.Session, model_server: ModelServer
) -> None:
    outputs = Outputs()
    model_server.tell(Script(answer="one"), Script(answer="two"))
    view = run(session, outputs, "a", "c1")
    again = session.retry()
    outputs.refresh(session)
    assert view.shown == [], "nobody has asked it yet"
    again.start()
    again.wait()
    outputs.refresh(session)
    session.choose(session.slots[0], 0)
    outputs.refresh(session)
    assert view.shown == [("two", False), ("one", False)]


def test_a_cell_that_works_when_run_again_marks_what_was_answered_without_it(
    session: glm.Session, model_server: ModelServer
) -> None:
    outputs = Outputs()
    model_server.tell(Script(refusal=Failure(400, "bad", "no")), Script(answer="fine"))
    run(session, outputs, "a", "c1")
    later = run(session, outputs, "b", "c2")
    assert later.shown == []
    run(session, outputs, "a", "c1")
    assert later.shown == [("fine", True)]


def test_a_turn_that_was_taken_out_is_not_written_again(
    session: glm.Session, model_server: ModelServer
) -> None:
    from glm_magic.session.store import current_store

    model_server.tell(Script(answer="one"))
    session.ask("a")
    slot = session.slots[0]
    session.drop(slot)
    session.choose(slot, 0)
    store = current_store()
    assert store is not None
    assert store.read("SELECT count(*) FROM slot") == [(0,)]


def test_the_output_of_a_turn_that_was_taken_out_is_forgotten(
    session: glm.Session, model_server: ModelServer
) -> None:
    outputs = Outputs()
    model_server.tell(Script(answer="one"), Script(answer="two"), Script(answer="three"))
    gone = ref(run(session, outputs, "a", "c1"))
    stays = run(session, outputs, "b", "c2")
    slot = session.slots[0]
    assert outputs.options_of(slot) is not None
    session.drop(slot)
    outputs.refresh(session)
    assert stays.shown == [("two", True)], "it was answered from what is gone"
    run(session, outputs, "c", "c3")
    gc.collect()
    assert gone() is None
    assert outputs.options_of(slot) is None
    session.drop(session.slots[1])
    outputs.refresh(session)
    assert len(stays.shown) == 1


def test_a_view_that_cannot_be_repainted_is_not_kept(
    session: glm.Session, model_server: ModelServer
) -> None:
    outputs = Outputs()
    model_server.tell(Script(answer="one"))
    stream = session.open("a", session.options, ("c1", 0))
    view, options = PlainView(ViewOptions()), ViewOptions(format="text")
    outputs.register(session, session.slot_of(stream), view, options)
    freed = ref(view)
    del view
    assert freed() is None
    assert outputs.options_of(session.slots[0]) is options
    stream.cancel()
