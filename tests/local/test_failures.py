"""A start that cannot succeed says why, and leaves nothing running."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from glm_magic import local
from glm_magic.core.errors import UnavailableError
from glm_magic.local.models import TINY, packaged_model
from glm_magic.local.server_process import ServerProcess

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


LOGS_LATE = """
import os, threading, time
from types import SimpleNamespace

def CommonParams():
    parts = ("model", "cpuparams", "cpuparams_batch", "sampling")
    return SimpleNamespace(**{part: SimpleNamespace() for part in parts})

def Server(params):
    def log():
        time.sleep(0.2)
        os.write(2, b"error loading model: the reason\\n")
    threading.Thread(target=log, daemon=True).start()
    raise RuntimeError("please check the input params")
"""


def test_the_reason_is_waited_for_where_the_library_logs_it_late(tmp_path: Path) -> None:
    """It logs from a thread of its own, which is cut off when the process ends."""
    (tmp_path / "xllamacpp.py").write_text(LOGS_LATE)
    settings = {"import_from": str(tmp_path), "name": "late", "model": "", "key": "", "threads": 1}
    process = ServerProcess({**settings, "params": {}, "sampling": {}, "grammar": ""})
    try:
        assert process.wait_for_address(60) == ""
        assert process.wait_for_exit() == 1
        assert "error loading model: the reason" in process.log_text()
    finally:
        process.end()


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
