"""A record that says nothing costs nothing, a broken one no more than itself, and no word is lost
that explains how a reply ended."""

from __future__ import annotations

import json

import pytest

from glm_magic.core import errors
from glm_magic.core import turn as turns
from glm_magic.dialects import DIALECTS
from glm_magic.dialects.decoding import MAX_COUNT
from glm_magic.dialects.records import _MAX_KEPT
from tests.laws.decoding import Folded, comparable, decode, fold, read
from tests.laws.replies import chunk, event, read_body

every_dialect = pytest.mark.parametrize("dialect", DIALECTS)
Parts = tuple[bytes, ...]


def reply(dialect: str, *between: bytes, ends: bool = True) -> bytes:
    """Return a reply ``AB`` with something between its halves."""
    end = event(dialect, {}, "stop") if ends else b""
    halves = event(dialect, {"content": "A"}), event(dialect, {"content": "B"})
    return b"".join([halves[0], *between, halves[1], end])


def messages(dialect: str, *parts: bytes) -> list[str]:
    """Return the notices in words."""
    events = decode(dialect, parts)
    return [event.message for event in events if isinstance(event, turns.Notice)]


# ── nothing ──────────────────────────────────────────────────────────────────────────────────────

NOTHING = (
    *(b"data: null", b"data: []", b"data: {}", b'data: ""', b"data: true", b"data: false"),
    *(
        b"data: 7",
        b"data: -1.5",
        b"data: [1, null]",
        b"data: [[]]",
        b'data: " "',
        b"data:",
        b"data",
    ),
    *(b"data: ping", b'data: "ping"', b"data: PING", b"data: keep-alive", b"data: heartbeat"),
    *(b'data: {"type": "ping"}', b'data: {"type":"heartbeat","time":1}', b'data: {"event":"ping"}'),
    *(b"event: ping", b"event: ping\ndata: {}", b'event: ping\ndata: {"time": 1}'),
    *(b"event: ping\ndata: now", b"event: keepalive\ndata: null", b"event: heartbeat\ndata: 1"),
    *(b": ping", b":", b"id: 7", b"retry: 10", b"ping", b" ", b'data: {"choices": []}'),
    *(b'data: {"object": "ping"}', b'data: {"usage": null}', b'data: {"new": {"a": 1}}'),
)


@every_dialect
@pytest.mark.parametrize("record", NOTHING)
@pytest.mark.parametrize("end", [b"\n\n", b"\r\n\r\n"])
def test_a_record_that_says_nothing_is_passed_over(dialect: str, record: bytes, end: bytes) -> None:
    quiet = record + end
    body = quiet + reply(dialect, quiet, quiet) + quiet + b"data: [DONE]\n\n"
    assert comparable(decode(dialect, [body])) == comparable(decode(dialect, [reply(dialect)]))


@every_dialect
@pytest.mark.parametrize("record", NOTHING)
def test_records_that_say_nothing_are_an_empty_reply(dialect: str, record: bytes) -> None:
    (error,) = read(dialect, (record + b"\n\n") * 3).errors
    assert isinstance(error, errors.EmptyReplyError)


@every_dialect
@pytest.mark.parametrize("document", [b"null", b"[]", b"{}", b"[null]", b"[[]]", b'{"choices":[]}'])
def test_a_document_that_says_nothing_is_an_empty_reply(dialect: str, document: bytes) -> None:
    (error,) = read(dialect, document).errors
    assert isinstance(error, errors.EmptyReplyError)


@every_dialect
def test_what_says_nothing_does_not_hide_the_id(dialect: str) -> None:
    named = {**chunk(dialect, {"content": "A"}, "stop"), "model": "glm-x"}
    body = b'data: {}\n\ndata: {"type":"ping"}\n\ndata: ' + json.dumps(named).encode() + b"\n\n"
    assert [started.model for started in read(dialect, body).started] == ["glm-x"]


@every_dialect
def test_chunks_in_a_list_are_chunks(dialect: str) -> None:
    both = [chunk(dialect, {"content": "A"}), chunk(dialect, {"content": "B"}, "stop")]
    folded = read(dialect, b"data: " + json.dumps(both).encode() + b"\n\n")
    assert (folded.answer, folded.finishes) == ("AB", ["stop"])


# ── broken frames ────────────────────────────────────────────────────────────────────────────────

BROKEN = (
    *(b'{"choices":[{"delta":{"content":"hell', b'{"choices":[{"delta":{"content":"x"}', b"{"),
    *(b'{"choices":[{"de', b'{"output":{"choices":[{"message":', b'{"choices":[{"delta":{"c":"'),
    b'{"a":"\\',
)
GLUE = {"on one line": b"data: ", "without a space": b"data:", "on the next line": b"\ndata: "}


