"""``glm.sweep``: a tidy frame of every case in every way, so many times, scored."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import glm_magic as glm
from glm_magic.core.paths import config_folder
from glm_magic.many.scores import interval
from tests.api.providers import PLACES
from tests.servers.model_server import ModelServer
from tests.servers.script import Script, Tokens
from tests.servers.vendor import KEY

Asked = Callable[..., dict[str, Any]]
CASES = [{"question": "2+2", "right": "4"}, {"question": "2+3", "right": "5"}]
ZAI = next(place for place in PLACES if place.provider == "zai")


def is_right(reply: glm.RowReply, case: dict[str, str]) -> bool:
    return case["right"] in reply.answer


def test_each_case_in_each_lane_so_many_times(server: ModelServer, asked: Asked) -> None:
    server.tell(Script("4"))
    out = glm.sweep(CASES, "{question}=", temperature=[0, 1], samples=3, score=is_right, **asked())
    assert len(out) == len(server.requests) == 12
    frame = out.frame
    assert list(frame.columns[:6]) == ["case", "lane", "temperature", "sample", "answer", "score"]
    assert list(frame["lane"].unique()) == ["temperature=0", "temperature=1"]
    assert list(frame.groupby("case")["score"].mean()) == [1.0, 0.0]
    sent = [request.json["temperature"] for request in server.requests]
    assert sorted(sent) == [0] * 6 + [1] * 6
    summary = out.summary()
    assert list(summary["answers"]) == [6, 6]
    assert list(summary["score"]) == [0.5, 0.5]
    assert summary["low"][0] == pytest.approx(0.1876, abs=1e-4)
    assert summary["high"][0] == pytest.approx(0.8124, abs=1e-4)


def test_a_call_that_was_stopped_goes_on(server: ModelServer, asked: Asked) -> None:
    first = glm.sweep(CASES, "{question}=", samples=20, **asked(budget="600", jobs=2))
    assert first.left
    again = glm.sweep(CASES, "{question}=", samples=20, **asked(jobs=2))
    assert not again.left
    assert len(server.requests) == 40


def test_texts_alone_and_the_words_for_thinking() -> None:
    with ModelServer() as server:
        server.tell(Script("yes", reasoning="hm", tokens=Tokens(10, 20)))
        asked = ZAI.asked(server, progress=False)
        out = glm.sweep(["a?", "b?"], think=[False, True], **asked)
        assert list(out.frame["case"]) == ["a?", "a?", "b?", "b?"]
        assert list(out.frame["lane"].unique()) == ["think=False", "think=True"]
        kinds = [request.json["thinking"]["type"] for request in server.requests]
        assert sorted(kinds) == ["disabled"] * 2 + ["enabled"] * 2
        assert out.summary()["currency"].tolist() == ["USD", "USD"]


def test_a_plot_of_the_score_against_the_cost() -> None:
    import matplotlib as mpl

    mpl.use("Agg")
    with ModelServer() as server:
        server.tell(Script("4"))
        asked = ZAI.asked(server, progress=False)
        out = glm.sweep(CASES, "{question}=", temperature=[0, 1], score=is_right, **asked)
        axes = out.plot()
    assert axes.get_xlabel() == "cost of an answer (USD)"
    labels = [text.get_text() for text in axes.get_legend().get_texts()]
    assert labels == ["temperature=0", "temperature=1"]
    mpl.pyplot.close("all")


def test_a_score_that_fails_is_told_in_its_row(server: ModelServer, asked: Asked) -> None:
    def odd(reply: glm.RowReply, case: Any) -> bool:
        return bool(case["nothing"])

    out = glm.sweep(CASES, "{question}=", score=odd, **asked())
    assert list(out.frame["score"].isna()) == [True, True]
    assert "KeyError" in out.frame["error"][0]
    with pytest.raises(glm.InvalidValueError, match="no score"):
        out.plot()


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({"samples": 0}, "samples is how often"),
        ({"temperature": []}, "axis temperature has no values"),
        ({"thinking": [False, 3.5]}, "thinking takes"),
    ],
)
def test_what_cannot_be_swept(
    server: ModelServer, asked: Asked, more: dict[str, Any], words: str
) -> None:
    with pytest.raises(glm.RefusedError, match=words) as raised:
        glm.sweep(CASES, "{question}=", **asked(**more))
    assert len(raised.value.lines()) == 2
    assert not server.requests


def test_votes_where_there_is_one_lane(server: ModelServer, asked: Asked) -> None:
    server.tell(Script("4"), Script("5 "), Script("4"))
    out = glm.sweep(["2+2?"], samples=5, **asked(jobs=1))
    assert out.vote == {"4": 4, "5": 1}
    assert out.head()[0] == ["answer", "count", "share", "cost"]
    assert [row[:3] for row in out.head()[1]] == [["4", 4, 0.8], ["5", 1, 0.2]]


def test_wilsons_interval() -> None:
    """Against the figures of Wilson (1927) as textbooks have them."""
    assert interval([1.0] * 10) == pytest.approx((0.7225, 1.0), abs=1e-4)
    assert interval([1.0] * 8 + [0.0] * 2) == pytest.approx((0.4902, 0.9433), abs=1e-4)
    low, high = interval([0.2, 0.4, 0.6])
    assert (low + high) / 2 == pytest.approx(0.4)


OWN_ADDRESSES = """
[provider.zai]
base_url = "{url}/api/paas/v4"
[provider.dashscope]
base_url = "{url}/compatible-mode/v1"
[provider.vllm]
base_url = "{url}/v1"
"""


@pytest.fixture
def everywhere(
    isolated_home: Path, server: ModelServer, monkeypatch: pytest.MonkeyPatch
) -> ModelServer:
    """Give a server that is several providers, as the user's own file has them."""
    folder = config_folder()
    folder.mkdir(parents=True)
    text = OWN_ADDRESSES.format(url=server.url)
    folder.joinpath("mine.toml").write_text(text, encoding="utf-8")
    for name in ("ZAI_API_KEY", "DASHSCOPE_API_KEY"):
        monkeypatch.setenv(name, KEY)
    return server


