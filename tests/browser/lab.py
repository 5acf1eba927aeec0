"""A notebook in a real browser, driven as a user would."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any

import nbformat
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from .server import KERNEL, TOKEN, LabServer

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Locator

READY_MS = 60_000
_CURRENT = "window.jupyterapp.shell.currentWidget"
_STATUS = f"{_CURRENT}.sessionContext.session?.kernel?.status"
_numbers = count(1)


class Lab:
    """One browser page on one JupyterLab.

    Cells are numbered from zero. Everything waits for what it needs, so a test reads as a story:
    open, run, look, click, save.
    """

    def __init__(self, browser: Browser, server: LabServer, width: int = 1400) -> None:
        self._server = server
        self.notebooks = server.notebooks
        self._context = browser.new_context(
            viewport={"width": width, "height": 900}, device_scale_factor=1
        )
        self.page = self._context.new_page()
        self.console: list[str] = []
        self.page.on("console", lambda message: self.console.append(message.text))
        self.page.on("pageerror", lambda error: self.console.append(f"page error: {error}"))
        self._name = ""

    # ---- notebooks -----------------------------------------------------------------------------

    def write(self, name: str, cells: list[str]) -> Path:
        """Write a notebook of code cells; a cell that begins with ``#md`` is Markdown."""
        notebook = new_notebook(
            cells=[
                new_markdown_cell(cell[3:]) if cell.startswith("#md") else new_code_cell(cell)
                for cell in cells
            ],
            metadata={"kernelspec": {"name": KERNEL, "display_name": "Python 3"}},
        )
        path = self._server.notebooks / name
        nbformat.write(notebook, path)
        return path

    def open(self, notebook: str | list[str], name: str = "") -> None:
        """Open a notebook of the server's folder, or one made of these cells.

        One made of cells gets a name of its own: under a name that was open before, the server may
        still have that notebook's kernel, which remembers.
        """
        if isinstance(notebook, list):
            name = name or f"test-{next(_numbers)}.ipynb"
            self.write(name, notebook)
            notebook = name
        self._name = notebook
        # The layout of the page before may have been saved: the map beside it, or the page halved.
        address = f"{self._server.url}/{self._server.page_path}/{notebook}"
        self.page.goto(f"{address}?reset&token={TOKEN}")
        self._wait_until_ready()

    def open_console(self) -> None:
        """Open a console with a kernel of its own, and nothing else."""
        self.page.goto(f"{self._server.url}/lab?reset&token={TOKEN}")
        self.page.wait_for_function("() => window.jupyterapp", timeout=READY_MS)
        self.page.evaluate(
            "async kernelPreference => { await jupyterapp.restored;"
            " await jupyterapp.commands.execute('console:create', { kernelPreference }) }",
            {"name": KERNEL},
        )
        self.page.wait_for_function(f"() => {_CURRENT} && {_STATUS} === 'idle'", timeout=READY_MS)

    @property
    def name(self) -> str:
        """The file that is open."""
        return self._name

    def reload(self) -> None:
        """Load the page again, while the kernel goes on."""
        self.page.reload()
        self._wait_until_ready(idle=False)

    def leave(self) -> None:
        """Go to another page, while the kernel goes on."""
        self.page.goto("about:blank")

    def come_back(self) -> None:
        """Open the page again that was left."""
        self.page.go_back()
        self._wait_until_ready(idle=False)

    def save(self) -> None:
        """Save the notebook."""
        self.page.evaluate(f"async () => {{ await {_CURRENT}.context.save() }}")

    def saved(self) -> dict[str, Any]:
        """Save the notebook and return the file's JSON."""
        self.save()
        return self.read()

    def read(self) -> dict[str, Any]:
        """Return the file's JSON as it is."""
        path = self._server.notebooks / self._name
        return dict(json.loads(path.read_text(encoding="utf-8")))

    def reopen_untrusted(self) -> None:
        """Open a copy whose signature does not fit, as one that came from somebody else."""
        notebook = self.saved()
        notebook["cells"].append(new_markdown_cell("from elsewhere"))
        path = self._server.notebooks / f"untrusted-{self._name}"
        path.write_text(json.dumps(notebook), encoding="utf-8")
        self.open(path.name)

    # ---- running -------------------------------------------------------------------------------

    def run(self, index: int, wait: bool = True, timeout_s: float = 60) -> None:
        """Run a cell; without `wait` it goes on while the test does other things."""
        self.page.evaluate(
            f"(index) => {{ {_CURRENT}.content.activeCellIndex = index;"
            " window.jupyterapp.commands.execute('notebook:run-cell'); }",
            index,
        )
        if wait:
            self.wait_done(index, timeout_s)

    def run_all(self) -> None:
        """Queue every cell."""
        self.page.evaluate(
            "() => { window.jupyterapp.commands.execute('notebook:run-all-cells'); }"
        )

    def wait_done(self, index: int, timeout_s: float = 60) -> None:
        """Wait until a cell has its number."""
        self.page.wait_for_function(
            f"(index) => /\\[\\d+\\]/.test({_CURRENT}.content.widgets[index].node"
            ".querySelector('.jp-InputPrompt')?.textContent || '')",
            arg=index,
            timeout=timeout_s * 1000,
        )

    def interrupt(self) -> None:
        """Interrupt the kernel, as the toolbar does."""
        self.page.evaluate(f"() => {_CURRENT}.sessionContext.session.kernel.interrupt()")

    def wait_idle(self, timeout_s: float = 60) -> None:
        """Wait until the kernel has nothing to do."""
        self.page.wait_for_function(f"() => {_STATUS} === 'idle'", timeout=timeout_s * 1000)

    def until(self, condition: Callable[[], bool], timeout_s: float = 30) -> None:
        """Wait until something is so; ask again every 50 ms."""
        deadline = time.monotonic() + timeout_s
        while not condition():
            assert time.monotonic() < deadline, "it did not happen"
            self.page.wait_for_timeout(50)

    # ---- looking -------------------------------------------------------------------------------

    def cell(self, index: int) -> Locator:
        """Return a cell."""
        return self.page.locator(".jp-Notebook .jp-Cell").nth(index)

    def panel(self, index: int) -> Locator:
        """Return the turn's panel in a cell's output, live or saved."""
        return self.cell(index).locator(".glm")

    def wait_phase(self, index: int, phase: str, timeout_s: float = 30) -> None:
        """Wait until a cell's panel is in a phase, such as ``thinking`` or ``complete``."""
        panel = self.cell(index).locator(f".glm[data-s={phase}]")
        panel.wait_for(state="attached", timeout=timeout_s * 1000)

    def wait_static(self, index: int, timeout_s: float = 30) -> None:
        """Wait until a cell's live panel was replaced by the saved page."""
        static = self.cell(index).locator(".glm:not(:has(.glm-buttons))")
        static.wait_for(state="attached", timeout=timeout_s * 1000)

    def outputs(self, index: int) -> list[dict[str, Any]]:
        """Return a cell's outputs as the file would hold them."""
        expression = f"(index) => {_CURRENT}.content.widgets[index].model.outputs.toJSON()"
        return list(self.page.evaluate(expression, index))

    def text(self, index: int) -> str:
        """Return the text that a reader sees in a cell's outputs."""
        return self.cell(index).locator(".jp-Cell-outputArea").inner_text()

    def screenshot(self, path: str | Path, index: int | None = None) -> None:
        """Take a picture of a cell's outputs, or of the page."""
        target = self.page if index is None else self.cell(index).locator(".jp-Cell-outputWrapper")
        target.screenshot(path=str(path))

    # ---- doing ---------------------------------------------------------------------------------

    def click_stop(self, index: int) -> None:
        """Press Stop in a cell's panel."""
        self.panel(index).locator(".glm-stop").click()

    def click_toggle(self, index: int) -> None:
        """Press the toggle of the reasoning."""
        self.panel(index).locator(".glm-r > summary").click()

    def theme(self, name: str) -> None:
        """Change to ``dark`` or ``light``."""
        theme = {"dark": "JupyterLab Dark", "light": "JupyterLab Light"}[name]
        self.page.evaluate(
            "async (theme) => { await window.jupyterapp.commands.execute("
            "'apputils:change-theme', { theme }) }",
            theme,
        )
        self.page.wait_for_function(
            "(light) => document.body.dataset.jpThemeLight === light",
            arg=str(name == "light").lower(),
        )
        self.page.wait_for_timeout(300)

    def resize(self, width: int, height: int = 900) -> None:
        """Change the size of the window."""
        self.page.set_viewport_size({"width": width, "height": height})
        self.page.wait_for_timeout(200)

    def close(self) -> None:
        """Shut the kernel down and close the page."""
        if self._name and not self.page.is_closed():
            # One that died by itself just now cannot be shut down.
            shut_down = f"await {_CURRENT}?.sessionContext?.shutdown().catch(() => null)"
            self.page.evaluate(f"async () => {{ {shut_down} }}")
        self._context.close()

    def _wait_until_ready(self, idle: bool = True) -> None:
        self.page.wait_for_selector(".jp-Notebook .jp-Cell", timeout=READY_MS)
        self.page.wait_for_function(
            f"() => window.jupyterapp && {_CURRENT}?.content?.widgets && {_STATUS}",
            timeout=READY_MS,
        )
        if idle:
            self._wait_for_kernel()

    def _wait_for_kernel(self) -> None:
        """Wait until the kernel is idle; after half a minute, load the page once more.

        On a busy machine a page was seen to wait for a minute, and nothing more to happen.
        """
        from playwright.sync_api import TimeoutError as LateError

        try:
            self.wait_idle(30)
        except LateError:
            self.reload()
            self.wait_idle()