@every_dialect
@pytest.mark.parametrize("broken", BROKEN)
@pytest.mark.parametrize("glue", GLUE)
def test_reading_goes_on_with_the_frame_inside_a_broken_one(
    dialect: str, broken: bytes, glue: str
) -> None:
    whole = event(dialect, {"content": "!"}).removeprefix(b"data: ")
    folded = read(dialect, reply(dialect, b"data: " + broken + GLUE[glue] + whole))
    assert (folded.answer, folded.finishes, folded.errors) == ("A!B", ["stop"], [])
    assert folded.notices == ["lost"]


@every_dialect
@pytest.mark.parametrize("broken", BROKEN)
def test_several_broken_frames_are_noted_once(dialect: str, broken: bytes) -> None:
    whole = event(dialect, {"content": "!"}).removeprefix(b"data: ")
    one = b"data: " + broken + b"data: " + whole
    two = b"data: " + broken + b"data: " + broken + b"data: " + whole
    folded = read(dialect, reply(dialect, one, two, b"data: " + broken + b"\n\n"))
    assert (folded.answer, folded.notices, folded.errors) == ("A!!B", ["lost"], [])


@every_dialect
@pytest.mark.parametrize("glue", [b"data: ", b"data:", b"", b" "])
def test_whole_frames_that_are_glued_lose_nothing(dialect: str, glue: bytes) -> None:
    frames = [event(dialect, {"content": letter})[6:].rstrip() for letter in "!?"]
    folded = read(dialect, reply(dialect, b"data: " + glue.join(frames) + b"\n\n"))
    assert (folded.answer, folded.notices, folded.errors) == ("A!?B", [], [])


@every_dialect
@pytest.mark.parametrize("prefix", [b"data: data: ", b"data:data:", b" data: ", b"\tdata:"])
def test_a_field_name_that_is_doubled_or_indented_loses_nothing(
    dialect: str, prefix: bytes
) -> None:
    body = reply(dialect).replace(b"data: ", prefix) + prefix + b"[DONE]\n\n"
    folded = read(dialect, body)
    assert (folded.answer, folded.finishes, folded.notices) == ("AB", ["stop"], [])


@every_dialect
def test_the_sentinel_inside_a_broken_frame_ends_the_reply(dialect: str) -> None:
    end = event(dialect, {"content": "B"}, "stop")
    body = event(dialect, {"content": "A"}) + end + b'data: {"choices":[{"delta":"xdata: [DONE]\n\n'
    folded = read(dialect, body)
    assert (folded.answer, folded.finishes, folded.errors) == ("AB", ["stop"], [])


@every_dialect
def test_an_error_inside_a_broken_frame_is_the_error(dialect: str) -> None:
    inner = b'data: {"choices":[{"delta":{"content":"hedata: {"error":{"message":"it broke"}}\n\n'
    folded = read(dialect, reply(dialect, inner))
    assert (folded.answer, [error.message for error in folded.errors]) == ("A", ["it broke"])


@every_dialect
def test_text_about_frames_is_text(dialect: str) -> None:
    text = 'write data: {"choices": [1]} and\ndata: [DONE]\n\n}data: {'
    folded = read(dialect, event(dialect, {"content": text}, "stop"))
    assert (folded.answer, folded.notices) == (text, [])


@every_dialect
@pytest.mark.parametrize("broken", BROKEN)
def test_a_frame_that_the_body_ends_in_is_not_noted_as_broken(dialect: str, broken: bytes) -> None:
    folded = read(dialect, reply(dialect, ends=False) + b"data: " + broken)
    assert (folded.answer, folded.notices, folded.errors) == ("AB", ["incomplete"], [])


# ── words beside the reply ───────────────────────────────────────────────────────────────────────

GATEWAY = b"upstream connect error or disconnect/reset before headers. reset reason: overflow"
PAGE = b"<html>\n<head><title>502 Bad Gateway</title></head>\n<body>private\n</body></html>"
WORDS: dict[str, tuple[bytes, str]] = {
    "a gateway": (GATEWAY, "reset reason: overflow"),
    "a word": (b"Busy", "Busy"),
    "two lines": (b"Internal error\nplease try later", "Internal error please try later"),
    "a page": (PAGE, "502 Bad Gateway"),
    "a page in capitals": (b"x\n<!DOCTYPE HTML><TITLE>Sign in</TITLE>private", "Sign in"),
    "as data": (b"data: upstream failed", "upstream failed"),
    "as a JSON text": (b'data: "upstream failed"', "upstream failed"),
}  # fmt: skip
ERRORS: dict[str, bytes] = {
    "an object": b'{"error": {"message": "it broke", "type": "server_error"}}',
    "a text": b'{"error": "it broke"}',
    "flat": b'{"object": "error", "message": "it broke"}',
    "a code": b'{"code": "InternalError", "message": "it broke", "request_id": "r"}',
    "a detail": b'{"detail": "it broke"}',
    "many lines": b'{\n  "error": {\n    "message": "it broke"\n  }\n}',
    "after words": b'Oh no\n{"error": {"message": "it broke"}}',
    "a detail as data": b'data: {"detail": "it broke"}',
    "an id beside it": b'data: {"id": "r", "model": "m", "message": "it broke"}',
    "a message as data": b'data: {"msg": "it broke"}',
}
BEFORE = {
    "nothing": b"",
    "a comment": b": ping\n\n",
    "a ping": b"data: {}\n\n",
    "an id": b"id: 1\nevent: message\n\n",
}

