"""A server that refuses what a vendor does not document, and the vendors' clients."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.servers.model_server import ModelServer


@pytest.fixture
def server() -> Iterator[ModelServer]:
    """Give a strict server; skip where a client is not installed."""
    for name in ("openai", "zai", "dashscope"):
        pytest.importorskip(name)
    with ModelServer(strict=True) as server:
        yield server
