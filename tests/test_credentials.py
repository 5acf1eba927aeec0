"""Keys come from four places, in order, and are never shown."""

from __future__ import annotations

import sys
import types

import pytest

import glm_magic as glm
from glm_magic.catalogue.load import catalogue
from glm_magic.core.errors import InvalidValueError, MissingKeyError
from glm_magic.credentials import find_key, require_key
from tests.servers.script import Script


@pytest.fixture
def zai():
    return catalogue().providers["zai"]


@pytest.fixture(autouse=True)
def empty_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def keyring(monkeypatch):
    held = {}
    module = types.ModuleType("keyring")
    module.get_password = lambda service, name: held.get((service, name))
    monkeypatch.setitem(sys.modules, "keyring", module)
    return held


def test_the_argument_wins_then_the_own_variable_then_the_general_one(
    zai, monkeypatch, tmp_path, keyring
):
    keyring["glm_magic", "ZAI_API_KEY"] = "from-keyring"
    assert find_key(zai).reveal() == "from-keyring"
    (tmp_path / ".env").write_text("GLM_API_KEY=any-file\nZAI_API_KEY='from-file'\n")
    assert find_key(zai).reveal() == "from-file"
    monkeypatch.setenv("GLM_API_KEY", "any")
    assert find_key(zai).reveal() == "from-file"
    (tmp_path / ".env").write_text("GLM_API_KEY=any-file\n")
    assert find_key(zai).reveal() == "from-keyring"
    keyring.clear()
    assert find_key(zai).reveal() == "any"
    monkeypatch.delenv("GLM_API_KEY")
    assert find_key(zai).reveal() == "any-file"
    monkeypatch.setenv("ZAI_API_KEY", "own")
    assert find_key(zai).reveal() == "own"
    assert find_key(zai, "given").reveal() == "given"


def test_a_file_in_a_folder_above_is_found(zai, monkeypatch, tmp_path):
    (tmp_path / ".env").write_text("ZAI_API_KEY=above\n")
    below = tmp_path / "a" / "b"
    below.mkdir(parents=True)
    monkeypatch.chdir(below)
    assert find_key(zai).reveal() == "above"
    assert "above" not in repr(find_key(zai))


def test_the_general_variable_does_not_choose_a_provider(zai, monkeypatch):
    monkeypatch.setenv("GLM_API_KEY", "any")
    assert find_key(zai, own_only=True) is None


def test_a_missing_key_names_the_variable_and_the_page(zai):
    with pytest.raises(MissingKeyError) as caught:
        require_key(zai)
    assert "ZAI_API_KEY" in caught.value.hint
    assert zai.key_url in caught.value.hint
    assert len(caught.value.lines()) == 2


@pytest.mark.parametrize("value", ["schlüssel", "two words", "line\nbreak", "zero\u200bwidth"])
def test_a_key_that_cannot_be_sent_is_refused_without_being_shown(zai, monkeypatch, value):
    monkeypatch.setenv("ZAI_API_KEY", value)
    with pytest.raises(InvalidValueError) as caught:
        find_key(zai)
    assert value not in "\n".join(caught.value.lines())
    assert "ZAI_API_KEY" in caught.value.message


def test_spaces_around_a_key_are_dropped(zai, monkeypatch):
    monkeypatch.setenv("ZAI_API_KEY", "  key-with-newline\n")
    assert find_key(zai).reveal() == "key-with-newline"


def test_a_broken_keyring_means_no_key(zai, monkeypatch):
    module = types.ModuleType("keyring")

    def locked(service, name):
        raise RuntimeError("locked")

    module.get_password = locked
    monkeypatch.setitem(sys.modules, "keyring", module)
    assert find_key(zai) is None


def test_a_self_hosted_server_gets_a_key_only_when_one_is_set(model_server, monkeypatch):
    model_server.tell(Script(answer="hi"))
    where = {"provider": "vllm", "model": "glm-4.6", "base_url": model_server.url + "/v1"}
    glm.ask("hi", **where)
    assert "authorization" not in model_server.requests[-1].headers
    monkeypatch.setenv("GLM_API_KEY", "of-my-server")
    reply = glm.ask("hi", **where)
    assert model_server.requests[-1].headers["authorization"] == "Bearer of-my-server"
    assert "of-my-server" not in repr(vars(reply))


def test_a_key_never_reaches_what_a_reply_or_an_error_holds(model_server):
    model_server.tell(Script(answer="hi"))
    secret = "test-key"
    where = {"provider": "zai", "model": "glm-4.6", "base_url": model_server.url + "/api/paas/v4"}
    with glm.stream("hi", api_key=secret, **where) as stream:
        stream.wait()
    assert secret not in repr(stream.call)
    assert secret not in repr(vars(stream.reply))
    with pytest.raises(glm.GlmError) as caught:
        glm.ask("hi", api_key="wrong-key-77", **where)
    assert "wrong-key-77" not in repr(vars(caught.value)) + str(caught.value)


@pytest.mark.parametrize(
    "saved",
    [
        "ZAI_API_KEY=from-file".encode("utf-16"),
        "ZAI_API_KEY=from-file".encode("utf-8-sig"),
        "# 密钥\nZAI_API_KEY=from-file\n".encode("gbk"),
    ],
    ids=["UTF-16", "with a BOM", "GBK"],
)
def test_a_file_of_any_encoding_is_read(zai, tmp_path, saved):
    (tmp_path / ".env").write_bytes(saved)
    assert find_key(zai).reveal() == "from-file"
