"""The server starts once, and never outlives the process that started it."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import urlopen

import pytest

from glm_magic import local
from glm_magic.local import LocalServer

pytestmark = pytest.mark.local

ROOT = Path(__file__).parents[2]
OWNER = """
import sys, time
from glm_magic import local
server = local.start()
print(server.base_url, flush=True)
{then}
"""


def listens(base_url: str) -> bool:
    parts = urlsplit(base_url)
    with suppress(OSError), socket.create_connection((parts.hostname, parts.port), 1.0):
        return True
    return False


def gone(base_url: str) -> bool:
    """Wait up to ten seconds for the server to go."""
    deadline = time.monotonic() + 10
    while listens(base_url) and time.monotonic() < deadline:
        time.sleep(0.05)
    return not listens(base_url)


def owner(then: str) -> tuple[subprocess.Popen[str], str]:
    """Run a Python process that starts a local server and goes on with `then`."""
    process = subprocess.Popen(
        [sys.executable, "-c", OWNER.format(then=then)],
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
    )
    assert process.stdout is not None
    base_url = process.stdout.readline().strip()
    assert base_url.startswith("http://127.0.0.1:")
    return process, base_url


def finish(process: subprocess.Popen[str]) -> int:
    process.communicate(timeout=30)
    return process.returncode


def test_it_answers_once_started(server: LocalServer) -> None:
    with urlopen(server.base_url.replace("/v1", "/health"), timeout=5) as response:
        assert response.status == 200
    assert server.model == "smollm2-135m"
    assert server.context >= 2048


def test_a_second_start_gives_the_same_server(server: LocalServer) -> None:
    assert local.start() is server


def test_threads_starting_together_share_one_server(server: LocalServer) -> None:
    server.stop()
    started: list[LocalServer] = []
    threads = [threading.Thread(target=lambda: started.append(local.start())) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({each.base_url for each in started}) == 1


def test_stopping_twice_is_allowed_and_a_new_start_works(server: LocalServer) -> None:
    server.stop()
    server.stop()
    assert gone(server.base_url)
    again = local.start()
    assert again is not server
    assert listens(again.base_url)


def test_a_server_that_died_is_replaced(server: LocalServer) -> None:
    os.kill(server.process._process.pid, signal.SIGKILL)
    assert gone(server.base_url)
    assert listens(local.start().base_url)


def test_another_model_replaces_the_running_one(
    server: LocalServer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    from glm_magic.local.models import TINY, packaged_model

    own = tmp_path / "My Own Model.gguf"
    own.symlink_to(packaged_model(TINY).source.path())
    monkeypatch.setenv("GLM_LOCAL_MODEL", str(own))
    mine = local.start()
    assert mine.model == "my-own-model"
    assert "My Own Model" in mine.title
    assert gone(server.base_url)


def test_it_ends_with_its_owner(installed: None) -> None:
    process, base_url = owner("")
    assert finish(process) == 0
    assert gone(base_url)


@pytest.mark.skipif(os.name != "posix", reason="signals of POSIX systems")
@pytest.mark.parametrize("name", ["SIGTERM", "SIGKILL", "SIGHUP"])
def test_it_ends_when_its_owner_is_killed(installed: None, name: str) -> None:
    process, base_url = owner("time.sleep(60)")
    process.send_signal(getattr(signal, name))
    finish(process)
    assert gone(base_url)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="forks only where there is fork")
def test_it_ends_when_a_killed_owner_leaves_a_forked_child(installed: None) -> None:
    process, base_url = owner(
        "import os\nchild = os.fork()\nif child: print(child, flush=True)\ntime.sleep(60)"
    )
    assert process.stdout is not None
    child = int(process.stdout.readline())
    process.kill()
    try:
        assert gone(base_url)
    finally:
        os.kill(child, signal.SIGKILL)
        finish(process)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="forks only where there is fork")
def test_a_forked_child_uses_the_server_and_leaves_it_running(installed: None) -> None:
    process, base_url = owner(
        "import os\n"
        "if os.fork() == 0:\n"
        "    same = local.start().base_url == server.base_url\n"
        "    local.start().stop()\n"
        "    sys.exit(0 if same else 1)\n"
        "code = os.waitstatus_to_exitcode(os.wait()[1])\n"
        "sys.exit(code if server.is_running() else 2)"
    )
    assert finish(process) == 0
    assert gone(base_url)


def test_an_interrupt_of_the_notebook_does_not_reach_it(installed: None) -> None:
    process, base_url = owner(
        "import os, signal\n"
        "signal.signal(signal.SIGINT, signal.SIG_IGN)\n"
        "os.setpgid(0, 0)\n"
        "os.killpg(0, signal.SIGINT)\n"
        "time.sleep(1)\n"
        "sys.exit(0 if server.is_running() else 2)"
    )
    assert finish(process) == 0
    assert gone(base_url)


def test_two_processes_have_two_servers(server: LocalServer) -> None:
    process, base_url = owner("sys.stdin.read()")
    assert base_url != server.base_url
    assert listens(base_url)
    process.kill()
    finish(process)
    assert gone(base_url)
    assert listens(server.base_url)


def test_the_key_is_nowhere_to_be_read(server: LocalServer, capfd: object) -> None:
    process = Path(f"/proc/{server.process._process.pid}")
    if not process.is_dir():
        pytest.skip("no /proc on this system")
    key = server.secret.reveal().encode()
    assert key not in (process / "cmdline").read_bytes()
    assert key not in (process / "environ").read_bytes()
    assert key.decode() not in repr(server)


def test_starting_prints_nothing(installed: None) -> None:
    done = subprocess.run(
        [sys.executable, "-X", "dev", "-c", "from glm_magic import local; local.start()"],
        capture_output=True,
        cwd=ROOT,
        check=True,
        timeout=60,
    )
    assert done.stdout == b""
    assert done.stderr == b""


def test_nothing_stays_in_the_temporary_folder(
    installed: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    monkeypatch.setenv("TMPDIR", str(scratch))
    process, base_url = owner("time.sleep(60)")
    process.kill()
    finish(process)
    assert gone(base_url)
    assert list(scratch.iterdir()) == []
