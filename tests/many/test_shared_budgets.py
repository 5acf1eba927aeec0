"""Rows count towards the budgets of the session and the day, and in the sums, like prompts."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

import glm_magic as glm
from glm_magic.session import budgets, notebook, spending, store
from glm_magic.session.amounts import parse_amount
from glm_magic.session.ledger import Entry
from tests.servers.model_server import ModelServer
from tests.servers.script import Script, Tokens

Asked = Callable[..., dict[str, Any]]
ROOT = Path(__file__).parents[2]
ROW = 11 + 29
"""Tokens that the server reports for a row, and for a prompt."""


def rows(count: int, word: str = "text") -> list[str]:
    """Return different texts."""
    return [f"{word} {n}" for n in range(count)]


def used(entries: list[Entry]) -> int:
    """Return the tokens of calls."""
    return sum((entry.usage.input or 0) + (entry.usage.output or 0) for entry in entries)


@pytest.fixture
def here() -> Iterator[glm.Session]:
    """Give a session that is the notebook's."""
    session = glm.Session("here")
    hooks = notebook.NotebookHooks(session=lambda: session)
    notebook.install(hooks)
    yield session
    notebook.uninstall(hooks)


def session_at(server: ModelServer, most: int = 100) -> glm.Session:
    """Return another session, at the server."""
    return glm.Session(
        "other", provider="vllm", model="glm-4.6", base_url=f"{server.url}/v1",
        params={"max_tokens": most},
    )  # fmt: skip


@pytest.mark.parametrize("jobs", [1, 8])
def test_the_budget_of_the_day_holds_over_calls(
    server: ModelServer, asked: Asked, jobs: int
) -> None:
    budgets.put(budgets.DAY, "1000 tokens")
    first = glm.map(rows(100), "About {text}", **asked(jobs=jobs))
    assert set(first.left.values()) == {"the day's budget of 1,000 tokens is used up"}
    assert 1000 - 3 * ROW <= used(budgets.all_entries()) <= 1000 + ROW
    assert len(server.requests) * ROW == used(budgets.all_entries())
    before = len(server.requests)
    again = glm.map(rows(100, "other"), "About {text}", **asked(jobs=jobs))
    assert len(server.requests) <= before + 1
    assert len(again.left) >= 99


def test_rows_and_prompts_share_the_budget_of_the_day(server: ModelServer, asked: Asked) -> None:
    budgets.put(budgets.DAY, "1000 tokens")
    glm.map(rows(20), "About {text}", **asked())
    session = session_at(server)
    refusal = "the day's budget of 1,000 tokens would be"
    with pytest.raises(glm.InvalidValueError, match=refusal):
        [session.ask("why?") for _ in range(20)]
    assert len(server.requests) * ROW <= 1000 + ROW
    assert len(server.requests) > 20


def test_the_notebooks_session_has_a_budget(
    server: ModelServer, asked: Asked, here: glm.Session
) -> None:
    here.budget = parse_amount("1000 tokens")
    out = glm.map(rows(100), "About {text}", **asked())
    assert set(out.left.values()) == {"the session's budget of 1,000 tokens is used up"}
    assert 1000 - 3 * ROW <= used(here.entries) <= 1000 + ROW
    (entry,) = here.entries
    assert (entry.session, entry.calls) == ("(map)", len(server.requests))
    assert any("80 % or more of the session" in text for text in out.progress.notices)
    assert not glm.Session("elsewhere").entries


def test_the_sums_have_a_line_for_each_name_model_and_day(
    server: ModelServer, asked: Asked
) -> None:
    glm.map(rows(5), "About {text}", **asked(name="mine"))
    glm.map(rows(5), "About {text}", **asked(name="mine"))
    glm.sweep(rows(2), None, samples=3, **asked(model=["glm-4.6", "zai-org/GLM-4.7-Flash"]))
    first, *others = ((e.session, e.model, e.calls) for e in budgets.all_entries())
    assert [first, *sorted(others)] == [
        ("(map mine)", "glm-4.6", 5),
        ("(sweep)", "glm-4.6", 6),
        ("(sweep)", "zai-org/GLM-4.7-Flash", 6),
    ]  # fmt: skip
    spending.forget()
    assert [e.calls for e in budgets.all_entries()] == [5, 6, 6], "the disk has them, too"
    assert used(budgets.all_entries()) == len(server.requests) * ROW


def test_rows_without_a_price_are_so_many_calls_without_one(asked: Asked) -> None:
    glm.map(rows(5), "About {text}", **asked())
    from glm_magic.session.ledger import Total

    assert str(Total.of(budgets.all_entries()).cost) == "n/a"
    assert Total.of(budgets.all_entries()).cost.unpriced == 5


