"""What arrives decides how a reply is read, through a real connection, at every provider."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import glm_magic as glm
from glm_magic.core import errors
from glm_magic.core.events import ContentWasReasoning
from tests.api.providers import PLACES, Place
from tests.laws.replies import event
from tests.servers.raw_server import RawServer, Send, head
from tests.servers.vendor import KEY, to_json

every_place = pytest.mark.parametrize(
    "place", PLACES, ids=lambda place: f"{place.provider}{place.path}-{place.flavor}"
)
FUNCTION = {"name": "f", "description": "", "parameters": {"type": "object"}}
CALL = {"index": 0, "id": "c1", "type": "function", "function": {"name": "f", "arguments": "{}"}}


def asked(place: Place, server: RawServer, **options: Any) -> dict[str, Any]:
    """Return the keywords that ask a place at the raw server."""
    key = {"api_key": KEY} if place.hosted else {}
    address = {"provider": place.provider, "base_url": server.url + place.path}
    return {"model": place.model, **address, **key, **options}


def sent(place: Place, *deltas: dict[str, Any], finish: str | None = "stop") -> bytes:
    """Return the events of these deltas, in the words of the place."""
    protocol = "dashscope_native" if "native" in place.provider else "vllm"
    end = event(protocol, {}, finish) if finish else b""
    return b"".join(event(protocol, delta) for delta in deltas) + end


def pieces(text: str, size: int = 3, **beside: Any) -> list[dict[str, Any]]:
    """Return a text in deltas of some characters."""
    return [{**beside, "content": text[at : at + size]} for at in range(0, len(text), size)]


def ask(place: Place, server: RawServer, *parts: bytes, **options: Any) -> glm.Reply:
    """Ask, and be answered with these bytes."""
    server.answer(Send(head() + b"".join(parts)))
    return glm.ask("Why?", **asked(place, server, **options))


def noted(turn: glm.Turn) -> dict[str, str]:
    """Return the notices about how the reply came, by their codes; others are about the offer."""
    ours = ("refusal", "lost", "incomplete", "no-answer")
    return {notice.code: notice.message for notice in turn.notices if notice.code in ours}


def error_of(place: Place, server: RawServer, *parts: bytes) -> glm.GlmError:
    """Ask, and return the error that these bytes are."""
    with pytest.raises(glm.GlmError) as caught:
        ask(place, server, *parts)
    return caught.value


LEAKED = {
    "a lone tag": pieces("It is short. I will write it.</think>FINAL"),
    "a lone tag beside an empty field": pieces(
        "It is short. I will write it.</think>FINAL", reasoning_content=""),
    "both tags": pieces("<think>It is short. I will write it.</think>FINAL"),
    "thinking parts": [
        {"content": [{"type": "thinking", "thinking": [
            {"type": "text", "text": "It is short. I will write it."}]}]},
        {"content": "FINAL"}],
    "details": [
        {"reasoning_details": [{"type": "reasoning.text", "text": "It is short. "}]},
        {"reasoning_details": [{"type": "reasoning.text", "text": "I will write it."}]},
        {"content": "FINAL"}],
    "a tag left over": [
        {"reasoning_content": "It is short. I will write it."}, *pieces("</think>FINAL", 5)],
}  # fmt: skip


@every_place
@pytest.mark.parametrize("spelling", LEAKED)
def test_reasoning_is_neither_shown_nor_sent_back_as_the_answer(
    raw_server: RawServer, place: Place, spelling: str
) -> None:
    raw_server.answer(Send(head() + sent(place, *LEAKED[spelling]), each=40))
    session = glm.Session("leak", **asked(place, raw_server))
    reply = session.ask("Why?")
    assert (reply.reasoning, reply.answer) == ("It is short. I will write it.", "FINAL")
    assert (reply.status, noted(reply.turn)) == ("complete", {})
    session.ask("And?")
    body = raw_server.last.json
    messages = body.get("messages") or body["input"]["messages"]
    assert messages[1]["content"] == "FINAL"


@every_place
def test_reasoning_before_a_call_is_not_sent_back_as_the_answer(
    raw_server: RawServer, place: Place
) -> None:
    deltas = [*pieces("I look.</think>"), {"tool_calls": [CALL]}]
    tools = [{"type": "function", "function": FUNCTION}]
    reply = ask(place, raw_server, sent(place, *deltas, finish="tool_calls"), tools=tools)
    assert (reply.reasoning, reply.answer.strip()) == ("I look.", "")
    assert [call.name for call in reply.tool_calls] == ["f"]


@every_place
def test_an_answer_about_the_tags_is_an_answer(raw_server: RawServer, place: Place) -> None:
    text = "Between `<think>` and `</think>`:\n```\n</think>\n```\nThe tag </think> ends it."
    reply = ask(place, raw_server, sent(place, *pieces(text)))
    assert (reply.reasoning, reply.answer) == ("", text)
    both = sent(place, {"reasoning_content": "hm"}, *pieces(text + "</think>"))
    assert ask(place, raw_server, both).answer == text + "</think>"


@every_place
def test_any_provider_can_be_said_to_open_the_reasoning_itself(
    raw_server: RawServer, place: Place, isolated_home: Path
) -> None:
    folder = isolated_home / "glm"
    folder.mkdir()
    (folder / "mine.toml").write_text(f"[provider.{place.provider}]\nthink_open = true\n")
    reply = ask(place, raw_server, sent(place, *pieces("Why.</think>So")))
    assert (reply.reasoning, reply.answer) == ("Why.", "So")
    moved = [timed for timed in reply.events if isinstance(timed.event, ContentWasReasoning)]
    assert moved == [], "no word stood in the answer before"
    reply = ask(place, raw_server, sent(place, *pieces("So")), thinking=False)
    assert (reply.reasoning, reply.answer) == ("", "So"), "nothing is open with thinking off"


@every_place
def test_a_refusal_is_the_answer_and_is_noted(raw_server: RawServer, place: Place) -> None:
    reply = ask(place, raw_server, sent(place, {"content": None, "refusal": "I cannot."}))
    assert reply.answer == "I cannot."
    assert list(noted(reply.turn)) == ["refusal"]


@every_place
@pytest.mark.parametrize(
    "line",
    [b"data: null", b"data: []", b"data: {}", b"event: ping", b'data: {"type":"ping"}', b"data: 1"],
)
def test_a_record_that_says_nothing_does_not_end_a_reply(
    raw_server: RawServer, place: Place, line: bytes
) -> None:
    start = sent(place, {"content": "Bl"}, finish=None)
    reply = ask(place, raw_server, start, line + b"\n\n", sent(place, {"content": "ue"}))
    assert (reply.answer, reply.status, noted(reply.turn)) == ("Blue", "complete", {})


@every_place
def test_a_broken_piece_is_noted_and_the_rest_is_kept(raw_server: RawServer, place: Place) -> None:
    start = sent(place, {"content": "Bl"}, finish=None)
    broken = b'data: {"id":"r","choices":[{"index":0,"delta":{"content":"hell'
    reply = ask(place, raw_server, start, broken, sent(place, {"content": "ue"}))
    assert (reply.answer, reply.status) == ("Blue", "complete")
    assert list(noted(reply.turn)) == ["lost"]
    assert "broken" in noted(reply.turn)["lost"]


LINE = to_json({"error": {"message": "19185 tokens exceed the limit", "type": "x"}}).encode()


@every_place
@pytest.mark.parametrize("spelling", [LINE + b"\n", b"19185 tokens exceed the limit\n"])
@pytest.mark.parametrize("before", [b": ping\n\n", b"", b"a role"])
def test_what_a_server_writes_without_data_is_the_error(
    raw_server: RawServer, place: Place, spelling: bytes, before: bytes
) -> None:
    role = sent(place, {"role": "assistant", "content": ""}, finish=None)
    error = error_of(place, raw_server, role if before == b"a role" else before, spelling)
    assert error.message == "19185 tokens exceed the limit"
    assert error.turn is not None
    assert (error.turn.answer, error.turn.status) == ("", "failed")


@every_place
def test_an_error_line_after_a_text_keeps_the_text(raw_server: RawServer, place: Place) -> None:
    error = error_of(place, raw_server, sent(place, {"content": "Bl"}, finish=None), LINE)
    assert isinstance(error, errors.ApiError)
    assert error.turn is not None
    assert (error.turn.answer, error.turn.status) == ("Bl", "failed")


@every_place
@pytest.mark.parametrize("words", [b"upstream reset", b"<html><title>upstream reset</title>", b""])
def test_an_early_end_is_explained_in_a_sentence(
    raw_server: RawServer, place: Place, words: bytes
) -> None:
    start = sent(place, {"content": "Bl"}, finish=None)
    raw_server.answer(Send(head() + start + words))
    with glm.stream("Why?", **asked(place, raw_server)) as stream:
        assert stream.wait(30)
    assert stream.error is None
    assert (stream.turn.answer, stream.turn.status) == ("Bl", "incomplete")
    message = noted(stream.turn)["incomplete"]
    assert len(message) > 30
    assert (words == b"") != ("upstream reset" in message)


@every_place
def test_counts_that_no_store_holds_are_left_out(raw_server: RawServer, place: Place) -> None:
    names = ("prompt_tokens", "completion_tokens", "input_tokens", "output_tokens")
    for value in (2**63, 10**30, -1, 1e300, "many"):
        usage = {"usage": dict.fromkeys(names, value)}
        first = b"data: " + to_json(usage)[:-1].encode() + b", "
        marked = sent(place, {"content": "Blue"}).replace(b"data: {", first)
        raw_server.answer(Send(head() + marked))
        session = glm.Session("counts", **asked(place, raw_server))
        reply = session.ask("Why?")
        assert (reply.answer, reply.usage) == ("Blue", None)


def test_chunks_on_bare_lines_stream_as_they_come(raw_server: RawServer) -> None:
    place = next(place for place in PLACES if place.provider == "vllm")
    lines = sent(place, {"content": "Bl"}, {"content": "ue"}).replace(b"data: ", b"")
    reply = ask(place, raw_server, lines.replace(b"\n\n", b"\n"))
    assert (reply.answer, reply.status) == ("Blue", "complete")
    deltas = [timed.event for timed in reply.events if isinstance(timed.event, glm.ContentDelta)]
    assert [delta.text for delta in deltas] == ["Bl", "ue"]
