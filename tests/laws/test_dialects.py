"""The laws of a stream, over every dialect and the project's own replies."""

from __future__ import annotations

import json
import random

import pytest

from glm_magic.core import events as ev
from glm_magic.core.errors import EmptyReplyError
from glm_magic.dialects import DIALECTS
from tests.laws.decoding import comparable, cut, decode, fold, read, usage_of
from tests.servers.script import Script, Tokens
from tests.streams.corpus import BODIES, RICH_BODIES, VENDORS, Body, body_of, whole

every_body = pytest.mark.parametrize("body", BODIES, ids=lambda body: body.id)
rich_bodies = pytest.mark.parametrize("body", RICH_BODIES, ids=lambda body: body.id)
every_vendor = pytest.mark.parametrize("vendor", VENDORS)


def decoded(body: Body, *chunks: bytes) -> list[ev.Event]:
    return decode(body.dialect, chunks or [body.content], body.request)


def test_the_corpus_covers_every_dialect() -> None:
    assert {dialect for dialect, _ in VENDORS.values()} == set(DIALECTS)


@every_body
def test_a_reply_says_what_the_server_was_told_to_say(body: Body) -> None:
    folded = fold(decoded(body))
    assert (folded.reasoning, folded.answer) == (body.reasoning, body.answer)
    assert folded.call_list == [(call.id, call.name, call.arguments) for call in body.calls]
    if body.failure is None:
        assert folded.usage == usage_of(body.tokens)
        assert folded.finishes == [body.finish]
    else:
        assert [error.message for error in folded.errors] == [body.failure.message]


@rich_bodies
def test_every_byte_is_a_harmless_place_to_cut(body: Body) -> None:
    expected = comparable(decoded(body))
    for position in range(len(body.content) + 1):
        first, rest = body.content[:position], body.content[position:]
        assert comparable(decoded(body, first, rest)) == expected


@every_body
def test_cutting_anywhere_gives_the_same_events(body: Body) -> None:
    expected = comparable(decoded(body))
    dice = random.Random(body.id)
    assert comparable(decoded(body, *(bytes([byte]) for byte in body.content))) == expected
    for _ in range(20):
        positions = [dice.randrange(len(body.content)) for _ in range(dice.randrange(1, 9))]
        assert comparable(decoded(body, *cut(body.content, positions))) == expected


@every_body
@pytest.mark.parametrize("end", ["\r", "\r\n", "mixed"])
def test_line_ends_comments_and_a_bom_change_nothing(body: Body, end: str) -> None:
    dice = random.Random(body.id)
    ends = [b"\n", b"\r", b"\r\n"] if end == "mixed" else [end.encode()]
    respelled = b"\xef\xbb\xbf"
    for record in body.records:
        for line in record.split(b"\n")[:-1]:
            respelled += line + dice.choice(ends)
        respelled += b": ping" + dice.choice(ends) * 2 if dice.random() < 0.5 else b""
    assert comparable(decoded(body, respelled)) == comparable(decoded(body))


@every_body
def test_a_missing_last_blank_line_changes_nothing(body: Body) -> None:
    expected = comparable(decoded(body))
    assert comparable(decoded(body, body.content.removesuffix(b"\n"))) == expected
    assert comparable(decoded(body, body.content.rstrip(b"\n"))) == expected


@every_body
def test_a_missing_sentinel_changes_nothing(body: Body) -> None:
    without = body.content.removesuffix(b"data: [DONE]\n\n")
    assert comparable(decoded(body, without)) == comparable(decoded(body))


@every_body
def test_single_line_ends_between_events_change_nothing(body: Body) -> None:
    squeezed = b"".join(record.rstrip(b"\n") + b"\n" for record in body.records)
    assert comparable(decoded(body, squeezed)) == comparable(decoded(body))


@every_body
def test_what_follows_the_end_is_ignored(body: Body) -> None:
    if not body.content.endswith(b"data: [DONE]\n\n"):
        return
    more = body.content + body.records[0] + b"data: {broken\n\n"
    assert comparable(decoded(body, more)) == comparable(decoded(body))


