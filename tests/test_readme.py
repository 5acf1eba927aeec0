"""The README says what the source says."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.readme import README, with_tables

ROOT = Path(README).parent


def test_the_generated_tables_are_up_to_date():
    text = README.read_text(encoding="utf-8")
    assert with_tables(text) == text, "run: make tables"


def test_every_local_link_leads_somewhere():
    for page in ROOT.glob("*.md"):
        text = page.read_text(encoding="utf-8")
        for target in re.findall(r"\]\((?!https?:|#)([^)#]+)", text):
            assert (ROOT / target).exists(), f"{page.name} links to {target}"


@pytest.mark.parametrize("name", ["README.md", "CHANGELOG.md", "ARCHITECTURE.md", "LICENSE"])
def test_the_usual_files_are_there(name):
    assert (ROOT / name).is_file()
