"""Reasoning inside the text is found at every provider, and wherever its tags are cut."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from glm_magic.core import events as ev
from tests.laws.decoding import Folded, fold
from tests.laws.replies import PROTOCOLS, Delta, document_of, reply_of

every_protocol = pytest.mark.parametrize("protocol", PROTOCOLS)


def fold_pieces(pieces: Iterable[str], *, finish: bool = True, dialect: str = "vllm") -> Folded:
    """Decode a reply whose content comes in these pieces."""
    return fold(reply_of(dialect, ({"content": p} for p in pieces), "stop" if finish else None))


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
    # as templates and parsers leave them
    "I will write it.</think>FINAL": ("I will write it.", "FINAL"),
    "I will write it.\n</think>\n\nFinal": ("I will write it.\n", "\n\nFinal"),
    "I will write it. </think> Final": ("I will write it. ", " Final"),
    "I thought about it </think> the answer": ("I thought about it ", " the answer"),
    "It is the tag </think> Then write": ("It is the tag ", " Then write"),
    "短波散射</think>蓝色": ("短波散射", "蓝色"),
    "短波散射 </think> 蓝色": ("短波散射 ", " 蓝色"),
    "why</think>": ("why", ""),
    "\n\n</think>\n\nso": ("", "\n\nso"),
    "why</think></think>so": ("why", "so"),
    "<think><think>why</think>so": ("why", "so"),
    "<think>\n<think>\nwhy</think>so": ("\nwhy", "so"),
    "<think>a</think></think>so": ("a", "so"),
    "<think>\n\n</think>\n\nso": ("", "\n\nso"),
    "<think></think><think>why</think>so": ("why", "so"),
    "<think>a</think>\n<think>b</think>so": ("ab", "so"),
    "<THINK>why</Think>so": ("why", "so"),
    "why</THINK>so": ("why", "so"),
    # answers about the tags
    "The tag </think> ends it": ("", "The tag </think> ends it"),
    "The last one is </think>, of course": ("", "The last one is </think>, of course"),
    "Use <think> and </think> for it": ("", "Use <think> and </think> for it"),
    "So: <think>why</think>, then text": ("", "So: <think>why</think>, then text"),
    'It ends with "</think>" here': ("", 'It ends with "</think>" here'),
    "It (</think>) ends": ("", "It (</think>) ends"),
    "Write a closing </think> after it": ("", "Write a closing </think> after it"),
    "标签 </think> 表示结束": ("", "标签 </think> 表示结束"),
    "标签“</think>”表示结束": ("", "标签“</think>”表示结束"),
    "<think>a</think><think> opens it": ("a", "<think> opens it"),
    # and reasoning that is none
    'She said "yes."</think>"Yes" it is': ('She said "yes."', '"Yes" it is'),
    "<think> and </think>.\nNow.</think>So": (" and ", ".\nNow.</think>So"),
    "A <think> and </think>.\nNow.</think>So": ("A <think> and </think>.\nNow.", "So"),
    "`a` and `b`.</think>so": ("`a` and `b`.", "so"),
}


@pytest.mark.parametrize("text", CASES)
def test_reasoning_is_told_from_the_answer_wherever_it_is_cut(text: str) -> None:
    for pieces in every_cut(text):
        folded = fold_pieces(pieces)
        assert (folded.reasoning, folded.answer) == CASES[text], pieces


@every_protocol
@pytest.mark.parametrize("text", CASES)
def test_every_protocol_tells_the_same_streamed_and_whole(protocol: str, text: str) -> None:
    by_character = fold_pieces(text, dialect=protocol)
    assert (by_character.reasoning, by_character.answer) == CASES[text]
    whole = document_of(protocol, {"content": text})
    assert (whole.reasoning, whole.answer) == CASES[text]
    assert not whole.errors


EMPTY: tuple[dict[str, Any], ...] = (
    {},
    {"reasoning_content": ""},
    {"reasoning_content": None, "reasoning": None},
    {"reasoning": "", "reasoning_details": []},
    {"reasoning": {}, "thinking": []},
)


@every_protocol
@pytest.mark.parametrize("empty", EMPTY, ids=range(len(EMPTY)))
def test_an_empty_field_is_no_reasoning(protocol: str, empty: Delta) -> None:
    for pieces in every_cut("Why.</think>So"):
        folded = fold(reply_of(protocol, ({**empty, "content": piece} for piece in pieces)))
        assert (folded.reasoning, folded.answer) == ("Why.", "So")


@every_protocol
def test_a_blank_field_is_no_reasoning_that_came(protocol: str) -> None:
    deltas = [{"reasoning_content": "\n"}, {"content": "Why."}, {"content": "</think>So"}]
    folded = fold(reply_of(protocol, deltas))
    assert (folded.reasoning, folded.answer) == ("\nWhy.", "So")


AFTER_A_FIELD = {
    "</think>so": ("", "so"),
    "\n</think>\n\nso": ("", "\n\nso"),
    "</think>": ("", ""),
    "<think>b</think>so": ("b", "so"),
    "\n<think>b</think>\nso": ("b", "\nso"),
    "<think></think>so": ("", "so"),
    "<think>b</think>so </think>": ("b", "so </think>"),
    "<think> is never closed": ("", "<think> is never closed"),
    "\n<think>\n<thi": ("", "\n<think>\n<thi"),
    "so</think>so": ("", "so</think>so"),
    "so <think>b</think>": ("", "so <think>b</think>"),
    "`</think>` ends it": ("", "`</think>` ends it"),
    "so": ("", "so"),
}


@every_protocol
@pytest.mark.parametrize("text", AFTER_A_FIELD)
def test_after_a_field_tags_count_only_at_the_start_of_the_answer(protocol: str, text: str) -> None:
    field = {"reasoning_content": "Why."}
    for pieces in every_cut(text):
        folded = fold(reply_of(protocol, [field, *({"content": piece} for piece in pieces)]))
        assert (folded.reasoning, folded.answer) == ("Why." + AFTER_A_FIELD[text][0],
                                                     AFTER_A_FIELD[text][1]), pieces  # fmt: skip
    whole = document_of(protocol, {**field, "content": text})
    assert whole.answer == AFTER_A_FIELD[text][1]


@every_protocol
@pytest.mark.parametrize(
    ("before", "after", "reasoning", "answer"),
    [
        ("<think>\n", "so", "R", "\nso"),
        ("<think>", "</think>so", "R", "so"),
        ("<think>a", "</think>so", "aR", "so"),
        ("a.</think>", "so", "a.R", "so"),
        ("\n", "so</think>", "R", "\nso</think>"),
        ("See. ", "</think>so", "R", "See. </think>so"),
    ],
)
def test_a_field_may_come_after_a_tag(
    protocol: str, before: str, after: str, reasoning: str, answer: str
) -> None:
    deltas = [{"content": before}, {"reasoning_content": "R"}, {"content": after}]
    folded = fold(reply_of(protocol, deltas))
    assert (folded.reasoning, folded.answer) == (reasoning, answer)


CALL = {"index": 0, "id": "c1", "type": "function", "function": {"name": "f", "arguments": "{}"}}


BEFORE_A_CALL = ("Look.</think>", "<think>Look.</think>", "Look. </think>\n", "Look </think>")


@every_protocol
@pytest.mark.parametrize("text", BEFORE_A_CALL)
def test_reasoning_before_a_tool_call_is_no_answer(protocol: str, text: str) -> None:
    for pieces in every_cut(text):
        deltas = [*({"content": piece} for piece in pieces), {"content": "", "tool_calls": [CALL]}]
        events = reply_of(protocol, deltas, "tool_calls")
        folded = fold(events)
        texts = folded.reasoning.strip().removesuffix("."), folded.answer.strip()
        assert texts == ("Look", ""), pieces
        assert folded.call_list == [("c1", "f", "{}")]
        calls = [isinstance(event, ev.ToolCallDelta) for event in events]
        moved = [isinstance(event, ev.ContentWasReasoning) for event in events]
        assert not any(moved[calls.index(True) :]), "the call is the first of the answer"


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


@given(st.text(alphabet='<think>/ ab\n`"', max_size=30), st.lists(st.integers(0, 40), max_size=4))
def test_after_a_field_cuts_change_nothing_either(text: str, cuts: list[int]) -> None:
    field = [{"reasoning": "why"}]
    whole = fold(reply_of("vllm", [*field, {"content": text}]))
    pieces = [{"content": piece} for piece in parts(text, cuts)]
    pieced = fold(reply_of("vllm", [*field, *pieces]))
    assert (pieced.reasoning, pieced.answer) == (whole.reasoning, whole.answer)


MANY = ("</think>", "<think>", "<think></think>", "</think>\n", "a</think> ")


@pytest.mark.parametrize("atom", MANY)
def test_any_number_of_tags_in_one_piece_is_read(atom: str) -> None:
    folded = fold_pieces(["x" + atom * 20_000 + "so"])
    assert not folded.errors
    assert folded.answer.endswith("so")
