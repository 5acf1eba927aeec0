"""Help on a terminal: columns that fit, in both languages."""

from __future__ import annotations

import sys

import pytest

from glm_magic.core.i18n import translate
from glm_magic.magic.help import help_on, whole_help
from glm_magic.magic.line.options import OPTIONS
from glm_magic.magic.verbs.registry import verbs
from glm_magic.views.columns import text_width


@pytest.fixture(params=[60, 80, 132])
def columns(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> int:
    """Pretend that standard output is a terminal of this width."""
    monkeypatch.setenv("COLUMNS", str(request.param))
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True, raising=False)
    return int(request.param)


@pytest.mark.parametrize("language", ["en_GB.UTF-8", "zh_CN.UTF-8"])
def test_no_line_of_the_help_is_wider_than_the_terminal(
    columns: int, language: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("LC_ALL", "LC_MESSAGES", "LANG"):
        monkeypatch.setenv(name, language)
    text = whole_help().text()
    assert max(map(text_width, text.splitlines())) <= columns
    words = "".join(text.split())
    for row in (*OPTIONS, *verbs().values()):
        assert "".join(translate(row.help).split()) in words or columns < 132


def test_what_goes_on_begins_below_its_first_line(columns: int) -> None:
    lines = whole_help().text().splitlines()
    at = next(n for n, line in enumerate(lines) if line.startswith("  --show-thinking"))
    indents = {len(line) - len(line.lstrip()) for line in lines[at + 1 :] if line[:9].isspace()}
    assert indents == {int(columns * 0.4) + 4}


def test_a_sentence_of_a_verb_fits_as_well(columns: int) -> None:
    assert max(map(text_width, help_on("--think").text().splitlines())) <= columns


def test_what_is_no_terminal_gets_each_row_on_one_line() -> None:
    lines = whole_help().text().splitlines()
    for option in OPTIONS:
        (line,) = (line for line in lines if line.startswith(f"  {option.usage} "))
        assert line.endswith(translate(option.help))
