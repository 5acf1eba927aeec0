"""Line option over session over %config over environment over what is built in."""

import subprocess
import sys

import pytest
from traitlets.config import Config

from glm_magic.catalogue.load import catalogue
from glm_magic.engine.options import Options
from glm_magic.magic.config import GLM
from glm_magic.magic.workspace import config_options


def row(printed, name):
    return next(line for line in printed.splitlines() if line.split()[:1] == [name])


def test_the_order_of_precedence(glm_shell, sent, monkeypatch):
    monkeypatch.setenv("GLM_MODEL", "glm-4.5-air")
    glm_shell.run("%glm -q hello")
    glm_shell.run("%config GLM.model = 'glm-4.5'")
    glm_shell.run("%glm -q hello")
    glm_shell.run("%glm use glm-4.6")
    glm_shell.run("%glm -q hello")
    glm_shell.run("%glm -q -m glm-4.7 hello")
    models = [body["model"] for body in sent()]
    assert models == ["glm-4.5-air", "glm-4.5", "glm-4.6", "glm-4.7"]


def test_config_says_where_each_value_comes_from(glm_shell, monkeypatch):
    assert "GLM_BASE_URL" in row(glm_shell.run("%glm config"), "base_url")
    assert "the provider's newest" in row(glm_shell.run("%glm config"), "model")
    monkeypatch.setenv("GLM_MODEL", "glm-4.5-air")
    assert row(glm_shell.run("%glm config"), "model").split() == [
        "model",
        "glm-4.5-air",
        "GLM_MODEL",
    ]
    glm_shell.run("%config GLM.model = 'glm-4.5'")
    assert "%config GLM.model" in row(glm_shell.run("%glm config"), "model")
    glm_shell.run("%glm use glm-4.6")
    assert "session default" in row(glm_shell.run("%glm config"), "model")
    assert "built-in" in row(glm_shell.run("%glm config"), "thinking")


def said(cells, name):
    """Return value and origin of a row, as `%glm config` has them."""
    return " ".join(row(cells.run("%glm config"), name).split()[1:])


BASE_URLS = {
    "https://open.bigmodel.cn/api/coding/paas/v4": "bigmodel GLM_BASE_URL",
    "http://127.0.0.1:11434/v1": "ollama GLM_BASE_URL",
    "https://models.example/v1": "zai ZAI_API_KEY was found",
}


@pytest.mark.parametrize("base_url", BASE_URLS)
def test_the_origin_of_the_provider_is_what_decided(cells, monkeypatch, base_url):
    monkeypatch.setenv("ZAI_API_KEY", "test-key")
    assert said(cells, "provider") == "zai ZAI_API_KEY was found"
    monkeypatch.setenv("GLM_BASE_URL", base_url)
    monkeypatch.setenv("GLM_MODEL", "glm-4.6")
    assert said(cells, "provider") == BASE_URLS[base_url]
    assert said(cells, "base_url") == f"{base_url} GLM_BASE_URL"
    monkeypatch.setenv("GLM_PROVIDER", "vllm")
    assert said(cells, "provider") == "vllm GLM_PROVIDER"


def test_an_address_of_nobody_decides_where_there_is_no_key(cells, monkeypatch):
    monkeypatch.setenv("GLM_BASE_URL", "https://models.example/v1")
    monkeypatch.setenv("GLM_MODEL", "m")
    assert said(cells, "provider") == "vllm GLM_BASE_URL"
    assert said(cells, "key") == "not needed"


def test_a_model_with_its_provider_decides_both(cells, monkeypatch):
    monkeypatch.setenv("GLM_MODEL", "WCODE/glm-4.5")
    assert said(cells, "provider") == "wcode GLM_MODEL"
    assert said(cells, "model") == "glm-4.5 GLM_MODEL"
    assert said(cells, "key") == "missing WCODE_API_KEY"


def test_the_file_that_holds_the_key_is_named(cells, monkeypatch, tmp_path):
    (tmp_path / ".env").write_text("ZAI_API_KEY=test-key\n")
    assert said(cells, "provider") == f"zai ZAI_API_KEY in {tmp_path}/.env was found"
    assert said(cells, "key") == f"found ZAI_API_KEY in {tmp_path}/.env"
    monkeypatch.setenv("GLM_API_KEY", "for-any")
    monkeypatch.setenv("GLM_PROVIDER", "zai")
    assert said(cells, "key") == "found GLM_API_KEY"
    monkeypatch.setenv("GLM_API_KEY", '"for-any"')
    assert said(cells, "key") == "the key in GLM_API_KEY has quotation marks in it GLM_API_KEY"


def test_the_configuration_folder_is_named(cells, monkeypatch, tmp_path):
    monkeypatch.setenv("GLM_HOME", str(tmp_path / "there"))
    assert said(cells, "folder") == f"{tmp_path}/there GLM_HOME"
    monkeypatch.delenv("GLM_HOME")
    assert said(cells, "folder").endswith("glm_magic built-in")


def test_settings_of_config_reach_the_request(glm_shell, sent):
    glm_shell.run("%config GLM.thinking = 'off'")
    glm_shell.run("%config GLM.system = 'be brief'")
    glm_shell.run("%glm -q glm-4.6 hello")
    glm_shell.run("%glm -q glm-4.6 --think hello")
    assert [body["thinking"]["type"] for body in sent()] == ["disabled", "enabled"]
    assert sent()[0]["messages"][0] == {"role": "system", "content": "be brief"}


def test_settings_of_config_reach_the_view(glm_shell):
    glm_shell.run("%config GLM.show_thinking = 'hide'")
    assert "Let me see." not in glm_shell.run("%%glm\nwhy?")
    assert "Let me see." in glm_shell.run("%%glm --show-thinking open\nwhy?")


def test_the_configured_session_is_the_one_in_use(glm_shell):
    glm_shell.run("%config GLM.session = 'lesson'")
    glm_shell.run("%glm -q hello")
    assert "lesson" in glm_shell.run("%glm usage")
    glm_shell.run("%glm use default") if "default" in glm_shell.run("%glm sessions") else None
    assert "session   lesson" in glm_shell.run("%glm")


def test_the_configuration_file_is_named():
    config = GLM(config=Config({"GLM": {"model": "glm-4.6", "thinking": True}}))
    assert config.origin("model") == "ipython_config.py"
    assert config.origin("provider") is None
    config.model = "glm-4.5"
    assert config.origin("model") == "%config GLM.model"
    assert config_options(config).thinking is True


@pytest.mark.parametrize(
    ("setting", "value"), [("thinking", "perhaps"), ("format", "pdf"), ("idle_timeout_s", -1)]
)
def test_values_are_checked_when_they_are_set(setting, value):
    config = GLM()
    with pytest.raises(Exception, match=setting):
        setattr(config, setting, value)


def test_a_provider_named_above_a_model_leaves_it_out_unless_it_serves_it():
    known = catalogue()
    below = Options(provider="zai", model="glm-4.7-flash")
    assert Options.layered(known, Options(provider="bigmodel"), below).model == "glm-4.7-flash"
    assert Options.layered(known, Options(provider="wcode"), below).model is None
    assert Options.layered(known, Options(model="glm-4.5"), below).provider == "zai"


def test_a_provider_named_with_the_model_wins_over_one_below():
    known = catalogue()
    merged = Options.layered(known, Options(model="bigmodel/glm-4.6"), Options(provider="wcode"))
    assert (merged.provider, merged.model) == ("bigmodel", "glm-4.6")


def test_importing_needs_no_shell():
    code = "from glm_magic.magic.line.parse import parse; print(parse('-q x').quiet)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "True"
