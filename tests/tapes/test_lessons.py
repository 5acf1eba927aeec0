"""Every lesson runs whole, from its tape, in a kernel that can reach nothing and has no key."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbclient import NotebookClient

from glm_magic.wire.tape.tape import Tape
from tests.shells import end_shell, new_shell

NOTEBOOKS = Path(__file__).resolve().parents[2] / "notebooks"
LESSONS = sorted([*NOTEBOOKS.glob("0[2-9]_*.ipynb"), *NOTEBOOKS.glob("1[0-9]_*.ipynb")])
BLOCK = """
import socket

def refuse(self, address):
    host = address[0] if isinstance(address, tuple) else "127.0.0.1"
    raise PermissionError(f"a lesson tried to reach {host}")

def resolve(*names, **options):
    raise PermissionError(f"a lesson tried to look up {names[0]}")

socket.socket.connect = refuse
socket.socket.connect_ex = refuse
socket.getaddrinfo = resolve
"""
"""The kernel's own channels are open before this runs; nothing new can be."""


def run(path: Path) -> Any:
    """Restart and run all, with networking blocked from inside the kernel."""
    notebook = nbformat.read(path, as_version=4)
    notebook.cells.insert(0, nbformat.v4.new_code_cell(BLOCK))
    client = NotebookClient(
        notebook, timeout=120, kernel_name="python3", resources={"metadata": {"path": NOTEBOOKS}}
    )
    with client.setup_kernel():
        for index, cell in enumerate(notebook.cells):
            client.execute_cell(cell, index)
    del notebook.cells[0]
    return notebook


def outputs(notebook: Any) -> list[str]:
    """Return the plain text of every output, without what changes from run to run."""
    problems = []
    for cell in notebook.cells:
        for output in cell.get("outputs", []):
            text = output.get("text") or output.get("data", {}).get("text/plain", "")
            problems.append(re.sub(r"0x[0-9a-f]+|\d{4}-\d\d-\d\d", "…", text))
    return problems


@pytest.fixture(autouse=True)
def bare(isolated_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave the kernel nothing but this package: no key, no setting, another provider's name."""
    monkeypatch.setenv(
        "PYTHONPATH", str(NOTEBOOKS.parent) + os.pathsep + os.environ.get("PYTHONPATH", "")
    )
    monkeypatch.setenv("JUPYTER_PREFER_ENV_PATH", "1")
    monkeypatch.setenv("GLM_PROVIDER", "openrouter")


def test_there_are_lessons() -> None:
    assert len(LESSONS) >= 7


@pytest.mark.parametrize("path", LESSONS, ids=lambda path: path.stem)
def test_a_lesson_runs_whole_from_its_tape_and_shows_what_is_saved_in_it(path: Path) -> None:
    saved = outputs(nbformat.read(path, as_version=4))
    assert outputs(run(path)) == saved


@pytest.mark.parametrize("path", LESSONS, ids=lambda path: path.stem)
def test_a_lesson_labels_the_model_that_spoke_and_names_no_key(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    tape = Tape.read(NOTEBOOKS / "tapes" / f"{path.stem}.glmtape")
    models = {entry.asked.model for entry in tape.entries}
    for output in (o for c in json.loads(text)["cells"] for o in c.get("outputs", [])):
        about = output.get("metadata", {}).get("glm_magic", {})
        for turn in about.get("lanes", [about] if about.get("model") else []):
            assert turn["model"] in models
            assert "replayed" in turn["notices"]
    assert "replayed, recorded on" in text
    assert not re.search(r"Bearer [^$<]|\bsk-[A-Za-z0-9]{12}|/home/|/root/|/tmp/", text)


def test_the_readme_links_every_lesson() -> None:
    readme = (NOTEBOOKS.parent / "README.md").read_text(encoding="utf-8")
    for path in (NOTEBOOKS / "01_first_prompt.ipynb", *LESSONS):
        assert f"notebooks/{path.name}" in readme
    assert "docs/classroom.md" in readme


@pytest.mark.parametrize("path", LESSONS, ids=lambda path: path.stem)
def test_each_lesson_passes_its_own_check(
    path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """What docs/classroom.md tells a teacher to do before the class."""
    monkeypatch.chdir(NOTEBOOKS)
    monkeypatch.setenv("GLM_PROVIDER", "local")
    shell = new_shell()
    shell.run_line_magic("load_ext", "glm_magic")
    capsys.readouterr()
    shell.run_line_magic("glm", f"tape check tapes/{path.stem}.glmtape {path.name}")
    printed = capsys.readouterr().out
    shell.run_line_magic("unload_ext", "glm_magic")
    end_shell()
    assert "is on the tape." in printed, printed
    assert "missing" not in printed
