"""Real kernels, executors and terminals that ask the model server."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from jupyter_client.manager import KernelManager

from tests.servers.script import Script

ROOT = Path(__file__).parents[2]
TIMEOUT_S = 60


@pytest.fixture
def asks_the_server(model_server, monkeypatch, tmp_path):
    """Let every process that a test starts find the package, the server and a key."""
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")]))
    monkeypatch.setenv("ZAI_API_KEY", "test-key")
    monkeypatch.setenv("GLM_PROVIDER", "zai")
    monkeypatch.setenv("GLM_BASE_URL", f"{model_server.url}/api/paas/v4")
    monkeypatch.setenv("PYDEVD_DISABLE_FILE_VALIDATION", "1")
    monkeypatch.setenv("JUPYTER_PLATFORM_DIRS", "1")
    monkeypatch.chdir(tmp_path)
    model_server.tell(Script(answer="Because of **scattering**.", reasoning="Let me see."))
    return model_server


class Ran:
    """What one execute request led to."""

    def __init__(self, messages, reply):
        self.messages = messages
        self.reply = reply

    @property
    def outputs(self):
        """Return the outputs that a notebook would hold at the end, beside printing and errors."""
        shown: list[dict] = []
        for kind, content in self.messages:
            if kind in ("display_data", "execute_result"):
                shown.append(content)
            elif kind == "update_display_data":
                name = content["transient"]["display_id"]
                shown = [
                    content if item.get("transient", {}).get("display_id") == name else item
                    for item in shown
                ]
            elif kind == "clear_output":
                shown = []
        return [item["data"] for item in shown]

    @property
    def text(self):
        streams = [c["text"] for kind, c in self.messages if kind == "stream"]
        return "".join([*streams, *(data.get("text/plain", "") for data in self.outputs)])

    @property
    def traceback(self):
        return self.reply.get("traceback", [])


class Kernel:
    """A kernel that is driven as a front end drives it."""

    def __init__(self):
        # A port that is free now may be taken before the kernel has it.
        self.manager = KernelManager(kernel_name="python3", transport="ipc")
        self.manager.start_kernel()
        self.client = self.manager.blocking_client()
        self.client.start_channels()
        self.client.wait_for_ready(timeout=TIMEOUT_S)

    def send(self, code, cell=None, *, allow_stdin=True, deleted=()):
        content = {
            "code": code, "silent": False, "store_history": True, "user_expressions": {},
            "allow_stdin": allow_stdin, "stop_on_error": True,
        }  # fmt: skip
        metadata = {"cellId": cell, "deletedCells": list(deleted)} if cell else {}
        message = self.client.session.msg("execute_request", content, metadata=metadata)
        self.client.shell_channel.send(message)
        return message["header"]["msg_id"]

    def collect(self, request):
        messages = []
        while True:
            message = self.client.get_iopub_msg(timeout=TIMEOUT_S)
            if message["parent_header"].get("msg_id") != request:
                continue
            kind, content = message["msg_type"], message["content"]
            if kind == "status" and content["execution_state"] == "idle":
                break
            messages.append((kind, content))
        while True:
            reply = self.client.get_shell_msg(timeout=TIMEOUT_S)
            if reply["parent_header"].get("msg_id") == request:
                return Ran(messages, reply["content"])

    def run(self, code, cell=None, *, allow_stdin=True, deleted=()):
        ran = self.collect(self.send(code, cell, allow_stdin=allow_stdin, deleted=deleted))
        assert ran.reply["status"] == "ok", ran.reply
        return ran

    def fail(self, code, cell=None):
        ran = self.collect(self.send(code, cell))
        assert ran.reply["status"] == "error", ran.text
        return ran

    def close(self):
        self.client.stop_channels()
        self.manager.shutdown_kernel(now=True)
        self.manager.cleanup_resources()


@pytest.fixture
def kernel(asks_the_server):
    """Give a running kernel with the magics loaded."""
    kernel = Kernel()
    try:
        kernel.run("%load_ext glm_magic")
        yield kernel
    finally:
        kernel.close()


COLD = """
%load_ext glm_magic
from glm_magic.magic import extension
for loaded in extension._loaded.values():
    loaded.warm_up.stop()
"""


@pytest.fixture
def cold_kernel(asks_the_server):
    """Give a kernel in which nothing is loaded before a prompt needs it."""
    kernel = Kernel()
    try:
        kernel.run(COLD)
        yield kernel
    finally:
        kernel.close()