ENDS = (b"", b"\n", b"\n\n", b"\r\n", b"\n\ndata: [DONE]\n\n")


def empty_start(dialect: str) -> dict[str, bytes]:
    """Return beginnings of a stream that show nothing."""
    return {**BEFORE, "a role": event(dialect, {"role": "assistant", "content": ""})}


@every_dialect
@pytest.mark.parametrize("before", [*BEFORE, "a role"])
@pytest.mark.parametrize("words", WORDS)
def test_words_explain_a_reply_in_which_nothing_came(dialect: str, before: str, words: str) -> None:
    sent, expected = WORDS[words]
    for end in ENDS:
        (error,) = read(dialect, empty_start(dialect)[before] + sent + end).errors
        assert expected in error.message
        assert "private" not in str(error)
        assert error.hint
        assert error.provider == dialect
        assert isinstance(error, errors.NotAnApiError) == ("page" in words)


@every_dialect
@pytest.mark.parametrize("before", [*BEFORE, "a role"])
@pytest.mark.parametrize("spelling", ERRORS)
def test_an_error_object_explains_a_reply_in_which_nothing_came(
    dialect: str, before: str, spelling: str
) -> None:
    for end in ENDS:
        folded = read(dialect, empty_start(dialect)[before] + ERRORS[spelling] + end)
        assert [error.message for error in folded.errors] == ["it broke"]


@every_dialect
@pytest.mark.parametrize("words", WORDS)
def test_words_after_a_text_explain_why_it_is_incomplete(dialect: str, words: str) -> None:
    sent, expected = WORDS[words]
    body = reply(dialect, ends=False) + sent + b"\n\n"
    folded = read(dialect, body)
    assert (folded.answer, folded.finishes, folded.errors) == ("AB", [None], [])
    assert folded.notices == ["incomplete"]
    (message,) = messages(dialect, body)
    assert expected in message
    assert "private" not in message


@every_dialect
@pytest.mark.parametrize("spelling", ERRORS)
def test_an_error_object_after_a_text_is_the_error(dialect: str, spelling: str) -> None:
    folded = read(dialect, reply(dialect, ends=False) + ERRORS[spelling] + b"\n")
    assert folded.answer == "AB"
    assert [error.message for error in folded.errors] == ["it broke"]


@every_dialect
@pytest.mark.parametrize("words", [name for name in WORDS if "as data" not in name])
def test_words_before_a_good_end_are_ignored(dialect: str, words: str) -> None:
    body = reply(dialect, WORDS[words][0] + b"\n\n")
    assert comparable(decode(dialect, [body])) == comparable(decode(dialect, [reply(dialect)]))


@every_dialect
@pytest.mark.parametrize("spelling", ERRORS)
def test_an_error_object_before_a_good_end_is_ignored(dialect: str, spelling: str) -> None:
    body = reply(dialect, ERRORS[spelling] + b"\n\n")
    assert comparable(decode(dialect, [body])) == comparable(decode(dialect, [reply(dialect)]))


@pytest.mark.parametrize(
    ("dialect", "line", "kind"),
    [
        ("llamacpp", {"error": {"message": "m", "type": "exceed_context_size_error"}},
         errors.ContextLengthError),
        ("vllm", {"error": "19185 tokens exceed the context size"}, errors.ContextLengthError),
        ("bigmodel", {"error": {"code": "1302", "message": "m"}}, errors.RateLimitError),
        ("dashscope_native", {"code": "DataInspectionFailed", "message": "m"},
         errors.ContentBlockedError),
        ("dashscope", {"error": {"code": "Arrearage", "message": "m"}}, errors.BillingError),
        ("openrouter", {"error": {"code": 429, "message": "m"}}, errors.RateLimitError),
    ],
)  # fmt: skip
def test_an_error_on_a_line_is_classed_like_any_other(
    dialect: str, line: dict[str, object], kind: type[errors.GlmError]
) -> None:
    for before in (b": ping\n\n", reply(dialect, ends=False)):
        (error,) = read(dialect, before + json.dumps(line).encode() + b"\n").errors
        assert type(error) is kind


