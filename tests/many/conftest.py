"""A server that counts, and the keywords that ask it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from glm_magic.many.batch import job
from glm_magic.wire import retry
from tests.servers.batch_server import BIGMODEL, OPENROUTER, BatchServer
from tests.servers.model_server import ModelServer
from tests.servers.vendor import KEY


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


@pytest.fixture
def quick_questions(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ask how far a batch is every few milliseconds."""
    monkeypatch.setattr(job, "PAUSE_S", 0.005)
    monkeypatch.setattr(job, "LONGEST_PAUSE_S", 0.01)


@pytest.fixture
def batches(quick_questions: None) -> Iterator[BatchServer]:
    """Give a server of batches."""
    with BatchServer() as running:
        yield running


@pytest.fixture(params=["openrouter", "bigmodel"])
def provider(request: pytest.FixtureRequest) -> str:
    """Give each provider that has batches."""
    name: str = request.param
    return name


@pytest.fixture
def sent(batches: BatchServer, provider: str) -> Callable[..., dict[str, Any]]:
    """Give a function that returns the keywords of a call whose rows go to a batch."""
    path, model = {
        "openrouter": (OPENROUTER, "glm-5.3"),
        "bigmodel": (BIGMODEL, "glm-4-plus"),
    }[provider]

    def keywords(**more: Any) -> dict[str, Any]:
        at = {"provider": provider, "model": model, "base_url": f"{batches.url}{path}"}
        return {**at, "api_key": KEY, "mode": "batch", **more}

    return keywords
