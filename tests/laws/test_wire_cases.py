"""Every oddity that was seen on a wire, in every OpenAI-like dialect, and its native cousins."""

from __future__ import annotations

import json
from typing import Any

import pytest

from glm_magic.core import errors
from glm_magic.core.usage import Usage
from glm_magic.dialects import DIALECTS
from tests.laws.decoding import Folded, offer_for, read

CHAT = tuple(name for name in DIALECTS if name != "dashscope_native")
every_chat = pytest.mark.parametrize("dialect", CHAT)
every_dialect = pytest.mark.parametrize("dialect", DIALECTS)


def event(value: Any) -> bytes:
    """Return one event."""
    return b"data: " + json.dumps(value).encode() + b"\n\n"


def chunk(delta: Any = None, **rest: Any) -> bytes:
    """Return one chat chunk; `rest` joins the chunk, or with ``finish`` the choice."""
    finish = rest.pop("finish", None)
    choice = {"index": 0, "delta": delta, "finish_reason": finish}
    return event({"id": "r1", "model": "glm-4.6", "choices": [choice], **rest})


def frame(message: Any, finish: str | None = None, **rest: Any) -> bytes:
    """Return one native frame."""
    choice = {"message": message, **({"finish_reason": finish} if finish else {})}
    return event({"output": {"choices": [choice]}, "request_id": "r1", **rest})


A, B = chunk({"content": "A"}), chunk({"content": "B"})
END = chunk({}, finish="stop")
DONE = b"data: [DONE]\n\n"


def text_of(dialect: str, *parts: bytes) -> Folded:
    """Decode a body of these records."""
    return read(dialect, b"".join(parts))


@every_chat
@pytest.mark.parametrize(
    "keep_alive",
    [
        b": ping\n\n",
        b":\n\n",
        b"data:\n\n",
        b"data: \n\n",
        b"\n\n",
        b"event: ping\n\n",
        b"id: 3\n\n",
    ],
)
def test_keep_alives_say_nothing(dialect: str, keep_alive: bytes) -> None:
    folded = text_of(dialect, keep_alive, A, keep_alive, B, END, keep_alive, DONE)
    assert (folded.answer, folded.finishes) == ("AB", ["stop"])


@every_chat
def test_fields_of_an_event_do_not_matter(dialect: str) -> None:
    body = b"id: 1\nevent: message\nretry: 5\n" + A + b"event: result\n" + B + END + DONE
    assert text_of(dialect, body).answer == "AB"


@every_chat
def test_several_data_lines_are_one_payload(dialect: str) -> None:
    payload = json.dumps(json.loads(A[6:]), indent=1)
    lines = "".join(f"data: {line}\n" for line in payload.split("\n")).encode() + b"\n"
    assert text_of(dialect, lines, B, END).answer == "AB"


@every_chat
@pytest.mark.parametrize("done", [b"data:[DONE]\n\n", b"data: [DONE] \n\n", b"data: [DONE]"])
def test_the_sentinel_is_known_with_and_without_spaces(dialect: str, done: bytes) -> None:
    assert text_of(dialect, A, END, done).finishes == ["stop"]


@every_chat
@pytest.mark.parametrize("choices", [None, [], "absent"])
def test_a_chunk_without_choices_says_only_its_usage(dialect: str, choices: Any) -> None:
    value = {"id": "r1", "usage": {"prompt_tokens": 3, "completion_tokens": 4}}
    if choices != "absent":
        value["choices"] = choices
    folded = text_of(dialect, A, END, event(value), DONE)
    assert (folded.answer, folded.usage) == ("A", Usage(3, 4))


@every_chat
def test_the_last_usage_wins_and_the_reply_ends_once(dialect: str) -> None:
    first = chunk(
        {"content": ""}, finish="stop", usage={"prompt_tokens": 1, "completion_tokens": 1}
    )
    again = chunk({}, finish="stop", usage={"prompt_tokens": 1, "completion_tokens": 9})
    folded = text_of(dialect, A, first, again, DONE)
    assert (folded.usage, folded.finishes) == (Usage(1, 9), ["stop"])


