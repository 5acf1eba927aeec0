"""The server's process gets what a program needs, and none of the user's keys."""

from __future__ import annotations

import pytest

from glm_magic.local.server_process import _environment

KEPT = ("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "LD_LIBRARY_PATH", "OMP_NUM_THREADS",
        "CUDA_VISIBLE_DEVICES", "GGML_VK_VISIBLE_DEVICES", "SystemRoot")  # fmt: skip
DROPPED = ("ZAI_API_KEY", "DASHSCOPE_API_KEY", "GLM_API_KEY", "OPENAI_API_KEY", "HF_TOKEN",
           "AWS_SECRET_ACCESS_KEY", "ACME", "HTTPS_PROXY", "GLM_BASE_URL", "LLAMA_ARG_PORT",
           "DATABASE_URL", "PYTHONPATH", "SSH_AUTH_SOCK")  # fmt: skip


@pytest.mark.parametrize("name", KEPT)
def test_what_a_program_needs_is_kept(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(name, "a value")
    assert _environment()[name] == "a value"


@pytest.mark.parametrize("name", DROPPED)
def test_what_may_hold_a_key_is_not(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(name, "a-key-of-mine")
    assert "a-key-of-mine" not in _environment().values()
