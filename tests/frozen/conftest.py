"""A user's surroundings, made with nothing of the package but its public names."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from IPython.core.interactiveshell import InteractiveShell
from traitlets.config import Config
from traitlets.config.loader import PyFileConfigLoader

from tests.frozen.snapshots import DATA
from tests.shells import end_shell, new_shell


class Shell:
    """A shell with the magics, whose cells are run."""

    def __init__(self, shell: InteractiveShell, capsys: pytest.CaptureFixture[str]) -> None:
        self.shell = shell
        self.error: BaseException | None = None
        self._capsys = capsys

    def try_(self, source: str) -> str:
        """Run a cell, and return what it printed."""
        self._capsys.readouterr()
        result = self.shell.run_cell(source, store_history=True)
        self.error = result.error_before_exec or result.error_in_exec
        return self._capsys.readouterr().out

    def run(self, source: str) -> str:
        """Run a cell that has to succeed, and return what it printed."""
        printed = self.try_(source)
        assert self.error is None, printed
        return printed

    def rows(self, source: str) -> list[list[str]]:
        """Run a cell, and return the cells of the tables that it printed."""
        lines = self.run(source).splitlines()
        return [[part.strip() for part in line.split("  ") if part.strip()] for line in lines]

    def __getitem__(self, name: str) -> Any:
        return self.shell.user_ns[name]


@pytest.fixture(autouse=True)
def english(monkeypatch: pytest.MonkeyPatch) -> None:
    """Read English, whatever the locale of this computer is."""
    monkeypatch.setenv("LC_ALL", "C.UTF-8")


@pytest.fixture
def make_shell(capsys: pytest.CaptureFixture[str], work: Path) -> Iterator[Any]:
    """Give a function that makes a shell with the magics, as a configuration file has it."""

    def make(file: Path | None = None) -> Shell:
        config = Config()
        if file is not None:
            config.merge(PyFileConfigLoader(file.name, str(file.parent)).load_config())
        shell = new_shell(config)
        shell.run_line_magic("load_ext", "glm_magic")
        return Shell(shell, capsys)

    yield make
    InteractiveShell.instance().run_line_magic("unload_ext", "glm_magic")
    end_shell()


@pytest.fixture
def shell(make_shell: Any) -> Shell:
    """Give a shell with the magics."""
    made: Shell = make_shell()
    return made


@pytest.fixture
def work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Work in a folder that has nothing but the files that users have."""
    folder = tmp_path / "work"
    folder.mkdir()
    for file in DATA.iterdir():
        if file.is_file():
            shutil.copy(file, folder)
    monkeypatch.chdir(folder)
    return folder


@pytest.fixture
def old_home(isolated_home: Path) -> Path:
    """Give a home with the files of 0.1.0.dev0."""
    home = isolated_home / "glm"
    shutil.copytree(DATA / "home", home)
    return home


@pytest.fixture
def at_zai(model_server: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Let prompts go to the server of the tests, in Z.ai's protocol."""
    monkeypatch.setenv("ZAI_API_KEY", "test-key")
    monkeypatch.setenv("GLM_PROVIDER", "zai")
    monkeypatch.setenv("GLM_BASE_URL", f"{model_server.url}/api/paas/v4")
    return model_server
