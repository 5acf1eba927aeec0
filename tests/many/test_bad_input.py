"""What cannot be asked is said in two lines; what has ended stays."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pandas as pd
import pytest

import glm_magic as glm
from glm_magic.core.i18n import translate
from glm_magic.session import database
from tests.servers.model_server import ModelServer
from tests.servers.script import Failure, Script

Asked = Callable[..., dict[str, Any]]


def broken() -> Iterator[str]:
    yield "a"
    raise OSError("the disk is gone")


async def later(row: Any) -> str:
    return str(row)


def fails(row: Any) -> str:
    raise KeyError("nothing like it")


REFUSED: dict[str, tuple[Any, Any, dict[str, Any], str]] = {
    "no column": ([{"text": "a"}], "Sentiment of: {txt}", {}, "names no column"),
    "no braces": ([{"text": "a"}], "Sentiment?", {}, "names no column"),
    "no prompt": ([{"text": "a"}], None, {}, "a prompt for rows is a text"),
    "a number": (3, "{text}", {}, "rows are a DataFrame"),
    "one text": ("a", "{text}", {}, "rows are a DataFrame"),
    "mixed rows": ([{"text": "a"}, "b"], "{text}", {}, "row 1 is str"),
    "an iterator that raises": (broken(), "About {text}", {}, "the disk is gone after 1"),
    "an asynchronous function": (["a"], later, {}, "is asynchronous"),
    "two columns of a name": (
        pd.DataFrame([["a", "b"]], columns=["text", "text"]), "{text}", {}, "two columns"),
    "no jobs": (["a"], "{text}", {"jobs": 0}, "jobs is how many"),
    "a budget of money without a price": (["a"], "{text}", {"budget": "¥5"}, "no known price"),
    "a budget in stones": (["a"], "{text}", {"budget": "five stones"}, "amount"),
    "questions about calls": (["a"], "{text}", {"approve": True}, "one by one"),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSED)
def test_nothing_is_sent(server: ModelServer, asked: Asked, case: str) -> None:
    rows, prompt, more, words = REFUSED[case]
    with pytest.raises(glm.GlmError) as raised:
        glm.map(rows, prompt, **asked(**more))
    lines = raised.value.lines()
    assert len(lines) == 2
    assert words in lines[0]
    assert lines[1].startswith("→ ")
    assert not server.requests
    for line in raised.value._lines():
        assert translate(line, "zh") != str(line)


def test_empty_cells_are_failed_rows(server: ModelServer, asked: Asked) -> None:
    frame = pd.DataFrame({"text": ["a", None, float("nan"), pd.NA, pd.NaT, "b"]})
    out = glm.map(frame, "About {text}", **asked())
    assert list(out.errors) == [1, 2, 3, 4]
    assert "the cell is empty" in out.errors[1]
    assert len(server.requests) == 2


def test_a_record_without_the_key_is_a_failed_row(server: ModelServer, asked: Asked) -> None:
    out = glm.map([{"text": "a"}, {"other": 1}], "About {text}", **asked())
    assert list(out.errors) == [1]
    assert len(server.requests) == 1


def test_a_duplicate_index_is_no_trouble(asked: Asked) -> None:
    frame = pd.DataFrame({"text": ["a", "b", "c"]}, index=[7, 7, 7])
    out = glm.map(frame, "About {text}", **asked())
    assert list(out.frame.index) == [7, 7, 7]
    assert list(out.frame["status"]) == ["complete"] * 3


def test_rows_of_a_megabyte(server: ModelServer, asked: Asked) -> None:
    rows = ["x" * 1_000_000 + str(n) for n in range(4)] + ["short"]
    out = glm.map(rows, "About {text}", **asked(params={"max_tokens": 100}))
    assert all("tokens" in error for error in out.errors.values())
    assert out[4].status == "complete"
    assert len(server.requests) == 5 - len(out.errors)


def test_a_row_of_a_megabyte_is_sent_where_no_limit_is_known(
    server: ModelServer, asked: Asked
) -> None:
    out = glm.map(["x" * 1_000_000], None, **asked(model="zai-org/GLM-4.7-Flash"))
    sent = len(server.requests)
    assert sent == 1 - len(out.errors)


def test_a_function_that_fails_fails_its_row(server: ModelServer, asked: Asked) -> None:
    def odd(row: str) -> str:
        return fails(row) if row == "b" else row

    out = glm.map(["a", "b", "c"], odd, **asked())
    assert list(out.errors) == [1]
    assert "nothing like it" in out.errors[1]
    assert len(server.requests) == 2
    with pytest.raises(glm.InvalidValueError, match="no row was answered"):
        glm.map(["a", "b"], fails, **asked())


@dataclass
class Sentiment:
    """What is in a text."""

    mood: str


def test_a_schema_that_never_fits_is_not_paid_for_twenty_thousand_times(
    server: ModelServer, asked: Asked
) -> None:
    rows = [f"text {n}" for n in range(200)]
    server.tell(Script('{"weather": "fine"}'))
    with pytest.raises(glm.SchemaError, match="no row was answered") as raised:
        glm.map(rows, "About {text}", **asked(schema=Sentiment, jobs=4))
    assert len(raised.value.lines()) == 2
    assert len(server.requests) <= 2 * (20 + 4)


def test_a_key_that_is_refused_ends_the_call(asked: Asked) -> None:
    with ModelServer("vllm", selfhost_key="right") as server:
        keywords = asked(base_url=f"{server.url}/v1", api_key="wrong-key-000", jobs=4)
        with pytest.raises(glm.AuthenticationError, match="no row was answered"):
            glm.map([f"text {n}" for n in range(100)], "About {text}", **keywords)
        assert len(server.requests) <= 8


def test_a_changed_prompt_under_a_name(server: ModelServer, asked: Asked) -> None:
    glm.map(["a"], "About {text}", **asked(name="mine"))
    for change in ({"prompt": "On {text}"}, {"prompt": "About {text}", "temperature": 0.5}):
        with pytest.raises(glm.InvalidValueError, match="'mine' names answers to another") as error:
            glm.map(["a"], **asked(name="mine", **change))
        assert len(error.value.lines()) == 2
    assert len(server.requests) == 1
    glm.map(["a"], "On {text}", **asked(name="mine", fresh=True))
    glm.map(["a"], "On {text}", **asked(name="mine"))
    assert len(server.requests) == 2


def test_a_full_disk_keeps_what_has_ended(
    server: ModelServer, asked: Asked, monkeypatch: pytest.MonkeyPatch
) -> None:
    """SQLite itself says so, at a file that may not grow."""
    connect = database.connect

    def small(*arguments: Any, **keywords: Any) -> Any:
        connection = connect(*arguments, **keywords)
        connection.execute("PRAGMA max_page_count = 60")
        return connection

    rows = [f"text {n}" for n in range(100)]
    server.tell(Script("x" * 4000, piece_chars=1000))
    with monkeypatch.context() as patch:
        patch.setattr(database, "connect", small)
        with pytest.raises(glm.UnavailableError, match=r"no room|full") as raised:
            glm.map(rows, "About {text}", **asked(jobs=2))
        assert len(raised.value.lines()) == 2
    sent = len(server.requests)
    assert 5 < sent < 100
    from glm_magic.session import store

    store._answers.close()
    glm.map(rows, "About {text}", **asked(jobs=2))
    assert len(server.requests) <= 100 + 2


def test_a_refusal_of_one_row_is_told_in_its_language(server: ModelServer, asked: Asked) -> None:
    server.tell(Script(refusal=Failure(400, "bad", "too strange")))
    with pytest.raises(glm.InvalidRequestError) as raised:
        glm.map(["a"], "About {text}", **asked())
    assert "没有任何一行得到回答" in "\n".join(raised.value.lines("zh"))


NO_BATCH: dict[str, tuple[dict[str, Any], str, str]] = {
    "a batch on workers": (
        {"mode": "batch", "on": object()},
        "answered by its provider, not by Dask workers",
        "leave out on=",
    ),
    "a mode": ({"mode": "slow"}, "mode is how rows are asked", "live, batch or file"),
    "a model without": ({"model": "glm-4.6"}, "has no batch for glm-4.6", "glm-5.3 (openrouter)"),
    "a provider without": (
        {"provider": "zai", "model": "glm-5.3"}, "Z.ai has no batch", "glm-4-plus (bigmodel)"),
    "a gateway": ({"provider": "wcode", "model": "glm-4.6"}, "wcode.net has no batch", "glm-5.3"),
    "a plan": (
        {"provider": "bigmodel", "model": "glm-4-plus",
         "base_url": "https://open.bigmodel.cn/api/coding/paas/v4"}, "has no batch", "glm-5.3"),
    "functions": ({"tools": [fails]}, "cannot call functions", "mode='live'"),
}  # fmt: skip


@pytest.mark.parametrize("case", NO_BATCH)
def test_what_cannot_be_a_batch_says_what_can(case: str) -> None:
    more, what, can = NO_BATCH[case]
    at = {"provider": "openrouter", "model": "glm-5.3", "api_key": "test-key", "mode": "batch"}
    with pytest.raises(glm.RefusedError) as raised:
        glm.map(["a"], **{**at, **more})
    lines = raised.value.lines()
    assert what in lines[0]
    assert can in lines[1]
    assert len(lines) <= 3


def test_a_batch_needs_a_store(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GLM_STORE", "off")
    for wrong in (glm.batches, lambda: glm.read_results("out.jsonl")):
        with pytest.raises(glm.UnavailableError) as raised:
            wrong()
        assert len(raised.value.lines()) == 2
