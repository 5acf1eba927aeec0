"""A prompt over many rows in a real JupyterLab: the bar, Stop, and the one output that stays."""

from __future__ import annotations

import pytest

from tests.servers.model_server import ModelServer
from tests.servers.script import Script

from .lab import Lab
from .test_magic import setup_cell

pytestmark = [pytest.mark.browser, pytest.mark.timeout(180)]

ROWS = """import pandas as pd
words = ["The room was bright", "Nobody answered the bell", "Late and dear", "Once more"]
df = pd.DataFrame({"text": [f"{words[n % 4]} ({n})" for n in range(60)]})
df.loc[7, "text"] = None"""
MAP = "%%glm -p zai -m glm-4.6 --map df -o out --jobs 4\nSentiment of: {text}"
SLOW = Script(answer="Glad, on the whole.", pause_s=0.03)


def open_rows(lab: Lab, server: ModelServer) -> None:
    lab.open([setup_cell(server), ROWS, MAP, "print(len(out.left), out.stopped)"])
    lab.run(0)
    lab.run(1)


def test_the_bar_moves_and_one_output_stays(lab: Lab, model_server: ModelServer) -> None:
    model_server.tell(SLOW)
    open_rows(lab, model_server)
    lab.run(2, wait=False)
    bar = lab.panel(2).locator(".glm-mb")
    bar.wait_for()
    lab.until(lambda: 5 < int(bar.get_attribute("aria-valuenow") or 0) < 60)
    assert "60 rows, 59 to ask · 1 that cannot be asked" in lab.text(2)
    assert "rows/s" in lab.text(2)
    assert "to go" in lab.text(2)
    assert "Glad, on the whole." in lab.text(2)
    lab.wait_done(2)
    lab.cell(2).locator(".glm-mt").wait_for()
    assert "59 of 60 rows" in lab.text(2)
    assert "$" in lab.text(2)
    assert lab.cell(2).locator(".widget-button").count() == 0
    (output,) = lab.saved()["cells"][2]["outputs"]
    assert set(output["data"]) == {"text/html", "text/markdown", "text/plain"}
    assert output["metadata"]["glm_magic"]["map"]["ended"] == 59
    lab.panel(2).locator("summary").click()
    assert "the cell is empty" in lab.text(2)


def test_stop_keeps_what_has_ended(lab: Lab, model_server: ModelServer) -> None:
    model_server.tell(SLOW)
    open_rows(lab, model_server)
    lab.run(2, wait=False)
    bar = lab.panel(2).locator(".glm-mb")
    bar.wait_for()
    lab.until(lambda: int(bar.get_attribute("aria-valuenow") or 0) > 8)
    lab.cell(2).get_by_role("button", name="Stop").click()
    lab.wait_done(2, 20)
    assert len(model_server.requests) < 50
    lab.cell(2).locator(".glm[data-s=interrupted]").wait_for()
    lab.run(3)
    left, why = lab.text(3).split(maxsplit=1)
    assert why.strip() == "stopped"
    sent = len(model_server.requests)
    model_server.tell(Script(answer="Glad."))
    lab.run(2)
    lab.wait_done(2)
    lab.cell(2).locator(".glm[data-s=complete]").wait_for()
    assert len(model_server.requests) - sent == int(left)


def test_dask_workers_ask_and_their_page_is_linked(lab: Lab, model_server: ModelServer) -> None:
    pytest.importorskip("distributed")
    model_server.tell(SLOW)
    start = (
        "from dask.distributed import Client, LocalCluster\n"
        "client = Client(LocalCluster(n_workers=1, threads_per_worker=1, host='127.0.0.1',\n"
        "                             dashboard_address='127.0.0.1:0'))"
    )
    lab.open([setup_cell(model_server), ROWS, start, MAP.replace(" -o", " --on client -o")])
    for cell in range(3):
        lab.run(cell)
    lab.run(3, wait=False)
    bar = lab.panel(3).locator(".glm-mb")
    bar.wait_for()
    lab.until(lambda: int(bar.get_attribute("aria-valuenow") or 0) > 8)
    assert "asked by 1 Dask worker" in lab.text(3)
    link = lab.panel(3).get_by_role("link", name="Dask dashboard")
    assert str(link.get_attribute("href")).startswith("http://127.0.0.1:")
    lab.cell(3).get_by_role("button", name="Stop").click()
    lab.wait_done(3, 20)
    lab.cell(3).locator(".glm[data-s=interrupted]").wait_for()
    assert len(model_server.requests) < 50
    lab.run(3)
    lab.wait_done(3)
    assert "59 of 60 rows" in lab.text(3)
    assert "Dask dashboard" not in lab.text(3)


def test_a_call_on_the_last_line_of_a_cell_is_shown_once(
    lab: Lab, model_server: ModelServer
) -> None:
    model_server.tell(Script(answer="Glad."))
    call = "out = glm.map(df[:3], '{text}', provider='zai', model='glm-4.6')\nout"
    lab.open([setup_cell(model_server), f"import glm_magic as glm\n{ROWS}", call, "out"])
    for cell in range(4):
        lab.run(cell)
    assert lab.panel(2).count() == 1
    assert "<MapResult 3 of 3 rows, 0 failed>" in lab.text(2)
    assert lab.panel(3).count() == 1


def test_what_the_reader_opened_stays_open(lab: Lab, model_server: ModelServer) -> None:
    model_server.tell(SLOW)
    open_rows(lab, model_server)
    lab.run(2, wait=False)
    lab.panel(2).locator("summary").click()
    bar = lab.panel(2).locator(".glm-mb")
    before = int(bar.get_attribute("aria-valuenow") or 0)
    lab.until(lambda: int(bar.get_attribute("aria-valuenow") or 0) > before + 10)
    assert lab.panel(2).get_by_text("the cell is empty").is_visible()
    lab.wait_done(2)


DEAF = """from glm_magic.views.live import many
many.LiveFigures._receive = lambda *_: None"""


def test_stop_interrupts_a_kernel_that_does_not_hear_it(
    lab: Lab, model_server: ModelServer
) -> None:
    model_server.tell(SLOW)
    lab.open(
        [setup_cell(model_server), f"{ROWS}\n{DEAF}", MAP, "print(len(out.left), out.stopped)"]
    )
    lab.run(0)
    lab.run(1)
    lab.run(2, wait=False)
    bar = lab.panel(2).locator(".glm-mb")
    bar.wait_for()
    lab.until(lambda: int(bar.get_attribute("aria-valuenow") or 0) > 4)
    lab.cell(2).get_by_role("button", name="Stop").click()
    lab.wait_done(2, 20)
    lab.cell(2).locator(".glm[data-s=interrupted]").wait_for()
    lab.run(3)
    assert lab.text(3).split(maxsplit=1)[1].strip() == "stopped"


def test_the_rows_are_read_in_sight_and_stop_ends_it(lab: Lab, model_server: ModelServer) -> None:
    many = ROWS + '\ndf = pd.DataFrame({"text": [f"text {n}" for n in range(400_000)]})'
    lab.open([setup_cell(model_server), many, MAP, "print(len(out.left), out.stopped)"])
    lab.run(0)
    lab.run(1)
    lab.run(2, wait=False)
    lab.cell(2).get_by_text("of 400,000 rows read").wait_for()
    lab.cell(2).get_by_role("button", name="Stop").click()
    lab.wait_done(2, 20)
    lab.run(3)
    assert lab.text(3).split() == ["400000", "stopped"]
    assert not model_server.requests