@every_chat
@pytest.mark.parametrize("usage", [{}, None, [], {"prompt_tokens": None}])
def test_an_empty_usage_does_not_erase_one_that_was_reported(dialect: str, usage: Any) -> None:
    closing = chunk({}, finish="stop", usage={"prompt_tokens": 1, "completion_tokens": 2})
    folded = text_of(dialect, A, closing, event({"choices": [], "usage": usage}), DONE)
    assert folded.usage == Usage(1, 2)


@every_chat
def test_usage_counters_may_be_null(dialect: str) -> None:
    usage = {"prompt_tokens": 5, "completion_tokens": None, "prompt_tokens_details": None}
    folded = text_of(dialect, A, chunk({}, finish="stop", usage=usage), DONE)
    assert folded.usage == Usage(5, None)


@every_chat
def test_one_chunk_may_carry_everything_at_once(dialect: str) -> None:
    call = {"index": 0, "id": "c1", "function": {"name": "f", "arguments": "{}"}}
    delta = {"reasoning_content": "R", "content": "A", "tool_calls": [call]}
    usage = {"prompt_tokens": 1, "completion_tokens": 2}
    folded = text_of(dialect, chunk(delta, finish="tool_calls", usage=usage))
    assert (folded.reasoning, folded.answer, folded.call_list) == ("R", "A", [("c1", "f", "{}")])
    assert (folded.usage, folded.finishes) == (Usage(1, 2), ["tool_calls"])


@every_chat
@pytest.mark.parametrize("field", ["reasoning_content", "reasoning"])
def test_both_names_of_reasoning_are_read(dialect: str, field: str) -> None:
    folded = text_of(dialect, chunk({field: "R", "content": None}), A, END)
    assert (folded.reasoning, folded.answer) == ("R", "A")


@every_chat
def test_reasoning_told_twice_in_one_chunk_is_read_once(dialect: str) -> None:
    details = [{"type": "reasoning.text", "text": "R", "format": "unknown", "index": 0}]
    delta = {"reasoning": "R", "reasoning_content": "R", "reasoning_details": details}
    assert text_of(dialect, chunk(delta), A, END).reasoning == "R"


@every_chat
@pytest.mark.parametrize(
    "delta",
    [
        None,
        {},
        {"role": None, "content": None},
        {"role": "assistant", "content": "", "reasoning_content": "", "reasoning_details": []},
        {"content": "", "tool_calls": None},
        {"content": "", "tool_calls": [], "refusal": None, "audio": {"x": 1}, "new": [1, {}]},
    ],
)
def test_an_empty_delta_says_nothing(dialect: str, delta: Any) -> None:
    folded = text_of(dialect, chunk(delta), A, chunk(delta), B, END, DONE)
    assert (folded.answer, folded.reasoning, folded.calls) == ("AB", "", {})


@every_chat
def test_unknown_keys_are_passed_over_at_every_level(dialect: str) -> None:
    choice = {"index": 0, "delta": {"content": "A", "x": {}}, "matched_stop": 1, "logprobs": {}}
    value = {"choices": [choice], "timings": {"a": 1}, "web_search": [], "content_filter": [{}]}
    assert text_of(dialect, event(value), END).answer == "A"


@every_chat
def test_only_the_first_of_several_choices_is_read(dialect: str) -> None:
    choices = [{"index": 1, "delta": {"content": "no"}}, {"index": 0, "delta": {"content": "A"}}]
    assert text_of(dialect, event({"choices": choices}), END).answer == "A"


@every_chat
def test_a_delta_may_be_missing_on_the_finish_chunk(dialect: str) -> None:
    end = event({"choices": [{"index": 0, "finish_reason": "stop"}]})
    assert text_of(dialect, A, end).finishes == ["stop"]


