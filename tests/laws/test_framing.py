"""Bytes become the same records wherever they are cut and however their lines end."""

from __future__ import annotations

import json
import re
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from glm_magic.wire import sse
from glm_magic.wire.sse import BodyReader, Record, RecordTooLongError

SEVEN = [json.dumps({"n": n, "t": "ä😀\u2028\u0085 }"}, ensure_ascii=False) for n in range(7)]
BODY = "".join(f"data: {line}\n\n" for line in SEVEN).encode() + b"data: [DONE]\n\n"


def frame(*chunks: bytes) -> list[Record]:
    """Return the records of a body that arrives in these chunks."""
    framer = BodyReader()
    records = [record for chunk in chunks for record in framer.feed(chunk)]
    return records + framer.finish()


def texts(*chunks: bytes) -> list[str]:
    """Return the data of the records, without the lines that are no field."""
    return [record.data for record in frame(*chunks) if record.kind != "line"]


def stray(*chunks: bytes) -> list[str]:
    """Return the lines that are no field."""
    return [record.data for record in frame(*chunks) if record.kind == "line"]


def cut(body: bytes, positions: list[int]) -> list[bytes]:
    """Return the body cut at the positions."""
    edges = [0, *sorted(positions), len(body)]
    return [body[start:end] for start, end in pairwise(edges)]


payloads = st.text(st.characters(exclude_characters="\r\n", codec="utf-8"), max_size=12).map(
    lambda text: json.dumps({"t": text}, ensure_ascii=False)
)
ends = st.sampled_from(["\n", "\r", "\r\n"])
noise = st.sampled_from(
    [": ping", ":", "id: 7", "retry: 10", "unknown", "data:", "", ":HTTP_STATUS/x"]
)


@st.composite
def bodies(draw: st.DrawFn) -> tuple[bytes, list[str]]:
    """Draw a body in any legal spelling, and the data of its records."""
    data = draw(st.lists(payloads, min_size=1, max_size=5))
    lines: list[str] = []
    for value in data:
        lines += [*draw(st.lists(noise, max_size=2)), ""] if draw(st.booleans()) else []
        lines += [draw(st.sampled_from(["data:", "data: "])) + value, ""]
    text = "".join(line + draw(ends) for line in lines)
    if draw(st.booleans()):
        text = text.rstrip("\r\n")
    return draw(st.sampled_from([b"", b"\xef\xbb\xbf"])) + text.encode(), data


@given(bodies(), st.lists(st.integers(0, 300), max_size=6))
def test_no_cut_and_no_spelling_changes_the_records(
    drawn: tuple[bytes, list[str]], cuts: list[int]
) -> None:
    body, expected = drawn
    assert texts(*cut(body, [min(position, len(body)) for position in cuts])) == expected


@given(st.binary(max_size=120), st.lists(st.integers(0, 120), max_size=5))
def test_any_bytes_frame_alike_wherever_cut(body: bytes, cuts: list[int]) -> None:
    positions = [min(position, len(body)) for position in cuts]
    assert frame(*cut(body, positions)) == frame(body)


ALPHABET = [
    b"data:",
    b"data: ",
    b'{"a":1}',
    b"\n",
    b"\r",
    b"\r\n",
    b":",
    b"event: error",
    b"[DONE]",
]
ALPHABET += [
    b":HTTP_STATUS/400",
    b":HTTP_STATUS/000",
    b"id:7",
    b"error: x",
    b"\xef\xbb\xbf",
    b"\xe2\x80",
    b"\xa8",
    b" ",
    b"<p>",
]


@given(st.lists(st.sampled_from(ALPHABET), max_size=14), st.lists(st.integers(0, 99), max_size=5))
def test_any_mix_of_protocol_words_frames_alike_wherever_cut(
    words: list[bytes], cuts: list[int]
) -> None:
    body = b"".join(words)
    positions = [min(position, len(body)) for position in cuts]
    assert frame(*cut(body, positions)) == frame(body)


@pytest.mark.parametrize("end", [b"\n", b"\r", b"\r\n"], ids=["LF", "CR", "CRLF"])
def test_every_byte_is_a_harmless_place_to_cut(end: bytes) -> None:
    body = BODY.replace(b"\n", end)
    for position in range(len(body) + 1):
        assert texts(body[:position], body[position:]) == [*SEVEN, "[DONE]"]


def test_one_byte_at_a_time_gives_the_same_records() -> None:
    assert texts(*(bytes([byte]) for byte in BODY)) == [*SEVEN, "[DONE]"]


def test_empty_chunks_change_nothing() -> None:
    half = BODY.index(b"\n\n") + 1
    assert texts(b"", BODY[:half], b"", b"", BODY[half:], b"") == [*SEVEN, "[DONE]"]


