"""A call over many rows, as a page, a saved output and a terminal show it."""

from __future__ import annotations

import io
import re
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from glm_magic.core.i18n import tr
from glm_magic.core.price import CostTotal
from glm_magic.core.progress import Progress, RowText
from glm_magic.core.turn import Turn
from glm_magic.core.usage import Usage
from glm_magic.views.columns import text_width
from glm_magic.views.labels import CHINESE, ENGLISH
from glm_magic.views.many import TerminalBar, many_view
from glm_magic.views.options import ViewOptions
from glm_magic.views.publish import NullView
from glm_magic.views.saved.map_page import figures, many_html, map_bundle

HOSTILE = "<script>alert(1)</script>\x1b[2J| `x` ![a](http://x)"
RUNNING = Progress(
    rows=1_000, ended=400, failed=2, reused=10, running=8, elapsed_s=20.0, asked=392,
    usage=Usage(4_000, 12_000), cost=CostTotal({"CNY": Decimal("0.392")}),
    last=(RowText(399, "About x", "y"),), failures=(RowText(7, "", tr("the cell is empty")),),
    notices=(tr("{rows:,} rows, {asked:,} to ask", rows=1_000, asked=988),),
)  # fmt: skip
TABLE = (["text", "answer", "input"], [["a", "b", 3], ["c", None, None]])
TURN = Turn("", "zai", "glm-4.6", (), "streaming")


class Call:
    """A call that stands where it is told."""

    shown_in: int | None = None

    def __init__(self, progress: Progress) -> None:
        self.progress = progress

    def head(self) -> Any:
        """Return the head of the table."""
        return TABLE


class Screen(io.StringIO):
    """A stream that says whether it is a terminal."""

    is_terminal = True

    def isatty(self) -> bool:
        return self.is_terminal


def test_the_figures_and_what_is_expected() -> None:
    assert figures(RUNNING, ENGLISH) == [
        "400 of 1,000 rows", "2 failed", "598 left", "10 not asked again", "19.6 rows/s",
        "4,000 in", "12,000 out", "¥0.3920 of ≈¥0.9902 expected", "took 20.0 s", "30.5 s to go",
    ]  # fmt: skip


def test_in_chinese() -> None:
    html = many_html(RUNNING, None, CHINESE)
    for words in ("进行中", "400/1,000 行", "剩余 598 行", "单元格为空", "需询问 988 行"):
        assert words in html


@pytest.mark.parametrize("done", [False, True])
def test_what_rows_say_is_obeyed_nowhere(done: bool) -> None:
    row = RowText(1, HOSTILE, HOSTILE)
    now = Progress(2, 1, 1, last=(row,), failures=(row,), notices=(HOSTILE,), done=done)
    table = ([HOSTILE, "n"], [[HOSTILE, 1]])
    html = many_html(now, table if done else None, ENGLISH)
    assert "<script" not in html
    assert html.count("&lt;script&gt;") >= 3
    data, _ = map_bundle(now, table, ViewOptions(language="en"))
    assert "\x1b" not in data["text/plain"]
    assert "<script" not in data["text/markdown"]
    assert "![a](http" not in data["text/markdown"]


def test_the_panel_has_the_size_of_what_it_shows_and_not_of_the_rows() -> None:
    few = many_html(RUNNING, None, ENGLISH)
    large = replace(RUNNING, rows=10**6, ended=5 * 10**5, asked=5 * 10**5)
    many = many_html(large, None, ENGLISH)
    assert abs(len(many) - len(few)) < 300


def test_the_saved_output_leaves_empty_columns_out() -> None:
    data, metadata = map_bundle(
        Progress(2, 2, done=True), (["a", "error"], [[1, None], [2, None]]), ViewOptions()
    )
    assert "error" not in data["text/html"].split("<table>")[1]
    assert metadata["glm_magic"]["map"]["rows"] == 2


def test_a_terminal_draws_one_line_over_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stderr", Screen())
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.delenv("NO_COLOR", raising=False)
    import sys

    call = Call(RUNNING)
    view = TerminalBar(call, ViewOptions(language="en"))
    view.start(TURN, lambda: None)
    view.paint(TURN)
    call.progress = Progress(2, 2, done=True)
    view.finish(TURN)
    out = sys.stderr.getvalue()  # type: ignore[attr-defined]
    first, *drawn = re.split(r"[\r\n]+", out.strip("\n"))
    assert first == "1,000 rows, 988 to ask"
    assert drawn[0].startswith("━" * 9 + "╌" * 15 + " 400 of 1,000 rows · 2 failed")
    assert drawn[1].rstrip() == "━" * 24 + " 2 of 2 rows"
    assert len(drawn[1]) == len(drawn[0])  # nothing of the longer line is left


@pytest.mark.parametrize("language", ["en", "zh"])
def test_a_narrow_terminal_gets_as_much_as_fits_in_a_line(
    monkeypatch: pytest.MonkeyPatch, language: str
) -> None:
    screen = Screen()
    monkeypatch.setattr("sys.stderr", screen)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "60")
    monkeypatch.delenv("NO_COLOR", raising=False)
    view = TerminalBar(Call(RUNNING), ViewOptions(language=language))
    view.start(TURN, lambda: None)
    view.paint(TURN)
    line = screen.getvalue().split("\r")[-1]
    assert 40 < text_width(line) < 60


def test_where_no_terminal_is_there_are_two_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    screen = Screen()
    screen.is_terminal = False
    monkeypatch.setattr("sys.stderr", screen)
    view = TerminalBar(Call(RUNNING), ViewOptions(language="en"))
    view.start(TURN, lambda: None)
    for _ in range(5):
        view.paint(TURN)
    view.finish(TURN)
    lines = screen.getvalue().splitlines()
    assert len(lines) == 3
    assert lines[2] == "row 7: the cell is empty"


def test_a_quiet_call_shows_nothing() -> None:
    assert type(many_view(Call(RUNNING), ViewOptions(quiet=True))) is NullView


def test_the_page_of_the_machines_is_linked_while_they_work() -> None:
    now = replace(RUNNING, link='http://127.0.0.1:8787/status?"<x>')
    link = '<a href="http://127.0.0.1:8787/status?&quot;&lt;x&gt;" target="_blank"'
    assert link in many_html(now, None, ENGLISH)
    assert "Dask 仪表板" in many_html(now, None, CHINESE)
    assert "Dask" not in many_html(replace(now, done=True), (["text"], [["a"]]), ENGLISH)
    assert "Dask" not in many_html(RUNNING, None, ENGLISH)
