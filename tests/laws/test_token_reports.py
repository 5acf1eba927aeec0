"""What servers report about tokens, in every dialect that has it."""

from __future__ import annotations

import json
from collections.abc import Iterable
from itertools import pairwise
from typing import Any

import pytest

from glm_magic.core.events import TokenReport
from glm_magic.core.tokens import MAX_FIGURES, Alternative, Token, figures_of
from glm_magic.core.turn import Step, Turn
from glm_magic.dialects import DIALECTS
from glm_magic.dialects.logprobs import MAX_ALTERNATIVES, MAX_TOKEN
from glm_magic.engine import step_builder
from glm_magic.engine.step_builder import StepBuilder
from glm_magic.session.codec import TextDelta, encode
from tests.laws.decoding import decode, request_for
from tests.laws.replies import PROTOCOLS, chunk, is_native
from tests.reference import MISSING, reference_folder

every_protocol = pytest.mark.parametrize("protocol", PROTOCOLS)
every_dialect = pytest.mark.parametrize("dialect", DIALECTS)
Entry = dict[str, Any]


def entry(text: str, logprob: float = -0.5, *others: str, data: bytes | None = None) -> Entry:
    """Return what OpenAI's chat has for one token."""
    value = list(text.encode() if data is None else data)
    top = [{"token": other, "logprob": -1.5, "bytes": list(other.encode())} for other in others]
    return {"token": text, "logprob": logprob, "bytes": value, "top_logprobs": top}


def step_of(protocol: str, parts: Iterable[tuple[dict[str, Any], dict[str, Any]]]) -> Step:
    """Return the step of a reply; each part is a delta, and what its choice has beside it."""
    body = b""
    so_far: dict[str, Any] = {}
    figures: dict[str, Any] = {}
    for delta, beside in parts:
        if protocol == "cumulative":
            so_far = {name: so_far.get(name, "") + text for name, text in delta.items()}
            before = figures.get("logprobs", {}).get("content", [])
            figures = {"logprobs": {"content": before + beside["logprobs"]["content"]}}
            delta, beside = so_far, figures
        body += _event(protocol, delta, beside)
    body += _event(protocol, so_far, figures, "stop")
    request = {"parameters": {"incremental_output": False}} if protocol == "cumulative" else None
    dialect = "dashscope_native" if is_native(protocol) else protocol
    builder = StepBuilder(request_for(dialect), [])
    for event in decode(dialect, [body], request):
        builder.add([event], 1.0)
    return builder.step(2.0)


def _event(
    protocol: str, delta: dict[str, Any], beside: dict[str, Any], finish: str | None = None
) -> bytes:
    frame = chunk(protocol, delta, finish)
    choices = frame["output"]["choices"] if is_native(protocol) else frame["choices"]
    choices[0] |= beside
    return b"data: " + json.dumps(frame).encode() + b"\n\n"


def content(*entries: Entry) -> dict[str, Any]:
    return {"logprobs": {"content": list(entries)}}


@every_protocol
def test_tokens_are_read_in_every_dialect(protocol: str) -> None:
    step = step_of(
        protocol,
        [
            ({"reasoning_content": "I"}, content(entry("I", -0.25, "I", "We"))),
            ({"reasoning_content": " see"}, content(entry(" see"))),
            ({"content": "A"}, content(entry("A", -2.0))),
            ({"content": " cat"}, content(entry(" cat"))),
        ],
    )
    assert step.tokens == (
        Token("reasoning", "I", -0.25, (Alternative("I", -1.5), Alternative("We", -1.5))),
        Token("reasoning", " see", -0.5),
        Token("answer", "A", -2.0),
        Token("answer", " cat", -0.5),
    )


def test_cerebras_reports_the_reasoning_apart() -> None:
    beside = {"reasoning_logprobs": {"content": [entry("Hm")]}, **content(entry("Hm"))}
    step = step_of("vllm", [({"reasoning": "Hm", "content": "Hm"}, beside)])
    assert [(t.part, t.text) for t in step.tokens] == [("reasoning", "Hm"), ("answer", "Hm")]


