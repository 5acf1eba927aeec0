"""A JupyterHub as docs/classroom.md prints it: two students, a key that neither of them sees."""

from __future__ import annotations

import asyncio
import json
import os
import re
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest
from tornado.httpclient import HTTPRequest
from tornado.websocket import websocket_connect

from tests.hosts.seen import HOSTS
from tests.servers.model_server import ModelServer
from tests.servers.script import Script, Tokens
from tests.servers.vendor import KEY

ROOT = Path(__file__).parents[2]
HUB = HOSTS / "hub"
TOKEN = "token-of-the-test-0123456789"
MORE = """
c.JupyterHub.authenticator_class = "dummy"
c.JupyterHub.spawner_class = "simple"
c.SimpleLocalProcessSpawner.home_dir_template = os.path.join(os.getcwd(), "{username}")
c.Spawner.args = ["--allow-root"]
c.JupyterHub.hub_port, c.ConfigurableHTTPProxy.api_url = HUB_PORT, "http://127.0.0.1:PROXY_PORT"
c.JupyterHub.services[0]["command"] += ["--base-url", os.environ["UPSTREAM"]]
c.JupyterHub.services.append({"name": "test", "api_token": "TOKEN"})
scopes = ["admin:users", "admin:servers", "access:servers"]
c.JupyterHub.load_roles = [{"name": "test", "services": ["test"], "scopes": scopes}]
"""
SPENT = (
    "import os, httpx\n"
    "token = {'Authorization': 'Bearer ' + os.environ['GLM_API_KEY']}\n"
    "print(httpx.get(os.environ['GLM_BASE_URL'] + '/', headers=token, trust_env=False).text)"
)


