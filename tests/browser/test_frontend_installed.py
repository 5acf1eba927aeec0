"""The front end as the wheel installs it: oldest and newest JupyterLab, and Notebook 7."""

from __future__ import annotations

import gzip
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.hosts.seen import installed
from tests.servers.model_server import ModelServer
from tests.servers.script import Script, Tokens

from .lab import Lab
from .server import PROJECT, LabServer
from .test_frontend_completion import complete
from .test_frontend_map import active, choose, open_map, press, prompts
from .test_frontend_prompt import color_of, marked, wait_prompt
from .test_frontend_status import wait_status
from .test_magic import setup_cell

pytestmark = [pytest.mark.browser, pytest.mark.hosts, pytest.mark.timeout(300)]

REPLY = Script(reasoning="Hm.", answer="Four.", tokens=Tokens(1200, 340, reasoning=40))
PROMPT = f"%%glm -p zai -m glm-4.6\nWhy is {{child}} **here**? {'It goes on and on. ' * 20}"

MOST_BYTES = 25_000
"""Of all files of the extension, each in a gzip of its own as a server would send it."""


@pytest.fixture(scope="session")
def prefix(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the wheel, and install it into a folder of its own."""
    folder = tmp_path_factory.mktemp("wheel")
    pip = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check"]
    subprocess.run([*pip, "wheel", "--no-deps", "-w", folder, PROJECT], check=True)
    (wheel,) = folder.glob("*.whl")
    subprocess.run(
        [*pip, "install", "--no-deps", "--ignore-installed", "--prefix", folder / "env", wheel],
        check=True,
    )
    return folder / "env"


def test_what_the_wheel_installs_is_small(prefix: Path) -> None:
    folder = prefix / "share" / "jupyter" / "labextensions" / "glm-magic"
    files = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    assert {path.name for path in files} >= {"package.json", "plugin.json", "remoteEntry.js"}
    sizes = {path.name: len(gzip.compress(text)) for path, text in files.items()}
    assert sum(sizes.values()) <= MOST_BYTES, sizes


HOSTS = [
    pytest.param(("jupyterlab", "jupyterlab-4.0"), id="JupyterLab, oldest"),
    pytest.param(("jupyterlab", ""), id="JupyterLab"),
    pytest.param(("notebook", ""), id="Notebook 7"),
]


@pytest.fixture(params=HOSTS)
def host(
    request: pytest.FixtureRequest,
    prefix: Path,
    tmp_path_factory: pytest.TempPathFactory,
    chromium: Any,
) -> Iterator[Lab]:
    """Return a page of a host that has nothing of this checkout."""
    app, environment = request.param
    python = str(installed(environment) / "bin" / "python") if environment else sys.executable
    server = LabServer(tmp_path_factory.mktemp("installed"), app=app, python=python, prefix=prefix)
    server.start()
    page = Lab(chromium, server)
    yield page
    page.close()
    server.stop()


def test_every_part_works_where_the_wheel_is_installed(
    host: Lab, model_server: ModelServer, prefix: Path
) -> None:
    model_server.tell(REPLY)
    where = "import glm_magic; print(glm_magic.__file__)"
    host.open([setup_cell(model_server), "child = 1", PROMPT, where, "1 / 0", "%%glm "])
    wait_prompt(host, 2)
    assert color_of(host, 2, "is") == color_of(host, 2, "goes")
    for index in range(4):
        host.run(index)
    assert str(prefix) in host.text(3)
    wait_status(host, turns="1 turn", tokens="1,200 in, 340 out", model="glm-4.6 · zai")
    assert marked(host, 2, "name") == ["{child}"]
    assert marked(host, 2, "unknown") == []

    open_map(host)
    host.until(lambda: len(prompts(host)) == 1)
    choose(host, 1)
    host.until(lambda: active(host) == 2)
    press(host, "hide")
    host.until(lambda: host.page.locator(".glm-map-mark[data-mark=hidden]").count() == 1)

    assert complete(host, 5, "--th")["--think"].startswith("ask for thinking: on")

    host.run(4)
    host.page.evaluate("() => jupyterapp.commands.execute('glm-magic:explain')")
    wait_status(host, turns="2 turns")
    assert "ZeroDivisionError" in model_server.requests[-1].json["messages"][-1]["content"]

    assert not [line for line in host.console if "glm-magic" in line or "glm_magic" in line]
