"""A real shell for every test, and a model server that it asks."""

from __future__ import annotations

import pytest

from tests.servers.script import Script
from tests.shells import end_shell, new_shell


class Cells:
    """A shell whose cells are run, with what they printed and how they ended."""

    def __init__(self, shell, capsys):
        self.shell = shell
        self._capsys = capsys
        self.error = None
        self.next_input = None
        shell.set_next_input = self._set_next_input  # what a front end's payload is elsewhere

    def _set_next_input(self, text, replace=False):
        self.next_input = text

    def run(self, source):
        """Run a cell that has to succeed, and return what it printed."""
        printed = self._run(source)
        assert self.error is None, printed
        return printed

    def fail(self, source):
        """Run a cell that has to fail, and return the lines that it printed."""
        printed = self._run(source)
        assert self.error is not None, printed
        return printed.strip().splitlines()

    def _run(self, source):
        self._capsys.readouterr()
        result = self.shell.run_cell(source, store_history=True)
        self.error = result.error_before_exec or result.error_in_exec
        return self._capsys.readouterr().out

    def __getitem__(self, name):
        return self.shell.user_ns[name]


@pytest.fixture
def bare_shell(tmp_path, monkeypatch):
    """Give a shell that has loaded nothing."""
    monkeypatch.chdir(tmp_path)
    yield new_shell()
    end_shell()


@pytest.fixture
def cells(bare_shell, capsys):
    """Give a shell with the magics, and no provider."""
    bare_shell.run_line_magic("load_ext", "glm_magic")
    yield Cells(bare_shell, capsys)
    bare_shell.run_line_magic("unload_ext", "glm_magic")


@pytest.fixture
def glm_shell(cells, model_server, monkeypatch):
    """Give a shell with the magics, which asks the model server in Z.ai's protocol."""
    monkeypatch.setenv("ZAI_API_KEY", "test-key")
    monkeypatch.setenv("GLM_PROVIDER", "zai")
    monkeypatch.setenv("GLM_BASE_URL", f"{model_server.url}/api/paas/v4")
    model_server.tell(Script(answer="Because.", reasoning="Let me see."))
    return cells


@pytest.fixture
def sent(model_server):
    """Give a function that returns the bodies that were sent."""
    return lambda: [request.json for request in model_server.requests]
