"""What a release stands on: workflows, the pinned server, versions, licences."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml

import glm_magic
from glm_magic.local.install import LIBRARY_PIN
from scripts.requirements import licence, needed

ROOT = Path(__file__).parents[2]
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
MAKEFILE = (ROOT / "Makefile").read_text(encoding="utf-8")
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))


def steps(workflow: Path) -> list[dict[str, object]]:
    jobs = yaml.safe_load(workflow.read_text(encoding="utf-8"))["jobs"]
    return [step for job in jobs.values() for step in job["steps"]]


@pytest.mark.parametrize("workflow", WORKFLOWS, ids=lambda path: path.stem)
def test_a_workflow_uses_what_there_is(workflow: Path) -> None:
    for step in steps(workflow):
        assert ("uses" in step) != ("run" in step)
        for target in re.findall(r"\bmake ([\w-]+)", str(step.get("run", ""))):
            assert f"\n{target}:" in MAKEFILE, target
        for script in re.findall(r"-m (scripts\.\w+)", str(step.get("run", ""))):
            assert (ROOT / f"{script.replace('.', '/')}.py").is_file()


def test_publishing_is_trusted_and_needs_no_token() -> None:
    text = (ROOT / ".github" / "workflows" / "release.yml").read_text(encoding="utf-8")
    publish = yaml.safe_load(text)["jobs"]["publish"]
    assert publish["permissions"] == {"id-token": "write"}
    assert publish["environment"] == "pypi"
    assert "secrets." not in text
    assert "password" not in text


def test_every_python_that_is_promised_is_tested() -> None:
    promised = {
        text.rpartition(" ")[2]
        for text in PYPROJECT["project"]["classifiers"]
        if re.search(r":: 3\.\d+$", text)
    }
    text = (ROOT / ".github" / "workflows" / "test.yml").read_text(encoding="utf-8")
    matrix = yaml.safe_load(text)["jobs"]["test"]["strategy"]["matrix"]
    assert set(matrix["python"]) == promised
    assert set(re.search(r"^PYTHONS \?= (.+)$", MAKEFILE, re.MULTILINE)[1].split()) == promised


def test_the_front_end_and_the_package_are_one_version() -> None:
    about = json.loads((ROOT / "labextension" / "package.json").read_text(encoding="utf-8"))
    python = glm_magic.__version__.replace(".dev", "-dev.")
    assert about["version"] == python


def test_the_pinned_server_is_the_same_everywhere() -> None:
    (pin,) = PYPROJECT["project"]["optional-dependencies"]["local"]
    assert pin == LIBRARY_PIN
    assert pin.partition("==")[0] in (ROOT / "docs" / "releasing.md").read_text(encoding="utf-8")


def test_everything_installed_names_a_licence() -> None:
    from importlib.metadata import distribution

    for name in needed("glm-magic"):
        text = licence(distribution(name))
        assert text, name
        assert not re.search(r"\bA?GPL|GNU (Affero )?General", text), f"{name}: {text}"


def test_the_lowest_versions_are_those_that_are_declared() -> None:
    printed = subprocess.run(
        [sys.executable, "-m", "scripts.requirements", "lowest"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split()
    declared = PYPROJECT["project"]["dependencies"]
    assert printed == [f"{text.replace('>=', '==')}.*" for text in declared]
