"""The same panel in Notebook 7."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator
from typing import Any

import pytest

from .lab import Lab
from .scripts import SETUP
from .server import LabServer

pytestmark = [pytest.mark.browser, pytest.mark.timeout(180)]


@pytest.fixture
def notebook(tmp_path_factory: pytest.TempPathFactory, chromium: Any) -> Iterator[Lab]:
    """Return a page on a Notebook server of its own."""
    if importlib.util.find_spec("notebook") is None:
        pytest.skip("notebook is not installed")
    server = LabServer(tmp_path_factory.mktemp("notebook"), app="notebook")
    server.start()
    page = Lab(chromium, server)
    yield page
    page.close()
    server.stop()


def test_stop_works_while_the_cell_runs_and_one_output_stays(notebook: Lab) -> None:
    notebook.open([SETUP, "show(rate=60)", "show(rate=4000)"])
    notebook.run(0)
    notebook.run(1, wait=False)
    notebook.wait_phase(1, "thinking")
    notebook.click_stop(1)
    notebook.wait_static(1)
    notebook.wait_done(1)
    assert "interrupted" in notebook.text(1)
    notebook.run(2)
    notebook.wait_static(2)
    (output,) = notebook.saved()["cells"][2]["outputs"]
    assert set(output["data"]) == {"text/html", "text/markdown", "text/plain"}
