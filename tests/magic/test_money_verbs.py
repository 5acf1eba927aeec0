"""``%glm usage``, ``budget``, ``context`` and ``preserve``, as a user meets them."""

from __future__ import annotations

import re
import sys
from decimal import Decimal

import pytest

from glm_magic.core.errors import InvalidValueError, UnsupportedError
from glm_magic.magic.line.complete import complete
from tests.servers.script import Script, Tokens


def rows(printed):
    return [line.split() for line in printed.splitlines()[2:]]


def test_usage_tells_estimates_apart(glm_shell, model_server):
    model_server.tell(Script(tokens=Tokens(100, 50, reasoning=20, cached=10)), Script(tokens=None))
    glm_shell.run("%glm -q glm-4.6 one")
    glm_shell.run("%glm -q glm-4.6 two")
    printed = glm_shell.run("%glm usage")
    assert rows(printed)[0][2:8] == ["glm-4.6", "2", "≈122", "≈10", "≈58", "≈20"]
    assert "≈$" in printed
    turns = glm_shell.run("%glm usage turns").splitlines()
    assert turns[3].count("≈") == 1, "only the cost, at an address that is not Z.ai's"
    assert turns[4].count("≈") > 1


def test_usage_by_day_and_of_everything_on_disk(glm_shell):
    from datetime import date

    glm_shell.run("%glm -q -S a one")
    glm_shell.shell.run_line_magic("unload_ext", "glm_magic")
    glm_shell.shell.run_line_magic("load_ext", "glm_magic")
    glm_shell.run("%glm -q two")
    today = date.today().isoformat()  # noqa: DTZ011
    assert rows(glm_shell.run("%glm usage day"))[0][:4] == [today, "zai", "glm-5.2", "2"]
    assert [row[0] for row in rows(glm_shell.run("%glm usage all"))[:2]] == ["a", "default"]
    assert [row[0] for row in rows(glm_shell.run("%glm usage"))[:1]] == ["default"]


def test_usage_as_a_dataframe(glm_shell):
    glm_shell.run("%glm -q glm-4.6 one")
    glm_shell.run("frame = %glm usage frame")
    frame = glm_shell["frame"]
    assert list(frame["model"]) == ["glm-4.6"]
    assert frame["cost"][0] == (11 * Decimal("0.6") + 29 * Decimal("2.2")) / 1_000_000


def test_usage_as_a_plot_or_what_to_install(glm_shell, monkeypatch):
    glm_shell.run("%glm -q one")
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    lines = glm_shell.fail("%glm usage plot")
    assert "pip install matplotlib" in lines[1]


def test_usage_as_a_plot(glm_shell):
    pytest.importorskip("matplotlib")
    glm_shell.run("%glm -q one")
    glm_shell.run("%glm -q two")
    glm_shell.run("figure = %glm usage plot")
    (axes,) = glm_shell["figure"].axes
    assert len(axes.containers) == 4
    assert sum(bar.get_height() for stack in axes.containers for bar in stack) == 80


def test_prices_come_with_date_and_source(glm_shell):
    glm_shell.run("%glm -q glm-4.6 one")
    printed = glm_shell.run("%glm usage prices")
    line = next(line for line in printed.splitlines() if line.startswith("glm-4.6"))
    for words in ("$0.6", "$0.11", "$2.2", "2026-11-21"):
        assert words in line
    glm_shell.run("%glm use dashscope/glm-4.5")
    tiers = [
        line for line in glm_shell.run("%glm usage prices").splitlines() if "dashscope" in line
    ]
    assert "up to 32,768" in tiers[0]
    assert "over 32,768 up to 98,304" in tiers[1]
    assert all("¥" in line and "Model Studio" in line for line in tiers)