def test_each_lane_asks_its_own_provider(everywhere: ModelServer) -> None:
    models = ["zai/glm-4.6", "dashscope/glm-4.5", "vllm/glm-4.6"]
    out = glm.sweep(["a", "b"], None, model=models, progress=False)
    assert not out.errors
    assert [(reply.turn.provider, reply.model) for reply in out][:3] == [
        ("zai", "glm-4.6"), ("dashscope", "glm-4.5"), ("vllm", "glm-4.6"),
    ]  # fmt: skip
    summary = out.summary()
    assert list(summary["lane"]) == [f"model={model}" for model in models]
    assert [lane["currency"] for lane in out.lane_records()] == ["USD", "CNY", None]
    estimate = out.progress.notices[0]
    assert "$" in estimate
    assert "¥" in estimate
    again = glm.sweep(["a"], None, model=["dashscope", "zai/glm-4.6"], provider="vllm",
                      progress=False)  # fmt: skip
    assert [reply.turn.provider for reply in again] == ["dashscope", "zai"]


def test_a_lane_that_is_refused_leaves_the_others(everywhere: ModelServer) -> None:
    models = ["vllm/no-such-model", "zai/glm-4.6"]
    cases = [f"text {n}" for n in range(50)]
    out = glm.sweep(cases, None, model=models, progress=False, jobs=4)
    assert not out.left
    assert sorted(out.errors) == list(range(0, 100, 2))
    assert "does not exist" in out.errors[98]
    assert len(everywhere.requests) <= 50 + 2 * 4 + 4
    assert out[0].model == "no-such-model"
    assert list(out.summary()["answers"]) == [0, 50]


def test_a_sweep_whose_lanes_are_all_refused_ends(everywhere: ModelServer) -> None:
    models = ["vllm/no-such-model", "vllm/nor-this-one"]
    cases = [f"text {n}" for n in range(50)]
    with pytest.raises(glm.GlmError, match="no row was answered") as raised:
        glm.sweep(cases, None, model=models, progress=False, jobs=4)
    assert len(raised.value.lines()) == 3, "the third line names provider and status"
    assert len(everywhere.requests) <= 20
