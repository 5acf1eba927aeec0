"""Help and the README's tables come from the tables that are parsed."""

from glm_magic.magic.display import Sections, Table
from glm_magic.magic.help import help_on, option_rows, verb_rows, whole_help
from glm_magic.magic.line.options import OPTIONS
from glm_magic.magic.verbs.registry import verbs


def test_every_option_and_verb_has_one_row():
    assert len(option_rows()) == len(OPTIONS) + 2
    assert len(verb_rows()) == len(verbs()) + 2
    for row in [*option_rows(), *verb_rows()]:
        assert row.replace(r"\|", "").count("|") == 3


def test_help_is_the_same_in_html_and_text():
    shown = whole_help()
    for option in OPTIONS:
        assert option.usage in shown.text()
        assert option.usage in shown.html()
        assert help_on(option.flags[0]).text().startswith(option.usage)


def test_tables_obey_nothing_that_is_in_them():
    table = Table(("a", "b"), [("<script>x</script> $5", "\x1b[31mred\x1b[0m | x\ny"), (None, 1)])
    assert "<script>" not in table.html()
    assert "<span>$</span>5" in table.html()
    assert "\x1b" not in table.text()
    assert len(table.text().splitlines()) == 4


def test_chinese_columns_stand_in_line():
    lines = Table(("名", "b"), [("值值", 1), ("ab", 22)]).text().splitlines()
    assert lines[2] == "值值   1"
    assert lines[3] == "ab    22"


def test_sheets_show_text_as_it_is():
    sheet = Sections([("one", "<b>"), ("two", "x\x07")], title="T", folded=True)
    assert "&lt;b&gt;" in sheet.html()
    assert sheet.html().count("<details>") == 1
    assert "\x07" not in sheet.text()
