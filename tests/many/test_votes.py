"""One prompt, several answers: equal ones are counted together, and the most frequent one wins."""

from __future__ import annotations

import asyncio
import html
import re
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel

import glm_magic as glm
from glm_magic import local
from glm_magic.core.price import CostTotal
from glm_magic.core.progress import Ballot, Progress
from glm_magic.local import server as local_server
from glm_magic.many.votes import value_of
from glm_magic.views.labels import CHINESE, ENGLISH
from glm_magic.views.options import ViewOptions
from glm_magic.views.saved.histogram import MAX_BARS, MAX_THOUGHTS, histogram_html
from glm_magic.views.saved.map_page import map_bundle
from tests.api.providers import PLACES
from tests.security.dom import PAGE_TAGS, obeyed
from tests.security.vectors import VECTORS
from tests.servers.model_server import ModelServer
from tests.servers.script import Failure, Script

Asked = Callable[..., dict[str, Any]]
ZAI = next(place for place in PLACES if place.provider == "zai")


def ask(asked: Asked, prompt: Any = "2+2?", **more: Any) -> glm.VoteResult:
    keywords = asked(**more)
    keywords.pop("progress")
    result = glm.ask(prompt, **keywords)
    assert isinstance(result, glm.VoteResult)
    return result


@pytest.mark.parametrize(
    "equal",
    [
        ("42", " 42\n", "42.0", "4.2e1", "+42", "42.00", "42."),
        ("1000", "1,000", "1e3", "1,000.0"),
        ("-0.5", "-5e-1", "-0.50"),
        ('{"a": 1, "b": [2.0]}', '{"b":[2],"a":1.0}', '\n{ "a":1,\n"b":[ 2 ] }'),
        ("yes", '"yes"', " yes ", "Yes.", "YES!"),
        ("是", "是。"),
        ("It is  four.", "It is\nfour."),
        ("true", " true"),
    ],
)
def test_what_is_equal_by_value(equal: tuple[str, ...]) -> None:
    assert len({value_of(answer) for answer in equal}) == 1


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("42", "43"), ("42", "forty-two"), ("1,2", "12"), ("[1, 2]", "[2, 1]"), ("true", "1"),
        ("yes", "yes?"), ("", "0"), ("null", ""), ('{"a": 1}', '{"a": "1"}'), ("NaN", "Infinity"),
        ("1" * 5000, "1" * 5001), ("[" * 5000, "[" * 5001), ("1e999", "-1e999"),
    ],
)  # fmt: skip
def test_what_is_not(one: str, other: str) -> None:
    assert value_of(one) != value_of(other)


def test_answers_are_counted_and_the_most_frequent_one_is_the_answer(
    server: ModelServer, asked: Asked
) -> None:
    server.tell(Script("5", reasoning="Off by one."), Script("4", reasoning="Easy."),
                Script("4.0"), Script(" 4"), Script("five"))  # fmt: skip
    reply = ask(asked, samples=5)
    assert len(server.requests) == 5
    assert all(request.json["messages"][-1]["content"] == "2+2?" for request in server.requests)
    assert all("n" not in request.json for request in server.requests)
    assert sum(reply.vote.values()) == len(reply) == 5
    assert list(reply.vote.values()) == [3, 1, 1]
    assert value_of(next(iter(reply.vote))) == "4"
    assert value_of(reply.answer) == "4"
    assert str(reply) == reply.answer
    assert reply.winner.row == next(n for n, r in enumerate(reply) if value_of(r.answer) == "4")
    thoughts = {b.answer: [text for _, text in b.thoughts if text] for b in reply.ballots()}
    assert thoughts["5"] == ["Off by one."]


def test_a_key_decides_what_is_equal(server: ModelServer, asked: Asked) -> None:
    server.tell(Script("So: A."), Script("A, clearly"), Script("B"), Script("A"))
    reply = ask(asked, samples=4, key=lambda r: re.findall(r"\b[AB]\b", r.answer)[0])
    assert reply.vote == {"A": 3, "B": 1}
    assert "A" in reply.answer


def test_a_key_that_fails_is_told_and_stops_nothing(server: ModelServer, asked: Asked) -> None:
    server.tell(Script("4"))
    assert ask(asked, samples=2, key=lambda r: r.nothing).vote == {
        "key: AttributeError: 'RowReply' object has no attribute 'nothing'": 2
    }
    assert list(ask(asked, samples=2, key=lambda r: [r.answer]).vote.values()) == [2]


def test_a_schema_counts_by_value(server: ModelServer, asked: Asked) -> None:
    class Sum(BaseModel):
        total: float

    server.tell(Script('{"total": 4}'), Script('{"total":4.0}'), Script('{ "total" : 5 }'))
    reply = ask(asked, samples=3, schema=Sum)
    assert list(reply.vote.values()) == [2, 1]
    assert reply.value == Sum(total=4)


def test_a_conversation_can_be_asked_too(server: ModelServer, asked: Asked) -> None:
    server.tell(Script("4"))
    messages = [{"role": "system", "content": "Be {brief}."}, {"role": "user", "content": "{x}?"}]
    assert ask(asked, messages, samples=2).vote == {"4": 2}
    sent = [request.json["messages"] for request in server.requests]
    assert sent == [messages, messages]


