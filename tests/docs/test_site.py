"""`make docs`: every page is there, every link leads somewhere, nothing is asked of the network."""

from __future__ import annotations

import json
import re
import tomllib
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest

import glm_magic

from .conftest import ROOT

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

PAGES = [
    *(f"docs/{page.stem}" for page in (ROOT / "docs").glob("*.md") if page.stem != "README"),
    *(f"notebooks/{page.stem}" for page in (ROOT / "notebooks").glob("*.ipynb")),
    *("SECURITY", "CHANGELOG", "ARCHITECTURE", "CONTRIBUTING"),
]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
REPOSITORY = PROJECT["urls"]["Repository"]
SOURCE = re.compile(rf"{re.escape(REPOSITORY)}/(?:tree|blob|edit)/main/([^?#]+)")


class Page(HTMLParser):
    """The links, anchors and scripts of a page."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.links: list[str] = []
        self.anchors: set[str] = set()
        self.loaded: list[str] = []
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        values = {name: value or "" for name, value in attributes}
        if "id" in values:
            self.anchors.add(values["id"])
        if tag == "a" and "href" in values:
            self.links.append(values["href"])
        if tag in ("script", "img", "iframe") and "src" in values:
            self.loaded.append(values["src"])
        if tag == "link" and values.get("rel") in ("stylesheet", "preload", "icon"):
            self.loaded.append(values["href"])


@pytest.fixture(scope="module")
def pages(site: Path) -> dict[Path, Page]:
    """Give every page that was built."""
    return {path: Page(path) for path in site.rglob("*.html")}


def is_elsewhere(address: str) -> bool:
    return bool(urlsplit(address).scheme or urlsplit(address).netloc)


def test_every_guide_lesson_and_project_page_is_built(site: Path) -> None:
    for page in PAGES:
        assert (site / f"{page}.html").is_file()


def test_every_link_inside_leads_to_a_page_and_a_place_in_it(pages: dict[Path, Page]) -> None:
    for path, page in pages.items():
        for link in page.links:
            if is_elsewhere(link):
                continue
            parts = urlsplit(link)
            target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
            assert target.exists(), f"{path.name} links to {link}"
            if parts.fragment and target.suffix == ".html":
                place = unquote(parts.fragment)
                assert place in pages[target].anchors, f"{path.name} links to {link}"


def test_every_link_to_the_repository_leads_to_a_file_of_it(pages: dict[Path, Page]) -> None:
    links = {link for page in pages.values() for link in page.links if link.startswith(REPOSITORY)}
    paths = {match[1] for link in links if (match := SOURCE.match(link))}
    assert "glm_magic/catalogue" in paths
    for path in paths:
        assert (ROOT / path).exists(), path


def test_no_page_loads_anything_from_the_network(pages: dict[Path, Page]) -> None:
    for path, page in pages.items():
        outside = [link for link in page.loaded if is_elsewhere(link) and link[:5] != "data:"]
        assert not outside, path.name


def test_every_public_name_is_described(pages: dict[Path, Page], site: Path) -> None:
    anchors = pages[site / "docs" / "api.html"].anchors
    for name in glm_magic.__all__:
        assert name == "__version__" or f"glm_magic.{name}" in anchors, name


@pytest.mark.parametrize(
    "lesson", sorted((ROOT / "notebooks").glob("*.ipynb")), ids=lambda p: p.stem
)
def test_a_lesson_has_its_saved_outputs(lesson: Path, site: Path) -> None:
    built = (site / "notebooks" / f"{lesson.stem}.html").read_text(encoding="utf-8")
    cells = json.loads(lesson.read_text(encoding="utf-8"))["cells"]
    outputs = [output for cell in cells for output in cell.get("outputs", [])]
    saved = ["".join(output.get("data", {}).get("text/html", "")) for output in outputs]
    assert any(saved)
    for html in saved:
        assert html.strip() in built
