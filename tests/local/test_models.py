"""Which model is chosen, and how a model cut into packages becomes one file."""

from __future__ import annotations

from pathlib import Path

import pytest

from glm_magic.local import models
from glm_magic.local.models import PackagedFile, PackagedParts, package_folder


@pytest.fixture
def packages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give an importable folder to put packages in."""
    folder = tmp_path / "packages"
    folder.mkdir()
    monkeypatch.syspath_prepend(folder)
    return folder


def add_part(packages: Path, stem: str, number: int, content: bytes) -> None:
    data = packages / f"{stem}{number}" / "data"
    data.mkdir(parents=True)
    (data / f"part{number:02d}.bin").write_bytes(content)
    (data.parent / "__init__.py").write_text("raise RuntimeError('never imported')")


def parts_of(stem: str, size: int) -> PackagedParts:
    return PackagedParts(stem=stem, parts=3, size=size, file=f"{stem}.gguf")


def test_the_tiny_model_is_the_default() -> None:
    assert models.selected_model().name == models.TINY


@pytest.mark.parametrize("name", [models.TINY, models.BETTER])
def test_a_known_model_is_chosen_by_its_name(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setenv("GLM_LOCAL_MODEL", name.upper())
    assert models.selected_model().name == name


def test_a_file_keeps_its_own_template(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("GLM_LOCAL_MODEL", str(tmp_path / "Some Model-Q4.gguf"))
    model = models.selected_model()
    assert model.name == "some-model-q4"
    assert model.template is None


def test_a_home_relative_path_is_understood(
    monkeypatch: pytest.MonkeyPatch, isolated_home: Path
) -> None:
    (isolated_home / "m.gguf").write_bytes(b"GGUF")
    monkeypatch.setenv("GLM_LOCAL_MODEL", "~/m.gguf")
    assert models.selected_model().source.missing() == ""
    assert models.selected_model().source.path() == (isolated_home / "m.gguf").resolve()


def test_parts_are_joined_in_order_and_once(packages: Path) -> None:
    for number, content in ((1, b"one"), (2, b"two"), (3, b"three")):
        add_part(packages, "glm_test_joined", number, content)
    source = parts_of("glm_test_joined", 11)
    assert source.missing() == ""
    joined = source.path()
    assert joined.read_bytes() == b"onetwothree"
    made_ns = joined.stat().st_mtime_ns
    assert source.path().stat().st_mtime_ns == made_ns


def test_parts_of_a_wrong_size_leave_no_file(packages: Path) -> None:
    for number in (1, 2, 3):
        add_part(packages, "glm_test_wrong", number, b"x")
    source = parts_of("glm_test_wrong", 99)
    with pytest.raises(OSError, match="do not fit together"):
        source.path()
    assert list(source._joined().parent.iterdir()) == []


def test_missing_parts_are_counted(packages: Path) -> None:
    add_part(packages, "glm_test_lost", 2, b"x")
    assert parts_of("glm_test_lost", 3).missing().startswith("2 of the 3")


def test_a_joined_file_needs_no_packages() -> None:
    source = parts_of("glm_test_absent", 3)
    assert source.missing()
    source._joined().parent.mkdir(parents=True)
    source._joined().write_bytes(b"abc")
    assert source.missing() == ""


def test_a_package_is_found_without_being_imported(packages: Path) -> None:
    assert package_folder("glm_test_later") is None
    add_part(packages, "glm_test_later", 1, b"x")
    assert package_folder("glm_test_later1") == packages / "glm_test_later1"
    assert PackagedFile("glm_test_later1", "*.gguf").missing()