def test_without_a_store_the_sums_are_in_memory(
    server: ModelServer, asked: Asked, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GLM_STORE", "off")
    budgets.put(budgets.DAY, "1000 tokens")
    glm.map(rows(100), "About {text}", **asked())
    assert used(budgets.all_entries()) == len(server.requests) * ROW <= 1000 + ROW


def test_a_failed_row_counts_what_it_took(server: ModelServer, asked: Asked) -> None:
    server.tell(Script(finish="sensitive"), Script())
    out = glm.map(rows(2), "About {text}", **asked(jobs=1))
    assert len(out.errors) == 1
    assert used(budgets.all_entries()) == 2 * ROW


def test_a_prompt_waits_for_rows_that_hold_the_rest(server: ModelServer, asked: Asked) -> None:
    """The rows reserve nearly all of the day's budget, and take little of it."""
    budgets.put(budgets.DAY, "20k tokens")
    server.tell(Script(stall_after=1))
    call = threading.Thread(target=glm.map, args=(["a"], None), kwargs=asked(jobs=1))
    call.start()
    server.wait_sent(1)
    session = session_at(server, 8000)
    with session.stream("why?") as stream:
        for event in stream:
            if getattr(event, "code", "") == "budget-wait":
                break
        assert len(server.requests) == 1
        server.tell(Script())
        server.released.set()
        assert stream.reply.status == "complete"
    call.join()
    assert len(server.requests) == 2


KERNEL = """
import sys
import glm_magic as glm
rows = [f"{sys.argv[2]} {n}" for n in range(200)]
out = glm.map(rows, "About {text}", jobs=8, provider="vllm", model="glm-4.6",
              base_url=sys.argv[1] + "/v1", progress=False)
print(len(out.left), len(out.errors), flush=True)
"""


def start(server: ModelServer, word: str) -> subprocess.Popen[str]:
    """Start a program that asks about 200 rows."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    words = [sys.executable, "-c", KERNEL, server.url, word]
    return subprocess.Popen(words, stdout=subprocess.PIPE, text=True, env=environment)


def test_kernels_share_the_budget_of_a_day(server: ModelServer) -> None:
    budgets.put(budgets.DAY, "4000 tokens")
    kernels = [start(server, word) for word in ("a", "b", "c")]
    ends = [kernel.communicate(timeout=60)[0].split() for kernel in kernels]
    assert all(int(left) > 0 and errors == "0" for left, errors in ends)
    assert 4000 - 3 * ROW <= len(server.requests) * ROW <= 4000 + ROW
    assert used(budgets.all_entries()) == len(server.requests) * ROW
    saved = store.current_store()
    assert saved is not None
    assert saved.read("SELECT * FROM setting WHERE name LIKE 'holds%'") == []


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="needs SIGKILL")
def test_what_a_killed_kernel_kept_is_in_the_sums(server: ModelServer) -> None:
    server.tell(Script(pause_s=0.002))
    kernel = start(server, "a")
    while len(server.requests) < 60 and kernel.poll() is None:
        pass
    kernel.kill()
    kernel.communicate()
    answers = store.answers_store()
    assert answers is not None
    ((kept,),) = answers.read("SELECT count(*) FROM answer")
    (entry,) = budgets.all_entries()
    assert kept >= 40
    # a kill may come between the two files; then one batch of at most 8 rows is not in the sums
    assert kept - 8 <= entry.calls <= len(server.requests)


def test_sums_whose_file_cannot_be_written_are_kept_in_memory(
    server: ModelServer, asked: Asked
) -> None:
    """The answers have a file of their own; a newer version has made the other one its own."""
    budgets.put(budgets.DAY, "2000 tokens")
    saved = store.current_store()
    assert saved is not None
    saved.close()
    with closing(sqlite3.connect(saved.path)) as other:
        other.execute("PRAGMA user_version = 99")
    out = glm.map(rows(100), "About {text}", **asked(jobs=2))
    assert "newer" in saved.problem
    assert set(out.left.values()) == {"the day's budget of 2,000 tokens is used up"}
    assert len(server.requests) * ROW == used(budgets.all_entries()) <= 2000 + ROW
    assert all(out[n].answer for n in range(100 - len(out.left)))


def test_money_of_the_day(server: ModelServer) -> None:
    from tests.many.test_budgets import ZAI

    with ModelServer() as hosted:
        hosted.tell(Script(tokens=Tokens(1000, 2000)))
        keywords = ZAI.asked(hosted, progress=False, jobs=4)
        one = glm.map(rows(1), None, **keywords).cost.amounts["USD"]
        budgets.put(budgets.DAY, f"{10 * one:f} USD")
        glm.map(rows(100, "other"), None, **keywords)
        spent = sum((e.cost.amount for e in budgets.all_entries() if e.cost), Decimal(0))
        assert 8 * one <= spent <= 11 * one