def test_cr_and_lf_in_different_chunks_are_one_line_end() -> None:
    assert texts(b"data: a\r", b"\ndata: b\r", b"", b"\n\r", b"\n") == ["a\nb"]


def test_line_ends_may_be_mixed() -> None:
    assert texts(b"data: 1\r\n\ndata: 2\n\rdata: 3\r\rdata: 4\n\r\n") == ["1", "2", "3", "4"]


def test_comments_and_fields_between_events_are_no_records() -> None:
    body = b": ping\n\n:\n\nid: 4\nretry: 9\nwhat\ndata: 1\nid: 5\n\n: OPENROUTER PROCESSING\n\n"
    assert texts(body) == ["1"]


def test_the_event_name_goes_with_its_own_record() -> None:
    records = frame(b"event: error\ndata: a\n\ndata: b\n\nevent:result\ndata:c\n\n")
    assert [record.event for record in records] == ["error", "", "result"]


def test_the_status_comment_goes_with_its_own_record() -> None:
    body = b"id:1\n:HTTP_STATUS/200\ndata:{}\n\nid:2\n:HTTP_STATUS/400\ndata:{}\n\ndata:{}\n\n"
    assert [record.http_status for record in frame(body)] == [200, 400, None]


def test_at_most_one_space_is_stripped() -> None:
    assert texts(b"data:  a\n\ndata:b\n\n") == [" a", "b"]


def test_a_bom_is_stripped_once_even_when_cut() -> None:
    body = b"\xef\xbb\xbf" + BODY
    for position in range(8):
        assert texts(body[:position], body[position:]) == [*SEVEN, "[DONE]"]
    assert texts(b"data: 1\n\n", b"\xef\xbb\xbfdata: 2\n\n") == ["1"]


def test_a_missing_last_blank_line_loses_nothing() -> None:
    body = BODY.removesuffix(b"data: [DONE]\n\n")
    assert texts(body.rstrip(b"\n")) == SEVEN
    assert texts(body.removesuffix(b"\n")) == SEVEN


def test_a_missing_done_loses_nothing() -> None:
    assert texts(BODY.removesuffix(b"data: [DONE]\n\n")) == SEVEN


@pytest.mark.parametrize("end", [b"\n", b"\r", b"\r\n"], ids=["LF", "CR", "CRLF"])
def test_events_separated_by_single_line_ends_stay_apart(end: bytes) -> None:
    body = BODY.replace(b"\n\n", end)
    assert texts(body) == [*SEVEN, "[DONE]"]
    assert texts(*(bytes([byte]) for byte in body)) == [*SEVEN, "[DONE]"]


def test_what_follows_done_on_the_next_line_does_not_spoil_it() -> None:
    assert texts(b'data: {"a":1}\ndata: [DONE]\ndata: {"b":2}\n')[:2] == ['{"a":1}', "[DONE]"]


def test_empty_data_between_single_line_ends_is_skipped() -> None:
    body = b'data: {"a":1}\ndata:\ndata: {"b":2}\ndata:\ndata: {"c":3}\n'
    assert [json.loads(text) for text in texts(body)] == [{"a": 1}, {"b": 2}, {"c": 3}]


def test_single_line_ends_keep_event_name_and_status_with_their_record() -> None:
    body = (
        b"id:1\nevent:result\n:HTTP_STATUS/200\ndata:{}\n"
        b"id:2\nevent:error\n:HTTP_STATUS/400\ndata:{}\n"
    )
    assert [(record.event, record.http_status) for record in frame(body)] == [
        ("result", 200),
        ("error", 400),
    ]


def test_several_data_lines_are_one_record() -> None:
    assert texts(b'data: {"a":\ndata: 1}\n\ndata: x\ndata: y\n\n') == ['{"a":\n1}', "x\ny"]


def test_empty_data_is_no_record() -> None:
    assert texts(b"data:\n\ndata: \n\ndata\n\ndata: 1\n\n") == ["1"]


def test_unicode_line_separators_are_text() -> None:
    text = '{"t":"a\u2028b\u2029c\u0085d\x0be\x0cf\x1cg"}'
    assert texts(f"data: {text}\n\n".encode()) == [text]


def test_an_error_field_is_an_error_record() -> None:
    records = frame(b'data: {"a":1}\n\nerror: {"code":500}\n\n')
    assert [(record.event, record.data) for record in records] == [
        ("", '{"a":1}'),
        ("error", '{"code":500}'),
    ]


def test_invalid_utf8_is_replaced_not_raised() -> None:
    assert texts(b"data: a\xff\xfeb\n\n") == ["a\ufffd\ufffdb"]


