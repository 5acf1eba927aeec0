"""``%%glm`` itself in a real JupyterLab, from the typed cell to the saved file."""

from __future__ import annotations

import pytest

from tests.servers.model_server import ModelServer
from tests.servers.script import Script, Tokens

from .lab import Lab

pytestmark = [pytest.mark.browser, pytest.mark.timeout(180)]

REPLY = Script(
    reasoning="The user asks for a sum. Two and two make four.",
    answer="The sum is **4**.",
    tokens=Tokens(12, 40, reasoning=25),
    piece_chars=4,
    pause_s=0.3,
)


def setup_cell(server: ModelServer) -> str:
    return (
        "import os\n"
        f"os.environ['GLM_BASE_URL'] = '{server.url}/api/paas/v4'\n"
        "os.environ['ZAI_API_KEY'] = 'test-key'\n"
        "%load_ext glm_magic"
    )


def sent_prompts(server: ModelServer) -> list[list[str]]:
    return [[m["content"] for m in request.json["messages"]] for request in server.requests]


def test_a_cell_streams_thinks_answers_and_stays_in_the_file(
    lab: Lab, model_server: ModelServer
) -> None:
    model_server.tell(REPLY)
    lab.open([setup_cell(model_server), "%%glm -p zai -m glm-4.6 --think\nWhat is 2+2?"])
    lab.run(0)
    lab.run(1, wait=False)
    lab.wait_phase(1, "thinking")
    lab.wait_phase(1, "answering")
    lab.wait_static(1)
    text = lab.text(1)
    assert "The sum is 4." in text
    assert "glm-4.6" in text
    assert "$" in text, "the cost is shown"
    assert model_server.requests[-1].json["thinking"] == {"type": "enabled"}
    notebook = lab.saved()
    (output,) = notebook["cells"][1]["outputs"]
    assert set(output["data"]) == {"text/html", "text/markdown", "text/plain"}
    assert output["metadata"]["glm_magic"]["usage"]["reasoning"] == 25
    assert "test-key" not in str(notebook["cells"][1])


def test_running_a_cell_again_replaces_its_own_turn(lab: Lab, model_server: ModelServer) -> None:
    model_server.tell(Script(answer="fine"))
    lab.open(
        [
            setup_cell(model_server),
            "%%glm -p zai\nfirst",
            "%%glm -p zai\nsecond",
            "a = %glm -p zai third\nb = %glm -p zai fourth",
        ]
    )
    for cell in (0, 1, 2, 1, 3, 3):
        lab.run(cell)
    prompts = sent_prompts(model_server)
    assert prompts[1] == ["first", "fine", "second"]
    assert prompts[2] == ["first"], "the second run of the first cell knows nothing of later ones"
    assert prompts[3] == ["first", "fine", "second", "fine", "third"]
    assert prompts[4] == [*prompts[3], "fine", "fourth"]
    assert prompts[5:] == prompts[3:5], "two lines of one cell are slots of their own"


def test_stop_closes_the_connection_and_keeps_the_text(lab: Lab, model_server: ModelServer) -> None:
    model_server.tell(Script(reasoning="x", answer="word " * 400, pause_s=0.02))
    lab.open([setup_cell(model_server), "%%glm -p zai\ntell me", "print('went on')"])
    lab.run(0)
    lab.run(1, wait=False)
    lab.wait_phase(1, "answering")
    lab.click_stop(1)
    lab.wait_static(1)
    assert "word" in lab.text(1)
    (output,) = lab.outputs(1)
    assert output["metadata"]["glm_magic"]["status"] == "interrupted"
    assert model_server.requests[-1].hung_up.wait(10)
    lab.run(2)
    assert "went on" in lab.text(2)


def test_a_failure_is_two_lines_and_stops_the_cells_behind_it(
    lab: Lab, model_server: ModelServer
) -> None:
    refused = "%%glm -p zai -m glm-5.3 --no-think\nhello"
    cells = [setup_cell(model_server), refused, "print('went on')"]
    lab.open(cells)
    lab.run_all()
    lab.wait_done(1)
    lab.wait_idle()
    text = lab.text(1)
    assert "glm-5.3 always thinks" in text
    assert "Traceback" not in text
    assert len(text.strip().splitlines()) <= 3
    assert lab.outputs(2) == []
    assert model_server.requests == []


def test_a_background_turn_streams_while_other_cells_run(
    lab: Lab, model_server: ModelServer
) -> None:
    slow = Script(reasoning="Let me see. " * 6, answer="word " * 50, pause_s=0.2)
    model_server.tell(slow)
    lab.open(
        [
            setup_cell(model_server),
            "%%glm -p zai --think --bg -o job\ntell me",
            "import time; time.sleep(1); print('ran beside it')",
            "%glm jobs",
            "job.result().status",
        ]
    )
    lab.run(0)
    lab.run(1, timeout_s=10)
    lab.run(2, wait=False)
    lab.wait_phase(1, "thinking")
    lab.wait_phase(1, "answering")
    lab.wait_done(2)
    assert lab.outputs(2) == [
        {"name": "stdout", "output_type": "stream", "text": "ran beside it\n"}
    ]
    lab.run(3)
    assert "running" in lab.text(3)
    lab.run(4)
    assert "complete" in lab.text(4)
    lab.wait_static(1)
    notebook = lab.saved()
    (output,) = notebook["cells"][1]["outputs"]
    assert set(output["data"]) == {"text/html", "text/markdown", "text/plain"}
    assert "word word" in "".join(output["data"]["text/plain"])
    assert "widgets" not in notebook["metadata"]


def test_a_background_turn_is_stopped_on_its_panel_and_the_kernel_goes_on(
    lab: Lab, model_server: ModelServer
) -> None:
    model_server.tell(Script(reasoning="x", answer="word " * 400, pause_s=0.05))
    cells = [
        setup_cell(model_server),
        "%%glm -p zai --bg\ntell me",
        "import time\nfor _ in range(30): time.sleep(0.1)\nprint('whole')",
    ]
    lab.open(cells)
    lab.run(0)
    lab.run(1)
    lab.wait_phase(1, "answering")
    lab.run(2, wait=False)
    lab.click_stop(1)
    lab.wait_static(1)
    assert "interrupted" in lab.text(1)
    assert model_server.requests[-1].hung_up.wait(10)
    lab.wait_done(2)
    assert lab.text(2).strip() == "whole", "Stop never interrupts the cell that runs meanwhile"
