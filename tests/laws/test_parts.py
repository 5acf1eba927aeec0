"""A text is told by its type, not by the shape that it comes in, at every provider."""

from __future__ import annotations

from typing import Any

import pytest

from tests.laws.decoding import Folded, fold
from tests.laws.replies import PROTOCOLS, Delta, document_of, reply_of

every_protocol = pytest.mark.parametrize("protocol", PROTOCOLS)


def text(value: Any, type_: str = "text", name: str = "text") -> dict[str, Any]:
    """Return a typed part."""
    return {"type": type_, name: value}


R, A = text("R", "thinking", "thinking"), text("A")
CONTENT: dict[str, tuple[Any, str, str]] = {
    "Mistral's thinking": ([text([text("R")], "thinking", "thinking"), text("A")], "R", "A"),
    "thinking alone": ([text([text("R")], "thinking", "thinking")], "R", ""),
    "one part alone": (text([text("R")], "thinking", "thinking"), "R", ""),
    "one text alone": (text("A"), "", "A"),
    "thinking as a text": ([R, A], "R", "A"),
    "reasoning with text": ([text("R", "reasoning"), A], "R", "A"),
    "reasoning with reasoning": ([text("R", "reasoning", "reasoning"), A], "R", "A"),
    "reasoning with content": ([text([text("R")], "reasoning", "content"), A], "R", "A"),
    "reasoning with a summary": (
        [text([text("R", "summary_text")], "reasoning", "summary"), A], "R", "A"),
    "reasoning_text": ([text("R", "reasoning_text"), text("A", "output_text")], "R", "A"),
    "upper case": ([text("R", "Thinking", "thinking"), text("A", "TEXT")], "R", "A"),
    "two of each": ([R, A, text("S", "thinking", "thinking"), text("B")], "RS", "AB"),
    "without a type": ([{"text": "A"}], "", "A"),
    "thinking without a type": ([{"thinking": "R"}, {"text": "A"}], "R", "A"),
    "a null type": ([{"type": None, "text": "A"}], "", "A"),
    "an empty type": ([{"type": "", "content": "A"}], "", "A"),
    "plain texts": (["A", "B"], "", "AB"),
    "lists in lists": ([[text("A")], [[text("B")]]], "", "AB"),
    "deep": ([text([text([text("R")], "reasoning", "content")], "thinking", "thinking"), A], "R",
             "A"),
    "unknown types": ([text("no", "tool_use"), text("no", "image_url"), A], "", "A"),
    "a type that is none": ([text("no", 7), text("no", ["text"]), A], "", "A"),  # type: ignore[arg-type]
    "a signature": ([{**R, "signature": "no"}, {"type": "redacted_thinking", "data": "no"}, A], "R",
                    "A"),
    "nothing in it": ([{"type": "text"}, {"type": "text", "text": None}, {}, None, 5, True, A], "",
                      "A"),
    "empty": ([text(""), text([], "thinking", "thinking")], "", ""),
    "think tags in a text": ([text("<think>R</think>A")], "R", "A"),
    "a lone tag in a text": ([text("R.</thi"), text("nk>A")], "R.", "A"),
    "a tag after a thinking part": ([R, text("</think>A </think>")], "R", "A </think>"),
}  # fmt: skip


def texts(folded: Folded) -> tuple[str, str]:
    return folded.reasoning, folded.answer


@every_protocol
@pytest.mark.parametrize("shape", CONTENT)
def test_content_may_have_any_shape(protocol: str, shape: str) -> None:
    content, *expected = CONTENT[shape]
    assert texts(fold(reply_of(protocol, [{"content": content}]))) == tuple(expected)
    assert texts(document_of(protocol, {"content": content})) == tuple(expected)


@every_protocol
@pytest.mark.parametrize("shape", [name for name in CONTENT if isinstance(CONTENT[name][0], list)])
def test_parts_may_come_one_by_one(protocol: str, shape: str) -> None:
    content, *expected = CONTENT[shape]
    deltas = [{"content": [part]} for part in content]
    assert texts(fold(reply_of(protocol, deltas))) == tuple(expected)


REASONING: dict[str, Any] = {
    "a text": "R",
    "texts": ["R"],
    "a part": text("R"),
    "parts": [text("R")],
    "thinking": [R],
    "reasoning.text": [text("R", "reasoning.text")],
    "reasoning.summary": [text("R", "reasoning.summary", "summary")],
    "a summary without a type": {"summary": [text("R", "summary_text")], "effort": None},
    "nested": [{"type": "reasoning", "content": [text("R", "reasoning_text")]}],
}


