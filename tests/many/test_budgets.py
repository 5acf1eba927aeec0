"""Budgets over many rows: what is in flight counts, and one row is the most that passes them."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

import glm_magic as glm
from tests.api.providers import PLACES
from tests.servers.model_server import ModelServer
from tests.servers.script import Script, Tokens

Asked = Callable[..., dict[str, Any]]
ROW = 11 + 29
"""Tokens that the server reports for a row."""
ZAI = next(place for place in PLACES if place.provider == "zai")


def rows(count: int) -> list[str]:
    """Return different texts."""
    return [f"text {n}" for n in range(count)]


@pytest.mark.parametrize("jobs", [1, 4, 16])
def test_tokens(server: ModelServer, asked: Asked, jobs: int) -> None:
    out = glm.map(rows(100), "About {text}", **asked(budget="1k", jobs=jobs))
    used = (out.usage.input or 0) + (out.usage.output or 0)
    assert 1000 - 3 * ROW <= used <= 1000 + ROW
    assert out.left
    assert set(out.left.values()) == {"the call's budget of 1,000 tokens is used up"}
    assert len(out.left) + len(server.requests) == 100
    assert list(out.frame["status"]).count("left") == len(out.left)


@pytest.mark.parametrize("jobs", [1, 16])
def test_money(server: ModelServer, jobs: int) -> None:
    del server
    with ModelServer() as hosted:
        hosted.tell(Script(tokens=Tokens(1000, 2000)))
        asked = ZAI.asked(hosted, progress=False, jobs=jobs)
        one = glm.map(rows(1), None, **asked).cost.amounts["USD"]
        out = glm.map(rows(100), "About {text}", **asked, budget=f"${10 * one:f}")
        spent = out.cost.amounts["USD"]
        assert 7 * one <= spent <= 11 * one
        assert isinstance(spent, Decimal)


def test_replies_that_grow_longer_than_any_before(server: ModelServer, asked: Asked) -> None:
    """The second to last row takes as much as all before it together; the others are stopped."""
    short = Script("short", tokens=Tokens(10, 10))
    long = Script("word " * 400, tokens=Tokens(10, 400), piece_chars=50, pause_s=0.005)
    server.tell(*[short] * 8, long)
    out = glm.map(rows(40), "About {text}", **asked(budget="1000 tokens", jobs=8))
    used = (out.usage.input or 0) + (out.usage.output or 0)
    assert used <= 1000 + 600
    assert out.left


def test_a_call_goes_on_with_another_budget(server: ModelServer, asked: Asked) -> None:
    first = glm.map(rows(50), "About {text}", **asked(budget="1k", jobs=4))
    done = 50 - len(first.left)
    again = glm.map(rows(50), "About {text}", **asked(jobs=4))
    assert not again.left
    assert len(server.requests) == 50
    assert again.usage.output == (50 - done) * 29


def test_a_row_that_could_never_be_paid_for(server: ModelServer, asked: Asked) -> None:
    out = glm.map(["x" * 4000], None, **asked(budget="500 tokens"))
    assert not server.requests
    assert len(out.left) == 1


def test_the_estimate_comes_first(
    server: ModelServer, asked: Asked, capsys: pytest.CaptureFixture[str]
) -> None:
    seen: list[str] = []

    def prompt(row: str) -> str:
        seen.append(capsys.readouterr().err)
        return row

    glm.map(["a", "b", "a"], prompt, **{**asked(), "progress": True})
    assert not "".join(seen[:3])
    assert "3 rows, 2 to ask · 1 equal to others · ≈" in "".join(seen[3:])
    assert "3 of 3 rows" in capsys.readouterr().err
    assert len(server.requests) == 2
