"""What %glm wire gives can be run as it is, and sends the same request."""

import contextlib
import io
import shutil
import subprocess

import pytest

from glm_magic.magic.request_view import as_curl, as_python
from glm_magic.session.session import Session
from tests.servers.script import Script


@pytest.fixture
def call(glm_shell):
    glm_shell.run('%%glm -q -t 0.5\nit\'s "{quoted}" and $HOME, `here`, 名字 \\n 🙂')
    return glm_shell.shell.find_line_magic("glm").__self__.workspace.session.asked[-1].call


def test_the_python_program_sends_the_same_request(call, sent):
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(compile(as_python(call), "wire.py", "exec"), {})
    assert sent()[1] == sent()[0]
    assert "data: " in printed.getvalue()


def test_the_curl_command_sends_the_same_request(call, sent):
    if shutil.which("curl") is None:
        pytest.skip("curl is not installed")
    done = subprocess.run(
        ["sh", "-c", as_curl(call)], capture_output=True, text=True, check=True, timeout=30
    )
    assert sent()[1] == sent()[0]
    assert "data: " in done.stdout


def test_a_server_without_a_key_gets_none(model_server):
    session = Session("x", provider="vllm", model="m", base_url=f"{model_server.url}/v1")
    call = session.plan("hello", session.options)
    assert "Authorization" not in as_curl(call) + as_python(call)


ADDRESSES = {
    "a login": ("http://me:hunter2xyz@{host}/v1", "hunter2xyz", "Basic $GLM_LOGIN"),
    "a bare login": ("me:hunter2xyz@{host}/v1", "hunter2xyz", "Basic $GLM_LOGIN"),
    "a key in the query": ("http://{host}/v1?v=1&api_key=s3cret-77", "s3cret-77", None),
}


@pytest.mark.parametrize("case", ADDRESSES)
@pytest.mark.parametrize("provider", ["vllm", "zai"])
def test_no_secret_of_an_address_is_shown(cells, model_server, monkeypatch, caplog, case, provider):
    address, secret, header = ADDRESSES[case]
    for vendor in model_server.vendors:
        monkeypatch.setattr(vendor, "refuse", lambda *_: None)
    monkeypatch.setenv("GLM_BASE_URL", address.format(host=model_server.url[7:]))
    monkeypatch.setenv("GLM_PROVIDER", provider)
    if header is None and provider == "zai":
        monkeypatch.setenv("ZAI_API_KEY", "test-key")
        header = "Bearer $ZAI_API_KEY"
    model_server.tell(Script(answer="hi"))
    with caplog.at_level("INFO"):
        shown = [
            cells.run("%%glm -m glm-4.6 --dry-run\nwhy?"),
            cells.run("%%glm -m glm-4.6\nwhy?"),
            cells.run("%glm wire"),
            cells.run("%glm config"),
            cells.run("%glm"),
            cells.run("%glm show"),
        ]
    for text in (*shown, caplog.text):
        assert secret not in text
    if header:
        assert f"Authorization: {header}" in shown[0]
        assert f'-H "Authorization: {header}"' in shown[2]
    assert model_server.url[7:] in shown[3]
    assert model_server.requests


def test_the_variable_that_held_the_key_is_named(cells, monkeypatch):
    monkeypatch.setenv("GLM_API_KEY", "test-key")
    shown = cells.run("%%glm -p zai -m glm-4.6 --dry-run\nwhy?")
    assert "Authorization: Bearer $GLM_API_KEY" in shown
    monkeypatch.setenv("ZAI_API_KEY", "own-key")
    shown = cells.run("%%glm -p zai -m glm-4.6 --dry-run\nwhy?")
    assert "Authorization: Bearer $ZAI_API_KEY" in shown


def test_a_look_at_a_request_needs_no_key_and_warns_of_nothing(cells, monkeypatch):
    monkeypatch.setenv("GLM_BASE_URL", "http://gpu.example:8000/v1")
    shown = cells.run("%%glm -p zai -m glm-4.6 --dry-run\nwhy?")
    assert "POST http://gpu.example:8000/v1/chat/completions" in shown
    assert "$ZAI_API_KEY" in shown
