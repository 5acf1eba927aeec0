"""What is attached reaches the model as it is, in every grammar, and a text alone stays a text."""

from __future__ import annotations

import base64
import io

import numpy as np
import pytest
from PIL import Image

import glm_magic as glm
from glm_magic.core.errors import InvalidRequestError, InvalidValueError, UnsupportedError
from glm_magic.session.session import Session
from tests.api.providers import PLACES, Place
from tests.pictures.conftest import at_zai, noise, seen
from tests.servers.model_server import ModelServer
from tests.servers.script import Failure, Script

SEEING = (
    Place("bigmodel", "/api/paas/v4", "glm-4.6v"),
    Place("zai", "/api/paas/v4", "glm-5v-turbo"),
    Place("openrouter", "/api/v1", "glm-4.6v"),
    *(place for place in PLACES if not place.hosted),
)


@pytest.fixture
def server(request: pytest.FixtureRequest):
    place = getattr(request.node, "callspec", None) and request.node.callspec.params.get("place")
    with ModelServer(place.flavor if place else "vllm", strict=True) as running:
        yield running


@pytest.mark.parametrize("place", SEEING, ids=lambda place: f"{place.provider}-{place.flavor}")
def test_the_pixels_arrive_unchanged_in_every_grammar(place, server):
    picture = noise(90, 120)
    reply = glm.ask("what is it?", attach=picture, **place.asked(server))
    (arrived,) = seen(server)
    assert np.array_equal(arrived, picture)
    assert reply.status == "complete"
    content = server.last.json["messages"][-1]["content"]
    assert [part["type"] for part in content] == ["image_url", "text"]
    assert content[1]["text"] == "what is it?"


@pytest.mark.parametrize("place", PLACES, ids=lambda place: f"{place.provider}-{place.flavor}")
def test_a_prompt_without_pictures_is_a_plain_string(place, server):
    glm.ask("why?", **place.asked(server))
    body = server.last.json
    messages = body.get("input", body)["messages"]
    assert messages == [{"role": "user", "content": "why?"}]


def test_parts_stand_in_the_order_in_which_they_are_written(server):
    one, two = noise(40, 50), 255 - noise(40, 50)
    content = ["Compare ", one, " with ", two, "."]
    glm.ask([{"role": "user", "content": content}], **at_zai(server))
    parts = server.last.json["messages"][0]["content"]
    texts = [part.get("text") for part in parts]
    assert texts == ["Compare ", None, " with ", None, "."]
    assert all(map(np.array_equal, seen(server), [one, two]))


def test_parts_in_the_openai_form_are_read(server):
    file = io.BytesIO()
    Image.fromarray(noise(30, 30)).save(file, "PNG")
    address = f"data:image/png;base64,{base64.b64encode(file.getvalue()).decode()}"
    for url in (address, address.partition(",")[2]):
        parts = [{"type": "text", "text": "?"}, {"type": "image_url", "image_url": {"url": url}}]
        glm.ask([{"role": "user", "content": parts}], **at_zai(server))
        assert np.array_equal(seen(server)[0], noise(30, 30))


@pytest.mark.parametrize(
    "part",
    [{"type": "image_url"}, {"type": "image_url", "image_url": {"url": "???"}}, {"type": "x"}, 3],
)
def test_a_part_that_is_none_is_refused(part, server):
    with pytest.raises(InvalidValueError):
        glm.ask([{"role": "user", "content": [part]}], **at_zai(server))
    assert not server.requests


def test_a_picture_alone_is_a_prompt(server):
    glm.ask("", attach=noise(30, 30), **at_zai(server))
    assert len(seen(server)) == 1


def test_an_address_is_sent_as_one(server):
    glm.ask("?", attach="https://example.org/cat.png", **at_zai(server))
    part = server.last.json["messages"][0]["content"][0]
    assert part == {"type": "image_url", "image_url": {"url": "https://example.org/cat.png"}}


@pytest.mark.parametrize("place", [p for p in PLACES if p.provider in ("ollama", "lmstudio")],
                         ids=lambda place: place.provider)  # fmt: skip
def test_a_server_that_fetches_nothing_is_sent_no_address(place, server):
    with pytest.raises(UnsupportedError, match="does not fetch pictures"):
        glm.ask("?", attach="https://example.org/cat.png", **place.asked(server))
    assert not server.requests


def test_a_model_that_cannot_see_is_refused_and_one_named_that_can(server):
    with pytest.raises(UnsupportedError, match="does not see pictures") as caught:
        glm.ask("?", attach=noise(30, 30), **at_zai(server, "glm-4.6"))
    assert "-m glm-5.3-flash" in caught.value.hint
    assert not server.requests


def test_the_small_local_model_sees_nothing():
    from glm_magic.core.messages import Message
    from glm_magic.engine.options import Options
    from glm_magic.engine.prepare import prepare
    from glm_magic.pictures.values import attachment_of

    options = Options(provider="local", attach=(attachment_of(noise(30, 30)),))
    with pytest.raises(UnsupportedError, match="does not see pictures"):
        prepare([Message("user", "?")], options, start_local=False)


def test_where_no_model_sees_those_of_other_providers_are_named(server):
    asked = PLACES[0].asked(server)
    with pytest.raises(UnsupportedError) as caught:
        glm.ask("?", attach=noise(30, 30), **asked)
    assert "bigmodel/glm-5.3-flash" in caught.value.hint
    assert not server.requests