def test_a_budget_of_the_cell_refuses_or_stops(glm_shell, model_server, sent):
    lines = glm_shell.fail("%%glm --budget 3\nwhy is the sky so very blue?")
    assert isinstance(glm_shell.error, InvalidValueError)
    assert len(lines) == 2
    assert sent() == []
    model_server.tell(Script(answer="word " * 3000, pause_s=0.001, tokens=None))
    glm_shell.run("%%glm --budget 200\nwhy?")
    assert glm_shell["_glm"].status == "interrupted"
    assert "stopped: the cell's budget of 200 tokens is used up" in glm_shell.run("%glm show 1")
    assert len(glm_shell.fail("%%glm --budget lots\nwhy?")) == 2


def test_budgets_of_session_and_day_are_set_shown_and_taken_away(glm_shell, sent):
    assert "No budget is set" in glm_shell.run("%glm budget")
    glm_shell.run("%glm budget $0.001")
    glm_shell.run("%glm budget day 2k")
    glm_shell.run("%glm -q glm-4.6 one")
    printed = glm_shell.run("%glm budget")
    assert "session default" in printed
    assert "$0.001" in printed
    assert "2,000 tokens" in printed
    assert "1,960 tokens" in printed
    glm_shell.shell.run_line_magic("unload_ext", "glm_magic")
    glm_shell.shell.run_line_magic("load_ext", "glm_magic")
    printed = glm_shell.run("%glm budget")
    assert "1,960 tokens" in printed, "a day's budget is the user's, not the kernel's"
    assert "session" not in printed
    glm_shell.run("%glm budget day off")
    glm_shell.run("%glm budget 10")
    assert len(glm_shell.fail("%glm why is the sky blue in the morning?")) == 2
    glm_shell.run("%glm budget off")
    assert "No budget is set" in glm_shell.run("%glm budget")
    glm_shell.run("%glm -q budget my day")  # a prompt
    assert len(sent()) == 2


def test_calls_without_a_price_and_estimates_are_told_beside_what_was_used(
    glm_shell, model_server, monkeypatch
):
    model_server.tell(Script(tokens=Tokens(1000, 1000)), Script(), Script(answer="ok", tokens=None))
    glm_shell.run("%glm -q -m glm-4.6 one")
    there = model_server.url + "/compatible-mode/v1"
    with monkeypatch.context() as changed:
        changed.setenv("GLM_BASE_URL", there)
        changed.setenv("DASHSCOPE_API_KEY", "test-key")
        glm_shell.run("%glm -q -p dashscope -m glm-4.6 two")
    assert "$0.0028 + 1 call n/a" in glm_shell.run("%glm budget $1")
    glm_shell.run("%glm -q -m glm-4.6 three")
    shown = glm_shell.run("%glm budget")
    assert "≈$0.0028" in shown
    assert "≈$0.997" in shown
    glm_shell.run("frame = %glm usage frame")
    assert list(glm_shell["frame"]["estimated"]) == [True, False, True], "the address is not Z.ai's"


def test_the_free_quota_is_counted_down_when_asked(glm_shell, monkeypatch, model_server):
    monkeypatch.setenv("DASHSCOPE_API_KEY", "test-key")
    monkeypatch.setenv("GLM_BASE_URL", f"{model_server.url}/compatible-mode/v1")
    model_server.tell(Script(tokens=Tokens(1000, 500)))
    glm_shell.run("%glm budget quota 1M 2026-01-01")
    glm_shell.run("%glm -q -p dashscope -m glm-4.5 hello")
    printed = glm_shell.run("%glm budget")
    assert "free quota of glm-4.5, 2026-01-01 to 2026-06-30" in printed
    assert "998,500 tokens" in printed
    assert "Free tokens left since 2026-01-01: glm-4.5 998,500" in glm_shell.run("%glm usage")
    glm_shell.run("%glm budget quota off")
    assert "Free tokens" not in glm_shell.run("%glm usage")
    assert len(glm_shell.fail("%glm budget quota ¥5")) == 2
    assert len(glm_shell.fail("%glm budget quota 1M 2026-13-01")) == 2


