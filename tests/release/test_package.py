"""What is uploaded: sdist and wheel are built, checked, installed as printed, and imported."""

from __future__ import annotations

import email
import os
import re
import shutil
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from importlib.util import find_spec
from pathlib import Path

import pytest

import glm_magic

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
TOOLS = ("build", "check_wheel_contents", "hatchling", "rjsmin", "towncrier", "twine")


def run(*command: str | Path, cwd: Path = ROOT, **variables: str) -> str:
    done = subprocess.run(
        list(map(str, command)),
        cwd=cwd,
        env={**os.environ, **variables},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def dist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give the folder with sdist and wheel, the wheel built from the sdist."""
    if missing := [name for name in TOOLS if find_spec(name) is None]:
        pytest.skip(f"not installed: {', '.join(missing)} (make test installs them)")
    folder = tmp_path_factory.mktemp("dist")
    run(sys.executable, "-m", "build", "--no-isolation", "--outdir", folder)
    return folder


@pytest.fixture(scope="module")
def wheel(dist: Path) -> Path:
    (wheel,) = dist.glob("*.whl")
    return wheel


def test_twine_and_check_wheel_contents_agree(dist: Path, wheel: Path) -> None:
    files = sorted(dist.iterdir())
    assert [file.suffix for file in files] == [".whl", ".gz"]
    run(sys.executable, "-m", "twine", "check", "--strict", *files)
    run(sys.executable, "-m", "check_wheel_contents", wheel)


def test_the_wheel_holds_the_package_and_the_front_end_alone(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
    package = Path(glm_magic.__file__).parent
    for file in package.rglob("*"):
        if file.is_file() and "__pycache__" not in file.parts:
            assert f"glm_magic/{file.relative_to(package).as_posix()}" in names
    tops = {name.partition("/")[0] for name in names}
    stem = f"glm_magic-{glm_magic.__version__}"
    assert tops == {"glm_magic", f"{stem}.dist-info", f"{stem}.data"}
    front_end = f"{stem}.data/data/share/jupyter/labextensions/glm-magic/package.json"
    assert front_end in names


def test_the_sdist_holds_what_its_tests_and_pages_need(dist: Path) -> None:
    (sdist,) = dist.glob("*.tar.gz")
    top = f"glm_magic-{glm_magic.__version__}"
    with tarfile.open(sdist) as archive:
        names = {name.removeprefix(f"{top}/") for name in archive.getnames()}
    for file in ("LICENSE", "README.md", "docs/conf.py", "docs/_static/site.css", "Makefile"):
        assert file in names
    for folder in ("tests", "notebooks", "scripts", "labextension", "changelog.d"):
        assert any(name.startswith(f"{folder}/") for name in names)
    assert not [name for name in names if name.startswith((".venv", "build", "dist"))]


def test_pypi_shows_a_readme_that_stands_alone(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        (name,) = [name for name in archive.namelist() if name.endswith(".dist-info/METADATA")]
        shown = archive.read(name).decode()
    about = email.message_from_string(shown)
    repository, version = PROJECT["urls"]["Repository"], glm_magic.__version__
    branch = "main" if "dev" in version else f"v{version}"
    assert not re.findall(r"\]\((?!https://)", shown)
    assert f"]({repository}/raw/{branch}/notebooks/pictures/panel.png)" in shown
    assert f"]({repository}/blob/{branch}/docs/options.md)" in shown
    assert "\npip install glm-magic\n" in shown
    assert "pip install .\n" not in shown
    assert about["Description-Content-Type"] == "text/markdown"
    assert f"Repository, {repository}" in about.get_all("Project-URL", [])


def test_every_classifier_is_one_of_pypi() -> None:
    known = pytest.importorskip("trove_classifiers").classifiers
    assert set(PROJECT["classifiers"]) <= known
    minors = {c.rpartition(".")[2] for c in PROJECT["classifiers"] if " :: 3." in c}
    assert min(map(int, minors)) == int(PROJECT["requires-python"].rpartition(".")[2])


def test_the_printed_line_installs_it(dist: Path, tmp_path: Path) -> None:
    home = tmp_path / "venv"
    run(sys.executable, "-m", "venv", home)
    shell = "pip install glm-magic"
    offline = {"PIP_NO_INDEX": "1", "PIP_NO_DEPS": "1", "PIP_FIND_LINKS": str(dist)}
    path = f"{home / 'bin'}{os.pathsep}{os.environ['PATH']}"
    run("sh", "-c", shell, cwd=tmp_path, PATH=path, PIP_CONFIG_FILE=os.devnull, **offline)
    code = "import glm_magic; print(glm_magic.__version__, glm_magic.__file__)"
    printed = run(home / "bin" / "python", "-c", code, cwd=tmp_path, PYTHONPATH="")
    version, _, file = printed.strip().partition(" ")
    assert version == glm_magic.__version__
    assert Path(file).is_relative_to(home)
    assert (home / "share/jupyter/labextensions/glm-magic/package.json").is_file()


def test_fragments_become_a_section_of_the_changelog(dist: Path, tmp_path: Path) -> None:
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    shutil.copy(ROOT / "CHANGELOG.md", tmp_path)
    shutil.copytree(ROOT / "changelog.d", tmp_path / "changelog.d")
    fragment = tmp_path / "changelog.d" / "+stop.fixed.md"
    fragment.write_text("**Stop** ends the reply at once.\n", encoding="utf-8")
    options = ("--yes", "--version", "99.0.0", "--date", "2099-01-01")
    run(sys.executable, "-m", "towncrier", "build", *options, cwd=tmp_path)
    text = (tmp_path / "CHANGELOG.md").read_text(encoding="utf-8")
    new, old = text.index("## 99.0.0 (2099-01-01)"), text.index("## 0.1.0 (")
    assert new < old
    fixed = text[new:old].partition("### Fixed\n\n")[2].partition("###")[0]  # and there may be more
    assert "- **Stop** ends the reply at once.\n" in fixed
    assert not fragment.exists()
    assert (tmp_path / "changelog.d" / "README.md").exists()
