"""Magic lines that the pages print are read as they are meant: a verb is a verb, never a prompt."""

from __future__ import annotations

import re

import pytest

import glm_magic
from glm_magic.magic.line.parse import parse
from glm_magic.magic.verbs.registry import find_verb, verbs
from tests.magic.conftest import bare_shell, cells
from tests.test_docs import PAGES

FENCE = re.compile(r"```.*?\n(.*?)```", re.DOTALL)

__all__ = ["bare_shell", "cells"]  # fixtures


def lines(beginning: str) -> list[str]:
    """Return what follows the magic on each line of a block that begins with it."""
    blocks = [block for page in PAGES for block in FENCE.findall(page.read_text("utf-8"))]
    printed = [line for block in blocks for line in block.splitlines()]
    starting = {line.removeprefix(beginning) for line in printed if line.startswith(beginning)}
    return sorted(line for line in starting if "[" not in line)


def inline() -> list[tuple[str, str]]:
    """Return each piece of code in a sentence, with its page."""
    pieces = []
    for page in PAGES:
        text = FENCE.sub("", page.read_text("utf-8"))
        pieces += [(page.name, " ".join(code.split())) for code in re.findall(r"`([^`]+)`", text)]
    return pieces


@pytest.mark.parametrize("line", lines("%glm "))
def test_a_line_with_a_verb_is_that_verb(cells, line):
    workspace = cells.shell.magics_manager.registry["GlmMagics"].workspace
    match = find_verb(workspace, line)
    assert match is not None
    assert match[0].name == line.split()[0]


@pytest.mark.parametrize("line", lines("%%glm"))
def test_the_options_of_a_cell_are_known(line):
    parse(line)


def test_verbs_and_names_in_sentences_exist():
    for page, code in inline():
        for word in re.findall(r"^%glm ([a-z]\w*)", code):
            assert word in verbs(), f"{page}: {code}"
        for name in re.findall(r"^(?:await )?glm\.(\w+)", code):
            assert name in glm_magic.__all__, f"{page}: {code}"
        if code.startswith("%%glm "):
            parse(code.removeprefix("%%glm "))
