"""Keys come from four places, in order, and are never shown."""

from __future__ import annotations

import os
import sys
import types

import pytest

import glm_magic as glm
from glm_magic.catalogue.load import catalogue
from glm_magic.core.errors import InvalidValueError, MissingKeyError
from glm_magic.credentials import find_key, missing_key
from glm_magic.engine.keywords import messages_of, to_options
from glm_magic.engine.prepare import prepare
from glm_magic.views.header import facts, remarks
from glm_magic.views.labels import labels_for
from glm_magic.views.options import ViewOptions
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


def test_the_argument_wins_then_the_environment_then_the_keyring_then_a_file(
    zai, monkeypatch, tmp_path, keyring
):
    """A file adds a key where there is none, and takes the place of no other."""
    (tmp_path / ".env").write_text("GLM_API_KEY=any-file\nZAI_API_KEY='from-file'\n")
    assert find_key(zai).reveal() == "from-file"
    keyring["glm_magic", "GLM_API_KEY"] = "any-keyring"
    assert find_key(zai).reveal() == "any-keyring"
    keyring["glm_magic", "ZAI_API_KEY"] = "from-keyring"
    assert find_key(zai).reveal() == "from-keyring"
    monkeypatch.setenv("GLM_API_KEY", "any")
    assert find_key(zai).reveal() == "any"
    assert find_key(zai, own_only=True).reveal() == "from-keyring"
    monkeypatch.setenv("ZAI_API_KEY", "own")
    assert find_key(zai).reveal() == "own"
    assert find_key(zai, "given").reveal() == "given"
    assert find_key(zai, "") is None


def test_a_file_without_the_own_key_has_the_general_one(zai, tmp_path):
    (tmp_path / ".env").write_text("GLM_API_KEY=any-file\n")
    assert find_key(zai).reveal() == "any-file"
    assert find_key(zai, own_only=True) is None


MARKS = (".git", ".hg", ".jj", ".svn")


@pytest.mark.parametrize("mark", MARKS)
def test_a_file_above_is_read_inside_the_same_project(zai, monkeypatch, tmp_path, mark):
    below = tmp_path / "outside" / "project" / "a" / "b"
    below.mkdir(parents=True)
    monkeypatch.chdir(below)
    (tmp_path / "outside" / ".env").write_text("ZAI_API_KEY=another-project\n")
    project = tmp_path / "outside" / "project"
    (project / ".env").write_text("ZAI_API_KEY=above\n")
    assert find_key(zai) is None, "nothing says that these folders belong together"
    (project / mark).mkdir()
    assert find_key(zai).reveal() == "above"
    assert "above" not in repr(find_key(zai))
    (below / ".env").write_text("ZAI_API_KEY=beside\n")
    assert find_key(zai).reveal() == "beside"
    (below / ".env").write_text("OTHER=1\n")
    assert find_key(zai).reveal() == "above"
    (project / ".env").unlink()
    assert find_key(zai) is None, "the project ends at its top folder"


def test_without_version_control_the_home_folder_ends_the_search(
    zai, monkeypatch, tmp_path, isolated_home
):
    below = isolated_home / "notes" / "today"
    below.mkdir(parents=True)
    monkeypatch.chdir(below)
    (tmp_path / ".env").write_text("ZAI_API_KEY=above-home\n")
    assert find_key(zai) is None
    (isolated_home / ".env").write_text("ZAI_API_KEY=at-home\n")
    assert find_key(zai).reveal() == "at-home"


def test_a_worktree_is_a_project_too(zai, monkeypatch, tmp_path):
    (tmp_path / "w" / "sub").mkdir(parents=True)
    (tmp_path / "w" / ".git").write_text("gitdir: elsewhere\n")
    (tmp_path / "w" / ".env").write_text("ZAI_API_KEY=in-worktree\n")
    monkeypatch.chdir(tmp_path / "w" / "sub")
    assert find_key(zai).reveal() == "in-worktree"


needs_owners = pytest.mark.skipif(
    not hasattr(os, "getuid") or os.getuid() != 0, reason="only root can give files away"
)


@needs_owners
@pytest.mark.parametrize("given", ["file", "link", "target"])
def test_a_file_of_another_user_is_not_read(zai, tmp_path, given):
    target = tmp_path / "elsewhere"
    target.write_text("ZAI_API_KEY=of-a-stranger\n")
    file = tmp_path / ".env"
    if given == "file":
        target.rename(file)
    else:
        file.symlink_to(target)
        assert find_key(zai).reveal() == "of-a-stranger", (
            "a link of one's own to a file of one's own"
        )
    os.chown(target if given == "target" else file, 12345, 12345, follow_symlinks=False)
    assert find_key(zai) is None
    with pytest.raises(MissingKeyError) as caught:
        raise missing_key(zai)
    assert "belongs to another user" in caught.value.hint
    assert len(caught.value.lines()) == 2


