"""The context fits: the oldest unpinned turns leave first, in words, and the prefix stays."""

from __future__ import annotations

import json
from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from glm_magic.catalogue.load import catalogue
from glm_magic.core.errors import InvalidValueError, UnsupportedError
from glm_magic.core.messages import Message
from glm_magic.core.spelled import body_tokens
from glm_magic.core.turn import Step, Turn
from glm_magic.core.usage import estimate
from glm_magic.engine.options import Options
from glm_magic.engine.prepare import prepare
from glm_magic.session.context import (
    TokenCalibration,
    _evict_count,
    calibration,
    context_of,
    fit_context,
    input_limit,
)
from glm_magic.session.slots import Slot, Variant
from tests.linear import is_linear
from tests.servers.script import Script, Tokens

LIMIT = 1000


def slot(number, tokens=100, **marks):
    answer = f"{number:04d}" + "a" * (4 * (tokens - 13) - 4)
    turn = Turn("prompt" + "p" * 14, "zai", "glm-4.6", (Step(content=answer),), "complete")
    return Slot(None, [Variant(turn)], **marks)


def call_with(slots, prompt="now?", limit=LIMIT, **options):
    asked = Options(provider="zai", model="glm-4.6", api_key=None, **options)
    messages = [*context_of(slots), Message("user", prompt)]
    call = prepare(messages, asked, start_local=False)
    return replace(call, offer=replace(call.offer, max_input=limit, context=None))


def sent(call):
    return [m["content"] for m in call.wire.body["messages"]]


def left(call):
    return [notice.message for notice in call.notices if notice.code == "left-out"]


def test_what_fits_is_sent_whole():
    slots = [slot(n) for n in range(9)]
    call = fit_context(call_with(slots), slots, None)
    assert len(sent(call)) == 19
    assert left(call) == []
    assert call.size.input == body_tokens(call.wire.body)


def test_the_oldest_leave_first_and_the_notice_says_which():
    slots = [slot(n) for n in range(12)]
    call = fit_context(call_with(slots, system="be brief"), slots, None)
    texts = sent(call)
    assert texts[0] == "be brief"
    assert texts[-1] == "now?"
    assert texts[2][:4] == "0005"
    assert call.size.input <= LIMIT
    assert left(call) == [
        "the oldest of the context did not fit and was left out: turns 1 to 5, ≈500 tokens; "
        "glm-4.6 takes 1,000 here"
    ]


