"""A reply in every page that notebooks are opened in: it streams, Stop stops it, one output stays.

The page and its server are the host's own; the kernel runs in the Python of the tests, with the
installed ipykernel or with the oldest that is promised, which has no subshells.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nbformat
import pytest

from tests.hosts.seen import ONE_OUTPUT, PANEL, installed, saw
from tests.servers.model_server import ModelServer
from tests.servers.script import Script

from .server import KERNEL, TOKEN, LabServer
from .test_magic import setup_cell

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]

WORDS = 1500
SLOW = Script(reasoning="Let me see. " * 10, answer="word " * WORDS, pause_s=0.02)
SHORT = Script(reasoning="Let me see.", answer="Because of **scattering**.")
AT_MOST = 250
"""Records that may be sent in all: some 100 until Stop is pressed, and 50 for each second more."""
PROMPT = "%%glm -p zai --think\ntell me"
BUTTON = f"""
import ipywidgets
from IPython.display import display
button, shown = ipywidgets.Button(description='Ask'), ipywidgets.Output()
def ask(_):
    with shown:
        get_ipython().run_cell_magic('glm', '-p zai --think', {PROMPT.partition(chr(10))[2]!r})
button.on_click(ask)
display(button, shown)
"""
LAB_RUN = (
    "(n) => { window.jupyterapp.shell.currentWidget.content.activeCellIndex = n;"
    " window.jupyterapp.commands.execute('notebook:run-cell'); }"
)
LAB_READY = (
    "() => window.jupyterapp?.shell.currentWidget?.sessionContext?.session?.kernel?.status"
    " === 'idle'"
)
LAB_SAVE = "async () => { await window.jupyterapp.shell.currentWidget.context.save() }"


@dataclass(frozen=True)
class Host:
    """A program whose page shows a notebook."""

    name: str
    app: str
    environment: str = ""
    """The folder of its environment below `HOSTS`; empty: that of the tests."""
    ready: str = LAB_READY
    run: str = LAB_RUN
    save: str = LAB_SAVE
    stop: str = "Stop; the cells that wait go on"

    @property
    def python(self) -> str:
        """The Python that runs its server."""
        if not self.environment:
            return sys.executable
        return str(installed(self.environment) / "bin" / "python")

    def version(self) -> str:
        """Return the version that is installed."""
        code = f"import importlib.metadata as m; print(m.version({self.app!r}))"
        out = subprocess.run([self.python, "-c", code], capture_output=True, text=True, check=True)
        return out.stdout.strip()


PAGES = [
    Host("JupyterLab, oldest", "jupyterlab", "jupyterlab-4.0"),
    Host("JupyterLab", "jupyterlab"),
    Host("Notebook 7", "notebook"),
    Host(
        "nbclassic",
        "nbclassic",
        "env",
        ready="() => window.Jupyter?.notebook?.kernel?.is_connected()"
        " && !!document.querySelector('.kernel_idle_icon') && !!Jupyter.WidgetManager",
        run="(n) => Jupyter.notebook.execute_cells([n])",
        save="() => Jupyter.notebook.save_notebook()",
        stop="Stop, which interrupts the kernel",
    ),
]
VOILA = Host("Voila", "voila", "env", stop="Stop")
OLDEST_KERNEL = "ipykernel-6.29"


@pytest.fixture(params=["", OLDEST_KERNEL], ids=["ipykernel", OLDEST_KERNEL])
def kernel(request: pytest.FixtureRequest) -> Path | None:
    """Give the installed ipykernel, and the oldest that is promised."""
    return installed(request.param) if request.param else None


class Opened:
    """A notebook that is open in a host."""

    def __init__(self, host: Host, server: LabServer, page: Any) -> None:
        self.host, self.server, self.page = host, server, page

    def run(self, cell: int) -> None:
        """Run a cell, and go on while it runs."""
        self.page.evaluate(self.host.run, cell)

    def wait_text(self, text: str, timeout_s: float = 40) -> None:
        """Wait until a text can be read on the page."""
        self.page.wait_for_function(
            "(text) => document.body.innerText.includes(text)", arg=text, timeout=timeout_s * 1000
        )

    def output(self, cell: int) -> list[Any]:
        """Return a cell's outputs in the file, once it is saved with a reply that has ended."""
        path = self.server.notebooks / "book.ipynb"
        for _ in range(200):
            self.page.evaluate(self.host.save)
            outputs = nbformat.read(path, as_version=4).cells[cell].outputs
            if outputs and _has_ended(outputs[0]):
                break
            self.page.wait_for_timeout(100)
        return list(outputs)


