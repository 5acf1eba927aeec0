"""Many streams, forks, reloads and restarts: everything ends, and nothing is left behind."""

from __future__ import annotations

import gc
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

import glm_magic as glm
from glm_magic.engine import exchange
from glm_magic.wire import io_thread
from tests.faults.life import settled
from tests.hosts.conftest import ROOT, Kernel
from tests.servers.model_server import ModelServer
from tests.servers.script import Script

MANY = 200
MODEL = "zai-org/GLM-4.7-Flash"


def asked(server: ModelServer) -> dict[str, str]:
    return {"provider": "vllm", "model": MODEL, "base_url": server.url + "/v1"}


def wait(is_so: Callable[[], bool], seconds: float = 30) -> None:
    deadline = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_two_hundred_streams_at_once(model_server: ModelServer) -> None:
    model_server.tell(Script(answer=("a", "b", "c"), pause_s=0.05))
    before = set(threading.enumerate())
    streams = [glm.stream(f"{n}?", **asked(model_server)) for n in range(MANY)]
    for stream in streams:
        stream.start()
    assert all(stream.wait(60) for stream in streams)
    assert {(stream.turn.status, stream.turn.answer) for stream in streams} == {("complete", "abc")}
    assert sorted(r.json["messages"][-1]["content"] for r in model_server.requests) == sorted(
        f"{n}?" for n in range(MANY)
    )
    assert settled() == []
    ours = {t.name for t in set(threading.enumerate()) - before if t.name != "test-server"}
    assert ours <= {"glm-io"}, "one thread serves them all"


def test_no_connection_stays_busy_when_the_wait_for_the_end_is_cut(
    model_server: ModelServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    model_server.tell(Script(answer=("a", "b", "c"), pause_s=0.005))
    for leftover_s in (0.0002, 0.0005, 0.001):
        monkeypatch.setattr(exchange, "LEFTOVER_S", leftover_s)
        streams = [glm.stream(f"{n}?", **asked(model_server)) for n in range(MANY)]
        for stream in streams:
            stream.start()
        assert all(stream.wait(60) for stream in streams)
        assert settled() == []


def test_two_hundred_streams_stopped_in_the_middle(model_server: ModelServer) -> None:
    model_server.tell(Script(answer=("a", "b"), stall_after=2))
    streams = [glm.stream(f"{n}?", **asked(model_server)) for n in range(MANY)]
    for stream in streams:
        stream.start()
    wait(lambda: len(model_server.requests) == MANY)
    for stream in streams:
        stream.cancel()
    assert all(stream.wait(30) for stream in streams)
    assert {stream.turn.status for stream in streams} == {"interrupted"}
    assert all(request.hung_up.wait(10) for request in model_server.requests)
    assert settled() == []


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="counts files as Linux names them")
def test_no_file_socket_or_thread_stays_after_closing(model_server: ModelServer) -> None:
    def held() -> set[str]:
        gc.collect()
        names = list(Path("/proc/self/fd").iterdir())
        return {str(name.readlink()) for name in names if name.is_symlink()}

    others = {t for t in threading.enumerate() if t.name == "glm-io"}  # of pairs no longer current
    glm.ask("warm up", **asked(model_server))
    io_thread.shared.close()
    wait(lambda: not model_server._connections)
    before = held()
    for _ in range(5):
        glm.ask("Why?", **asked(model_server))
        with glm.stream("Why?", **asked(model_server)):
            pass
    io_thread.shared.close()
    wait(lambda: not model_server._connections)
    new = {name for name in held() - before if name.startswith(("socket", "pipe", "anon"))}
    assert new == set()
    wait(lambda: not {t for t in threading.enumerate() if t.name == "glm-io"} - others)


