"""Several people in one notebook, with jupyter-collaboration: each reply is saved once.

The JupyterLab is one of its own: with that extension, every notebook that it opens is edited
together.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.hosts.seen import installed

from .lab import Lab
from .scripts import SETUP
from .server import LabServer
from .test_kept import WIDGET, is_whole, wait_ended
from .test_session import do

pytestmark = [pytest.mark.browser, pytest.mark.timeout(240)]


@pytest.fixture(scope="module")
def shared_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LabServer]:
    """One JupyterLab whose notebooks are edited together."""
    python = installed("together") / "bin" / "python"
    server = LabServer(tmp_path_factory.mktemp("together"), python=str(python))
    server.start()
    yield server
    server.stop()


@pytest.fixture
def people(shared_server: LabServer, chromium: Any) -> Iterator[tuple[Lab, Lab]]:
    """Two people's pages."""
    pages = Lab(chromium, shared_server), Lab(chromium, shared_server)
    yield pages
    for page in pages[::-1]:
        page.page.evaluate("() => window.jupyterapp.shell.currentWidget.sessionContext.dispose()")
        page.page.context.close()


def file_outputs(lab: Lab) -> list[dict[str, Any]]:
    """Return every output of a reply in the file, which the server writes when it likes."""
    try:
        notebook = lab.read()
    except json.JSONDecodeError:  # it writes just now
        return []
    return [
        output
        for cell in notebook["cells"]
        for output in cell.get("outputs", [])
        if WIDGET in output.get("data", {}) or "glm_magic" in output.get("metadata", {})
    ]


def wait_whole(lab: Lab, count: int = 1) -> None:
    lab.until(lambda: [is_whole(output) for output in file_outputs(lab)] == [True] * count, 60)


def start(people: tuple[Lab, Lab], cell: str) -> tuple[Lab, Lab]:
    one, other = people
    one.open([SETUP, cell, "print('below')"])
    other.open(one.name)
    one.run(0)
    one.run(1, wait=False)
    one.wait_phase(1, "thinking")
    return people


def test_a_reply_is_saved_once_and_seen_by_all(people: tuple[Lab, Lab]) -> None:
    one, other = start(people, "show(rate=150)")
    one.until(lambda: "Unfinished" in (text := str(file_outputs(one))) and WIDGET not in text)
    assert WIDGET not in str(file_outputs(one))
    one.wait_static(1)
    other.wait_static(1)
    wait_whole(one)
    assert len(other.outputs(1)) == len(one.outputs(1)) == 1


def test_the_reply_is_saved_once_after_a_reload(people: tuple[Lab, Lab]) -> None:
    # It goes on for half a minute, in which the page is there again.
    one, other = start(people, "show_meanwhile(rate=40)")
    one.until(lambda: "Unfinished" in str(file_outputs(one)))
    one.reload()
    wait_whole(one)
    one.wait_static(1)
    other.wait_static(1)
    assert len(other.outputs(1)) == len(one.outputs(1)) == 1


def test_a_reply_that_ends_while_nobody_is_there_is_saved_once(
    people: tuple[Lab, Lab],
) -> None:
    one, other = start(people, "show_meanwhile(rate=150, ended='alone')")
    one.until(lambda: "Unfinished" in str(file_outputs(one)))
    other.leave()
    one.leave()
    wait_ended(one, "alone")
    one.come_back()
    wait_whole(one)
    one.wait_static(1)
    other.come_back()
    other.wait_static(1)
    wait_whole(one)
    assert len(other.outputs(1)) == len(one.outputs(1)) == 1


def test_the_reply_is_saved_once_where_somebody_else_moved_its_cell(
    people: tuple[Lab, Lab],
) -> None:
    one, other = start(people, "show_meanwhile(rate=150)")
    do(other, 1, "notebook:move-cell-down")
    wait_whole(one)
    one.wait_static(2)
    other.wait_static(2)
    assert len(other.outputs(2)) == len(one.outputs(2)) == 1