@every_chat
def test_separators_of_unicode_are_text(dialect: str) -> None:
    text = "a\u2028b\u2029c\u0085d\x0be"
    value = {"choices": [{"index": 0, "delta": {"content": text}}]}
    body = b"data: " + json.dumps(value, ensure_ascii=False).encode() + b"\n\n"
    assert text_of(dialect, body, END).answer == text


@every_chat
def test_a_very_long_record_arrives_whole(dialect: str) -> None:
    assert text_of(dialect, chunk({"content": "x" * 2_000_000}), END).answer == "x" * 2_000_000


# ── how a reply ends ─────────────────────────────────────────────────────────────────────────────


@every_dialect
def test_a_clean_end_without_a_finish_reason_is_incomplete(dialect: str) -> None:
    body = frame({"content": "A"}) if dialect == "dashscope_native" else A
    folded = text_of(dialect, body)
    assert (folded.answer, folded.finishes, folded.errors) == ("A", [None], [])


@every_dialect
@pytest.mark.parametrize("body", [b"", b"\n\n", b": ping\n\n", b"data:\n\n", b"data: [DONE]\n\n"])
def test_a_success_with_nothing_in_it_is_an_error(dialect: str, body: bytes) -> None:
    (error,) = text_of(dialect, body).errors
    assert isinstance(error, errors.EmptyReplyError)


@every_chat
@pytest.mark.parametrize("reason", ["stop", "length", "tool_calls", "brand_new"])
def test_the_finish_reason_is_the_providers_own_word(dialect: str, reason: str) -> None:
    assert text_of(dialect, A, chunk({}, finish=reason), DONE).finishes == [reason]


@every_chat
@pytest.mark.parametrize("reason", ["sensitive", "abort", "network_error", "content_filter"])
def test_a_finish_reason_that_is_a_failure_is_an_error(dialect: str, reason: str) -> None:
    folded = text_of(dialect, A, chunk({}, finish=reason), DONE)
    (error,) = folded.errors
    assert (folded.answer, folded.finishes, error.code) == ("A", [], reason)


@pytest.mark.parametrize("running", [None, "null", ""])
def test_a_running_native_frame_has_no_finish_reason(running: str | None) -> None:
    choice = {"message": {"content": "A"}, "finish_reason": running}
    folded = text_of("dashscope_native", event({"output": {"choices": [choice]}}))
    assert folded.finishes == [None]


def test_a_native_frame_may_lack_reasoning_usage_and_request_id() -> None:
    last = event({"output": {"choices": [{"message": {"content": "A"}, "finish_reason": "stop"}]}})
    folded = text_of("dashscope_native", last)
    assert (folded.answer, folded.reasoning, folded.usage, folded.finishes) == (
        "A",
        "",
        None,
        ["stop"],
    )


def test_the_native_text_format_is_read_too() -> None:
    body = (
        event({"output": {"text": "A"}}),
        event({"output": {"text": "B", "finish_reason": "stop"}}),
    )
    folded = text_of("dashscope_native", *body)
    assert (folded.answer, folded.finishes) == ("AB", ["stop"])


@every_dialect
def test_a_web_page_is_told_by_its_title_and_not_shown(dialect: str) -> None:
    page = (
        b"<!DOCTYPE html><html><head><title>Sign &amp; in</title></head><body>secret</body></html>"
    )
    (error,) = text_of(dialect, page).errors
    assert isinstance(error, errors.NotAnApiError)
    assert "Sign & in" in error.message
    assert "secret" not in str(error)
    assert "base URL" in error.hint


@every_dialect
@pytest.mark.parametrize("status", [403, 404, 502, 503])
def test_a_failed_status_with_a_web_page_tells_status_and_title(dialect: str, status: int) -> None:
    page = b"<html><title>Bad\n gateway</title>" + b"secret " * 100 + b"</html>"
    error = DIALECTS[dialect].error(offer_for(dialect), status, {}, page)
    assert error.status == status
    assert "Bad gateway" in error.message
    assert "secret" not in str(error)


# ── errors in the middle ─────────────────────────────────────────────────────────────────────────

