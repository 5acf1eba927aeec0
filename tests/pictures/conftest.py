"""Pictures, and the ways to ask a server that decodes what it gets."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.servers.model_server import ModelServer
from tests.servers.pictures import pictures_in
from tests.servers.vendor import KEY


def noise(height: int, width: int, channels: int = 3) -> Any:
    """Return pixels of which no two are alike, the same every time."""
    shape = (height, width, channels) if channels > 1 else (height, width)
    return np.random.default_rng(7).integers(0, 256, shape, dtype=np.uint8)


def at_zai(server: ModelServer, model: str = "glm-4.6v", **options: Any) -> dict[str, Any]:
    """Return the keywords that ask a model at Z.ai on the server."""
    address = {"base_url": f"{server.url}/api/paas/v4", "api_key": KEY}
    return {"provider": "zai", "model": model, **address, **options}


def seen(server: ModelServer) -> list[Any]:
    """Return the pixels that the server got with the last request."""
    return pictures_in(server.last.json)


@pytest.fixture
def server() -> Iterator[ModelServer]:
    """Give a strict server that decodes the pictures it gets."""
    with ModelServer(strict=True) as running:
        yield running


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Work in an empty folder."""
    folder = tmp_path / "work"
    folder.mkdir()
    monkeypatch.chdir(folder)
    return folder
