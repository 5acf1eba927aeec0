"""Fixtures of the browser tests: one JupyterLab and one Chromium for all, a page for each.

A test that fails also prints what its pages show, and where their kernels are.
"""

from __future__ import annotations

import importlib.util
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest

from .server import LabServer, running_servers

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

CHROMIUM_OPTIONS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-background-timer-throttling",
    "--disable-renderer-backgrounding",
]
LOOK_MS = 5_000
"""How long a page may take to tell what it shows, after a failure."""
TEXT_CHARS = 1_500


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Function, call: pytest.CallInfo[None]) -> Any:
    """Add to a failed test's report what its pages show, and what its kernels do."""
    report: pytest.TestReport = yield
    if call.when == "call" and report.failed:
        contexts = getattr(item.funcargs.get("chromium"), "contexts", [])
        pages = [page for context in contexts for page in context.pages]
        looks = [(f"page {page.url.partition('?')[0]}", _look(page)) for page in pages]
        for server in running_servers():  # after the look, since it ends the kernels
            report.sections.append((f"server {server.url}", server.tell_stacks()))
        report.sections += looks
    return report


def _look(page: Page) -> str:
    """Return what can be read on a page, and the state of each panel and its buttons."""
    tags = "[...document.querySelectorAll('.glm, .glm button')].map(tag => tag.cloneNode())"
    code = f"(body) => [body.innerText.slice(-{TEXT_CHARS}), ...{tags}.map(tag => tag.outerHTML)]"
    try:
        texts: list[str] = page.locator("body").evaluate(code, timeout=LOOK_MS)
    except Exception as error:  # it is gone, or does not answer
        return repr(error)
    return "\n".join(texts)


def _missing() -> str:
    for module in ("playwright", "jupyterlab", "anywidget"):
        if importlib.util.find_spec(module) is None:
            return f"{module} is not installed"
    return "" if shutil.which("chromium") else "there is no chromium on the path"


@pytest.fixture(scope="session")
def lab_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LabServer]:
    """One JupyterLab for all tests."""
    if reason := _missing():
        pytest.skip(reason)
    server = LabServer(tmp_path_factory.mktemp("lab"))
    server.start()
    yield server
    server.stop()


@contextmanager
def open_chromium() -> Iterator[Browser]:
    """Give a browser of our own; while it is open, asyncio sees a running loop."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=CHROMIUM_OPTIONS
        )
        yield browser
        browser.close()


@pytest.fixture(scope="package")
def chromium() -> Iterator[object]:
    """One browser for all tests here."""
    if reason := _missing():
        pytest.skip(reason)
    with open_chromium() as browser:
        yield browser


@pytest.fixture
def new_lab(lab_server: LabServer, chromium: object) -> Iterator[Callable[..., object]]:
    """Open pages of a chosen width; each is closed with its kernel at the end."""
    from .lab import Lab

    lab_server.forget_settings()
    pages: list[Lab] = []

    def open_page(width: int = 1400) -> Lab:
        pages.append(Lab(chromium, lab_server, width))  # type: ignore[arg-type]
        return pages[-1]

    yield open_page
    for page in pages:
        page.close()


@pytest.fixture
def lab(new_lab: Callable[..., object]) -> object:
    """Return one page, 1400 pixels wide."""
    return new_lab()