def test_of_what_left_no_json_is_kept_and_it_can_be_sent_again():
    slots = [slot(n) for n in range(30)]
    bodies = {}
    for count in range(1, 31):
        call = fit_context(call_with(slots[:count]), slots[:count], None)
        bodies[count] = call.wire.encoded()
    spelled = [[s for m in one.current.messages for s in m.spelled.values()] for one in slots]
    encoded = [place for place, messages in enumerate(spelled) if any(m.let_go() for m in messages)]
    assert encoded == list(range(30 - (len(sent(call)) - 1) // 2, 30))
    for count, body in bodies.items():
        call = fit_context(call_with(slots[:count]), slots[:count], None)
        assert call.wire.encoded() == body


def test_pinned_turns_stay_and_hidden_ones_are_not_counted():
    slots = [slot(n, pinned=n == 0, hidden=n == 1) for n in range(12)]
    call = fit_context(call_with(slots), slots, None)
    texts = sent(call)
    assert texts[1][:4] == "0000"
    assert "0001" not in "".join(texts)
    assert "turns 3 to 4" in left(call)[0]


def test_what_is_sent_begins_the_same_for_many_turns():
    slots, begins, cuts = [], [], set()
    for n in range(40):
        slots.append(slot(n))
        call = fit_context(call_with(slots), slots, None)
        assert call.size.input <= LIMIT
        body = json.dumps(call.wire.body["messages"], ensure_ascii=False)
        begins.append(body)
        cuts.add(sent(call)[1][:4])
    same = sum(
        now.startswith(before[: before.rindex('{"role"')]) for before, now in pairwise(begins)
    )
    assert len(cuts) < 18, "turns leave in groups"
    assert same >= 39 - len(cuts) + 1, "between the cuts every byte of the prefix is the same"


@given(st.lists(st.integers(1, 400), max_size=30), st.integers(1, 2000))
def test_enough_leaves_and_no_more_than_a_step_too_much(sizes, excess):
    count = _evict_count(sizes, excess, LIMIT)
    gone = sum(sizes[:count])
    assert gone >= min(excess, sum(sizes))
    needed = 0
    for size in sizes:
        if needed >= excess:
            break
        needed += size
    assert gone <= needed + LIMIT // 4


def test_a_prompt_that_cannot_fit_is_refused_with_the_numbers():
    slots = [slot(n) for n in range(3)]
    prompt = "long " * 4000
    with pytest.raises(InvalidValueError, match=r"the prompt takes ≈5,004 tokens; glm-4.6 at zai"):
        fit_context(call_with(slots, prompt), slots, 1.0)
    with pytest.raises(InvalidValueError, match="takes 1,000, so nothing was sent"):
        fit_context(call_with(slots, prompt), slots, None)


def test_pinned_turns_that_leave_no_room_are_named():
    slots = [slot(n, pinned=True) for n in range(12)]
    with pytest.raises(InvalidValueError, match="the prompt and the pinned turns") as caught:
        fit_context(call_with(slots), slots, 1.0)
    assert "unpin" in caught.value.hint


def test_where_only_a_rough_estimate_says_no_it_is_tried():
    call = fit_context(call_with([], "w" * 4 * 1100), [], None)
    assert [notice.code for notice in call.notices] == ["tight"]
    with pytest.raises(InvalidValueError):
        fit_context(call_with([], "w" * 4 * 1100), [], 1.0)


@pytest.mark.parametrize(
    ("offer", "parameters", "tokens"),
    [
        (("dashscope", "glm-4.5"), {}, 98304),
        (("dashscope", "glm-4.5"), {"max_tokens": 65536}, 65536),
        (("bigmodel", "glm-4.5"), {}, 131072 - 4096),
        (("bigmodel", "glm-4.5"), {"max_tokens": 1000}, 130072),
        (("wcode", "glm-4.6"), {}, None),
    ],
)
def test_the_room_is_the_catalogues(offer, parameters, tokens):
    assert input_limit(catalogue().offers[offer], parameters) == tokens


def test_the_estimate_is_calibrated_on_what_is_reported(chat, model_server, monkeypatch):
    session = chat()
    model_server.tell(Script(answer="a" * 400, tokens=Tokens(154, 100)))
    session.ask("w" * 400)  # estimated at 100 and 4 for the message
    call = session.plan("x", session.options)
    raw = body_tokens(call.wire.body)
    assert call.size.scale == pytest.approx(154 / 104)
    assert call.size.input == round(raw * 154 / 104)
    monkeypatch.setattr(calibration, "_seen", {})
    other = chat("other")
    again = other.plan("x", other.options)
    assert again.size.scale == pytest.approx(154 / 104), "the next kernel knows it too"
    third = chat("third", model="glm-4.5")
    assert third.plan("x", third.options).size.scale == 1


def test_one_odd_report_teaches_nothing():
    scales = TokenCalibration()
    scales.learn("p", "m", 10, 900, None)
    scales.learn("p", "m", 1000, 90_000, None)
    assert scales.scale("p", "m", None) is None
    for _ in range(30):
        scales.learn("p", "m", 100, 150, None)
    assert scales.scale("p", "m", None) == 1.5


def test_chinese_takes_more_tokens_a_character():
    assert estimate("天空为什么是蓝色的") == 6
    assert estimate("why is the sky blue") == 5


# ---- preserved thinking --------------------------------------------------------------------------


def test_preserved_thinking_sends_reasoning_back_and_says_what_it_costs(chat, model_server):
    model_server.tell(Script(answer="a", reasoning="because " * 50))
    session = chat("thinks", model="glm-4.7")
    session.ask("1?")
    session.ask("2?")
    assert "reasoning_content" not in model_server.requests[-1].json["messages"][1]
    session.options = replace(session.options, preserve=True)
    session.ask("3?")
    body = model_server.requests[-1].json
    assert body["thinking"] == {"type": "enabled", "clear_thinking": False}
    returned = [m.get("reasoning_content") for m in body["messages"] if m["role"] == "assistant"]
    assert returned == ["because " * 50] * 2
    preserved = [n.message for n in session.turns[-1].notices if n.code == "preserved"]
    assert len(preserved) == 1
    assert "goes back: ≈" in preserved[0]
    assert "preserved" not in [n.code for n in session.turns[1].notices]


@pytest.mark.parametrize(
    ("provider", "model", "spelled"),
    [
        ("zai", "glm-4.7", {"thinking": {"type": "enabled", "clear_thinking": False}}),
        ("dashscope", "glm-4.7", {"clear_thinking": False}),
        ("dashscope-native", "glm-5", {"clear_thinking": False}),
        ("vllm", "x", {"chat_template_kwargs": {"clear_thinking": False}}),
        ("openrouter", "glm-4.6", {}),
    ],
)
def test_each_provider_has_its_own_switch(provider, model, spelled):
    asked = Options(provider=provider, model=model)
    plain = prepare([Message("user", "x")], asked, start_local=False).wire.body
    kept = prepare([Message("user", "x")], replace(asked, preserve=True), start_local=False)
    inner = kept.wire.body.get("parameters", kept.wire.body)
    outer = plain.get("parameters", plain)
    assert {k: v for k, v in inner.items() if outer.get(k) != v} == spelled


@pytest.mark.parametrize(("provider", "model"), [("dashscope", "glm-4.5"), ("ollama", "x")])
def test_where_it_is_not_offered_it_is_refused(provider, model):
    asked = Options(provider=provider, model=model, preserve=True)
    with pytest.raises(UnsupportedError, match="does not take earlier reasoning back"):
        prepare([Message("user", "x")], asked, start_local=False)


def test_preserved_thinking_keeps_thinking_off_where_that_was_asked():
    asked = Options(provider="zai", model="glm-4.7", preserve=True, thinking=False)
    body = prepare([Message("user", "x")], asked, start_local=False).wire.body
    assert body["thinking"] == {"type": "disabled", "clear_thinking": False}


@pytest.mark.usefixtures("quiet_heap")
def test_a_long_session_is_fitted_in_linear_time(chat):
    def session_of(count):
        session = chat(f"of {count}")
        for number in range(count):
            turn = Turn(f"q{number} " * 9, "zai", "glm-4.6", (Step(content="a " * 40),), "complete")
            session.conversation.slots.add(Slot(variants=[Variant(turn)]))
        return session, session.resolve(Options())

    def fit(given):
        session, options = given
        request = session.plan("and now?", options)
        assert any(notice.code == "left-out" for notice in request.notices)

    assert is_linear(fit, 6_000, 24_000, given=session_of)
