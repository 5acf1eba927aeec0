"""The site in a browser: lessons play, in light and dark; search finds; nothing is fetched."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.timeout(600)]

LUMINANCE = """node => {
    const of = colour => { const c = document.createElement('canvas').getContext('2d');
        c.fillStyle = colour; c.fillRect(0, 0, 1, 1);
        const [r, g, b] = c.getImageData(0, 0, 1, 1).data;
        return (r * .3 + g * .6 + b * .1) / 255 };
    const style = getComputedStyle(node);
    return [of(style.color), of(style.backgroundColor)] }"""


@pytest.fixture(scope="module")
def address(site: Path) -> Iterator[str]:
    """Serve the site, as the search page needs, and give its address."""

    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            """Print nothing."""

    class Patient(ThreadingHTTPServer):
        def handle_error(self, *_: object) -> None:
            """Let a browser leave while a page is sent to it."""

    with Patient(("127.0.0.1", 0), partial(Quiet, directory=site)) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()
        thread.join()


@pytest.fixture(params=["light", "dark"])
def page(request: pytest.FixtureRequest, address: str, chromium: Browser) -> Iterator[Page]:
    """Give a page in light or dark, on which nothing goes wrong and nothing is fetched."""
    context = chromium.new_context(color_scheme=request.param)
    page = context.new_page()
    wrong: list[str] = []
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on("console", lambda line: line.type == "error" and wrong.append(line.text))
    page.on("response", lambda reply: reply.status < 400 or wrong.append(reply.url))
    page.on("request", lambda r: r.url.startswith((address, "data:")) or wrong.append(r.url))
    page.goto(address)
    page.wait_for_url("**/docs/index.html")
    yield page
    context.close()
    assert not wrong


def test_a_lesson_is_reached_from_the_first_page_and_plays_again(page: Page) -> None:
    page.locator(".sidebar-tree").get_by_text("Function calling").click()
    page.wait_for_url("**/06_functions.html")
    panel = page.locator(".glm").first
    panel.locator(".glm-y > summary").click()
    answer = panel.locator(".glm-a")
    whole = answer.inner_text()
    assert whole.strip()
    play, slider = panel.locator(".glm-pl button").first, panel.locator(".glm-pl input")
    slider.evaluate("n => { n.value = 0; n.dispatchEvent(new Event('input')) }")
    assert len(answer.inner_text()) < len(whole)
    panel.locator(".glm-pl button").nth(1).click()
    play.click()
    page.wait_for_function(
        "([node, whole]) => node.innerText === whole", arg=[answer.element_handle(), whole]
    )


def test_saved_replies_have_the_colours_of_the_page(page: Page) -> None:
    page.goto(re.sub("docs/index", "notebooks/02_thinking", page.url))
    body_text, body = page.locator("body").evaluate(LUMINANCE)
    for panel in page.locator(".glm").all():
        text, background = panel.evaluate(LUMINANCE)
        assert (text > background) == (body_text > body)
        assert abs(text - background) > 0.6


def test_search_finds_guides_lessons_and_the_chinese_page(page: Page) -> None:
    start = page.url
    for words, title in [
        ("budget", "Sessions and money"),
        ("strawberry", "What thinking is"),
        ("中文说明", "中文说明"),
    ]:
        page.goto(start)
        page.locator(".sidebar-search").fill(words)
        page.locator(".sidebar-search").press("Enter")
        page.locator("#search-results li a", has_text=title).first.wait_for()


def test_the_theme_is_switched_by_its_button(page: Page) -> None:
    page.goto(re.sub("docs/index", "notebooks/02_thinking", page.url))
    modes = set()
    for _ in range(3):
        page.locator(".theme-toggle:visible").first.click()
        body_text, body = page.locator("body").evaluate(LUMINANCE)
        text, background = page.locator(".glm").first.evaluate(LUMINANCE)
        assert (text > background) == (body_text > body)
        modes.add(body_text > body)
    assert modes == {True, False}


@pytest.mark.parametrize("width", [360, 1400])
def test_no_page_is_wider_than_its_window(width: int, site: Path, chromium: Browser) -> None:
    context = chromium.new_context(viewport={"width": width, "height": 800})
    page = context.new_page()
    for path in sorted(site.rglob("*.html")):
        if path.name == "index.html" and path.parent == site:
            continue
        page.goto(path.as_uri())
        wide = page.evaluate("document.documentElement.scrollWidth")
        assert wide <= width, path.name
    context.close()
