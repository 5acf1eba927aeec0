"""Reasoning inside the text is found wherever its tags are cut."""

from __future__ import annotations

import json
from collections.abc import Iterable
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.laws.decoding import SELF_HOSTED, Folded, read

HOSTED = ("dashscope", "bigmodel", "openrouter", "wcode")


def fold_pieces(pieces: Iterable[str], *, finish: bool = True, dialect: str = "vllm") -> Folded:
    """Decode a reply whose content comes in these pieces."""
    ends = [({}, "stop")] if finish else []
    deltas = [*(({"content": piece}, None) for piece in pieces), *ends]
    choices = [{"index": 0, "delta": d, "finish_reason": reason} for d, reason in deltas]
    body = "".join(f"data: {json.dumps({'choices': [choice]})}\n\n" for choice in choices)
    return read(dialect, body.encode())


def parts(text: str, cuts: Iterable[int]) -> list[str]:
    """Return a text cut at the positions."""
    edges = [0, *sorted({min(at, len(text)) for at in cuts}), len(text)]
    return [text[start:end] for start, end in pairwise(edges)]


def every_cut(text: str) -> Iterable[list[str]]:
    """Return the text whole, in two at every place, and by character."""
    yield [text]
    yield list(text)
    yield from (parts(text, [at]) for at in range(1, len(text)))


CASES = {
    "<think>why</think>so": ("why", "so"),
    "\n<think>\nwhy\n</think>\n\nso": ("\nwhy\n", "\n\nso"),
    "<think></think>so": ("", "so"),
    "<think>why</think>": ("why", ""),
    "<think>why": ("why", ""),
    "<think>a < b </thin k></think>so": ("a < b </thin k>", "so"),
    "<think>a <think> b</think>so": ("a <think> b", "so"),
    "<think>why</think>so <think>text</think>": ("why", "so <think>text</think>"),
    "why</think>so": ("why", "so"),
    "a < b </thin</think>so": ("a < b </thin", "so"),
    "why</think>so </think> there": ("why", "so </think> there"),
    "</think>so": ("", "so"),
    "so": ("", "so"),
    "so <": ("", "so <"),
    "so </think": ("", "so </think"),
    "<thinking is hard": ("", "<thinking is hard"),
    "<thi": ("", "<thi"),
    "so: <think>text": ("", "so: <think>text"),
    "in code `</think>` it is text": ("", "in code `</think>` it is text"),
    "```\n</think>\n```\n is text": ("", "```\n</think>\n```\n is text"),
    "~~~xml\n<think>a</think>\n~~~": ("", "~~~xml\n<think>a</think>\n~~~"),
    " ": ("", " "),
}


@pytest.mark.parametrize("text", CASES)
def test_reasoning_is_told_from_the_answer_wherever_it_is_cut(text: str) -> None:
    for pieces in every_cut(text):
        folded = fold_pieces(pieces)
        assert (folded.reasoning, folded.answer) == CASES[text], pieces


@given(
    st.lists(
        st.sampled_from(
            ["<think>", "</think>", "<", "</thi", "nk>", "a", " ", "\n", "`", "```\n", "😀"]
        ),
        max_size=8,
    ).map("".join),
    st.lists(st.integers(0, 40), max_size=6),
)
def test_cuts_never_change_what_is_reasoning(text: str, cuts: list[int]) -> None:
    whole, pieced = fold_pieces([text]), fold_pieces(parts(text, cuts))
    assert (pieced.reasoning, pieced.answer) == (whole.reasoning, whole.answer)


@given(st.text(alphabet="<think>/ ab\n`", max_size=30))
def test_no_text_is_lost_but_the_tags(text: str) -> None:
    folded = fold_pieces([text])
    kept = (folded.reasoning + folded.answer).replace("<think>", "").replace("</think>", "")
    assert kept.strip() == text.replace("<think>", "").replace("</think>", "").strip()


def test_reasoning_streams_while_it_is_open() -> None:
    assert fold_pieces(["<think>", "wh", "y"], finish=False).reasoning == "why"
    assert fold_pieces(["<th", "ink>wh"], finish=False).reasoning == "wh"


@pytest.mark.parametrize("dialect", SELF_HOSTED)
def test_every_self_hosted_server_may_leave_the_tags_in(dialect: str) -> None:
    folded = fold_pieces(["<think>wh", "y</th", "ink>so"], dialect=dialect)
    assert (folded.reasoning, folded.answer) == ("why", "so")
    folded = fold_pieces(["wh", "y</th", "ink>so"], dialect=dialect)
    assert (folded.reasoning, folded.answer) == ("why", "so")


@pytest.mark.parametrize("dialect", HOSTED)
def test_a_service_with_fields_of_its_own_may_write_a_closing_tag(dialect: str) -> None:
    folded = fold_pieces(["The tag ", "</think> ends it"], dialect=dialect)
    assert (folded.reasoning, folded.answer) == ("", "The tag </think> ends it")


def test_tags_are_text_once_reasoning_came_in_its_own_field() -> None:
    deltas = [{"reasoning": "why"}, {"content": "<think>so</think>"}, {"content": " </think>"}]
    choices = [{"choices": [{"index": 0, "delta": delta}]} for delta in deltas]
    folded = read("vllm", "".join(f"data: {json.dumps(c)}\n\n" for c in choices).encode())
    assert (folded.reasoning, folded.answer) == ("why", "<think>so</think> </think>")