def _has_ended(output: Any) -> bool:
    """Whether an output is a reply's last, not one of those for a file that is saved meanwhile."""
    status = output.get("metadata", {}).get("glm_magic", {}).get("status")
    return "text/html" in output.get("data", {}) and status != "streaming"


@pytest.fixture
def opened(
    request: pytest.FixtureRequest,
    kernel: Path | None,
    tmp_path_factory: pytest.TempPathFactory,
    chromium: Any,
    model_server: ModelServer,
) -> Iterator[Opened]:
    """Open a notebook with a prompt in a host."""
    host: Host = request.param
    server = LabServer(
        tmp_path_factory.mktemp("host"), app=host.app, python=host.python, kernel=kernel
    )
    prompts = [BUTTON] if host is VOILA else [PROMPT, "print('the next cell', 'ran')", PROMPT]
    book = nbformat.v4.new_notebook(
        cells=[nbformat.v4.new_code_cell(cell) for cell in (setup_cell(model_server), *prompts)],
        metadata={"kernelspec": {"name": KERNEL, "display_name": "Python 3"}},
    )
    nbformat.write(book, server.notebooks / "book.ipynb")
    server.start()
    context = chromium.new_context(viewport={"width": 1400, "height": 900})
    try:
        page = context.new_page()
        page.goto(f"{server.url}/{server.page_path}/book.ipynb?token={TOKEN}")
        yield Opened(host, server, page)
    finally:
        context.close()
        server.stop()


def check_stop(opened: Opened, server: ModelServer) -> None:
    """Check that words can be read while they arrive, and that Stop stops the server's stream."""
    opened.wait_text("word word")
    assert server.sent < AT_MOST - 100, "it can be read while it arrives"
    opened.page.locator(".glm-stop").click()
    opened.page.locator(".glm[data-s=interrupted]").first.wait_for(timeout=20_000)
    assert server.sent < AT_MOST, "the server goes on sending"
    assert "still arriving" not in opened.page.locator("body").inner_text()


@pytest.mark.parametrize("opened", PAGES, ids=lambda host: host.name, indirect=True)
def test_a_reply_streams_and_stops_and_stays_as_one_output(
    opened: Opened, kernel: Path | None, model_server: ModelServer
) -> None:
    host = opened.host
    model_server.tell(SLOW)
    opened.page.wait_for_function(host.ready, timeout=60_000)
    opened.run(0)
    opened.run(1)
    opened.run(2)
    check_stop(opened, model_server)
    first, *others = opened.output(1)
    assert set(first["data"]) == {"text/html", "text/markdown", "text/plain"}
    assert first["metadata"]["glm_magic"]["status"] == "interrupted"
    if host.name == "nbclassic":
        (error,) = others
        assert error["traceback"] == [error["evalue"]]
        assert "queued did not run" in error["evalue"]
    else:
        assert others == []
        opened.wait_text("the next cell ran")
    model_server.tell(SHORT)
    opened.run(3)
    opened.wait_text("Because of scattering.")
    (output,) = opened.output(3)
    assert set(output["data"]) == {"text/html", "text/markdown", "text/plain"}
    saw(host.name, host.version(), streams=PANEL, stop=host.stop, stays=ONE_OUTPUT)


@pytest.mark.parametrize("opened", [VOILA], ids=lambda host: host.name, indirect=True)
def test_a_button_of_an_application_asks_and_stop_stops(
    opened: Opened, kernel: Path | None, model_server: ModelServer
) -> None:
    model_server.tell(SLOW)
    opened.page.get_by_role("button", name="Ask").click(timeout=60_000)
    check_stop(opened, model_server)
    saw(VOILA.name, VOILA.version(), streams=PANEL, stop=VOILA.stop, stays="the page")