def test_a_file_that_anyone_can_write_is_not_read(zai, tmp_path):
    file = tmp_path / ".env"
    file.write_text("ZAI_API_KEY=of-anyone\n")
    file.chmod(0o666)
    assert find_key(zai) is None
    assert "written by anyone" in missing_key(zai).hint
    file.chmod(0o664)
    assert find_key(zai).reveal() == "of-anyone"


@pytest.mark.timeout(10)
@pytest.mark.parametrize("kind", ["folder", "pipe", "huge", "loop"])
def test_what_is_no_file_of_settings_is_passed_over(zai, tmp_path, kind):
    file = tmp_path / ".env"
    if kind == "folder":
        file.mkdir()
    elif kind == "pipe":
        os.mkfifo(file)
    elif kind == "loop":
        file.symlink_to(file)
    else:
        file.write_text("ZAI_API_KEY=k\n" + "#" * 1024 * 1024)
    assert find_key(zai) is None
    assert "ZAI_API_KEY" in missing_key(zai).hint


def test_the_general_variable_does_not_choose_a_provider(zai, monkeypatch):
    monkeypatch.setenv("GLM_API_KEY", "any")
    assert find_key(zai, own_only=True) is None


def test_a_missing_key_names_the_variable_and_the_page(zai):
    with pytest.raises(MissingKeyError) as caught:
        raise missing_key(zai)
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


# ── who is asked, and where a key goes ────────────────────────────────────────────────────────────


@pytest.fixture
def served(model_server):
    """Answer whatever key comes, and return the header that came."""
    for vendor in model_server.vendors:
        vendor.refuse = lambda *_: None
    model_server.tell(Script(answer="hi"))
    return model_server


def prepared(**keywords):
    return prepare(messages_of("hi"), to_options(keywords))


def test_a_file_never_takes_over_from_the_environment(monkeypatch, tmp_path):
    (tmp_path / ".env").write_text("DASHSCOPE_API_KEY=of-the-folder\nZAI_API_KEY=of-the-folder\n")
    assert prepared().offer.provider.name == "dashscope"
    monkeypatch.setenv("OPENROUTER_API_KEY", "mine")
    request = prepared()
    assert request.offer.provider.name == "openrouter"
    assert request.key.reveal() == "mine"
    assert [notice.code for notice in request.notices if notice.code == "key"] == []
    monkeypatch.setenv("GLM_API_KEY", "mine-for-any")
    assert prepared(provider="zai").key.reveal() == "mine-for-any"


def test_a_model_that_only_the_files_provider_has_is_asked_there(monkeypatch, tmp_path):
    (tmp_path / ".env").write_text("ZAI_API_KEY=of-the-folder\n")
    monkeypatch.setenv("DASHSCOPE_API_KEY", "mine")
    assert prepared(model="glm-5").offer.provider.name == "dashscope"
    assert prepared(model="glm-5-turbo").offer.provider.name == "zai"


def test_a_file_does_not_choose_where_the_general_key_goes(monkeypatch, tmp_path):
    (tmp_path / ".env").write_text("WCODE_API_KEY=of-the-folder\n")
    monkeypatch.setenv("GLM_API_KEY", "mine")
    request = prepared()
    assert request.offer.provider.name == "wcode"
    assert request.key.reveal() == "of-the-folder"


def test_a_key_from_a_file_or_the_keyring_is_named_in_the_header(tmp_path, keyring, served):
    where = {"provider": "zai", "model": "glm-4.6", "base_url": served.url + "/api/paas/v4"}
    (tmp_path / ".env").write_text("ZAI_API_KEY=of-the-folder\n")
    for place in (".env", "keyring"):
        if place == "keyring":
            keyring["glm_magic", "ZAI_API_KEY"] = "of-the-keyring"
        turn = glm.ask("hi", **where).turn
        shown = facts(turn, ViewOptions(), labels_for("en"))
        assert [fact.text for fact in shown if fact.kind == "key"] == [f"key: {place}"]
        assert not any("key" in line for line in remarks(turn, ViewOptions(), labels_for("en")))


OWN = {"zai": "ZAI_API_KEY", "wcode": "WCODE_API_KEY", "dashscope": "DASHSCOPE_API_KEY",
       "dashscope-native": "DASHSCOPE_API_KEY", "bigmodel": "ZHIPUAI_API_KEY",
       "openrouter": "OPENROUTER_API_KEY"}  # fmt: skip
HOSTS = {
    "bigmodel": "https://open.bigmodel.cn/api/coding/paas/v4",
    "zai": "https://API.Z.AI./api/paas/v4",
    "wcode": "www.wcode.net/api/gpt/v1",
    "openrouter": "https://user@openrouter.ai/api/v1",
    "dashscope": "https://ws.cn-beijing.maas.aliyuncs.com/compatible-mode/v1",
}
PAIRS = [(own, there) for own in OWN for there in HOSTS
         if OWN[own] != OWN[there]]  # fmt: skip


