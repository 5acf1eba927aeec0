"""What a user reads in some 170 scenes, and the sentences of the help, in both languages.

Sentences may get better: ``python -m tests.frozen --write`` writes what the present code says.
"""

from __future__ import annotations

import os
import re
from typing import Any

import pytest

from tests.frozen.conftest import Shell
from tests.frozen.scenes import SCENES, Scene
from tests.frozen.snapshots import FOLDER, read, write
from tests.frozen.test_help import tables_of

LANGUAGES = ("en", "zh")
WRITES = os.environ.get("FROZEN_MESSAGES") == "write"
"""True: what is said now becomes what is frozen."""

PATTERNS = [
    (r"127\.0\.0\.1:\d+", "HOST"),
    (r"<?(?<![\w.])[\d.]+ (tok/s|秒|s\b)", r"N \1"),
    (r"\b20\d\d-\d\d-\d\d( \d\d:\d\d(:\d\d)?)?\b(?!-)", "DATE"),
    (r"\b[0-9a-f]{16,}\b", "ID"),
    (r"0x[0-9a-f]+", "0xN"),
    (r"─+", "─"),
    (r" {3,}", "   "),
    (r"(?m) +$", ""),
]


def steady(text: str, folder: str, home: str) -> list[str]:
    """Return the lines that were printed, without what differs from run to run."""
    text = text.replace(folder, "FOLDER").replace(home, "HOME")
    for pattern, instead in PATTERNS:
        text = re.sub(pattern, instead, text)
    return text.strip().splitlines()


def play(shell: Shell, scene: Scene, server: Any) -> str:
    """Run the cells of a scene; return what the last one printed, or the error's last line."""
    if scene.scripts:
        server.tell(*scene.scripts)
    printed = ""
    for cell in scene.cells:
        printed = shell.try_(cell)
    error = shell.error
    if error is not None and "Traceback" in printed:
        return printed.strip().splitlines()[-1]
    return printed


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("name", SCENES)
def test_a_scene_reads_as_it_did(name, language, make_shell, at_zai, monkeypatch, work,
                                 isolated_home):  # fmt: skip
    scene = SCENES[name]
    (work / "lesson.ipynb.json").write_text("{not json", encoding="utf-8")
    monkeypatch.setenv("JPY_SESSION_NAME", "/home/ada/scenes.ipynb")
    for variable in scene.unset:
        monkeypatch.delenv(variable)
    shell = make_shell()
    shell.run(f"import glm_magic as glm\n%config GLM.language = '{language}'")
    output = steady(play(shell, scene, at_zai), str(work), str(isolated_home))
    shell.try_("%glm replay off")
    check(language, name, output)


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_help_reads_as_it_did(language, shell):
    shell.run(f"%config GLM.language = '{language}'")
    printed = shell.run("%glm help")
    options, verbs = tables_of(printed)
    head = [line for line in printed.splitlines() if line and not line.startswith("  ")]
    check(language, "help", {"around": head, "options": options, "verbs": verbs})


def check(language: str, name: str, output: Any) -> None:
    """Compare with what is frozen, or freeze it."""
    messages = read("messages.json") if (FOLDER / "messages.json").exists() else {}
    if WRITES:
        messages.setdefault(name, {})[language] = output
        write("messages.json", messages)
    else:
        assert output == messages[name][language]


def test_nothing_else_is_frozen():
    assert set(read("messages.json")) == {*SCENES, "help"}
