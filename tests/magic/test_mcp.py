"""``%glm mcp`` and ``--mcp``, with a real server."""

import sys
from pathlib import Path

import pytest

from glm_magic.core.errors import InvalidValueError, UnknownNameError
from glm_magic.tools import mcp_registry
from tests.servers.script import Call, Script

pytest.importorskip("mcp.server.mcpserver", reason="the extra mcp is not installed")

COMMAND = f"{sys.executable} {Path(__file__).parents[1] / 'servers' / 'mcp_server.py'}"


@pytest.fixture(autouse=True)
def none_left():
    """End every server after each test."""
    yield
    mcp_registry.stop_all()


def test_a_server_is_added_used_listed_and_removed(glm_shell, model_server, sent):
    printed = glm_shell.run(f"%glm mcp add example -- {COMMAND}")
    assert "The MCP server example is running, with 7 tools: add, search" in printed
    model_server.tell(
        Script(answer="", calls=(Call("example_add", '{"a": 2, "b": 3}'),)), Script(answer="Five.")
    )
    printed = glm_shell.run("%%glm --mcp example\n2 + 3?")
    assert "Five." in printed
    assert "example_add" in printed
    assert sent()[1]["messages"][-1]["content"] == "5"
    printed = glm_shell.run("%glm mcp list")
    assert "runs" in printed
    assert "mcp_server.py" in printed
    assert glm_shell.shell.Completer.all_completions("%%glm --mcp ex") == ["example"]
    glm_shell.run("%glm mcp remove example")
    assert "No MCP server yet" in glm_shell.run("%glm mcp list")


def test_a_cell_that_adds_a_server_may_run_twice(glm_shell, sent):
    first = glm_shell.run(f"%glm mcp add example -- {COMMAND}")
    (server,) = mcp_registry.mcp_servers()
    assert glm_shell.run(f"%glm mcp add example -- {COMMAND}  # as before") == first
    assert mcp_registry.mcp_servers() == [server]
    server.stop()
    assert not server.alive
    assert glm_shell.run(f"%glm mcp add example -- {COMMAND}") == first
    assert server.alive
    lines = glm_shell.fail(f"%glm mcp add example -- {COMMAND} --other")
    assert "an MCP server named example exists already" in lines[0]
    assert sent() == []


@pytest.mark.parametrize(
    ("line", "error", "words"),
    [
        ("%glm mcp remove nothing", UnknownNameError, "no MCP server 'nothing'"),
        ("%glm mcp add x -- 'open", InvalidValueError, "cannot be parsed"),
        ("%glm mcp add x --", InvalidValueError, "give a command or a URL for the MCP server x"),
        ("%%glm --mcp nothing\nhello", UnknownNameError, "no MCP server 'nothing'"),
    ],
)
def test_what_cannot_be_done_is_said_in_two_lines(glm_shell, sent, line, error, words):
    lines = glm_shell.fail(line)
    assert isinstance(glm_shell.error, error)
    assert words in lines[0]
    assert len(lines) == 2
    assert sent() == []


def test_a_question_about_mcp_is_a_prompt(glm_shell, sent):
    glm_shell.run("%glm mcp servers are good for what?")
    assert sent()[0]["messages"][-1]["content"] == "mcp servers are good for what?"


@pytest.mark.parametrize("tail", ["", "/mcp?api_key=hunter2xyz"])
def test_a_login_in_the_address_is_not_shown(glm_shell, tail):
    lines = glm_shell.fail(f"%glm mcp add x http://me:hunter2xyz@127.0.0.1:9{tail}")
    assert len(lines) == 2
    assert "hunter2xyz" not in "\n".join(lines)
    assert "http://127.0.0.1:9" in lines[1]


def test_a_variable_is_passed_by_its_name(glm_shell, model_server, sent, monkeypatch):
    monkeypatch.setenv("CITY", "Ulm")
    monkeypatch.setenv("OTHER", "not passed")
    line = f"%glm mcp add example --env CITY --env HOME -- {COMMAND}"
    first = glm_shell.run(line)
    assert glm_shell.run(line) == first
    assert "Ulm" not in glm_shell.run("%glm mcp list")
    model_server.tell(
        Script(
            answer="",
            calls=(
                Call("example_environment", '{"name": "CITY"}', "a"),
                Call("example_environment", '{"name": "OTHER"}', "b"),
            ),
        ),
        Script(answer="Done."),
    )
    glm_shell.run("%%glm --mcp example\nWhere?")
    contents = [message["content"] for message in sent()[1]["messages"][-2:]]
    assert contents == ["Ulm", "not set"]
    monkeypatch.setenv("CITY", "Bonn")
    assert "exists already" in glm_shell.fail(line)[0]


REFUSED = {
    "--env ZAI_API_KEY -- x": ("is the key of a model provider", "是模型服务商的密钥"),
    "--env GLM_API_KEY -- x": ("is the key of a model provider", "是模型服务商的密钥"),
    "--env OPENROUTER_API_KEY x": ("is the key of a model provider", "是模型服务商的密钥"),
    "--env SAME_AS_THE_KEY -- x": ("is the key of a model provider", "是模型服务商的密钥"),
    "--env NOT_THERE -- x": ("there is no variable NOT_THERE", "环境中没有变量 NOT_THERE"),
    "--env -- x": ("--env names no variable", "--env 没有指定变量"),
    "--env CITY http://127.0.0.1:9": ("--env is for a command", "--env 用于命令"),
}


@pytest.mark.parametrize("tail", REFUSED)
@pytest.mark.parametrize("language", ["en", "zh"])
def test_a_key_and_what_is_not_there_are_refused_in_two_lines(
    glm_shell, tail, language, monkeypatch
):
    monkeypatch.setenv("CITY", "Ulm")
    monkeypatch.setenv("SAME_AS_THE_KEY", "test-key")
    glm_shell.run(f'%config GLM.language = "{language}"')
    lines = glm_shell.fail(f"%glm mcp add x {tail}")
    assert REFUSED[tail][language == "zh"] in lines[0]
    assert lines[1].startswith("→ ")
    assert len(lines) == 2
    assert "test-key" not in "".join(lines)
    assert mcp_registry.mcp_servers() == []
    glm_shell.run('%config GLM.language = "en"')
