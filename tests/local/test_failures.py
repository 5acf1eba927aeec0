"""A start that cannot succeed says why, and leaves nothing running."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from glm_magic import local
from glm_magic.core.errors import UnavailableError
from glm_magic.local.models import TINY, packaged_model

pytestmark = pytest.mark.local


def failure(
    monkeypatch: pytest.MonkeyPatch, model: Path, timeout_s: float = 60
) -> UnavailableError:
    monkeypatch.setenv("GLM_LOCAL_MODEL", str(model))
    with pytest.raises(UnavailableError) as caught:
        local.start(timeout_s)
    assert caught.value.provider == "local"
    assert caught.value.hint
    return caught.value


def test_a_file_that_is_no_model_is_refused(
    installed: None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    text = tmp_path / "letter.gguf"
    text.write_text("Dear reader,")
    error = failure(monkeypatch, text)
    assert "exited at once" in error.message
    assert "letter.gguf" in error.message


def test_a_cut_model_file_is_refused_with_the_loaders_reason(
    installed: None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    whole = packaged_model(TINY).source.path()
    cut = tmp_path / "cut.gguf"
    with whole.open("rb") as model:
        cut.write_bytes(model.read(20_000_000))
    assert "corrupted or incomplete" in failure(monkeypatch, cut).message


def test_a_missing_file_is_named(
    installed: None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    lost = tmp_path / "lost.gguf"
    error = failure(monkeypatch, lost)
    assert str(lost) in error.message
    assert "GLM_LOCAL_MODEL" in error.hint


@pytest.mark.skipif(
    not hasattr(os, "geteuid") or os.geteuid() == 0, reason="this user may read every file"
)
def test_a_file_that_may_not_be_read_is_named(
    installed: None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    locked = tmp_path / "locked.gguf"
    locked.write_bytes(b"GGUF")
    locked.chmod(0)
    assert "cannot be read" in failure(monkeypatch, locked).message


def test_a_start_that_takes_too_long_is_given_up(
    installed: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GLM_LOCAL_MODEL", TINY)
    with pytest.raises(UnavailableError, match="not ready in time"):
        local.start(0.05)