def test_thirty_pictures_where_five_are_the_limit_are_refused(server):
    asked = Place("bigmodel", "/api/paas/v4", "glm-4v-plus-0111").asked(server)
    pictures = [noise(20, 20) + number for number in range(30)]
    with pytest.raises(InvalidValueError, match="takes 5 pictures at most, not 30"):
        glm.ask("?", attach=pictures, **asked)
    assert not server.requests
    glm.ask("?", attach=pictures[:5], **asked)
    assert len(seen(server)) == 5


def test_a_document_goes_by_its_address_or_its_content_as_the_provider_takes_it(server):
    pdf = b"%PDF-1.4\n1 0 obj <</Type /Page>> endobj\n2 0 obj <</Type /Pages>> endobj\n%%EOF\n"
    glm.ask("?", attach="https://example.org/paper.pdf", **at_zai(server, "glm-5v-turbo"))
    part = server.last.json["messages"][0]["content"][0]
    assert part == {"type": "file_url", "file_url": {"url": "https://example.org/paper.pdf"}}
    with pytest.raises(UnsupportedError, match="by its address alone"):
        glm.ask("?", attach=pdf, **at_zai(server, "glm-5v-turbo"))
    place = Place("openrouter", "/api/v1", "glm-4.6v")
    reply = glm.ask("?", attach=pdf, **place.asked(server))
    file = server.last.json["messages"][0]["content"][0]["file"]
    assert base64.b64decode(file["file_data"].partition(",")[2]) == pdf
    assert reply.turn.attachments[0].pages == 1
    with pytest.raises(UnsupportedError, match="does not read"):
        glm.ask("?", attach=pdf, **PLACES[0].asked(server))


def test_a_text_file_among_parts_is_a_text(server, folder):
    (folder / "notes.txt").write_text("a note")
    content = ["See ", folder / "notes.txt", "."]
    glm.ask([{"role": "user", "content": content}], **at_zai(server, "glm-4.6"))
    text = "See notes.txt:\n```\na note\n```."
    assert server.last.json["messages"] == [{"role": "user", "content": text}]


def test_a_model_that_reads_no_files_is_not_sent_those_of_earlier_turns(server):
    chat = Session("chat", **at_zai(server, "glm-5v-turbo"))
    chat.ask("?", attach=["https://example.org/a.pdf", "https://example.org/b.mp4"])
    chat.ask("and?", model="glm-4.6")
    first = server.last.json["messages"][0]["content"]
    assert first == "[file: a.pdf; not shown here][video: b.mp4; not shown here]?"


def test_a_video_goes_by_its_address_to_a_model_that_sees_it(server, folder):
    video = "https://example.org/film.mp4"
    part = {"type": "video_url", "video_url": {"url": video}}
    reply = glm.ask("?", attach=video, **at_zai(server))
    assert server.last.json["messages"][0]["content"][0] == part
    given = [{"role": "user", "content": [{"type": "text", "text": "?"}, part]}]
    glm.ask(given, **at_zai(server))
    assert server.last.json["messages"][0]["content"][1] == part
    assert "film.mp4" in str(reply._repr_mimebundle_()[0]["text/plain"])
    asked = len(server.requests)
    with pytest.raises(UnsupportedError, match="does not see videos") as caught:
        glm.ask("?", attach=video, **at_zai(server, "glm-4.5v"))
    assert "-m glm-5.3-flash" in caught.value.hint
    (folder / "film.mp4").write_bytes(bytes(100))
    with pytest.raises(InvalidValueError, match="by its address alone"):
        glm.ask("?", attach="film.mp4", **at_zai(server))
    assert len(server.requests) == asked


def test_pictures_count_in_the_estimate(server):
    options = at_zai(server)
    with (
        glm.stream("?", **options) as plain,
        glm.stream("?", attach=noise(560, 560), **options) as s,
    ):
        assert s.call.size.input - plain.call.size.input == 400


@pytest.mark.parametrize("size", [1, 2, 3, 7, 100])
def test_the_marks_around_an_answer_are_read_and_never_shown(server, size):
    text = "It is <|begin_of_box|>a < b|>42<|end_of_box|>."
    server.tell(Script(answer=text, reasoning="<|begin_of_box|>hm<", piece_chars=size))
    reply = glm.ask("?", **at_zai(server))
    assert (reply.answer, reply.reasoning) == ("It is a < b|>42.", "hm<")


def test_a_model_that_sees_nothing_may_write_of_such_marks(server):
    server.tell(Script(answer="<|begin_of_box|>"))
    assert glm.ask("?", **at_zai(server, "glm-4.6")).answer == "<|begin_of_box|>"


@pytest.mark.parametrize(
    ("status", "message"),
    [
        (500, "image input is not supported - hint: you may need to provide the mmproj"),
        (400, "At most 1 image(s) may be provided in one request."),
        (400, "zai-org/GLM-4.7-Flash is not a multimodal model"),
    ],
)
def test_a_server_whose_model_sees_nothing_is_understood(server, status, message):
    server.tell(Script(refusal=Failure(status, "", message)))
    place = Place("vllm", "/v1", "zai-org/GLM-4.7-Flash", hosted=False)
    with pytest.raises(InvalidRequestError, match=r"image|multimodal") as caught:
        glm.ask("?", attach=noise(30, 30), **place.asked(server))
    assert "--mmproj" in caught.value.hint
    assert len(server.requests) == 1
