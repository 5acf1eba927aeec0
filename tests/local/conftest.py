"""A running local server for the tests, or a reason to skip."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from glm_magic import local
from glm_magic.local.server import stop_running

from .asking import asked_at


@pytest.fixture
def installed() -> None:
    """Skip where the server or its model is not installed."""
    if not local.available():
        pytest.skip(local.why_not())


@pytest.fixture
def server(installed: None) -> Iterator[local.LocalServer]:
    """Give the local server of this process, ended afterwards."""
    yield local.start()
    stop_running()


@pytest.fixture
def at(lasting_server: local.LocalServer) -> dict[str, Any]:
    """Give the keywords that ask the lasting server."""
    return asked_at(lasting_server)


@pytest.fixture(scope="package")
def lasting_server() -> Iterator[local.LocalServer]:
    """Give one server to all tests that only ask it something."""
    if not local.available():
        pytest.skip(local.why_not())
    from glm_magic.local.models import TINY, packaged_model
    from glm_magic.local.server import launch

    server = launch(packaged_model(TINY), 60.0)
    yield server
    server.stop()