@every_body
def test_the_reply_ends_exactly_once_and_last(body: Body) -> None:
    decoded_events = decoded(body)
    assert fold(decoded_events).ends == 1
    assert isinstance(decoded_events[-1], ev.Finish | ev.StreamError)
    assert [type(event) for event in decoded_events].count(ev.Started) <= 1


@rich_bodies
def test_a_body_that_ends_anywhere_leaves_an_honest_part(body: Body) -> None:
    complete = fold(decoded(body))
    for position in range(len(body.content)):
        decoded_events = decoded(body, body.content[:position])
        folded = fold(decoded_events)
        assert folded.ends == 1
        assert complete.reasoning.startswith(folded.reasoning)
        assert complete.answer.startswith(folded.answer)
        for number, (_, _, arguments) in enumerate(folded.call_list):
            assert complete.calls[number][2].startswith(arguments)
        assert folded.finishes in ([], [None], [body.finish])
        assert all(isinstance(error, EmptyReplyError) for error in folded.errors)


@rich_bodies
def test_an_end_without_a_finish_reason_is_never_taken_for_a_whole_reply(body: Body) -> None:
    ending = next(
        number for number, record in enumerate(body.records) if b'"tool_calls"' in record[-900:]
        and f'"finish_reason":"{body.finish}"'.encode() in record
    )  # fmt: skip
    folded = fold(decoded(body, b"".join(body.records[:ending])))
    assert folded.finishes == [None]
    assert not folded.errors
    assert (folded.reasoning, folded.answer) == (body.reasoning, body.answer)


@every_vendor
def test_equal_deltas_in_a_row_are_all_kept(vendor: str) -> None:
    script = Script(reasoning=("ha", "ha", "ha", "ha!"), answer=("no", "no", "no", "no"))
    body = body_of(vendor, "equal", script)
    folded = fold(decoded(body))
    assert (folded.reasoning, folded.answer) == ("hahahaha!", "nononono")


@every_vendor
def test_usage_replaces_what_was_reported_before(vendor: str) -> None:
    body = body_of(
        vendor, "usage", Script(answer="abcdefghij", tokens=Tokens(5, 10), piece_chars=1)
    )
    reports = [event for event in decoded(body) if isinstance(event, ev.UsageReport)]
    assert reports[-1].usage == usage_of(Tokens(5, 10))
    assert fold(decoded(body)).usage == usage_of(Tokens(5, 10))


@every_vendor
def test_a_whole_reply_that_was_not_streamed_is_shown(vendor: str) -> None:
    body = whole(vendor, Script(reasoning="Think", answer="Blue", tokens=Tokens(3, 4, 2, 1)))
    folded = fold(decoded(body))
    assert (folded.reasoning, folded.answer, folded.finishes) == ("Think", "Blue", ["stop"])
    assert folded.usage == usage_of(body.tokens)


@every_vendor
def test_a_whole_reply_is_the_same_wherever_it_is_cut(vendor: str) -> None:
    body = whole(vendor, Script(reasoning="Dänk 😀", answer="Blue"))
    expected = comparable(decoded(body))
    for position in range(len(body.content)):
        parts = body.content[:position], body.content[position:]
        assert comparable(decoded(body, *parts)) == expected


@every_vendor
def test_each_reply_has_a_decoder_of_its_own(vendor: str) -> None:
    first, second = (body_of(vendor, name, Script(answer=name)) for name in ("one", "two"))
    assert fold(decoded(first)).answer == "one"
    assert fold(decoded(second)).answer == "two"


