"""What %glm wire gives can be run as it is, and sends the same request."""

import contextlib
import io
import shutil
import subprocess

import pytest

from glm_magic.magic.request_view import as_curl, as_python
from glm_magic.session.session import Session


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