def test_the_context_says_how_large_it_is_and_what_has_to_leave(glm_shell, sent, monkeypatch):
    glm_shell.run("%glm use dashscope/glm-4.5")
    printed = glm_shell.run("%glm context")
    assert "of the 98,304 that glm-4.5 takes, estimated from the text" in printed
    glm_shell.run("%glm use zai/glm-4.6")
    glm_shell.run("%glm -q one")
    printed = glm_shell.run("%glm context")
    assert "the next prompt comes after them" in printed


def test_preserve_sends_reasoning_back(glm_shell, sent):
    glm_shell.run("%glm use glm-4.7")
    glm_shell.run("%glm -q one")
    assert "is sent back with every turn" in glm_shell.run("%glm preserve on")
    printed = glm_shell.run("%glm context")
    assert "reasoning_content" in printed
    assert "reasoning of earlier turns goes back: ≈" in printed
    glm_shell.run("%glm two")
    assert sent()[-1]["thinking"]["clear_thinking"] is False
    assert sent()[-1]["messages"][1]["reasoning_content"] == "Let me see."
    assert "preserved" in [n.code for n in glm_shell["_glm"].turn.notices]
    glm_shell.run("%glm preserve off")
    glm_shell.run("%glm -q three")
    assert "reasoning_content" not in sent()[-1]["messages"][1]
    glm_shell.run("%glm use ollama/x")
    assert len(glm_shell.fail("%glm preserve")) == 2
    assert isinstance(glm_shell.error, UnsupportedError)


def test_what_may_follow_these_verbs_completes(glm_shell):
    workspace = glm_shell.shell.find_line_magic("glm").__self__.workspace

    def after(line):
        return complete(workspace, line, is_cell=False)[1]

    assert after("usage p") == ["plot", "prices"]
    assert after("budget ") == ["off", "day", "quota"]
    assert after("budget day ") == ["off"]
    assert after("preserve o") == ["on", "off"]


ROWS = "rows = [f'text {n}' for n in range(30)]"


def test_rows_have_a_line_of_their_own(glm_shell, sent):
    glm_shell.run(ROWS)
    glm_shell.run("%glm -q glm-4.6 one")
    glm_shell.run("%%glm glm-4.6 --map rows -q\nAbout {text}")
    glm_shell.run("%%glm glm-4.6 --map rows --name moods -q\nAbout {text}, again")
    lines = [re.split(r"\s{2,}", line) for line in glm_shell.run("%glm usage").splitlines()[2:5]]
    assert [(line[0], line[3]) for line in lines] == [
        ("default", "1"), ("(map)", "30"), ("(map moods)", "30"),
    ]  # fmt: skip
    assert sum("(map" in line for line in glm_shell.run("%glm usage all").splitlines()) == 2
    assert "61" in glm_shell.run("%glm usage day")
    glm_shell.run("frame = %glm usage frame")
    assert list(glm_shell["frame"]["calls"]) == [1, 30, 30]
    glm_shell.run("%glm forget all")
    assert "map" not in glm_shell.run("%glm usage")


def test_rows_count_towards_the_budgets(glm_shell, sent):
    glm_shell.run(ROWS)
    glm_shell.run("%glm budget 400")
    glm_shell.run("%%glm glm-4.6 --map rows -o out -q\nAbout {text}")
    assert set(glm_shell["out"].left.values()) == {"the session's budget of 400 tokens is used up"}
    assert 8 <= len(sent()) <= 11
    assert "the session's budget of 400 tokens" in glm_shell.fail("%glm -q glm-4.6 one")[0]
    assert "400" in glm_shell.run("%glm budget")
    glm_shell.run("%glm budget off")
    glm_shell.run("%glm budget day 1000")
    glm_shell.run("%%glm glm-4.6 --map rows -o out -q\nAbout {text}")
    assert 22 <= len(sent()) <= 26
    assert set(glm_shell["out"].left.values()) == {"the day's budget of 1,000 tokens is used up"}
