"""The blocks of the README and the first answers, run as they are printed."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest

import glm_magic
from glm_magic.catalogue.load import catalogue
from glm_magic.magic.line.options import OPTIONS
from glm_magic.magic.verbs.registry import verbs
from tests.api.providers import PLACES
from tests.magic.conftest import Cells
from tests.servers.model_server import ModelServer
from tests.servers.script import Script
from tests.servers.vendor import KEY
from tests.shells import end_shell, new_shell

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
BLOCKS = [body.strip() for body in re.findall(r"```\w*\n(.*?)```", README, re.DOTALL)]
OTHER = re.sub(r"```.*?```", "", README, flags=re.DOTALL)
INLINE = [" ".join(code.split()) for code in re.findall(r"`([^`]+)`", OTHER)]


def is_cell(block: str) -> bool:
    return block.startswith(("%", "import "))


@pytest.fixture
def cells(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Iterator[Cells]:
    """Give a shell that has loaded nothing."""
    monkeypatch.chdir(tmp_path)
    shell = new_shell()
    yield Cells(shell, capsys)
    shell.run_line_magic("unload_ext", "glm_magic")
    end_shell()


def test_every_cell_runs_as_it_is_printed(
    cells: Cells, model_server: ModelServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    model_server.tell(Script(answer="Because.", reasoning="Let me see."))
    monkeypatch.setenv("GLM_BASE_URL", f"{model_server.url}/api/paas/v4")
    asked = 0
    for block in BLOCKS:
        if re.fullmatch(r"\w+=…", block):
            monkeypatch.setenv(block.partition("=")[0], KEY)
        if not is_cell(block):
            continue
        printed = cells.run(block)
        if block.startswith("%%glm") or "glm.ask(" in block:
            assert "Because." in printed, block
            assert len(model_server.requests) > asked, block
        asked = len(model_server.requests)
    assert {request.headers["authorization"] for request in model_server.requests} == {
        f"Bearer {KEY}"
    }
    assert asked == 5
    reply = cells["_glm"]
    assert (reply.answer, reply.reasoning) == ("Because.", "Let me see.")
    assert reply.usage.output
    assert reply.cost is not None


def test_every_other_block_names_what_there_is() -> None:
    targets = re.findall(
        r"^([\w-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE
    )
    for block in BLOCKS:
        if is_cell(block):
            continue
        match shlex.split(block):
            case ["pip", "install", "."]:
                assert (ROOT / "pyproject.toml").is_file()
            case ["make", target]:
                assert target in targets
            case [assignment]:
                name, _, value = assignment.partition("=")
                assert value == "…"
                assert name in {n for p in catalogue().providers.values() for n in p.key_env}
            case words:
                pytest.fail(f"nothing runs {words}")


def test_names_in_the_text_exist() -> None:
    flags = {flag for option in OPTIONS for flag in option.flags}
    variables = {name for p in catalogue().providers.values() for name in p.key_env}
    targets = (ROOT / "Makefile").read_text(encoding="utf-8")
    for code in INLINE:
        if name := re.fullmatch(r"make (\w+)", code):
            assert f"\n{name[1]}:" in targets, code
        if name := re.match(r"%glm (\w+)", code):
            assert name[1] in verbs(), code
        if name := re.search(r"\bglm\.(\w+)", code):
            assert name[1] in glm_magic.__all__, code
        if code.endswith("_API_KEY"):
            assert code in variables, code
        assert set(re.findall(r"(?<!\S)--[a-z-]+", code)) <= flags, code


FIRST_ANSWERS = (ROOT / "docs" / "first-answer.md").read_text(encoding="utf-8")
CELLS = re.findall(r"```\n(%%glm -p ([\w-]+).*?\n)```", FIRST_ANSWERS, re.DOTALL)


@pytest.mark.parametrize(("cell", "provider"), CELLS, ids=[name for _, name in CELLS])
def test_the_first_answer_from_each_provider_comes(
    cell: str, provider: str, cells: Cells, monkeypatch: pytest.MonkeyPatch
) -> None:
    if provider == "local":
        pytest.skip("the small model answers for itself: tests/local")
    place = next(place for place in PLACES if place.provider == provider)
    with ModelServer(place.flavor) as server:
        server.tell(Script(answer="Because."))
        for name in catalogue().providers[provider].key_env:
            assert f"```\n{name}=…\n```" in FIRST_ANSWERS
            monkeypatch.setenv(name, KEY)
        monkeypatch.setenv("GLM_BASE_URL", server.url + place.path)
        cells.run("%load_ext glm_magic")
        assert "Because." in cells.run(cell)
        assert server.requests
