"""Editing a prompt: vim's keys, several cursors, undo, replacing, and several people at once."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

import pytest

from tests.hosts.seen import installed

from .lab import Lab
from .server import LabServer
from .test_frontend_prompt import focus, is_prompt, marked, source, wait_prompt
from .test_together import people, shared_server

__all__ = ["people", "shared_server"]
pytestmark = [pytest.mark.browser, pytest.mark.timeout(240)]

PROMPT = "%%glm\nfirst words\nsecond {words}"


@pytest.fixture
def vim(tmp_path_factory: pytest.TempPathFactory, chromium: Any) -> Iterator[Lab]:
    """Return a page whose editors have vim's keys."""
    extension = installed("jupyterlab-vim") / "share" / "jupyter"
    folder = tmp_path_factory.mktemp("vim")
    paths = os.pathsep.join(map(str, (folder / "shared", extension)))
    server = LabServer(folder, environment={"JUPYTER_PATH": paths})
    server.start()
    page = Lab(chromium, server)
    yield page
    page.close()
    server.stop()


def names(lab: Lab) -> str:
    """Return the values that are marked; the editor marks a pair of braces on its own."""
    return " ".join(marked(lab, 0, "name")).replace("{ ", "{").replace(" }", "}")


def keys(lab: Lab, *pressed: str) -> None:
    for key in pressed:
        lab.page.keyboard.press(key)


def test_vim_edits_a_prompt_as_any_text(vim: Lab) -> None:
    vim.open([PROMPT])
    wait_prompt(vim, 0)
    focus(vim, 0)
    vim.cell(0).locator(".cm-fat-cursor").wait_for()
    keys(vim, "g", "g", "j", "0", "w", "c", "w")
    vim.page.keyboard.type("letters {x}")
    keys(vim, "Escape")
    vim.until(lambda: source(vim, 0) == "%%glm\nfirst letters {x}\nsecond {words}")
    assert names(vim) == "{x} {words}"
    vim.page.keyboard.type(":%s/words/others/g")
    keys(vim, "Enter")
    vim.until(lambda: source(vim, 0) == "%%glm\nfirst letters {x}\nsecond {others}")
    keys(vim, "g", "g", "j", "d", "d")
    vim.until(lambda: source(vim, 0) == "%%glm\nsecond {others}")
    keys(vim, "g", "g", "d", "d")
    vim.until(lambda: not is_prompt(vim, 0))
    keys(vim, "u")
    wait_prompt(vim, 0)
    assert vim.page.locator(".jp-Notebook.jp-mod-editMode").count() == 1


def test_several_cursors_type_and_undo_together(lab: Lab) -> None:
    lab.open([PROMPT])
    wait_prompt(lab, 0)
    lines = lab.cell(0).locator(".cm-line")
    lines.nth(0).click(position={"x": 2, "y": 5})
    for number in (1, 2):
        lines.nth(number).click(position={"x": 2, "y": 5}, modifiers=["Control"])
    lab.page.keyboard.type("x ")
    lab.until(lambda: source(lab, 0) == "x %%glm\nx first words\nx second {words}")
    assert not is_prompt(lab, 0), "IPython sends it to nobody now"
    lab.page.keyboard.press("Control+z")
    wait_prompt(lab, 0)
    assert source(lab, 0) == PROMPT
    lab.page.keyboard.press("Control+Shift+z")
    lab.until(lambda: source(lab, 0).startswith("x %%glm"))


def test_replacing_changes_prompts_as_it_does_code(lab: Lab) -> None:
    lab.open([PROMPT, "words = 1"])
    wait_prompt(lab, 0)
    focus(lab, 0)
    lab.page.keyboard.press("Control+f")
    fields = lab.page.locator(".jp-DocumentSearch-overlay textarea")
    fields.first.fill("words")
    lab.until(lambda: lab.cell(0).locator(".cm-searching").count() == 2)
    lab.page.locator(".jp-DocumentSearch-toggle-wrapper").first.click()
    fields.nth(1).fill("letters")
    lab.page.get_by_role("button", name="Replace All").click()
    lab.until(lambda: source(lab, 0) == PROMPT.replace("words", "letters"))
    assert source(lab, 1) == "letters = 1"
    assert names(lab) == "{letters}"


def test_two_people_write_one_prompt(people: tuple[Lab, Lab]) -> None:
    one, other = people
    one.open(["Why?", "1"])
    other.open(one.name)
    focus(one, 0)
    keys(one, "Control+Home")
    one.page.keyboard.type("%%glm\n")
    wait_prompt(one, 0)
    wait_prompt(other, 0)
    focus(other, 0)
    other.page.keyboard.type(" And {how}?")
    one.until(lambda: source(one, 0) == "%%glm\nWhy? And {how}?")
    assert names(one) == "{how}"
    one.page.keyboard.press("Control+z")
    one.until(lambda: "%%glm" not in source(one, 0))
    other.until(lambda: source(other, 0) == source(one, 0))
    assert source(other, 0).endswith("Why? And {how}?"), "what another wrote stays"
    assert not is_prompt(one, 0)
    other.until(lambda: not is_prompt(other, 0))