@pytest.mark.parametrize(
    "document",
    [
        '{"choices":[{"message":{"content":"a\\n\\nb"}}]}',
        '{\n  "error": {\n    "message": "data: no"\n  }\n}\n',
        '[{"error":{"code":1}}]',
        "<!doctype html>\n<html>\n\ndata: x\n\n</html>",
        "\r\n  <html></html>",
    ],
)
def test_a_json_or_html_body_is_one_document_wherever_cut(document: str) -> None:
    body = document.encode()
    for position in range(len(body) + 1):
        records = frame(body[:position], body[position:])
        assert [(record.kind, record.data) for record in records] == [("document", document)]


def test_a_bom_before_a_document_is_stripped() -> None:
    assert frame(b"\xef\xbb", b'\xbf{"a":1}') == [Record('{"a":1}', kind="document")]


@pytest.mark.parametrize("body", [b"", b"\n\n\n", b"\xef\xbb\xbf", b" ", b": ping\n\n", b"\r\n"])
def test_a_body_with_nothing_in_it_has_no_record(body: bytes) -> None:
    assert frame(body) == []


@pytest.mark.parametrize(
    "chunk",
    [b"data: " + b"x" * 40, b": " + b"x" * 40, b"data: x\n", b"{" + b"x" * 40],
    ids=["line", "comment", "lines", "document"],
)
def test_what_never_ends_is_given_up(chunk: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sse, "MAX_RECORD_BYTES", 1000)
    with pytest.raises(RecordTooLongError):
        frame(*[chunk] * 2000)


def test_a_record_of_a_megabyte_arrives_whole_and_quickly() -> None:
    text = json.dumps({"arguments": "x" * 1_000_000})
    body = f"data: {text}\n\n".encode()
    assert texts(*(body[start : start + 1000] for start in range(0, len(body), 1000))) == [text]


def test_a_cut_tail_adds_at_most_one_record() -> None:
    blank = re.compile(rb"\n\n")
    for position in range(len(BODY)):
        whole = len(blank.findall(BODY[:position]))
        assert texts(BODY[:position])[:whole] == [*SEVEN, "[DONE]"][:whole]
        assert len(texts(BODY[:position])) <= whole + 1


def test_only_a_record_that_the_body_ended_in_is_marked_as_cut() -> None:
    assert [record.cut for record in frame(b"data: 1\n\ndata: 2\n\n")] == [False, False]
    assert [record.cut for record in frame(b"data: 1\n\ndata: 2")] == [False, True]
    assert [record.cut for record in frame(b"data: 1\n\ndata: 2\n")] == [False, True]


LINES = [
    "upstream connect error or disconnect/reset before headers. reset reason: overflow",
    '{"error": {"message": "it broke: badly"}}',
    "<html><head><title>502 Bad Gateway</title></head>",
    "datax: 1",
    "Internal Server Error",
]


@pytest.mark.parametrize("line", LINES)
@pytest.mark.parametrize("end", ["\n", "\r", "\r\n", ""])
@pytest.mark.parametrize(
    "before", ["", ": ping\n\n", "data: 1\n\n", "id: 4\ndata: 1\n\n", "event: x\n"]
)
def test_a_line_that_is_no_field_is_a_record_of_its_own(line: str, end: str, before: str) -> None:
    body = (before + line + end).encode()
    if before or line[0] not in "{<":
        assert stray(body) == [line]
    expected = frame(body)
    for position in range(len(body) + 1):
        assert frame(body[:position], body[position:]) == expected


@pytest.mark.parametrize("field", ["data", "data:", "event", "id:", "retr", "err", "e", "d"])
def test_a_field_name_that_the_body_ended_in_is_no_line(field: str) -> None:
    assert frame(f"data: 1\n\n{field}".encode()) == [Record("1")]


@pytest.mark.parametrize("end", ["\n", "\r", "\r\n", "\n\n"])
def test_objects_on_lines_of_their_own_are_read_as_they_come(end: str) -> None:
    body = "".join(line + end for line in SEVEN).encode()
    assert stray(body) == SEVEN
    framer = BodyReader()
    first = framer.feed((SEVEN[0] + end + SEVEN[1] + end).encode())
    assert [record.data for record in first] == SEVEN[:2], "before the body ends"
    for position in range(len(body) + 1):
        assert stray(body[:position], body[position:]) == SEVEN


def test_one_object_on_one_line_is_a_document() -> None:
    for end in ("", "\n", "\r\n\r\n"):
        assert [record.kind for record in frame((SEVEN[0] + end).encode())] == ["document"]


def test_a_line_cut_inside_a_string_ends_its_record() -> None:
    assert texts(b'data: {"a":"hel\ndata: {"b":1}\ndata: {"c":2}\n\n') == [
        '{"a":"hel',
        '{"b":1}',
        '{"c":2}',
    ]
    assert texts(b'data: {"a":"x\\"}",\ndata: "b":1}\n\n') == ['{"a":"x\\"}",\n"b":1}']