ERRORS = {
    "object": event({"error": {"code": "1234", "message": "it broke", "type": "server_error"}}),
    "integer code": event({"error": {"code": 502, "message": "it broke"}}),
    "no code": event({"error": {"message": "it broke"}}),
    "null code": event({"error": {"message": "it broke", "code": None, "param": None}}),
    "string": event({"error": "it broke"}),
    "flat": event({"object": "error", "message": "it broke", "type": "x", "code": 500}),
    "flat code": event({"code": "InternalError", "message": "it broke", "request_id": "r"}),
    "named event": b"event: error\n" + event({"message": "it broke"}),
    "named event, no space": b"event:error\ndata:" + b'{"message":"it broke","code":"X"}\n\n',
    "plain text event": b"event: error\ndata: it broke\n\n",
    "field line": b'error: {"code":500,"message":"it broke","type":"server_error"}\n\n',
    "on a chunk": chunk(
        {"content": ""}, finish="error", error={"code": 502, "message": "it broke"}
    ),
    "with null choices": event({"choices": None, "error": {"message": "it broke"}}),
}


@every_chat
@pytest.mark.parametrize("spelling", ERRORS)
def test_an_error_in_mid_stream_keeps_the_text_before_it(dialect: str, spelling: str) -> None:
    folded = text_of(dialect, A, B, ERRORS[spelling], DONE)
    assert folded.answer == "AB"
    assert [error.message for error in folded.errors] == ["it broke"]
    assert not folded.finishes
    assert folded.errors[0].provider == dialect


@every_dialect
@pytest.mark.parametrize("spelling", [name for name in ERRORS if name != "on a chunk"])
def test_an_error_at_once_is_an_error(dialect: str, spelling: str) -> None:
    assert [error.message for error in text_of(dialect, ERRORS[spelling]).errors] == ["it broke"]


@every_dialect
@pytest.mark.parametrize(
    "body",
    [
        b'{"error":{"code":"1113","message":"it broke"}}',
        b'{"error":"it broke"}',
        b'{"code":"Arrearage","message":"it broke","request_id":"r"}',
    ],
)
def test_a_success_whose_body_is_an_error_is_an_error(dialect: str, body: bytes) -> None:
    assert [error.message for error in text_of(dialect, body).errors] == ["it broke"]


@pytest.mark.parametrize("space", ["", " "])
def test_a_native_error_frame_takes_its_status_from_the_comment(space: str) -> None:
    payload = '{"code":"DataInspectionFailed","message":"it broke","request_id":"r9"}'
    last = f"id:9\nevent:{space}error\n:HTTP_STATUS/400\ndata:{space}{payload}\n\n".encode()
    folded = text_of("dashscope_native", frame({"content": "A", "reasoning_content": ""}), last)
    (error,) = folded.errors
    assert folded.answer == "A"
    assert isinstance(error, errors.ContentBlockedError)
    assert (error.status, error.code, error.request_id) == (400, "DataInspectionFailed", "r9")


def test_a_native_error_without_the_event_name_is_still_an_error() -> None:
    last = b':HTTP_STATUS/429\ndata:{"code":"Throttling.RateQuota","message":"it broke"}\n\n'
    (error,) = text_of("dashscope_native", frame({"content": "A"}), last).errors
    assert isinstance(error, errors.RateLimitError)
    assert error.status == 429


# ── tool calls ───────────────────────────────────────────────────────────────────────────────────


def calls(dialect: str, *fragments: Any) -> list[tuple[str, str, str]]:
    """Decode these fragments, one chunk each, and return the calls."""
    if dialect == "dashscope_native":
        records = [frame({"content": "", "tool_calls": [fragment]}) for fragment in fragments]
    else:
        records = [chunk({"tool_calls": [fragment]}) for fragment in fragments]
    return text_of(dialect, *records).call_list


def part(arguments: str | None = None, name: str | None = None, **rest: Any) -> dict[str, Any]:
    """Return one fragment of a call."""
    function = {"name": name, "arguments": arguments}
    return {**rest, "function": {k: v for k, v in function.items() if v is not None}}