@every_dialect
@pytest.mark.parametrize("end", ["\n", "\n\n", "\r\n"])
@pytest.mark.parametrize("before", ["", ": ping\n\n", "event: message\n"])
def test_chunks_without_data_are_read(dialect: str, end: str, before: str) -> None:
    chunks = [chunk(dialect, {"content": "A"}), chunk(dialect, {"content": "B"}),
              chunk(dialect, {}, "stop")]  # fmt: skip
    body = before + "".join(json.dumps(one) + end for one in chunks)
    for tail in ("", "[DONE]" + end):
        folded = read_body(dialect, (body + tail).encode())
        assert (folded.answer, folded.finishes, folded.notices) == ("AB", ["stop"], [])
    folded = read_body(dialect, (before + json.dumps(chunks[0]) + end + '{"error":"no"}').encode())
    assert (folded.answer, [error.message for error in folded.errors]) == ("A", ["no"])


@every_dialect
def test_a_bare_chunk_in_an_event_stream_is_no_part_of_it(dialect: str) -> None:
    bare = json.dumps(chunk(dialect, {"content": "!"})).encode() + b"\n"
    assert read(dialect, reply(dialect, bare)).answer == "AB"


@every_dialect
def test_only_so_many_words_are_kept(dialect: str) -> None:
    line = b"word " * 100 + b"\n"
    events = decode(dialect, [reply(dialect, ends=False) + line * 2000])
    (notice,) = [event for event in events if isinstance(event, turns.Notice)]
    assert len(notice.message) < 1000
    decoder = _fed(dialect, line * 2000)
    assert sum(map(len, decoder._unexplained._texts)) <= _MAX_KEPT


def _fed(dialect: str, body: bytes) -> object:
    from glm_magic.wire.sse import BodyReader
    from tests.laws.decoding import INCREMENTAL, offer_for

    decoder = DIALECTS[dialect].decoder(offer_for(dialect), INCREMENTAL)
    for record in BodyReader().feed(body):
        decoder.feed(record)
    return decoder


# ── ends ─────────────────────────────────────────────────────────────────────────────────────────


@every_dialect
@pytest.mark.parametrize("end", [b"", b"data: [DONE]\n\n", b": bye\n\n"])
def test_an_end_without_a_finish_reason_has_a_sentence(dialect: str, end: bytes) -> None:
    body = reply(dialect, ends=False) + end
    assert fold(decode(dialect, [body])).finishes == [None]
    (message,) = messages(dialect, body)
    assert "may be missing" in message
    assert messages(dialect, reply(dialect)) == []


@every_dialect
def test_a_reply_that_ended_in_the_reasoning_blames_no_parser(dialect: str) -> None:
    start = event(dialect, {"reasoning_content": "Hm"})
    assert read(dialect, start).notices == ["incomplete"]
    assert read(dialect, start + event(dialect, {}, "stop")).notices == ["no-answer"]


# ── counts ───────────────────────────────────────────────────────────────────────────────────────

COUNTS = [
    (12, 12), (12.0, 12), (0, 0), (MAX_COUNT, MAX_COUNT), (MAX_COUNT + 1, None), (2**63, None),
    (10**400, None), (1e300, None), (12.5, None), (-1, None), (-0.0, 0), ("12", None), ("", None),
    (None, None), (True, None), ([], None), ({}, None), (float("nan"), None), (float("inf"), None),
]  # fmt: skip


def counted(dialect: str, value: object) -> Folded:
    """Decode a reply with this value in each place where a count stands."""
    native = dialect == "dashscope_native"
    names = ("input_tokens", "output_tokens") if native else ("prompt_tokens", "completion_tokens")
    output = "output_tokens_details" if native else "completion_tokens_details"
    usage = {
        names[0]: value, names[1]: value,
        "prompt_tokens_details": {"cached_tokens": value}, output: {"reasoning_tokens": value},
    }  # fmt: skip
    end = {**chunk(dialect, {"content": "A"}, "stop"), "usage": usage}
    return read(dialect, b"data: " + json.dumps(end).encode() + b"\n\n")


@every_dialect
@pytest.mark.parametrize(("value", "count"), COUNTS, ids=lambda value: repr(value)[:12])
def test_a_count_is_a_plausible_whole_number_or_nothing(
    dialect: str, value: object, count: int | None
) -> None:
    usage = counted(dialect, value).usage
    if count is None:
        assert usage is None
    else:
        assert usage is not None
        assert (usage.input, usage.output, usage.cached, usage.reasoning) == (count,) * 4
        assert all(type(n) is int for n in (usage.input, usage.output))
