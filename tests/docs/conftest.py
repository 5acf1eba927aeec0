"""The site, built once, and a browser to read it with."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest

from tests.browser.conftest import open_chromium

ROOT = Path(__file__).parents[2]

# Whatever asks for a connection while the site is built ends the build.
BUILD = """
import socket, sys

def refuse(self, address):
    raise SystemExit(f"the build asked for {address}")

socket.socket.connect = socket.socket.connect_ex = refuse
from sphinx.cmd.build import main
sys.exit(main(sys.argv[1:]))
"""


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give the folder of the built pages; a warning fails the build."""
    if find_spec("sphinx") is None:
        pytest.skip("Sphinx is not installed: make docs installs it")
    folder = tmp_path_factory.mktemp("site") / "html"
    options = ["-q", "-W", "--keep-going", "-c", "docs", "-d", str(folder.parent / "doctrees")]
    built = subprocess.run(
        [sys.executable, "-c", BUILD, *options, "-b", "html", ".", str(folder)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert built.returncode == 0, built.stdout + built.stderr
    return folder


@pytest.fixture(scope="package")
def chromium() -> Iterator[object]:
    """Give a browser."""
    if find_spec("playwright") is None or not shutil.which("chromium"):
        pytest.skip("playwright is not installed, or there is no chromium on the path")
    with open_chromium() as browser:
        yield browser
