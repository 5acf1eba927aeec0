"""What views publish, caught before a front end."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from glm_magic.views.live import widget


@pytest.fixture
def published(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """Catch what is published."""
    calls: list[dict[str, Any]] = []

    def publish(data: dict[str, Any], metadata: dict[str, Any] | None = None, **how: Any) -> None:
        calls.append({"data": data, "metadata": metadata, **how})

    monkeypatch.setattr("IPython.display.publish_display_data", publish)
    return calls


@pytest.fixture
def models_are_closed() -> Iterator[None]:
    """Close the models that a test opened."""
    yield
    while widget._open:
        widget._open.popleft().close()
