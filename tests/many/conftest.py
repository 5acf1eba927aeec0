"""A server that counts, and the keywords that ask it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from glm_magic.wire import retry
from tests.servers.model_server import ModelServer


@pytest.fixture(autouse=True)
def quick_retries(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a retry wait a few milliseconds."""
    monkeypatch.setattr(retry, "BACKOFF_S", (0.01, 0.02))


@pytest.fixture
def server() -> Iterator[ModelServer]:
    """Give a server without a price and a key."""
    with ModelServer("vllm", strict=True) as running:
        yield running


@pytest.fixture
def asked(server: ModelServer) -> Callable[..., dict[str, Any]]:
    """Give a function that returns the keywords of a quiet call to the server."""

    def keywords(**more: Any) -> dict[str, Any]:
        at = {"provider": "vllm", "model": "glm-4.6", "base_url": f"{server.url}/v1"}
        return {**at, "progress": False, **more}

    return keywords