@pytest.mark.parametrize(("own", "there"), PAIRS)
@pytest.mark.parametrize("source", ["environment", "file", "keyring"])
def test_a_key_never_goes_to_the_known_host_of_another(
    own, there, source, monkeypatch, tmp_path, keyring
):
    if source == "environment":
        monkeypatch.setenv(OWN[own], "k-1234")
    elif source == "file":
        (tmp_path / ".env").write_text(f"{OWN[own]}=k-1234\n")
    else:
        keyring["glm_magic", OWN[own]] = "k-1234"
    model = "glm-4.6" if own not in ("dashscope", "dashscope-native") else "glm-5"
    for given in ("argument", "variable"):
        base_url = HOSTS[there] if given == "argument" else None
        if given == "variable":
            monkeypatch.setenv("GLM_BASE_URL", HOSTS[there])
        with pytest.raises(InvalidValueError) as caught:
            prepared(provider=own, model=model, base_url=base_url)
        assert f"the base URL is {there}'s" in caught.value.message
        assert OWN[own] in caught.value.message
        assert f"-p {there}" in caught.value.hint
        assert len(caught.value.lines()) == 2


def test_a_key_that_belongs_to_nobody_goes_where_the_request_goes(monkeypatch):
    """GLM_API_KEY serves any provider, and a key given with the call is the caller's decision."""
    where = {"provider": "zai", "model": "glm-4.6", "base_url": HOSTS["bigmodel"]}
    assert prepared(api_key="given-1", **where).key.reveal() == "given-1"
    monkeypatch.setenv("GLM_API_KEY", "for-any-1")
    assert prepared(**where).key.reveal() == "for-any-1"


@pytest.mark.parametrize(
    ("provider", "base_url"),
    [
        ("dashscope", "https://dashscope-intl.aliyuncs.com/compatible-mode/v1"),
        ("dashscope-intl", "https://ws.cn-beijing.maas.aliyuncs.com/compatible-mode/v1"),
        ("zai", "https://gateway.example/v4"),
        ("zai", "http://127.0.0.1:8000/v1"),
        ("zai", "https://api.z.ai.example/v4"),
    ],
)
def test_its_own_hosts_and_gateways_get_the_key(provider, base_url, monkeypatch):
    monkeypatch.setenv(OWN.get(provider, "DASHSCOPE_API_KEY"), "k-1234")
    model = "glm-4.6" if provider == "zai" else "glm-5"
    assert prepared(provider=provider, model=model, base_url=base_url).key.reveal() == "k-1234"


def test_lanes_to_another_host_are_refused_before_anything_is_sent(monkeypatch):
    monkeypatch.setenv("ZAI_API_KEY", "k-1234")
    monkeypatch.setenv("ZHIPUAI_API_KEY", "k-5678")
    monkeypatch.setenv("GLM_BASE_URL", HOSTS["bigmodel"])
    with pytest.raises(InvalidValueError, match="the base URL is bigmodel's"):
        glm.compare("hi", "provider=zai,bigmodel")


PLAIN = [
    ("http://gpu.example:8000/v1", True), ("http://10.0.0.7/v1", True),
    ("http://[fd00::1]/v1", True),
    ("https://gpu.example/v1", False), ("http://127.0.0.1:8000/v1", False),
    ("http://localhost/v1", False), ("http://[::ffff:127.0.0.1]/v1", False),
]  # fmt: skip


@pytest.mark.parametrize(("base_url", "warned"), PLAIN)
def test_a_key_over_plain_http_is_told_once_for_each_host(base_url, warned, monkeypatch):
    monkeypatch.setattr("glm_magic.credentials._warned_hosts", set())
    where = {"provider": "vllm", "model": "m", "base_url": base_url}
    told = [[n for n in prepared(api_key=key, **where).notices if n.code == "plain-http"]
            for key in (None, "k-1234", "k-1234")]  # fmt: skip
    assert [len(notices) for notices in told] == [0, int(warned), 0]
    if warned:
        assert "plain http" in told[1][0].message


@pytest.mark.parametrize("provider", ["zai", "dashscope", "vllm"])
@pytest.mark.parametrize("value", ['"sk-12345678"', "your-api-key", "Bearer sk-12345678"])
def test_a_text_that_is_no_key_is_refused_before_anything_is_sent(
    provider, value, monkeypatch, model_server
):
    variable = {"vllm": "GLM_API_KEY"}.get(provider) or OWN[provider]
    monkeypatch.setenv(variable, value)
    with pytest.raises(InvalidValueError) as caught:
        glm.ask("hi", provider=provider, model="glm-5", base_url=model_server.url + "/v1")
    assert variable in caught.value.message
    assert value not in "\n".join(caught.value.lines())
    assert model_server.requests == []


def test_a_bad_key_stops_nobody_who_does_not_use_it(monkeypatch):
    monkeypatch.setenv("DASHSCOPE_API_KEY", '"quoted"')
    monkeypatch.setenv("ZAI_API_KEY", "k-1234")
    assert prepared(provider="zai").key.reveal() == "k-1234"
    with pytest.raises(InvalidValueError, match="DASHSCOPE_API_KEY"):
        prepared()