def test_without_blocking_the_loop(server: ModelServer, asked: Asked) -> None:
    server.tell(Script("4"))
    keywords = asked(samples=3)
    keywords.pop("progress")
    reply = asyncio.run(glm.aask("2+2?", **keywords))
    assert reply.vote == {"4": 3}


def test_a_sample_that_fails_is_not_counted(server: ModelServer, asked: Asked) -> None:
    bad = Script(refusal=Failure(400, "bad", "no"))
    server.tell(Script("4"), bad, Script("4"))
    reply = ask(asked, samples=3)
    assert sum(reply.vote.values()) + len(reply.errors) == 3
    assert len(reply.errors) == 1


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({"samples": 0}, "samples is how often"),
        ({"samples": "3"}, "samples is how often"),
        ({"key": len}, "key has no effect without samples"),
        ({"samples": 2, "temperature": 9}, "temperature"),
    ],
)
def test_what_cannot_be_asked(
    server: ModelServer, asked: Asked, more: dict[str, Any], words: str
) -> None:
    keywords = {**ZAI.asked(server), **more}
    with pytest.raises(glm.RefusedError, match=words) as raised:
        glm.ask("x", **keywords)
    assert len(raised.value.lines()) == 2
    assert not server.requests


def test_figures_of_tokens_come_with_each_sample(server: ModelServer, asked: Asked) -> None:
    server.tell(Script("4", reasoning="Hm."))
    reply = ask(asked, samples=2, logprobs=2)
    for sample in reply:
        assert "".join(sample.tokens.text) == "Hm.4"


def test_votes_replay_from_a_tape(server: ModelServer, asked: Asked, tmp_path: Path) -> None:
    server.tell(Script("4"), Script("5"), Script("4"))
    with glm.record(tmp_path / "votes.glmtape"):
        live = ask(asked, samples=3)
    with glm.replay(tmp_path / "votes.glmtape", speed="max"):
        again = ask(asked, samples=3)
    assert len(server.requests) == 3
    assert again.vote == live.vote


def test_the_page_is_a_histogram_whose_thoughts_open() -> None:
    with ModelServer() as server:
        server.tell(Script("4", reasoning="Two and two."), Script("5", reasoning="Off."))
        reply = glm.ask("2+2?", samples=4, **ZAI.asked(server))
    data, _ = reply._repr_mimebundle_()
    page = data["text/html"]
    lines = [_text(line) for line in re.findall(r'<b class="glm-va">.*?</summary>', page)]
    assert lines == [f"5  3 · 75 % · {_cost(reply, 0)}", f"4  1 · 25 % · {_cost(reply, 1)}"]
    assert page.count('<details class="glm-v1">') == 2
    assert len(re.findall(r'<details class="glm-v2">.*?Off\.', page)) == 3
    assert "4 of 4 samples" in page
    for form in ("text/markdown", "text/plain"):
        assert "4 of 4 samples" in data[form]
        assert "5" in data[form]
        assert "0.75" in data[form]


def _text(fragment: str) -> str:
    return html.unescape(re.sub(r"<[^>]*>", "", fragment))


def _cost(reply: glm.VoteResult, at: int) -> str:
    cost = reply.ballots()[at].cost
    assert cost.amounts
    return str(cost)


def ballot(answer: str = "4", count: int = 1, thoughts: int = 1, text: str = "Hm.") -> Ballot:
    cost = CostTotal({"USD": Decimal("0.001")})
    return Ballot(answer, count, 0.5, cost, tuple((n, text) for n in range(thoughts)))


def test_a_histogram_has_a_bound() -> None:
    many = [ballot("x" * 10_000, 1, 500, "y" * 100_000) for _ in range(1000)]
    page = histogram_html(many, ENGLISH)
    assert page.count("glm-va") == MAX_BARS
    assert page.count("glm-v2") == MAX_BARS * MAX_THOUGHTS
    assert "988 other answers" in page
    assert "495 more" in page
    assert len(page) < 200_000


def test_an_answer_without_thoughts_opens_nothing() -> None:
    page = histogram_html([ballot("", 2, 2, " ")], CHINESE)
    assert "<details" not in page
    assert "—" in page


@pytest.mark.parametrize("vector", VECTORS[::9], ids=range(len(VECTORS[::9])))
def test_hostile_answers_and_thoughts_are_text(vector: str) -> None:
    ballots = [ballot(vector, 2, 2, vector)]
    assert obeyed(histogram_html(ballots, ENGLISH), PAGE_TAGS) == []
    table = (["answer", "count"], [[vector, 2]])
    data, _ = map_bundle(Progress(2, 2, done=True), table, ViewOptions(language="en"), ballots)
    assert histogram_html(ballots, ENGLISH) in data["text/html"]


@pytest.mark.slow
def test_a_real_model_votes() -> None:
    if not local.available():
        pytest.skip(local.why_not())
    try:
        reply = glm.ask("Heads or tails? One word.", provider="local", samples=4, max_tokens=60,
                        temperature=1.0, logprobs=2)  # fmt: skip
    finally:
        local_server.stop_running()
    assert sum(reply.vote.values()) == 4
    assert reply.answer.strip() in reply.vote
    assert all(len(sample.tokens) for sample in reply)
