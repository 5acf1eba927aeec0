"""nest-asyncio serves those who ask for it, and nothing else imports it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.servers.script import Script

ROOT = Path(__file__).parents[2]

NESTED = """
import asyncio, glm_magic as glm

async def main():
    {enable}
    return asyncio.run(glm.aask("hi", provider="vllm", model="glm-4.6", base_url="{url}/v1"))

print(asyncio.run(main()).answer)
"""


def run(code):
    return subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False, cwd=ROOT
    )


@pytest.mark.filterwarnings("default")
def test_asyncio_run_works_inside_a_running_loop_once_it_was_enabled(model_server):
    model_server.tell(Script(answer="nested"))
    done = run(NESTED.format(enable="glm.enable_nested_asyncio()", url=model_server.url))
    assert done.stdout == "nested\n", done.stderr


def test_without_it_python_refuses_as_ever(model_server):
    done = run(NESTED.format(enable="pass", url=model_server.url))
    assert "cannot be called from a running event loop" in done.stderr
    assert model_server.requests == []


def test_nothing_else_imports_it():
    code = "import sys, glm_magic.api, glm_magic.magic.extension; print(*sys.modules)"
    loaded = run(code).stdout.split()
    assert "glm_magic.magic.extension" in loaded
    assert not {"nest_asyncio", "nest_asyncio2"} & set(loaded)
