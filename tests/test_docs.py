"""The documentation says what the source says."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

import pytest

import glm_magic
from glm_magic.catalogue.load import catalogue
from scripts.readme_tables import DOCS, TABLES, tables_in, with_tables
from scripts.reference_tables import error_words, public_errors

ROOT = DOCS.parent
PAGES = sorted([*ROOT.glob("*.md"), *DOCS.glob("*.md")])
MOST_WORDS = 900
"""Longest README, in words."""


def name_of(page: Path) -> str:
    return page.relative_to(ROOT).as_posix()


def anchors(page: Path) -> set[str]:
    """Return the anchors that GitHub gives the headings of a page."""
    text = re.sub(r"```.*?```", "", page.read_text(encoding="utf-8"), flags=re.DOTALL)
    headings = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", sorted(DOCS.glob("*.md")), ids=name_of)
def test_the_generated_tables_are_up_to_date(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    assert with_tables(text) == text, "run: make tables"


def test_every_table_stands_on_one_page() -> None:
    names = [name for page in PAGES for name in tables_in(page.read_text(encoding="utf-8"))]
    assert Counter(names) == dict.fromkeys(TABLES, 1)


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_local_link_leads_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\((?!https?:|mailto:)([^)]+)\)", page.read_text(encoding="utf-8")):
        file, _, anchor = target.partition("#")
        there = page.parent / file if file else page
        assert there.exists(), f"{name_of(page)} links to {target}"
        if anchor:
            assert anchor in anchors(there), f"{name_of(page)} links to {target}"


def test_the_index_lists_every_page() -> None:
    index = (DOCS / "README.md").read_text(encoding="utf-8")
    for page in DOCS.glob("*.md"):
        assert page.name == "README.md" or f"({page.name})" in index


def test_the_readme_is_short() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    assert not tables_in(text)
    assert len(text.split()) <= MOST_WORDS


@pytest.mark.parametrize("name", ["README.md", "CHANGELOG.md", "ARCHITECTURE.md", "LICENSE"])
def test_the_usual_files_are_there(name: str) -> None:
    assert (ROOT / name).is_file()


def test_every_error_says_what_happened_and_what_to_do() -> None:
    for kind in public_errors():
        what, advice = error_words(kind)
        assert what.endswith("."), kind
        assert advice.endswith("."), kind


def test_every_provider_has_a_first_answer() -> None:
    page = (DOCS / "first-answer.md").read_text(encoding="utf-8")
    for provider in catalogue().providers.values():
        assert re.search(rf"-p {provider.name}\b(?!-)", page), provider.name
        assert not provider.key_url or provider.key_url in page, provider.name
        assert not provider.key_env or f"{provider.key_env[0]}=…" in page, provider.name


def test_every_variable_that_is_read_is_documented() -> None:
    page = (DOCS / "configuration.md").read_text(encoding="utf-8")
    package = Path(glm_magic.__file__).parent
    for module in package.rglob("*.py"):
        for name in re.findall(r'"(GLM_[A-Z_]+[A-Z])"', module.read_text(encoding="utf-8")):
            assert f"`{name}`" in page, f"{module.name} reads {name}"


def test_the_site_shows_every_page() -> None:
    index = (DOCS / "index.md").read_text(encoding="utf-8")
    entries = set(re.findall(r"^[\w./-]+$", index, re.MULTILINE))
    assert {page.stem for page in DOCS.glob("*.md")} - {"README", "index"} <= entries
    lessons = {f"../notebooks/{page.stem}" for page in (ROOT / "notebooks").glob("*.ipynb")}
    assert lessons <= entries
