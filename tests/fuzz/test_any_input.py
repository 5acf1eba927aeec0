"""Every reader of foreign bytes, with input that was good once and input that never was."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.fuzz.targets import TARGETS, as_json, seeds, stream

every_target = pytest.mark.parametrize("name", TARGETS)
SPLICES = (
    *(b"\x00", b"\xff", b"\n", b"\r", b"\r\n\r\n", b"{", b"}", b"[", b"]", b'"', b"\\", b"\\ud83d"),
    *(b"null", b"-1", b"1e999", b"[[[[", b"data:", b"event: error\n", b":", b"[DONE]", b"<html>"),
    *(b"`", b"```\n", b"$", b"$$", b"\\(", b"|", b"- ", b"> ", b"![", b"](", b"<", b"&#x", b"{{"),
    *("\u2028".encode(), "\u202e".encode(), "😀".encode(), b"\xed\xa0\xbd", b"= ", b"[[model]]"),
    *(b"</think>", b"<think>", b"data: null\n\n", b'data: {"choices":[', b'{"error":"no"}\n'),
    *(b"true", b"nan", b"inf", b"2026-13-01", b"''", b'""" ', b"end 1 0", b"reply ", b"9" * 400),
)


@st.composite
def spoilt(draw: st.DrawFn, name: str) -> bytes:
    """Draw good input with a few bytes cut out, repeated or put in."""
    data = draw(st.sampled_from(seeds(name)))
    for _ in range(draw(st.integers(1, 4))):
        start = draw(st.integers(0, len(data)))
        end = min(len(data), start + draw(st.integers(0, 30)))
        middle = draw(st.sampled_from([b"", data[start:end] * 3, *SPLICES]) | st.binary(max_size=4))
        data = data[:start] + middle + data[end:]
    return data


@every_target
def test_good_input_is_good(name: str) -> None:
    for data in seeds(name):
        TARGETS[name](data)


@every_target
def test_spoilt_input_does_no_harm(name: str) -> None:
    @given(spoilt(name))
    @settings(max_examples=150)
    def spoil(data: bytes) -> None:
        TARGETS[name](data)

    spoil()


@every_target
@given(data=st.binary(max_size=200))
def test_any_bytes_do_no_harm(name: str, data: bytes) -> None:
    TARGETS[name](data)


_WORDS = """choices delta message content reasoning reasoning_content tool_calls function name
arguments id index finish_reason usage prompt_tokens completion_tokens error code output text object
model request_id input_tokens output_tokens metadata error_type prompt_tokens_details refusal type
thinking reasoning_details summary reasoning_text detail"""
WORDS = _WORDS.split()
texts = st.text(st.characters(codec=None), max_size=4) | st.sampled_from(["stop", ""])
numbers = st.integers(-3, 10**20) | st.floats()
values = st.recursive(
    st.none() | st.booleans() | numbers | texts,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(WORDS), inner, max_size=5)
    ),
    max_leaves=12,
)


@given(st.integers(0, 9), st.lists(st.dictionaries(st.sampled_from(WORDS), values), max_size=4))
@settings(max_examples=400)
def test_any_json_in_any_dialect_ends_once(dialect: int, chunks: list[Any]) -> None:
    records = b"".join(b"data: " + as_json(chunk) + b"\n\n" for chunk in chunks)
    stream(bytes([dialect, 30, 120, 220]) + records)


@given(
    st.integers(0, 9), values, st.sampled_from(["usage", "delta", "choices", "tool_calls", "id"])
)
@settings(max_examples=300)
def test_any_value_in_any_place_of_a_chunk_ends_once(dialect: int, value: Any, place: str) -> None:
    delta = {"content": "A", "tool_calls": [{"index": 0, "function": {"arguments": "{}"}}]}
    chunk: dict[str, Any] = {"id": "r", "usage": {"prompt_tokens": 1}}
    choice: dict[str, Any] = {"index": 0, "delta": delta, "message": delta, "finish_reason": None}
    chunk["choices"], chunk["output"] = [choice], {"choices": [choice]}
    where = {"delta": choice, "tool_calls": delta}.get(place, chunk)
    body = json.dumps({**chunk, place: value} if where is chunk else chunk).encode()
    if where is not chunk:
        where[place] = value
        body = as_json(chunk)
    stream(bytes([dialect, 5, 50, 250]) + b"data: " + body + b"\n\n")