FORK = """
import os, sys, threading
import glm_magic as glm
asked = dict(provider="vllm", model={model!r}, base_url=sys.argv[1])
glm.ask("parent", **asked)
with glm.stream("running", **asked) as running:
    child = os.fork()
    if child == 0:
        answer = glm.ask("child", **asked).answer
        os._exit(0 if answer == "fine" else 3)
    _, status = os.waitpid(child, 0)
    running.wait()
print(os.waitstatus_to_exitcode(status), running.turn.answer, glm.ask("again", **asked).answer)
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
def test_a_forked_child_asks_for_itself_and_leaves_its_parent_alone(
    model_server: ModelServer,
) -> None:
    model_server.tell(Script(answer="fine", piece_chars=1, pause_s=0.1))
    run = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", FORK.format(model=MODEL), model_server.url + "/v1"],
        capture_output=True, text=True, timeout=60, check=False, cwd=ROOT,
    )  # fmt: skip
    assert run.stdout.split() == ["0", "fine", "fine"], run.stderr


def test_a_process_that_ends_while_streams_run_ends_at_once(model_server: ModelServer) -> None:
    model_server.tell(Script(stall_after=1))
    code = (
        "import sys, glm_magic as glm\n"
        f"streams = [glm.stream('x', provider='vllm', model={MODEL!r}, base_url=sys.argv[1])"
        " for _ in range(20)]\n[s.start() for s in streams]\n"
        "while not all(s.turn.timing.first_byte_s for s in streams): streams[0].wait(0.01)\n"
    )
    began = time.monotonic()
    run = subprocess.run(
        [sys.executable, "-c", code, model_server.url + "/v1"],
        capture_output=True, text=True, timeout=60, check=False, cwd=ROOT,
    )  # fmt: skip
    assert (run.returncode, run.stderr) == (0, "")
    assert time.monotonic() - began < 30
    assert all(request.hung_up.wait(10) for request in model_server.requests)


# ── kernels ──────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def serving(
    model_server: ModelServer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> ModelServer:
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")]))
    monkeypatch.setenv("ZAI_API_KEY", "test-key")
    monkeypatch.setenv("GLM_PROVIDER", "zai")
    monkeypatch.setenv("GLM_BASE_URL", f"{model_server.url}/api/paas/v4")
    monkeypatch.setenv("PYDEVD_DISABLE_FILE_VALIDATION", "1")
    monkeypatch.chdir(tmp_path)
    model_server.tell(Script(answer="fine"))
    return model_server


def children(pid: int) -> list[str]:
    """Return the processes that a process started."""
    listing = Path(f"/proc/{pid}/task/{pid}/children")
    return listing.read_text().split() if listing.exists() else []


@pytest.mark.hosts
def test_reloading_and_unloading_leave_one_of_everything(serving: ModelServer) -> None:
    kernel = Kernel()
    try:
        kernel.run("%load_ext autoreload\n%autoreload 2\n%load_ext glm_magic")
        kernel.run("%%glm\nwhy?", cell="a")
        for verb in ("reload_ext", "unload_ext", "load_ext", "reload_ext", "load_ext"):
            kernel.run(f"%{verb} glm_magic")
        kernel.run("import glm_magic.views.header, pathlib\n"
                   "pathlib.Path(glm_magic.views.header.__file__).touch()")  # fmt: skip
        ran = kernel.run("%%glm\nwhy again?", cell="b")
        assert "fine" in ran.text
        assert len(ran.outputs) == 1
        look = (
            "ip = get_ipython()\nimport threading\n"
            "print(len([m for m in ip.Completer.custom_matchers if 'glm' in repr(m)]),"
            " len([t for t in ip.input_transformer_manager.token_transformers"
            " if 'Glm' in repr(t)]),"
            " len([t for t in threading.enumerate() if t.name == 'glm-io']),"
            " len([c for c in ip.configurables if type(c).__name__ == 'GLM']))"
        )
        assert kernel.run(look).text.split() == ["1", "1", "1", "1"]
        kernel.run("%unload_ext glm_magic")
        assert kernel.run(look).text.split()[:2] == ["0", "0"]
        ran = kernel.collect(kernel.send("%glm why"))
        assert "not found" in ran.text + "".join(ran.traceback) + str(ran.messages)
    finally:
        kernel.close()


@pytest.mark.hosts
def test_a_kernel_restarted_while_it_streams_lets_go_and_asks_again(serving: ModelServer) -> None:
    serving.tell(Script(answer=("half",), stall_after=2), Script(answer="fine"))
    kernel = Kernel()
    try:
        kernel.run("%load_ext glm_magic")
        kernel.send("%%glm\nwhy?", cell="a")
        wait(lambda: bool(serving.requests))
        pid = kernel.manager.provisioner.process.pid
        kernel.manager.restart_kernel(now=True)
        assert serving.requests[0].hung_up.wait(10)
        wait(lambda: not Path(f"/proc/{pid}").exists())
        kernel.client.stop_channels()
        kernel.client = kernel.manager.blocking_client()
        kernel.client.start_channels()
        kernel.client.wait_for_ready(timeout=60)
        kernel.run("%load_ext glm_magic")
        assert "fine" in kernel.run("%%glm\nwhy?", cell="a").text
        assert len(serving.requests) == 2
        assert children(kernel.manager.provisioner.process.pid) == []
    finally:
        kernel.close()


@pytest.mark.hosts
def test_two_notebooks_know_nothing_of_each_other(serving: ModelServer) -> None:
    first, second = Kernel(), Kernel()
    try:
        for kernel in (first, second):
            kernel.run("%load_ext glm_magic")
        requests = [kernel.send("%%glm\nwho?", cell="a") for kernel in (first, second)]
        for kernel, request in zip((first, second), requests, strict=True):
            assert "fine" in kernel.collect(request).text
        os.kill(first.manager.provisioner.process.pid, signal.SIGKILL)
        assert "fine" in second.run("%%glm\nstill there?", cell="b").text
        assert [len(request.json["messages"]) for request in serving.requests] == [1, 1, 3]
    finally:
        first.close()
        second.close()
