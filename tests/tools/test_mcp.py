"""Real servers of the Model Context Protocol, over stdio and over HTTP."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import glm_magic as glm
from glm_magic.core.errors import InvalidValueError, UnavailableError, UnknownNameError
from glm_magic.tools import mcp, mcp_registry
from tests.api.providers import PLACES
from tests.servers.model_server import ModelServer
from tests.servers.script import Call, Script

pytest.importorskip("mcp.server.mcpserver", reason="the extra mcp is not installed")

ROOT = Path(__file__).parents[2]
COMMAND = (sys.executable, str(ROOT / "tests/servers/mcp_server.py"))
SAYS = Script(answer="There.")
HERE = PLACES[0]


@pytest.fixture(autouse=True)
def none_left() -> Iterator[None]:
    """End every server after each test."""
    yield
    mcp_registry.stop_all()


@pytest.fixture(params=["stdio", "http"])
def example(request: pytest.FixtureRequest) -> Iterator[str]:
    """Give the name of an example server that was added."""
    if request.param == "stdio":
        glm.add_mcp("example", COMMAND)
        yield "example"
        return
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with subprocess.Popen([*COMMAND, str(port)], stderr=subprocess.DEVNULL) as process:
        wait_for(port)
        glm.add_mcp("example", url=f"http://127.0.0.1:{port}/mcp")
        yield "example"
        mcp_registry.stop_all()
        process.kill()


def wait_for(port: int) -> None:
    until = time.monotonic() + 60
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            assert time.monotonic() < until
            time.sleep(0.05)
        else:
            return


def ask(*calls: Call, **options: Any) -> tuple[Any, list[Any]]:
    with ModelServer(strict=True) as server:
        server.tell(Script(answer="", calls=calls), SAYS)
        reply = glm.ask("x", **HERE.asked(server, mcp=["example"], **options))
        return reply, [request.json for request in server.requests]


def runs(reply: Any) -> list[tuple[str, str]]:
    return [(run.status, run.content) for run in reply.steps[0].runs]


def test_the_tools_of_a_server_are_offered_called_and_told(example: str) -> None:
    calls = (
        Call("example_add", '{"a": 2, "b": 3}', "c1"),
        Call("example_search", '{"word": "sky"}', "c2"),
        Call("example_fail", "{}", "c3"),
        Call("example_picture", "{}", "c4"),
        Call("example_add", '{"a": "two"}', "c5"),
    )
    reply, (first, second) = ask(*calls)
    offered = {tool["function"]["name"]: tool["function"] for tool in first["tools"]}
    assert offered["example_add"]["description"] == "Add two numbers."
    assert set(offered["example_add"]["parameters"]["properties"]) == {"a", "b"}
    assert "search" not in offered  # a name that Model Studio refuses
    made = runs(reply)
    assert made[0] == ("done", "5")
    assert made[1] == ("done", "sky here\nsky there")
    assert made[2][0] == "failed"
    assert "fail" in made[2][1]
    assert made[3] == ("done", "(image, image/png)")
    assert made[4][0] == "failed"
    assert [m["content"] for m in second["messages"][-5:]] == [content for _, content in made]
    assert reply.answer == "There."


def test_functions_and_servers_go_together(example: str) -> None:
    def here() -> str:
        return "here"

    reply, _ = ask(
        Call("here", "{}", "c1"), Call("example_add", '{"a": 1, "b": 1}', "c2"), tools=[here]
    )
    assert runs(reply) == [("done", "here"), ("done", "2")]


def test_a_call_that_hangs_is_given_up(example: str) -> None:
    began = time.monotonic()
    reply, _ = ask(Call("example_slow", "{}"), tool_timeout_s=0.5)
    assert runs(reply) == [("failed", "error: no result within 0.5 s; given up")]
    assert time.monotonic() - began < 30


def test_a_turn_can_be_stopped_during_a_call(example: str) -> None:
    with ModelServer() as server:
        server.tell(Script(answer="", calls=(Call("example_slow", "{}"),)), SAYS)
        with glm.stream("x", **HERE.asked(server, mcp=["example"])) as stream:
            until = time.monotonic() + 30
            while not stream.turn.steps[0].runs and time.monotonic() < until:
                time.sleep(0.01)
            stream.cancel()
            reply = stream.reply
    assert reply.status == "interrupted"
    assert reply.steps[0].runs[0].status == "interrupted"


def test_a_command_that_ends_in_a_call_is_told_and_started_again() -> None:
    glm.add_mcp("example", COMMAND)
    reply, _ = ask(Call("example_vanish", "{}"))
    ((status, content),) = runs(reply)
    assert status == "failed"
    assert "the MCP server example" in content
    until = time.monotonic() + 20
    while mcp_registry.mcp_server("example").alive and time.monotonic() < until:
        time.sleep(0.05)
    reply, _ = ask(Call("example_add", '{"a": 1, "b": 1}'))
    assert runs(reply) == [("done", "2")]


def test_a_command_sees_no_key_and_only_what_it_is_given(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ZAI_API_KEY", "secret")
    glm.add_mcp("example", COMMAND, env={"CITY": "Ulm"})
    calls = [
        Call("example_environment", json.dumps({"name": n}), n) for n in ("ZAI_API_KEY", "CITY")
    ]
    reply, _ = ask(*calls)
    assert runs(reply) == [("done", "not set"), ("done", "Ulm")]


def test_a_server_ends_with_the_process_that_started_it(tmp_path: Path) -> None:
    code = (
        "import glm_magic as glm, subprocess, sys, os\n"
        f"glm.add_mcp('example', {COMMAND!r})\n"
        "children = subprocess.run(['ps', '-ww', '-o', 'pid=,args=', '--ppid', str(os.getpid())],"
        " capture_output=True, text=True).stdout\n"
        "print([line.split()[0] for line in children.splitlines() if 'mcp_server' in line][0])\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 0, done.stderr
    pid = int(done.stdout)
    until = time.monotonic() + 10
    while alive(pid) and time.monotonic() < until:
        time.sleep(0.05)
    assert not alive(pid)


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


@pytest.mark.parametrize(
    ("name", "command", "url", "error", "words"),
    [
        ("no such", COMMAND, "", InvalidValueError, "cannot be called"),
        ("x", (), "", InvalidValueError, "give a command or a URL for the MCP server x"),
        ("x", COMMAND, "http://127.0.0.1:9", InvalidValueError, "give a command or a URL"),
        ("x", (), "ftp://127.0.0.1", InvalidValueError, "give a command or a URL"),
        ("x", ("/no/such/program",), "", UnavailableError, "No such file"),
        ("x", (sys.executable, "-c", "raise SystemExit('broken')"), "", UnavailableError, "broken"),
        ("x", (), "http://127.0.0.1:9/mcp", UnavailableError, "the MCP server x is not available"),
    ],
)
def test_what_cannot_be_started_is_refused_in_two_lines(
    name: str, command: Any, url: str, error: type[glm.GlmError], words: str
) -> None:
    with pytest.raises(error) as caught:
        glm.add_mcp(name, command, url=url)
    assert words in caught.value.message
    assert len(caught.value.lines()) == 2
    assert not mcp_registry.mcp_servers()


def test_a_server_that_never_answers_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mcp, "START_S", 0.5)
    silent = (sys.executable, "-c", "import time; time.sleep(60)")
    with pytest.raises(UnavailableError, match=r"did not answer within 0\.5 s"):
        glm.add_mcp("x", silent)


def test_names_are_taken_once_and_unknown_ones_are_told() -> None:
    glm.add_mcp("example", COMMAND)
    with pytest.raises(InvalidValueError, match="already"):
        glm.add_mcp("example", COMMAND)
    with pytest.raises(UnknownNameError, match="no MCP server 'other'") as caught:
        glm.ask("x", provider="vllm", model="m", mcp=["other"])
    assert caught.value.hint == "there are: example"
    glm.remove_mcp("example")
    with pytest.raises(UnknownNameError):
        glm.remove_mcp("example")


NETWORK = ("SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE", "HTTPS_PROXY", "no_proxy")


def test_a_command_gets_the_proxies_and_certificates_of_the_network(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in NETWORK:
        monkeypatch.setenv(name, f"/of/the/company/{name}")
    monkeypatch.delenv("ALL_PROXY", raising=False)
    glm.add_mcp("example", COMMAND, env={"HTTPS_PROXY": "http://127.0.0.1:9"})
    names = [*NETWORK, "ALL_PROXY"]
    reply, _ = ask(*(Call("example_environment", json.dumps({"name": n}), n) for n in names))
    given = dict(zip(names, (content for _, content in runs(reply)), strict=True))
    assert given.pop("HTTPS_PROXY") == "http://127.0.0.1:9", "what is said wins"
    assert given.pop("ALL_PROXY") == "not set"
    assert given == {name: f"/of/the/company/{name}" for name in given}