def test_sglang_sends_what_belongs_to_several_deltas_with_the_first() -> None:
    everything = content(*map(entry, ("Hm", ".", "</think>", "Yes", "<|user|>")))
    step = step_of("sglang", [({"reasoning_content": "Hm."}, everything), ({"content": "Yes"}, {})])
    assert [(t.part, t.text) for t in step.tokens] == [
        ("reasoning", "Hm"),
        ("reasoning", "."),
        ("answer", "Yes"),
    ]


def test_sglang_sends_the_last_ones_alone() -> None:
    step = step_of("sglang", [({"content": "Yes."}, {}), ({}, content(entry("Yes"), entry(".")))])
    assert [t.text for t in step.tokens] == ["Yes", "."]


def test_think_tags_in_the_text_have_figures_and_no_token() -> None:
    pieces = ("<think>", "\n", "Hm", "</think>", "\n\n", "Hm", " yes")
    step = step_of("vllm", [({"content": piece}, content(entry(piece))) for piece in pieces])
    assert "".join(t.text for t in step.tokens if t.part == "reasoning") == step.reasoning
    assert [t.text for t in step.tokens if t.part == "answer"] == ["\n\n", "Hm", " yes"]
    assert all(t.logprob is not None for t in step.tokens if t.text.strip())


def test_the_form_of_completions_is_read_too() -> None:
    old = {
        "tokens": ["Yes", "."],
        "token_logprobs": [-0.5, None],
        "top_logprobs": [{"Yes": -0.5, "No": -1.0}],
        "text_offset": [0, 3],
    }
    step = step_of("vllm", [({"content": "Yes."}, {"logprobs": old})])
    assert step.tokens == (
        Token("answer", "Yes", -0.5, (Alternative("Yes", -0.5), Alternative("No", -1.0))),
        Token("answer", "."),
    )


def test_bytes_decide_and_may_cut_a_character() -> None:
    panda = "🐼".encode()
    parts = [
        ({}, content(entry("\ufffd", data=panda[:2]))),
        ({"content": "🐼"}, content(entry("\ufffd", data=panda[2:]))),
        ({"content": "!"}, content(entry("token_id:7", data=b"!"))),
    ]
    tokens = step_of("vllm", parts).tokens
    assert [t.text for t in tokens] == ["", "🐼", "!"]
    assert all(t.logprob is not None for t in tokens)


def test_llamacpp_loses_the_first_half_and_the_text_stays_whole() -> None:
    last = entry("\ufffd", data="🐼".encode()[2:])
    step = step_of(
        "llamacpp",
        [({"content": "A "}, content(entry("A "))), ({"content": "🐼"}, content(last)),
         ({"content": " here"}, content(entry(" here")))],
    )  # fmt: skip
    assert [(t.text, t.logprob) for t in step.tokens] == [
        ("A ", -0.5),
        ("🐼", None),
        (" here", -0.5),
    ]


HOSTILE: tuple[Any, ...] = (
    None, 5, True, "x", [], {}, [5], {"content": None}, {"content": "x"}, {"content": {"a": 1}},
    {"content": [None, 5, "x", [], {}]}, {"content": [{"token": None}]},
    {"content": [{"token": 5, "logprob": "x", "bytes": "x", "top_logprobs": 5}]},
    {"content": [{"token": "A", "logprob": [], "bytes": [256, -1], "top_logprobs": [None, 5, {}]}]},
    {"content": [{"token": "A", "bytes": [65.5], "top_logprobs": [{"token": "B"}]}]},
    {"content": [{"token": "A", "bytes": ["65"], "logprob": True}]},
    {"content": [{"token": "A" * (MAX_TOKEN + 1), "logprob": -1}]},
    {"content": [{"token": "\ud83d", "logprob": -1, "top_logprobs": [{"token": "\udc3c"}]}]},
    {"tokens": 5, "token_logprobs": "x"}, {"tokens": [5], "token_logprobs": [-1]},
    {"tokens": ["A"], "token_logprobs": [-1], "top_logprobs": [["A"]]},
)  # fmt: skip


@every_protocol
@pytest.mark.parametrize("report", HOSTILE, ids=lambda report: json.dumps(report)[:40])
def test_an_odd_report_breaks_nothing(report: Any, protocol: str) -> None:
    dialect = "dashscope_native" if is_native(protocol) else protocol
    beside = {"logprobs": report, "reasoning_logprobs": report}
    body = _event(protocol, {"content": "A\x00<b>"}, beside, "stop")
    builder = StepBuilder(request_for(dialect), [])
    for event in decode(dialect, [body]):
        builder.add([event], 1.0)
    step = builder.step(2.0)
    assert step.content == "A\x00<b>"
    assert "".join(t.text for t in step.tokens) in ("", step.content)


