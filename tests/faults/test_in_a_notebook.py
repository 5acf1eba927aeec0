"""A fault in a cell: its text stays in the output, the error is short, the next cell works."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.faults.protocols import KEY, PROTOCOLS
from tests.faults.table import BREAKS, NONSENSE, REFUSED, Fault
from tests.hosts.conftest import ROOT, Kernel
from tests.servers.raw_server import RawServer, Send, head

pytestmark = [pytest.mark.hosts, pytest.mark.timeout(240)]

ZAI = next(protocol for protocol in PROTOCOLS if protocol.provider == "zai")
WHOLE = [Send(head() + ZAI.start + ZAI.rest)]
TRIED: tuple[Fault, ...] = tuple(
    fault for fault in (*BREAKS, *NONSENSE, *REFUSED) if "idle_timeout_s" not in fault.options
)


@pytest.fixture(scope="module")
def server() -> Iterator[RawServer]:
    with RawServer() as running:
        yield running


@pytest.fixture(scope="module")
def kernel(server: RawServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kernel]:
    folder = tmp_path_factory.mktemp("notebook")
    environment = {
        "PYTHONPATH": os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")]),
        "ZAI_API_KEY": KEY, "GLM_PROVIDER": "zai", "GLM_BASE_URL": server.url + ZAI.path,
        "GLM_HOME": str(folder / "glm"), "HOME": str(folder),
        "IPYTHONDIR": str(folder / "ipython"), "PYDEVD_DISABLE_FILE_VALIDATION": "1",
    }  # fmt: skip
    with pytest.MonkeyPatch.context() as patch:
        for name, value in environment.items():
            patch.setenv(name, value)
        patch.chdir(folder)
        running = Kernel()
        try:
            running.run("%load_ext glm_magic")
            yield running
        finally:
            running.close()


def outcome(kernel: Kernel, fault: Fault) -> tuple[list[dict[str, Any]], list[str]]:
    """Run a cell; return the outputs that stay, and the error as it is printed."""
    ran = kernel.collect(kernel.send("%%glm --new\nWhy?", cell=fault.name))
    lines = "\n".join(ran.traceback).splitlines()
    assert ran.reply["status"] == ("ok" if fault.kind is None else "error")
    return ran.outputs, lines


@pytest.mark.parametrize("fault", TRIED, ids=lambda fault: fault.name)
def test_a_fault_in_a_cell(kernel: Kernel, server: RawServer, fault: Fault) -> None:
    before = len(server.requests)
    server.answer_in_turn(fault.steps(ZAI), WHOLE)
    outputs, lines = outcome(kernel, fault)
    assert len(server.requests) == before + fault.sent
    if fault.left[1]:
        (output,) = outputs
        assert "Blue" in output["text/plain"]
        assert "Blue" in output["text/html"]
        assert "Think" in output["text/html"]
        assert fault.status in output["text/plain"]
    if fault.kind is not None:
        assert 1 <= len(lines) <= 3, lines
        assert any(fault.words in text for text in ("\n".join(lines), str(outputs)))
    assert KEY not in str(outputs) + str(lines)
    assert "Blue" in kernel.run("%%glm\nAgain?", cell="next").text


def test_the_last_reply_is_the_broken_one(kernel: Kernel, server: RawServer) -> None:
    server.answer(Send(head() + ZAI.start + ZAI.error_in_stream()))
    kernel.fail("%%glm --new\nWhy?", cell="last")
    assert kernel.run("print(_glm.status, _glm.answer)").text.split() == ["failed", "Blue"]


def test_it_is_saved_in_the_conversations_on_disk(kernel: Kernel, server: RawServer) -> None:
    server.answer(Send(head() + ZAI.start))
    kernel.run("%%glm -S saved\nWhy?", cell="kept")
    kernel.run("%glm save saved.jsonl")
    store = Path(kernel.run("import os; print(os.environ['GLM_HOME'])").text.strip())
    assert any(b"Blue" in file.read_bytes() for file in store.rglob("*") if file.is_file())
