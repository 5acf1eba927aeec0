"""A strict server for the provider at hand, and retries that do not wait."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from glm_magic.wire import retry
from tests.api.providers import Place
from tests.servers.model_server import ModelServer


@pytest.fixture(autouse=True)
def empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Work in a folder without a .env file, so that no key is found by accident."""
    folder = tmp_path / "work"
    folder.mkdir()
    monkeypatch.chdir(folder)
    return folder


@pytest.fixture(autouse=True)
def quick_retries(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a retry wait a few milliseconds."""
    monkeypatch.setattr(retry, "BACKOFF_S", (0.01, 0.02))


@pytest.fixture
def server(request: pytest.FixtureRequest) -> Iterator[ModelServer]:
    """Give a strict server, speaking for the place that the test is about."""
    callspec = getattr(request.node, "callspec", None)
    place = callspec.params.get("place") if callspec else None
    flavor = place.flavor if isinstance(place, Place) else "vllm"
    with ModelServer(flavor, strict=True) as running:
        yield running