class Hub:
    """A Hub of our own on free loopback ports, stopped by its process id."""

    def __init__(self, folder: Path, upstream: str) -> None:
        self._folder = folder
        port, *others = _free_ports(4)
        self.url = f"http://127.0.0.1:{port}"
        config = (ROOT / "docs" / "jupyterhub_config.py").read_text(encoding="utf-8")
        config = config.replace("8000", str(port)).replace("10101", str(others[0])) + MORE
        for name, value in zip(("HUB_PORT", "PROXY_PORT"), others[1:], strict=True):
            config = config.replace(name, str(value))
        config = config.replace("TOKEN", TOKEN)
        (folder / "jupyterhub_config.py").write_text(config, encoding="utf-8")
        path = os.pathsep.join([f"{HUB}/bin", f"{HUB}/node_modules/.bin", os.environ["PATH"]])
        kept = {n: v for n, v in os.environ.items() if not n.startswith(("GLM_", "JUPYTER"))}
        with (folder / "hub.log").open("wb") as log:
            self._process = subprocess.Popen(
                ["jupyterhub", "-f", "jupyterhub_config.py"],
                executable=str(HUB / "bin" / "jupyterhub"),
                env={**kept, "PATH": path, "ZAI_API_KEY": KEY, "UPSTREAM": upstream},
                cwd=folder,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        self._students: list[str] = []

    def request(self, method: str, path: str, wants: int = 0, **more: Any) -> Any:
        """Ask the Hub, or a student's server, until it answers as it should."""
        headers = {"Authorization": f"token {TOKEN}"}
        deadline = time.monotonic() + 90
        while True:
            try:
                reply = httpx.request(
                    method, self.url + path, headers=headers, trust_env=False, timeout=60, **more
                )
            except httpx.HTTPError as error:
                answer: object = error
            else:
                if reply.status_code == wants or (not wants and reply.is_success):
                    return reply.json() if reply.content else None
                answer = reply.text
            assert time.monotonic() < deadline, (answer, self.log())
            assert self._process.poll() is None, self.log()
            time.sleep(0.2)

    def log(self) -> str:
        """Return what the Hub printed."""
        return (self._folder / "hub.log").read_text(encoding="utf-8", errors="replace")

    def start(self, student: str) -> str:
        """Start a student's server and a kernel there; return its id."""
        self.request("GET", "/hub/api/")
        (self._folder / student).mkdir()
        self.request("POST", f"/hub/api/users/{student}")
        self._students.append(student)
        self.request("POST", f"/hub/api/users/{student}/server")
        return str(self.request("POST", f"/user/{student}/api/kernels", 201)["id"])

    def run(self, student: str, kernel: str, *cells: str) -> str:
        """Run cells, and return everything that came back."""
        return asyncio.run(self._run(student, kernel, cells))

    async def _run(self, student: str, kernel: str, cells: tuple[str, ...]) -> str:
        path = f"/user/{student}/api/kernels/{kernel}/channels"
        address = self.url.replace("http", "ws") + path
        headers = {"Authorization": f"token {TOKEN}"}
        channels = await websocket_connect(HTTPRequest(address, headers=headers))
        heard: list[str] = []
        for cell in cells:
            head = {"msg_id": uuid4().hex, "msg_type": "execute_request", "session": "test"}
            content = {"code": cell, "silent": False, "store_history": True}
            message = {"header": {**head, "username": "", "version": "5.3"}, "parent_header": {}}
            message |= {"metadata": {}, "content": content, "channel": "shell"}
            await channels.write_message(json.dumps(message))
            while True:
                text = await asyncio.wait_for(channels.read_message(), 60)
                assert isinstance(text, str), self.log()
                heard.append(text)
                message = json.loads(text)
                own = message["parent_header"].get("msg_id") == head["msg_id"]
                if own and message["content"].get("execution_state") == "idle":
                    break
        channels.close()
        while await channels.read_message() is not None:
            pass  # what was under way
        return "\n".join(heard)

    def stop(self) -> None:
        """Stop the students' servers, then the Hub with its proxy and its service."""
        if self._process.poll() is None:
            for student in self._students:
                self.request("DELETE", f"/hub/api/users/{student}/server")
        os.killpg(self._process.pid, signal.SIGTERM)
        self._process.wait(30)


def _free_ports(count: int) -> list[int]:
    listeners = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [listener.getsockname()[1] for listener in listeners]
    for listener in listeners:
        listener.close()
    return ports


@pytest.fixture
def hub(tmp_path: Path, model_server: ModelServer) -> Iterator[Hub]:
    if not (HUB / "node_modules" / ".bin" / "configurable-http-proxy").exists():
        pytest.skip("JupyterHub and its proxy, which needs npm, could not be had")
    folder = tmp_path / "hub"
    folder.mkdir()
    running = Hub(folder, f"{model_server.url}/api/paas/v4")
    yield running
    running.stop()


@pytest.mark.hosts
@pytest.mark.slow
@pytest.mark.timeout(300)
def test_two_students_ask_with_a_key_that_neither_sees(
    hub: Hub, model_server: ModelServer, tmp_path: Path
) -> None:
    model_server.tell(Script(reasoning="Hm.", answer="It scatters.", tokens=Tokens(100, 200)))
    kernels = {student: hub.start(student) for student in ("ana", "bo")}
    cells = ("%load_ext glm_magic", "%%glm\nWhy is the sky blue?", "print(_glm.answer)")
    environment = "import os; print(dict(os.environ), vars(_glm), _glm.request)"
    heard = hub.run("ana", kernels["ana"], *cells, environment, SPENT)
    assert "It scatters." in heard
    assert KEY not in heard
    assert '\\"spent\\": \\"0.0' in heard
    assert '{\\"spent\\": \\"0\\", \\"budget\\": \\"2\\"}' in hub.run("bo", kernels["bo"], SPENT)
    assert "It scatters." in hub.run("bo", kernels["bo"], *cells)
    assert [request.headers["authorization"] for request in model_server.requests] == [
        f"Bearer {KEY}"
    ] * 2
    assert KEY not in hub.log()
    (own,) = set(re.findall(r"'GLM_API_KEY': '(\w+)'", heard))
    students = [file for name in kernels for file in (tmp_path / "hub" / name).rglob("*")]
    assert any(file.name == "sessions.db" for file in students), "what was searched is there"
    assert not [
        file
        for file in students
        for secret in (KEY, own)
        # the server's own runtime files hold its token
        if file.is_file()
        and (secret is KEY or "runtime" not in file.parts)
        and secret.encode() in file.read_bytes()
    ]