@every_dialect
@pytest.mark.parametrize(
    "later", [{}, {"id": ""}, {"id": None}, {"id": "c1"}, {"id": "", "type": ""}]
)
def test_fragments_join_whatever_becomes_of_the_id(dialect: str, later: dict[str, Any]) -> None:
    fragments = [part("", "f", index=0, id="c1"), part('{"a"', index=0, **later)]
    assert calls(dialect, *fragments, part(":1}", index=0, **later)) == [("c1", "f", '{"a":1}')]


@every_dialect
def test_a_name_repeated_in_every_fragment_is_one_name(dialect: str) -> None:
    fragments = [part(text, "f", index=0, id="c1") for text in ("{", '"a":', "1}")]
    assert calls(dialect, *fragments) == [("c1", "f", '{"a":1}')]


@every_dialect
def test_equal_fragments_in_a_row_are_all_kept(dialect: str) -> None:
    fragments = [part("", "f", index=0, id="c1"), *[part("1", index=0)] * 4]
    assert calls(dialect, *fragments) == [("c1", "f", "1111")]


@every_dialect
def test_interleaved_indices_stay_apart(dialect: str) -> None:
    fragments = [
        part("{", "f", index=0, id="c1"),
        part("[", "g", index=1, id="c2"),
        part("1}", index=0),
        part("2]", index=1),
    ]
    assert calls(dialect, *fragments) == [("c1", "f", "{1}"), ("c2", "g", "[2]")]


@every_dialect
def test_interleaved_halves_of_characters_stay_apart(dialect: str) -> None:
    fragments = [
        part("a\ud83d", "f", index=0, id="c1"),
        part("b\ud83d", "g", index=1, id="c2"),
        part("\ude00", index=0),
        part("\ude01", index=1),
    ]
    assert calls(dialect, *fragments) == [("c1", "f", "a😀"), ("c2", "g", "b😁")]


@every_dialect
def test_a_half_character_at_the_end_of_the_arguments_is_replaced(dialect: str) -> None:
    assert calls(dialect, part("a\ud83d", "f", index=0, id="c1")) == [("c1", "f", "a\ufffd")]


@every_dialect
def test_a_snapshot_without_index_is_the_whole_call(dialect: str) -> None:
    assert calls(dialect, part('{"a":1}', "f", id="c1")) == [("c1", "f", '{"a":1}')]


@every_dialect
def test_growing_snapshots_without_index_are_not_added_up(dialect: str) -> None:
    fragments = [part(text, "f", id="c1") for text in ('{"a"', '{"a":1', '{"a":1}')]
    assert calls(dialect, *fragments) == [("c1", "f", '{"a":1}')]


@every_dialect
def test_two_calls_without_index_are_told_apart_by_their_ids(dialect: str) -> None:
    fragments = [part("{}", "f", id="c1"), part("[]", "g", id="c2")]
    assert calls(dialect, *fragments) == [("c1", "f", "{}"), ("c2", "g", "[]")]


@every_dialect
def test_two_calls_that_share_an_index_are_told_apart_by_their_ids(dialect: str) -> None:
    fragments = [part("{}", "f", index=0, id="c1"), part("[]", "g", index=0, id="c2")]
    assert calls(dialect, *fragments) == [("c1", "f", "{}"), ("c2", "g", "[]")]


@every_dialect
def test_arguments_may_come_as_an_object(dialect: str) -> None:
    fragment = {"index": 0, "id": "c1", "function": {"name": "f", "arguments": {"a": "é"}}}
    ((id_, name, arguments),) = calls(dialect, fragment)
    assert (id_, name, json.loads(arguments)) == ("c1", "f", {"a": "é"})


@every_dialect
def test_a_call_without_an_id_is_kept(dialect: str) -> None:
    ((_, name, arguments),) = calls(dialect, part("{}", "f", index=0))
    assert (name, arguments) == ("f", "{}")
