"""The front end as it is shipped: small, whole, and in step with the package."""

from __future__ import annotations

import json
import re
import sys
import tomllib
from pathlib import Path

import pytest

from glm_magic import __version__
from scripts import frontend_words

PROJECT = Path(__file__).resolve().parents[2]
FOLDER = PROJECT / "labextension"
MODULES = sorted((FOLDER / "static").glob("*.js"))
EDITOR_KEYS = {
    "Alt Shift A",  # CodeMirror's block comment
    "Alt Shift ArrowUp",
    "Alt Shift ArrowDown",
    "Alt Shift I",  # JupyterLab's vim and emacs maps, and the browsers' own
    "Alt Shift T",
    "Alt Shift B",
    "Alt Shift N",
}


def text_of(path: Path) -> str:
    return path.read_text(encoding="utf-8")


SCHEMA = json.loads(text_of(FOLDER / "schemas" / "glm-magic" / "plugin.json"))


def strings_of(node: object, key: str) -> list[str]:
    """Return each text that stands under a key, at any depth."""
    if isinstance(node, dict):
        own = [node[key]] if isinstance(node.get(key), str) else []
        return own + [text for value in node.values() for text in strings_of(value, key)]
    return (
        [text for value in node for text in strings_of(value, key)]
        if isinstance(node, list)
        else []
    )


def test_the_sdist_carries_what_builds_the_wheel() -> None:
    sdist = tomllib.loads(text_of(PROJECT / "pyproject.toml"))["tool"]["hatch"]["build"]["targets"][
        "sdist"
    ]
    assert {"/labextension", "/hatch_build.py"} <= set(sdist["include"])


def test_jupyterlab_learns_what_to_load() -> None:
    package = json.loads(text_of(FOLDER / "package.json"))
    assert package["name"] == "glm-magic"
    assert (FOLDER / package["jupyterlab"]["_build"]["load"]).is_file()
    assert package["version"] == __version__.replace(".dev", "-dev.")


@pytest.mark.parametrize("module", MODULES, ids=lambda path: path.name)
def test_every_module_has_a_subject_and_a_size(module: Path) -> None:
    text = text_of(module)
    assert text.startswith("// "), "the first line says what it is about"
    assert len(text.splitlines()) <= 360
    for name in re.findall(r"from '(\./[^']+)'", text):
        assert (module.parent / name).is_file()
    assert not re.search(r"\$\{[^}`]*`", text), "the build knows no template inside a template"


def test_options_and_verbs_are_those_of_the_package() -> None:
    assert text_of(frontend_words.FILE) == frontend_words.module(), "run: make tables"


TEXTS = re.compile(r"(?:\bsay\(|\blabel:|askAboutError\()\s*'([^']+)'")
"""What a module says to a person, or to a model in the person's name."""


def test_everything_that_a_person_reads_is_in_chinese() -> None:
    chinese = text_of(FOLDER / "static" / "chinese.js")
    keys = re.findall(r"^  (?:'([^']+)'|(\w+)):", chinese, re.MULTILINE)
    translated = {quoted or bare for quoted, bare in keys}
    read = {*strings_of(SCHEMA, "title"), *strings_of(SCHEMA, "description")}
    for module in MODULES:
        read |= set(TEXTS.findall(text_of(module)))
    assert read - translated == set()
    assert translated - read == set(), "Chinese of what nobody says"


def test_keys_are_those_of_nobody_else() -> None:
    share = Path(sys.prefix) / "share" / "jupyter"
    schemas = [
        *share.glob("lab/schemas/**/*.json"),
        *share.glob("labextensions/**/schemas/**/*.json"),
    ]
    theirs = {
        " ".join(keys)
        for path in schemas
        if "glm-magic" not in path.parts
        for binding in json.loads(text_of(path)).get("jupyter.lab.shortcuts", [])
        for name in ("keys", "winKeys", "macKeys", "linuxKeys")
        if (keys := binding.get(name))
    }
    if not theirs:
        pytest.skip("JupyterLab is not installed")
    ours = [" ".join(binding["keys"]) for binding in SCHEMA["jupyter.lab.shortcuts"]]
    assert len(ours) == len(set(ours)) >= 3
    assert not set(ours) & theirs
    assert not set(ours) & EDITOR_KEYS