@every_protocol
@pytest.mark.parametrize("field", ["reasoning_content", "reasoning", "thinking"])
@pytest.mark.parametrize("shape", REASONING)
def test_reasoning_may_have_any_shape(protocol: str, field: str, shape: str) -> None:
    deltas = [{field: REASONING[shape]}, {"content": "A"}]
    assert texts(fold(reply_of(protocol, deltas))) == ("R", "A")
    message = {field: REASONING[shape], "content": "A"}
    assert texts(document_of(protocol, message)) == ("R", "A")


DETAILS = [
    text("R", "reasoning.text"),
    {"type": "reasoning.encrypted", "data": "no"},
    text("S", "reasoning.summary", "summary"),
]


@every_protocol
def test_reasoning_details_alone_are_the_reasoning(protocol: str) -> None:
    deltas: list[Delta] = [{"reasoning": None, "reasoning_details": DETAILS}, {"content": "A"}]
    assert texts(fold(reply_of(protocol, deltas))) == ("RS", "A")
    assert texts(document_of(protocol, {"reasoning_details": DETAILS, "content": "A"})) == (
        "RS",
        "A",
    )


ONE = [text("R", "reasoning.text")]
TWICE: dict[str, list[Delta]] = {
    "beside the field": [{"reasoning": "R", "reasoning_details": ONE}],
    "after the field": [{"reasoning": "R"}, {"reasoning_details": ONE}],
    "before the field": [{"reasoning_details": ONE}, {"reasoning": "R"}],
    "in every field": [{"reasoning": "R", "reasoning_content": "R", "thinking": "R"}],
    "in a part of the content": [{"reasoning_content": "R", "content": [R]}],
    "at last once more": [
        {"reasoning": "R", "reasoning_details": ONE}, {"content": "", "reasoning_details": ONE}],
}  # fmt: skip


@pytest.mark.parametrize("protocol", [p for p in PROTOCOLS if p != "cumulative"])
@pytest.mark.parametrize("place", TWICE)
def test_reasoning_that_comes_twice_is_read_once(protocol: str, place: str) -> None:
    assert texts(fold(reply_of(protocol, [*TWICE[place], {"content": "A"}]))) == ("R", "A")


@pytest.mark.parametrize("protocol", [p for p in PROTOCOLS if p != "cumulative"])
def test_equal_pieces_of_reasoning_are_all_kept(protocol: str) -> None:
    for field in ("reasoning", "reasoning_content", "thinking"):
        assert fold(reply_of(protocol, [{field: "ha"}] * 3)).reasoning == "hahaha"
    details = [{"reasoning_details": [text("ha", "reasoning.text")]}] * 3
    assert fold(reply_of(protocol, details)).reasoning == "hahaha"
    both = [{"reasoning": "ha", **details[0]}] * 3
    assert fold(reply_of(protocol, both)).reasoning == "hahaha"


REFUSALS: dict[str, list[Delta]] = {
    "beside no content": [{"content": None, "refusal": "I can"}, {"refusal": "not."}],
    "after content": [{"content": "I can"}, {"refusal": "not."}],
    "as parts": [{"refusal": [text("I can", "refusal", "refusal")]}, {"refusal": "not."}],
    "in the content": [
        {"content": [text("I can", "refusal", "refusal")]},
        {"content": [text("not.", "refusal", "refusal")]}],
    "once more in the content": [
        {"content": "I cannot.", "refusal": "I cannot."}],
}  # fmt: skip


@pytest.mark.parametrize("protocol", [p for p in PROTOCOLS if p != "cumulative"])
@pytest.mark.parametrize("place", REFUSALS)
def test_a_refusal_is_shown_and_noted(protocol: str, place: str) -> None:
    folded = fold(reply_of(protocol, REFUSALS[place]))
    assert (folded.answer, folded.notices) == ("I cannot.", ["refusal"])


@every_protocol
def test_a_refusal_in_a_whole_reply_is_shown_and_noted(protocol: str) -> None:
    folded = document_of(protocol, {"content": None, "refusal": "I cannot."})
    assert (folded.answer, folded.notices) == ("I cannot.", ["refusal"])
    folded = fold(reply_of(protocol, [{"refusal": "I "}, {"refusal": "cannot."}]))
    assert (folded.answer, folded.notices) == ("I cannot.", ["refusal"])


@every_protocol
@pytest.mark.parametrize("refusal", [None, "", [], False, {}, True, 5])
def test_a_field_that_refuses_nothing_is_no_refusal(protocol: str, refusal: Any) -> None:
    folded = fold(reply_of(protocol, [{"content": "A", "refusal": refusal}]))
    assert (folded.answer, folded.notices) == ("A", [])


@every_protocol
def test_parts_that_go_on_for_ever_are_given_up(protocol: str) -> None:
    deep: Any = "no"
    for _ in range(200):
        deep = [{"type": "text", "text": deep}]
    assert texts(document_of(protocol, {"content": deep, "reasoning": "R"})) == ("R", "")
