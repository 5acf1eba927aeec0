"""No tape of one test reaches the next."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from glm_magic.engine import tapes
from glm_magic.wire import retry
from tests.magic.conftest import bare_shell, cells, glm_shell, sent

__all__ = ["bare_shell", "cells", "glm_shell", "no_tape", "sent"]


@pytest.fixture(autouse=True)
def no_tape(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Work in an empty folder, with no tape put in before or after."""
    folder = tmp_path / "work"
    folder.mkdir()
    monkeypatch.chdir(folder)
    monkeypatch.setattr(retry, "BACKOFF_S", (0.01, 0.02))
    tapes.insert(None)
    yield folder
    tapes.insert(None)