@every_vendor
def test_nothing_is_unencodable_whatever_escapes_the_wire_holds(vendor: str) -> None:
    script = Script(reasoning=("R1", "R2"), answer=("A1", "A2"), model="M1")
    body = body_of(vendor, "surrogates", script).content
    halves = {"R1": "x\\ud83d", "R2": "\\ude00y", "A1": "\\ud83d", "A2": "\\ude00", "M1": "\\udc00"}
    for mark, escape in halves.items():
        body = body.replace(f'"{mark}"'.encode(), f'"{escape}"'.encode())
    decoded_events = decode(
        VENDORS[vendor][0], [body], body_of(vendor, "surrogates", script).request
    )
    folded = fold(decoded_events)
    assert (folded.reasoning, folded.answer) == ("x😀y", "😀")
    repr(decoded_events).encode()


@every_vendor
@pytest.mark.parametrize("half", ["\\ud83d", "\\ude00", "\\ud83d\\ud83d"])
def test_a_lone_half_of_a_character_is_replaced(vendor: str, half: str) -> None:
    body = body_of(vendor, "half", Script(reasoning=("R1",), answer=("A1",)))
    content = body.content.replace(b'"R1"', f'"a{half}"'.encode())
    content = content.replace(b'"A1"', f'"b{half}"'.encode())
    folded = fold(decoded(body, content))
    lone = "\ufffd" * len(json.loads(f'"{half}"'))
    assert (folded.reasoning, folded.answer) == ("a" + lone, "b" + lone)


GARBAGE = [
    b"data: {broken\n\n",
    b"data: 7\n\n",
    b"data: null\n\n",
    b'data: "text"\n\n',
    b"data: [1]\n\n",
    b"data: " + b"[" * 100_000 + b"\n\n",
    b'data: {"choices": 5, "output": 7, "usage": [], "error": {}}\n\n',
    b'data: {"choices": [null, 3, {"delta": 4}], "output": {"choices": [1]}}\n\n',
    b'data: {"choices": [{"delta": {"content": 5, "tool_calls": {"a": 1}}}]}\n\n',
    b'data: {"choices": [{"delta": {"tool_calls": [null, 1, {"function": 2, "index": "x"}]}}]}\n\n',
    b'data: {"choices": [{"index": {}, "finish_reason": {}, "delta": {"reasoning": {}}}]}\n\n',
    b'data: {"id": {}, "model": [], "usage": {"prompt_tokens": "x", "completion_tokens": -1}}\n\n',
    b'data: {"output": {"choices": [{"message": {"content": [], "reasoning_content": 1}}]}}\n\n',
    b'data: {"error": []}\n\ndata: {"error": 0}\n\ndata: {"error": {"code": {}}}\n\n',
    b"event: error\n\nevent: error\ndata:\n\nevent: error\ndata: oh\n\n",
    b'data: {"usage": {"prompt_tokens": 1e999, "completion_tokens": NaN}}\n\n',
    b"data: " + b"9" * 5000 + b"\n\n",
    b"\x00\xff\xfe\xef\xbb",
    b"{",
    b"[",
    b"<",
    b"[]",
    b"{}",
    b"null",
    b"HTTP/1.1 500",
]


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize("garbage", GARBAGE, ids=range(len(GARBAGE)))
def test_a_decoder_never_raises_and_always_ends(dialect: str, garbage: bytes) -> None:
    folded = read(dialect, garbage)
    assert folded.ends == 1
    for error in folded.errors:
        assert error.message
        assert isinstance(error.hint, str)


@every_vendor
@pytest.mark.parametrize("garbage", [b"data: {broken\n\n", b'data: {"a":"b\n\n', b"data: oops\n\n"])
def test_a_broken_record_costs_no_more_than_itself(vendor: str, garbage: bytes) -> None:
    body = body_of(vendor, "spoilt", Script(reasoning="Think", answer=("Bl", "ue")))
    at = 1 + next(n for n, record in enumerate(body.records) if b'"Bl"' in record)
    spoilt = b"".join([*body.records[:at], garbage, garbage, *body.records[at:]])
    folded = fold(decoded(body, spoilt))
    assert (folded.reasoning, folded.answer) == ("Think", "Blue")
    assert (folded.errors, folded.finishes) == ([], ["stop"])
    assert folded.notices == ["lost"]
