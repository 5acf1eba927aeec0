"""Going on with a reply that was begun: refused before sending where an offer says no."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import pytest

import glm_magic as glm
from glm_magic.catalogue.load import catalogue
from glm_magic.catalogue.lookup import able
from glm_magic.core.errors import InvalidValueError, NotFoundError, RefusedError, UnsupportedError
from tests.api.providers import PLACES, Place
from tests.servers.model_server import ModelServer

BEGUN = [{"role": "user", "content": "Count."}, {"role": "assistant", "content": "One, two,"}]
SPELLINGS = ({"partial": True}, {"prefix": True}, {"continue_final_message": True})
REFUSING = [place for place in PLACES if place.provider.startswith("dashscope")]
SELF_HOSTED = [place for place in PLACES if not place.hosted]


def named(place: Place) -> str:
    return f"{place.provider}-{place.model}"


def refusal(place: Place, prompt: Any, **options: Any) -> RefusedError:
    with ModelServer(place.flavor) as server:
        with pytest.raises(RefusedError) as caught:
            glm.ask(prompt, **place.asked(server, **options))
        assert not server.requests
    return caught.value


@pytest.mark.parametrize("place", REFUSING, ids=named)
@pytest.mark.parametrize("params", [{}, *SPELLINGS], ids=str)
def test_an_offer_that_cannot_is_refused_in_two_lines_that_name_who_can(
    params: dict[str, Any], place: Place
) -> None:
    error = refusal(place, BEGUN, params=params)
    assert len(error.lines()) == 2
    assert place.model in error.message
    for name in ("zhipu/glm-5", "vllm", "llamacpp"):
        assert name in error.hint


@pytest.mark.parametrize("place", REFUSING, ids=named)
@pytest.mark.parametrize("params", SPELLINGS, ids=str)
def test_a_parameter_that_asks_for_it_is_refused_alone(
    params: dict[str, Any], place: Place
) -> None:
    error = refusal(place, "Count.", params=params)
    assert type(error) is UnsupportedError
    assert "begun" in error.message


@pytest.mark.parametrize("params", SPELLINGS, ids=str)
def test_a_session_refuses_it_too(params: dict[str, Any]) -> None:
    with ModelServer() as server:
        session = glm.Session("begun", **REFUSING[0].asked(server))
        session.ask("One?")
        with pytest.raises(UnsupportedError, match="begun"):
            session.ask("Two?", params=params)
        assert len(server.requests) == 1


@pytest.mark.parametrize("value", [False, None])
def test_a_parameter_that_does_not_ask_for_it_is_no_reason(value: Any) -> None:
    with ModelServer() as server:
        glm.ask("x", **REFUSING[0].asked(server, params={"partial": value}))
        assert server.last.json["partial"] is value


@pytest.mark.parametrize("place", SELF_HOSTED, ids=named)
def test_elsewhere_what_asks_for_it_is_sent(place: Place) -> None:
    with ModelServer(place.flavor) as server:
        glm.ask(BEGUN, **place.asked(server, params={"continue_final_message": True}))
        body = server.last.json
    assert body["messages"] == BEGUN
    assert body["continue_final_message"] is True


@pytest.mark.parametrize("place", [p for p in PLACES if p not in REFUSING], ids=named)
def test_without_it_a_conversation_ends_with_the_user(place: Place) -> None:
    with ModelServer(place.flavor) as server:
        with pytest.raises(InvalidValueError, match="must end with a message from the user"):
            glm.ask(BEGUN, **place.asked(server))
        assert not server.requests


@pytest.mark.parametrize("prompt", [[], [{"role": "system", "content": "x"}], None])
def test_a_conversation_that_nobody_has_to_answer_is_refused(prompt: Any) -> None:
    with pytest.raises(InvalidValueError, match="must end with a message from the user"):
        glm.ask(prompt, provider="vllm", model="m")


def test_who_can_is_read_from_the_catalogue() -> None:
    names = able(catalogue(), "prefix", near="dashscope-native")
    zhipu = ["zhipu/glm-5.3", "zhipu/glm-5.2", "zhipu/glm-5"]
    assert names[:3] == [f"dashscope-native/{model}" for model in zhipu]
    assert names[3:] == ["vllm", "sglang", "llamacpp", "local"]
    for provider, model in (name.split("/", 1) for name in names if "/" in name):
        assert (provider, model) in catalogue().offers


def test_a_model_that_can_is_not_refused() -> None:
    with ModelServer() as server:
        asked = REFUSING[0].asked(server, model="zhipu/glm-5", params={"partial": True})
        with suppress(NotFoundError):  # the server stands for one that does not list it
            glm.ask(BEGUN, **asked)
        assert server.last.json["messages"][-1] == BEGUN[-1]
