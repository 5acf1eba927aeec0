"""A batch in a real JupyterLab: it is waited for in a panel, Stop leaves it running."""

from __future__ import annotations

import pytest

from tests.servers.batch_server import OPENROUTER, BatchServer
from tests.servers.script import Script
from tests.servers.vendor import KEY

from .lab import Lab

pytestmark = [pytest.mark.browser, pytest.mark.timeout(180)]

SET_UP = """import os, pandas as pd, glm_magic as glm
from glm_magic.many.batch import job
job.PAUSE_S = job.LONGEST_PAUSE_S = 0.05
os.environ["OPENROUTER_API_KEY"] = {key!r}
df = pd.DataFrame({{"text": [f"The room was bright ({{n}})" for n in range(12)]}})
at = dict(provider="openrouter", model="glm-5.3", base_url={url!r})"""
SEND = 'batch = glm.map(df, "Sentiment of: {text}", mode="batch", **at)\nbatch'
WAIT = "out = batch.wait()"


def test_it_is_waited_for_in_a_panel_and_stop_leaves_it_running(lab: Lab) -> None:
    with BatchServer() as server:
        server.script = lambda prompt: Script(answer="Glad.", reasoning="Bright is good.")
        server.held.set()
        url = f"{server.url}{OPENROUTER}"
        cells = [SET_UP.format(key=KEY, url=url), SEND, WAIT, "print(out.left[3])"]
        lab.open([*cells, WAIT, "glm.batches()", "out.frame.head(3)"])
        for cell in (0, 1):
            lab.run(cell)
        assert "validating, 0 of 12 requests" in lab.text(1)
        lab.run(2, wait=False)
        lab.until(lambda: "in_progress" in lab.text(2))
        assert "price of a batch" in lab.text(2)
        lab.cell(2).get_by_role("button", name="Stop").click()
        lab.wait_done(2, 20)
        lab.run(3)
        assert "the batch goes on" in lab.text(3)
        assert server.counters.cancels == 0
        server.held.clear()
        lab.run(4)
        lab.cell(4).locator(".glm[data-s=complete]").wait_for()
        assert "12 of 12 rows" in lab.text(4)
        assert "price of a batch" in lab.text(4)
        for cell in (5, 6):
            lab.run(cell)
        assert "completed" in lab.text(5)
        assert lab.cell(5).locator("table").count() == 1
        assert "True" in lab.text(6)
        (output,) = lab.saved()["cells"][4]["outputs"]
        assert output["metadata"]["glm_magic"]["map"]["ended"] == 12
        assert server.counters.made == 1
