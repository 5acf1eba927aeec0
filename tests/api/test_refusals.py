"""What is known not to work is refused in words, with nothing sent."""

from __future__ import annotations

import socket
from pathlib import Path
from typing import Any

import pytest

import glm_magic as glm
from glm_magic.core import errors
from tests.api.providers import PLACES, Place
from tests.servers.model_server import ModelServer
from tests.servers.vendor import KEY

every_place = pytest.mark.parametrize(
    "place", PLACES, ids=lambda place: f"{place.provider}{place.path}-{place.flavor}"
)
HOSTED = [place for place in PLACES if place.hosted]
DASHSCOPE, NATIVE, BIGMODEL = PLACES[0], PLACES[2], PLACES[4]


def refused(kind: type[glm.GlmError], prompt: Any = "Why?", **asked: Any) -> glm.GlmError:
    """Ask, and return the error; both ways of asking have to raise it at once."""
    with pytest.raises(kind) as caught:
        glm.ask(prompt, **asked)
    assert caught.value.hint
    assert KEY not in "\n".join(caught.value.lines())
    return caught.value


@pytest.mark.parametrize("prompt", ["", "   \n\t", [], [{"role": "user", "content": " "}]])
def test_an_empty_prompt(server: ModelServer, prompt: Any) -> None:
    refused(errors.InvalidValueError, prompt, **DASHSCOPE.asked(server))
    assert server.requests == []


@pytest.mark.parametrize(
    "prompt",
    [
        [{"role": "king", "content": "?"}],
        [{"content": "?"}],
        [{"role": "user"}],
        ["?"],
        [{"role": "user", "content": [{"type": "video", "text": 7}]}],
        [{"role": "system", "content": ["?"]}, {"role": "user", "content": "?"}],
        [{"role": "user", "content": "?"}, {"role": "assistant", "content": "!"}],
        7,
        None,
    ],
)
def test_what_is_no_conversation(server: ModelServer, prompt: Any) -> None:
    refused(errors.InvalidValueError, prompt, **DASHSCOPE.asked(server))
    assert server.requests == []


def test_an_unknown_provider_with_the_nearest_name(server: ModelServer) -> None:
    error = refused(errors.UnknownNameError, provider="bigmodle", api_key=KEY)
    assert "bigmodel" in error.hint


def test_an_unknown_model_with_the_nearest_name() -> None:
    error = refused(errors.UnknownNameError, provider="dashscope", model="glm-4.66", api_key=KEY)
    assert "did you mean glm-4.5?" in error.hint
    assert "glm-4.6" not in error.hint, "it was removed there"


def test_an_unknown_model_at_an_address_of_ones_own_is_sent(server: ModelServer) -> None:
    error = refused(errors.NotFoundError, **DASHSCOPE.asked(server, model="glm-9-preview"))
    assert server.last.json["model"] == "glm-9-preview"
    assert (error.status, error.code) == (404, "model_not_found")
    assert "unlisted-model" in [notice.code for notice in error.turn.notices]


@pytest.mark.parametrize("place", HOSTED, ids=lambda place: place.provider + place.path)
def test_a_missing_key_names_the_variable(place: Place, server: ModelServer) -> None:
    asked = {**place.asked(server), "api_key": None}
    error = refused(errors.MissingKeyError, **asked)
    assert "_API_KEY" in error.hint
    assert error.provider == place.provider
    assert server.requests == []


@pytest.mark.parametrize("place", HOSTED, ids=lambda place: place.provider + place.path)
def test_a_wrong_key_is_told_by_the_service(place: Place, server: ModelServer) -> None:
    error = refused(errors.AuthenticationError, **place.asked(server, api_key="sk-wrong-1234"))
    assert error.status == 401
    assert error.provider == place.provider
    assert "sk-wrong-1234" not in repr(error) + str(error) + repr(error.turn)
    assert len(server.requests) == 1


def test_a_self_hosted_server_may_want_a_key() -> None:
    place = next(place for place in PLACES if place.provider == "vllm")
    with ModelServer(selfhost_key="own") as server:
        assert refused(errors.AuthenticationError, **place.asked(server)).status == 401
        assert glm.ask("?", **place.asked(server, api_key="own")).status == "complete"


@pytest.mark.parametrize("key", ["", "  ", "two words", "smart\u201cquote", "line\nbreak"])
def test_a_key_that_cannot_be_sent(server: ModelServer, key: str) -> None:
    error = refused(errors.RefusedError, **DASHSCOPE.asked(server, api_key=key))
    assert key.strip() == "" or key not in str(error)
    assert server.requests == []


@every_place
def test_a_refused_connection(place: Place, server: ModelServer) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    asked = {**place.asked(server), "base_url": f"http://127.0.0.1:{port}{place.path}"}
    error = refused(errors.ConnectionFailedError, **asked)
    assert f"127.0.0.1:{port}" in error.message
    assert error.turn is not None
    assert error.turn.status == "failed"
    assert error.status is None


