"""Functions that return a picture: a model that sees is shown it, another is told of it."""

from __future__ import annotations

import base64
import io
from types import SimpleNamespace

import matplotlib as mpl
import numpy as np
import pytest
from PIL import Image

import glm_magic as glm
from glm_magic.session.session import Session
from glm_magic.tools import mcp
from glm_magic.tools.results import result_of
from glm_magic.tools.tool import ToolError
from tests.api.providers import Place
from tests.pictures.conftest import at_zai, noise, seen
from tests.servers.model_server import ModelServer
from tests.servers.script import Call, Script

mpl.use("Agg")
import matplotlib.pyplot as plt


def plot(scale: int) -> object:
    """Draw it."""
    return Image.fromarray(noise(40, 50) // scale)


def draw() -> object:
    """Draw a figure."""
    figure, axes = plt.subplots()
    axes.plot([1, 2])
    plt.close(figure)
    return figure


def mixed() -> object:
    """Return words and two pictures."""
    return ["peaks at 3", Image.fromarray(noise(40, 50)), {"a": 1}, plot(2)]


def calls(server: ModelServer, *made: Call) -> None:
    server.tell(Script(answer="", calls=made), Script(answer="It falls."))


def test_the_model_sees_what_a_function_draws(server):
    calls(server, Call("plot", '{"scale": 1}', "call_1"))
    reply = glm.ask("plot it", tools=[plot], **at_zai(server))
    assert reply.answer == "It falls."
    *_, called, result, shown = server.last.json["messages"]
    assert (called["role"], result["role"], shown["role"]) == ("assistant", "tool", "user")
    assert result["content"] == "(picture plot, 50 × 40)"
    assert [part["type"] for part in shown["content"]] == ["text", "image_url"]
    assert np.array_equal(seen(server)[0], noise(40, 50))
    assert reply.steps[0].runs[0].attachments[0].name == "plot"


def test_several_calls_of_a_round_are_answered_before_their_pictures(server):
    calls(server, Call("plot", '{"scale": 1}', "call_1"), Call("plot", '{"scale": 2}', "call_2"))
    glm.ask("plot it", tools=[plot], **at_zai(server))
    roles = [message["role"] for message in server.last.json["messages"]]
    assert roles == ["user", "assistant", "tool", "tool", "user"]
    assert all(map(np.array_equal, seen(server), [noise(40, 50), noise(40, 50) // 2]))


@pytest.mark.parametrize("provider", ["vllm", "openrouter"])
def test_other_servers_take_them_too(provider, server):
    place = {
        "vllm": Place("vllm", "/v1", "zai-org/GLM-4.7-Flash", hosted=False),
        "openrouter": Place("openrouter", "/api/v1", "glm-4.6v"),
    }[provider]
    calls(server, Call("draw", "{}", "call_1"))
    glm.ask("draw", tools=[draw], **place.asked(server))
    assert seen(server)[0].shape == (480, 640, 3)


def test_a_model_that_sees_nothing_is_told_what_it_misses(server):
    calls(server, Call("plot", '{"scale": 1}', "call_1"))
    glm.ask("plot it", tools=[plot], **at_zai(server, "glm-4.6"))
    result = server.last.json["messages"][-1]
    assert result["role"] == "tool"
    assert result["content"] == ("(picture plot, 50 × 40)\n[picture: plot, 50×40; not shown here]")


def test_words_and_pictures_keep_their_order(server):
    calls(server, Call("mixed", "{}", "call_1"))
    glm.ask("?", tools=[mixed], **at_zai(server))
    text = server.last.json["messages"][2]["content"]
    assert text.splitlines() == [
        "peaks at 3",
        "(picture mixed, 50 × 40)",
        '{"a":1}',
        "(picture mixed, 50 × 40)",
    ]
    assert len(seen(server)) == 2


def test_reasoning_goes_back_although_a_picture_follows(server):
    server.tell(
        Script(answer="", reasoning="I must draw.", calls=(Call("draw", "{}", "call_1"),)),
        Script(answer="Done."),
    )
    glm.ask("draw", tools=[draw], **at_zai(server))
    assert server.last.json["messages"][1]["reasoning_content"] == "I must draw."


def test_a_later_turn_shows_it_again_and_it_is_kept(server):
    calls(server, Call("plot", '{"scale": 1}', "call_1"))
    chat = Session("chat", tools=[plot], **at_zai(server))
    chat.ask("plot it")
    server.tell(Script(answer="Yes."))
    chat.ask("sure?")
    assert np.array_equal(seen(server)[0], noise(40, 50))
    roles = [message["role"] for message in server.last.json["messages"]]
    assert roles == ["user", "assistant", "tool", "user", "assistant", "user"]


def test_an_array_is_data_and_not_a_picture():
    result = result_of(np.arange(4), "f")
    assert (result.text, result.attachments) == ("[0,1,2,3]", ())
    assert not result_of(noise(40, 50), "f").attachments


def test_a_picture_that_fails_is_told_to_the_model(server):
    class Broken(plt.Figure):
        def savefig(self, *_, **__):
            raise RuntimeError("no backend")

    with pytest.raises(ToolError, match="RuntimeError: no backend"):
        result_of(Broken(), "f")
    with pytest.raises(ToolError, match="empty picture"):
        result_of(Image.new("L", (0, 5)), "f")


def test_pictures_of_a_servers_tool_are_read_and_broken_ones_named():
    file = io.BytesIO()
    Image.fromarray(noise(40, 50)).save(file, "PNG")
    contents = [base64.b64encode(data).decode() for data in (file.getvalue(), b"no picture")]
    parts = [SimpleNamespace(type="image", data=data, mimeType="image/png") for data in contents]
    given = SimpleNamespace(content=[*parts, SimpleNamespace(type="text", text="hello")])
    assert [picture.data for picture in mcp._pictures(given)] == [file.getvalue()]
    assert mcp._text(given) == "(image, image/png)\n(image, image/png)\nhello"
