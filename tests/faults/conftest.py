"""Retries that do not wait, and a check that nothing is left behind."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from glm_magic.wire import io_thread, retry
from tests.faults.life import settled


@pytest.fixture(autouse=True)
def empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Work in a folder without a .env file."""
    monkeypatch.chdir(tmp_path)


@pytest.fixture(autouse=True)
def quick_retries(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a retry wait a few milliseconds."""
    monkeypatch.setattr(retry, "BACKOFF_S", (0.01, 0.02))


@pytest.fixture(autouse=True)
def nothing_left() -> Iterator[None]:
    """Fail when a test leaves a connection open or a task running on the loop."""
    yield
    assert settled() == []


@pytest.fixture
def fresh_client() -> Iterator[None]:
    """Let the client be made anew, as it reads the environment only then."""
    io_thread.shared.close()
    yield
    io_thread.shared.close()
