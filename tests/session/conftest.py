"""Sessions that ask the model server, and kernels that come and go."""

from __future__ import annotations

import pytest

import glm_magic as glm
from glm_magic.session import notebook
from glm_magic.session.store import current_store


@pytest.fixture
def chat(model_server):
    def make(name="test", **glm_shell):
        glm_shell.setdefault("model", "glm-4.6")
        return glm.Session(
            name,
            provider="bigmodel",
            base_url=model_server.url + "/api/paas/v4",
            api_key="test-key",
            **glm_shell,
        )

    return make


@pytest.fixture
def another_kernel():
    """Let sessions that are made from now on find only what is on disk."""
    return notebook.conversations.clear


@pytest.fixture
def store():
    """Give the store of the test's own home."""
    return current_store()
