"""Inside a thought, on the real server: begun, ended early, and made to go on."""

from __future__ import annotations

from typing import Any

import pytest

import glm_magic as glm
from glm_magic.core.errors import ContextLengthError, InvalidValueError

QUESTION = "Is 51 a prime number?"
BEGINNING = "The user asks about 51. It is 3 times 17. So 51"


def test_the_text_continues_what_was_written_for_it(at: dict[str, Any]) -> None:
    reply = glm.ask(QUESTION, prefill=BEGINNING, **at)
    (step,) = reply.steps
    assert reply.reasoning.startswith(BEGINNING)
    assert step.own_reasoning.strip()
    assert not step.own_reasoning.startswith(BEGINNING)  # the server does not repeat it
    assert not step.own_reasoning.lstrip().startswith("The user")  # nor does the model begin anew
    assert reply.answer.strip()
    plain = glm.ask(QUESTION, **at)
    assert reply.usage is not None
    assert plain.usage is not None
    assert reply.usage.input > plain.usage.input + 8  # its tokens are input


@pytest.mark.parametrize("limit", [4, 9, 15])
def test_a_thought_is_cut_at_its_limit(at: dict[str, Any], limit: int) -> None:
    reply = glm.ask(QUESTION, think_tokens=limit, **at)
    first, second = reply.steps
    assert first.usage is not None
    assert first.usage.output is not None
    assert abs(first.usage.output - limit) <= 2
    assert not first.content
    assert not second.reasoning.strip()
    assert second.content.strip()
    assert second.usage is not None
    assert second.usage.input > first.usage.input
    assert reply.reasoning == first.reasoning


def test_a_thought_goes_on_with_another_look(at: dict[str, Any]) -> None:
    reply = glm.ask(QUESTION, wait=1, **at)
    assert reply.steps[1].cause == "think on"
    assert reply.steps[1].reasoning.startswith("Wait,")
    assert len(reply.steps[1].reasoning) > len("Wait,")
    assert reply.reasoning.count("Wait,") >= 1
    assert reply.answer.strip()


def test_a_beginning_longer_than_the_context_says_so(at: dict[str, Any]) -> None:
    too_long = "word " * 6_000
    with pytest.raises(ContextLengthError) as caught:
        glm.ask(QUESTION, prefill=too_long, **at)  # how much a server holds is not known
    assert "context" in caught.value.hint
    with pytest.raises(InvalidValueError, match="nothing was sent"):
        glm.ask(QUESTION, prefill=too_long, provider="local")


def test_all_of_it_replays_from_a_tape_without_a_server(
    at: dict[str, Any], tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    ways: list[dict[str, Any]] = [{"prefill": BEGINNING}, {"think_tokens": 6}, {"wait": 1}]
    with glm.record("thought.glmtape"):
        live = [glm.ask(QUESTION, **way, **at) for way in ways]
    away = {**at, "base_url": "http://127.0.0.1:9/v1"}
    with glm.replay("thought.glmtape", speed=1e9):
        again = [glm.ask(QUESTION, **way, **away) for way in ways]
    for then, now in zip(live, again, strict=True):
        assert (now.reasoning, now.answer, now.usage) == (then.reasoning, then.answer, then.usage)
        assert [s.given for s in now.steps] == [s.given for s in then.steps]


def test_each_sentence_of_a_real_thought_has_a_weight(at: dict[str, Any]) -> None:
    reply = glm.ask(QUESTION, prefill="The user asks about 51. It is 3 times 17.", **at)
    frame = glm.anchors(
        reply, n=2, key=lambda r: "not" in r.answer, progress=False, max_tokens=120, **at
    )
    assert list(frame["sentence"][:2]) == ["The user asks about 51.", "It is 3 times 17."]
    assert frame["weight"].between(0, 1).all()


def test_a_sweep_over_limits_of_thinking_is_a_curve(at: dict[str, Any]) -> None:
    out = glm.sweep(
        [QUESTION], think_tokens=[3, 12], score=lambda r, _: "not" in r.answer,
        progress=False, **at,
    )  # fmt: skip
    frame = out.frame
    assert list(frame["think_tokens"]) == [3, 12]
    assert list(frame["status"]) == ["complete", "complete"]
    assert all(frame["answer"].str.strip())
    assert list(out.summary()["lane"]) == ["think_tokens=3", "think_tokens=12"]


def test_what_was_written_for_it_has_no_figures(at: dict[str, Any]) -> None:
    reply = glm.ask(QUESTION, prefill=BEGINNING, logprobs=3, **at)
    (step,) = reply.steps
    first, *others = [token for token in step.tokens if token.part == "reasoning"]
    assert (first.text, first.logprob) == (BEGINNING, None)
    assert "".join(token.text for token in others) == step.own_reasoning
    assert all(token.logprob is not None for token in others if token.text.strip())
