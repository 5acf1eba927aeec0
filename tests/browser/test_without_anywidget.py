"""A page that has ipywidgets and not anywidget: the reply is shown with what is there."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.servers.model_server import ModelServer
from tests.servers.script import Script

from .lab import Lab
from .server import LabServer
from .test_magic import setup_cell

pytestmark = [pytest.mark.browser, pytest.mark.timeout(180)]

SLOW = Script(reasoning="Let me see. " * 30, answer="word " * 100, pause_s=0.05)


@pytest.fixture
def bare(tmp_path_factory: pytest.TempPathFactory, chromium: Any) -> Iterator[Lab]:
    """Return a page of a JupyterLab whose anywidget is switched off."""
    server = LabServer(tmp_path_factory.mktemp("bare"), without=["anywidget"])
    server.start()
    page = Lab(chromium, server)
    yield page
    page.close()
    server.stop()


def test_the_reply_streams_all_the_same_and_ends_as_one_output(
    bare: Lab, model_server: ModelServer
) -> None:
    model_server.tell(SLOW)
    cell = "%%glm -p zai --think\ntell me"
    bare.open([setup_cell(model_server), cell, cell])
    bare.run(0)
    bare.run(1, wait=False)
    # The first reply finds out, the later ones know.
    bare.cell(1).locator(".jupyter-widgets .glm[data-s=answering]").wait_for(timeout=20_000)
    assert "word word" in bare.text(1)
    assert bare.cell(1).get_by_role("button", name="Stop").is_visible()
    bare.wait_done(1)
    bare.wait_static(1)
    bare.run(2, wait=False)
    bare.cell(2).locator(".jupyter-widgets .glm[data-s=thinking]").wait_for(timeout=3_000)
    bare.cell(2).get_by_role("button", name="Stop").click()
    bare.cell(2).locator(".glm[data-s=interrupted]").wait_for(timeout=30_000)
    bare.wait_done(2)
    notebook = bare.saved()
    assert "widgets" not in notebook["metadata"]
    for cell in notebook["cells"][1:3]:
        (output,) = cell["outputs"]
        assert set(output["data"]) == {"text/html", "text/markdown", "text/plain"}