@pytest.mark.parametrize(
    "url", ["ftp://x", "localhost", "http://", "http://[", "http://a:b/v1", "x y"]
)
def test_an_address_that_is_none(url: str) -> None:
    refused(errors.InvalidValueError, provider="vllm", model="m", base_url=url)


def test_an_address_may_end_in_a_slash_or_in_the_whole_path(server: ModelServer) -> None:
    for end in ("/", "/chat/completions"):
        asked = DASHSCOPE.asked(server)
        reply = glm.ask("?", **{**asked, "base_url": asked["base_url"] + end})
        assert reply.status == "complete"


@pytest.mark.parametrize(
    ("place", "options"),
    [
        (DASHSCOPE, {"temperature": 2}),
        (DASHSCOPE, {"top_p": 0}),
        (DASHSCOPE, {"max_tokens": 0}),
        (DASHSCOPE, {"params": {"seed": -1}}),
        (DASHSCOPE, {"params": {"enable_search": True}}),
        (DASHSCOPE, {"params": {"tool_choice": "required"}}),
        (NATIVE, {"temperature": 2.5}),
        (BIGMODEL, {"temperature": 1.5}),
        (BIGMODEL, {"top_p": 0.001}),
        (PLACES[7], {"params": {"top_logprobs": 3}}),
        (PLACES[7], {"params": {"min_p": 2}}),
        (DASHSCOPE, {"temperature": "warm"}),
        (DASHSCOPE, {"temperature": float("nan")}),
        (DASHSCOPE, {"params": {"messages": []}}),
        (DASHSCOPE, {"params": {"stream": False}}),
        (DASHSCOPE, {"thinking": "deeply"}),
    ],
)
def test_a_value_out_of_range(server: ModelServer, place: Place, options: dict[str, Any]) -> None:
    refused(errors.RefusedError, **place.asked(server, **options))
    assert server.requests == []


@pytest.mark.parametrize("place", [DASHSCOPE, BIGMODEL], ids=["dashscope", "bigmodel"])
def test_thinking_off_where_the_model_always_thinks(place: Place, server: ModelServer) -> None:
    asked = place.asked(server, model="glm-5.3", thinking=False)
    refused(errors.UnsupportedError, **asked)
    assert server.requests == []


def test_keys_are_found_where_they_are_said_to_be(
    server: ModelServer, monkeypatch: pytest.MonkeyPatch, empty_folder: Path
) -> None:
    asked = {**DASHSCOPE.asked(server), "api_key": None}
    (empty_folder / ".env").write_text("DASHSCOPE_API_KEY=from-file\n")
    sent = []
    for name, value in (
        (None, None),
        ("GLM_API_KEY", "for-any"),
        ("DASHSCOPE_API_KEY", "its-own"),
    ):
        if name:
            monkeypatch.setenv(name, value)
        with pytest.raises(errors.AuthenticationError):
            glm.ask("?", **asked)
        sent.append(server.last.headers["authorization"])
    assert sent == ["Bearer from-file", "Bearer for-any", "Bearer its-own"]


def test_the_environment_can_choose_everything(
    server: ModelServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GLM_PROVIDER", "bigmodel")
    monkeypatch.setenv("GLM_MODEL", "glm-4.5-flash")
    monkeypatch.setenv("GLM_BASE_URL", server.url + "/api/paas/v4")
    monkeypatch.setenv("ZHIPUAI_API_KEY", KEY)
    reply = glm.ask("?")
    assert (reply.provider, reply.model) == ("bigmodel", "glm-4.5-flash")
    assert server.last.json["model"] == "glm-4.5-flash"


def test_with_nothing_configured_the_error_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    from glm_magic import local

    monkeypatch.setattr(local, "available", lambda: False)
    error = refused(errors.MissingKeyError)
    assert "API_KEY" in error.hint


@pytest.mark.parametrize("keyword", ["temprature", "stop", "max_token", "stream"])
def test_an_unknown_keyword_is_not_swallowed(server: ModelServer, keyword: str) -> None:
    with pytest.raises((TypeError, errors.RefusedError)) as caught:
        glm.ask("Why?", **DASHSCOPE.asked(server, **{keyword: 1}))
    assert keyword in str(caught.value)
    assert server.requests == []


@pytest.mark.parametrize("value", [{1}, object(), b"x", float("nan"), float("inf"), 1j])
def test_a_parameter_that_json_cannot_hold(server: ModelServer, value: Any) -> None:
    refused(errors.InvalidValueError, **DASHSCOPE.asked(server, params={"extra": value}))
    assert server.requests == []


@pytest.mark.parametrize(
    "options",
    [
        *({name: 7} for name in ("model", "provider", "base_url", "api_key", "system", "tools")),
        *({"params": value} for value in ("x", [1], {1: 2})),
        *({"idle_timeout_s": value} for value in ("x", -1, float("nan"))),
        {"thinking": 7},
        {"tools": "x"},
        {"tools": [{}]},
    ],
    ids=str,
)
def test_an_option_of_the_wrong_type(server: ModelServer, options: dict[str, Any]) -> None:
    refused(errors.RefusedError, **DASHSCOPE.asked(server, **options))
    assert server.requests == []
