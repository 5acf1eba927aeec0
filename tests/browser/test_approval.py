"""``--approve`` where no cell can ask: the panel shows the call, and waits for a button."""

from __future__ import annotations

import pytest

from tests.servers.model_server import ModelServer
from tests.servers.script import Call, Script

from .lab import Lab
from .test_magic import setup_cell
from .test_without_anywidget import bare  # noqa: F401 (a fixture)

pytestmark = [pytest.mark.browser, pytest.mark.timeout(180)]

TOOL = """
CALLED = []
def book(room: str, nights: int = 1) -> str:
    CALLED.append(room)
    return "ok"
"""
SAYS = Script(answer="I am done with the rooms.")
ASK = "%%glm -p zai --bg --approve --tool book\nbook a room"


def asks(*rooms: str) -> Script:
    calls = (Call("book", f'{{"room": "{room}", "nights": 2}}', f"call_{room}") for room in rooms)
    return Script(answer="", calls=tuple(calls))


def results(server: ModelServer) -> list[str]:
    return [m["content"] for m in server.last.json["messages"] if m["role"] == "tool"]


def test_each_call_of_a_turn_in_the_background_waits_for_its_button(
    lab: Lab, model_server: ModelServer
) -> None:
    model_server.tell(asks("blue", "<b>red</b>"), SAYS)
    lab.open([setup_cell(model_server), TOOL, ASK, "print('others run', CALLED)"])
    for cell in range(4):
        lab.run(cell)
    question = lab.panel(2).locator(".glm-ask")
    question.get_by_text('book(room="blue", nights=2)').wait_for()
    assert "others run []" in lab.text(3), "nothing is called before the answer"
    question.get_by_role("button", name="Allow").click()
    question.get_by_text('book(room="<b>red</b>", nights=2)').wait_for()
    assert len(model_server.requests) == 1
    question.get_by_role("button", name="Refuse").click()
    lab.wait_static(2)
    assert results(model_server) == ["ok", "not called: the user did not allow it"]
    assert "I am done with the rooms." in lab.text(2)
    assert "not called" in lab.text(2)
    lab.run(3)
    assert "others run ['blue']" in lab.text(3)
    assert lab.panel(2).locator(".glm-ask").count() == 0


def test_stop_answers_with_a_no(lab: Lab, model_server: ModelServer) -> None:
    model_server.tell(asks("blue"), SAYS)
    lab.open([setup_cell(model_server), TOOL, ASK, "print(CALLED)"])
    lab.run(0)
    lab.run(1)
    lab.run(2)
    lab.panel(2).locator(".glm-ask").wait_for()
    lab.click_stop(2)
    lab.wait_static(2)
    lab.wait_phase(2, "interrupted")
    assert len(model_server.requests) == 1


def test_a_page_without_anywidget_asks_as_well(
    bare: Lab,  # noqa: F811
    model_server: ModelServer,
) -> None:
    model_server.tell(asks("blue"), SAYS, asks("red"), SAYS)
    bare.open([setup_cell(model_server), TOOL, ASK, ASK, "print('called', CALLED)"])
    for cell in (0, 1, 2):
        bare.run(cell)
    allow = bare.cell(2).get_by_role("button", name="Allow")
    allow.wait_for(timeout=30_000)
    assert 'book(room="blue", nights=2)' in bare.text(2)
    allow.click()
    bare.wait_static(2)
    bare.run(3)
    bare.cell(3).get_by_role("button", name="Refuse").click(timeout=30_000)
    bare.wait_static(3)
    bare.run(4)
    assert "called ['blue']" in bare.text(4)