def test_what_is_kept_has_a_bound() -> None:
    others = tuple(f"o{n}" for n in range(MAX_ALTERNATIVES + 5))
    record = _event("vllm", {"content": "ab"}, content(*[entry("ab", -0.5, *others)] * 200))
    bodies = [record] * (MAX_FIGURES // MAX_ALTERNATIVES // 200 + 1)
    reports = [event for event in decode("vllm", bodies) if isinstance(event, TokenReport)]
    tokens = [token for report in reports for token in report.tokens]
    assert max(len(token.alternatives) for token in tokens) == MAX_ALTERNATIVES
    assert len(tokens) * (MAX_ALTERNATIVES + 1) <= MAX_FIGURES + MAX_ALTERNATIVES
    long = entry("a", -0.5, "x" * (2 * MAX_TOKEN))
    events = decode("vllm", [_event("vllm", {"content": "a"}, content(long), "stop")])
    (report,) = (event for event in events if isinstance(event, TokenReport))
    assert len(report.tokens[0].alternatives[0].text) == MAX_TOKEN


@every_dialect
def test_a_body_cut_anywhere_reports_the_same(dialect: str) -> None:
    body = b"".join(
        _event(dialect, {"content": piece}, content(entry(piece, -0.5, "é")))
        for piece in ("Ä", " cat", "🐼")
    )
    whole = decode(dialect, [body])
    for cut in range(1, len(body), 7):
        assert decode(dialect, [body[:cut], body[cut:]]) == whole


@every_dialect
def test_a_reply_without_figures_brings_no_report(dialect: str) -> None:
    body = b"".join(_event(dialect, {"content": p}, {"logprobs": None}) for p in ("A", " cat"))
    events = decode(dialect, [body])
    assert not any(isinstance(event, TokenReport) for event in events)


def test_a_recorded_reply_of_llamacpp() -> None:
    folder = reference_folder()
    if folder is None:
        pytest.skip(MISSING)
    text = (folder / "streams" / "llama_cpp" / "glm47_logprobs_n2.txt").read_bytes()
    body = text.partition(b"\n\ndata:")[2]
    builder = StepBuilder(request_for("llamacpp"), [])
    for event in decode("llamacpp", [b"data:" + body]):
        builder.add([event], 1.0)
    step = builder.step(2.0)
    assert "".join(t.text for t in step.tokens) == step.content == "```\n"
    assert [t.logprob for t in step.tokens] == [-2.7649, -0.0972]
    assert all(a < b for a, b in pairwise(t.logprob or 0.0 for t in step.tokens))


def test_while_it_streams_the_tokens_are_the_text_so_far(monkeypatch: pytest.MonkeyPatch) -> None:
    laid: list[int] = []

    def counted(reported: Any, **texts: Any) -> Any:
        laid.append(len(reported))
        return figures_of(reported, **texts)

    monkeypatch.setattr(step_builder, "figures_of", counted)
    pieces = [f" w{n}" for n in range(400)]
    bodies = [_event("vllm", {"content": p}, content(entry(p, -0.5, p, "or"))) for p in pieces]
    builder = StepBuilder(request_for("vllm"), [])
    for event in decode("vllm", bodies):
        builder.add([event], 1.0)
        step = builder.step(1.0)
        assert "".join(token.text for token in step.tokens_of("answer")) == step.content
        if step.status == "streaming" and len(laid) > 3:
            known = sum(token.logprob is not None for token in step.tokens_of("answer"))
            assert known > 0.8 * len(step.content.split()) - 10
    assert builder.step(2.0).tokens[-1].logprob == -0.5
    assert len(laid) < 30, "not at each look"


def test_a_piece_of_a_running_turn_is_saved_without_figures() -> None:
    step = step_of("vllm", [({"content": "Yes"}, content(entry("Yes")))])
    turn = Turn("Why?", "vllm", "glm-4.6", (step,), "streaming")
    assert step.answer_figures is not None
    assert "figures" not in json.dumps(TextDelta().piece(turn))
    assert "figures" in json.dumps(encode(turn))
