"""A call over many rows, as a page, a saved output and a terminal show it."""

from __future__ import annotations

import io
import re
from dataclasses import replace
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest

from glm_magic.core.i18n import tr
from glm_magic.core.price import CostTotal
from glm_magic.core.progress import Progress, RowText
from glm_magic.core.turn import Turn
from glm_magic.core.usage import Usage
from glm_magic.views.columns import text_width
from glm_magic.views.labels import CHINESE, ENGLISH
from glm_magic.views.many import many_view
from glm_magic.views.many_terminal import RichBar, TerminalBar
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

    def when_read(self, show: Any) -> None:
        """Have it called by the test."""
        self.show = show

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
    call.show()
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


READING = Progress(rows=1_000, reading=250)


def test_it_is_seen_while_the_rows_are_read() -> None:
    assert figures(READING, ENGLISH) == ["250 of 1,000 rows read"]
    html = many_html(READING, None, ENGLISH)
    assert "reading the rows" in html
    assert 'class="glm-mr" style="width:25.00%"' in html
    assert "已读取 250/1,000 行" in many_html(READING, None, CHINESE)


def terminal(monkeypatch: pytest.MonkeyPatch) -> Screen:
    """Make a terminal of 100 columns standard error, and return it."""
    screen = Screen()
    monkeypatch.setattr("sys.stderr", screen)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "100")
    monkeypatch.delenv("NO_COLOR", raising=False)
    return screen


def test_richs_bar_where_rich_is_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("rich")
    screen = terminal(monkeypatch)
    call = Call(READING)
    view = many_view(call, ViewOptions(where="terminal", language="en"))
    assert isinstance(view, RichBar)
    view.start(TURN, lambda: None)
    view.paint(TURN)
    assert "250 of 1,000 rows read" in screen.getvalue()
    call.progress = RUNNING
    call.show()
    view._painted_at = 0.0
    view.paint(TURN)
    call.progress = replace(RUNNING, done=True, stopped=tr("stopped"))
    view.finish(TURN)
    plain = re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", screen.getvalue())
    lines = [line for line in re.split(r"[\r\n]+", plain) if line]
    assert lines.count("1,000 rows, 988 to ask") == 1
    bars = [line for line in lines if "400 of 1,000 rows · 2 failed" in line]
    assert all(text_width(line) <= 100 for line in bars)
    assert bars[-1].startswith("━" * 9)
    assert lines[-2:] == ["row 7: the cell is empty", "stopped"]


@pytest.mark.parametrize("reason", ["no rich", "no terminal", "NO_COLOR"])
def test_else_the_plain_one(monkeypatch: pytest.MonkeyPatch, reason: str) -> None:
    import sys

    screen = terminal(monkeypatch)
    if reason == "no rich":
        monkeypatch.setitem(sys.modules, "rich.progress", None)
    elif reason == "NO_COLOR":
        monkeypatch.setenv("NO_COLOR", "1")
    else:
        screen.is_terminal = False
    view = many_view(Call(RUNNING), ViewOptions(where="terminal"))
    assert type(view) is TerminalBar


def test_what_a_row_says_is_no_markup_of_richs(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("rich")
    screen = terminal(monkeypatch)
    row = RowText(1, "", "[bold]x[/] \x1b[31m")
    view = RichBar(Call(Progress(1, 0, failed=1, failures=(row,))), ViewOptions(language="en"))
    view.start(TURN, lambda: None)
    view.finish(TURN)
    assert "row 1: [bold]x[/]" in screen.getvalue()
    assert "\x1b[31m" not in screen.getvalue()


def test_numbers_are_written_as_people_write_them() -> None:
    names = ["text", "stars", "cost", "share"]
    table = (names, [["a", Fraction(5), 0.0000704, float("inf")], ["b", 4, 1200.0, 0.5]])
    html = map_bundle(Progress(2, 2, done=True), table, ViewOptions())[0]["text/html"]
    assert '<th class="glm-mnum">stars</th>' in html
    for cell in ("0.0000704", "inf", "1200", "0.5"):
        assert f'<td class="glm-mnum">{cell}</td>' in html


def test_the_page_of_the_machines_is_linked_while_they_work() -> None:
    now = replace(RUNNING, link='http://127.0.0.1:8787/status?"<x>')
    link = '<a href="http://127.0.0.1:8787/status?&quot;&lt;x&gt;" target="_blank"'
    assert link in many_html(now, None, ENGLISH)
    assert "Dask 仪表板" in many_html(now, None, CHINESE)
    assert "Dask" not in many_html(replace(now, done=True), (["text"], [["a"]]), ENGLISH)
    assert "Dask" not in many_html(RUNNING, None, ENGLISH)
