"""Values go into a prompt where a name stands in braces, and nothing else changes."""

import time
from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from glm_magic.core.format_value import MAX_CHARACTERS, MAX_ROWS, format_value
from glm_magic.engine.interpolate import interpolate


@dataclass
class Person:
    name: str
    tags: list


class Moody:
    calls = 0

    @property
    def mood(self):
        Moody.calls += 1
        return "fine"

    @property
    def broken(self):
        raise RuntimeError("no")

    def __str__(self):
        raise ValueError("no text")


class BrokenError(Exception):
    def __str__(self):
        raise ValueError("no text either")


class Breaks:
    @property
    def x(self):
        raise BrokenError


NAMES = {
    "broken_error": Breaks(),
    "x": 1,
    "name": "Ada",
    "braces": "{x} {name}",
    "d": {"a": {"b": [10, 20, 30]}, "key": "a"},
    "i": 1,
    "who": Person("Bo", ["p", "q"]),
    "moody": Moody(),
    "变量": "值",
    "f": len,
}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("{x}", "1"),
        ("{ x }", "1"),
        ("{name}, {x}!", "Ada, 1!"),
        ("{变量}", "值"),
        ("{who.name} {who.tags[0]} {who.tags[-1]}", "Bo p q"),
        ("{d['a']['b'][0]} {d[\"a\"][\"b\"][i]} {d['a']['b'][1:]}", "10 20 [20, 30]"),
        ("{d[d['key']]['b'][0]}", "10"),
        ("{braces}", "{x} {name}"),
        ("costs ${x} now", "costs $1 now"),
        ("pay $5 to {name}, $6 to me", "pay $5 to Ada, $6 to me"),
        ("{{x}}", "{x}"),
        ("{{{x}}}", "{1}"),
        ('{{"a": {x}}}', '{"a": 1}'),
        ("{{ {{x}} }}", "{ {x} }"),
    ],
)
def test_values_are_put_in(text, expected):
    assert interpolate(text, NAMES).text == expected


@pytest.mark.parametrize(
    "text",
    [
        "{unknown}", "{unknown.name}", "{f(x)}", "{x + 1}", "{x!r}", "{x:.2f}", "{x", "x}",
        "{}", "{ }", "}{",
        "{1}", "{'x'}", "{lambda: x}", "{x;x}", "{x\n}", "{[x]}", "{*x}", "{x:=1}",
        "{x if x else x}",
        '{"a": {"b": 1}}', "int a[2][2] = {{1, 2}, {3, 4}};", "`{x}`", "``a ` {x}``",
        "```\n{x}\n```", "~~~python\nf'{x}'\n~~~", "> ```\n> {x}\n> ```", "```\nnever closed {x}",
        "$a {x} b$", "$$\n{x}\n$$", r"\({x}\)", r"\[ {x} \]", r"\frac{x}{name}", r"\sqrt[3]{x}",
        "a_{x} b^{x}", r"\{x\}", r"\begin{x}", r"\text{of {x} and}",
    ],
)  # fmt: skip
def test_everything_else_stays_as_it_was_written(text):
    filled = interpolate(text, NAMES)
    assert filled.text == text
    assert filled.inserted == ()


@pytest.mark.parametrize(
    ("text", "remark"),
    [
        ("{x.nothing}", "AttributeError: 'int' object has no attribute 'nothing'"),
        ("{d['z']}", "KeyError: 'z'"),
        ("{d['kee']}", "did you mean key? KeyError: 'kee'"),
        ("{d.key}", "AttributeError: 'dict' object has no attribute 'key'"),
        ("{who.tag}", "did you mean tags? AttributeError"),
        ("{who.tags[9]}", "IndexError: list index out of range"),
        ("{who.tags['a']}", "TypeError: list indices"),
        ("{d[unknown]}", "KeyError"),
        ("{moody}", "ValueError: no text"),
        ("{moody.broken}", "RuntimeError: no"),
        ("{broken_error.x}", "BrokenError"),
        ("{who.tags.copy()}", "nothing is called"),
        ("{moody.mood[0]()}", "nothing is called"),
    ],
)
def test_what_fails_stays_and_is_listed_with_the_reason(text, remark):
    filled = interpolate(f"see {text}", NAMES)
    assert filled.text == f"see {text}"
    (listed,) = filled.inserted
    assert listed.startswith(f"{text[1:-1]} (not put in: ")
    assert remark in listed


def test_what_surrounds_code_and_mathematics_is_still_filled():
    text = "{x} `{x}` {x} $ {x} \\frac{x}{x} {x}\n```\n{x}\n```\n{x}"
    assert interpolate(text, NAMES).text == ("1 `{x}` 1 $ 1 \\frac{x}{x} 1\n```\n{x}\n```\n1")


def test_a_backtick_of_another_paragraph_opens_nothing():
    assert interpolate("a ` b {x}\n\nc ` {x}", NAMES).text == "a ` b 1\n\nc ` 1"


def test_what_was_put_in_is_listed_once():
    assert interpolate("{x} {name} {x} {no}", NAMES).inserted == ("x", "name")


def test_a_property_is_read_when_the_prompt_is_made():
    Moody.calls = 0
    assert interpolate("{moody.mood}", NAMES).text == "fine"
    assert Moody.calls == 1


def test_an_interrupt_inside_a_property_is_not_swallowed():
    class Slow:
        @property
        def value(self):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interpolate("{slow.value}", {"slow": Slow()})


BRACES = st.lists(
    st.sampled_from(
        ["{", "}", "{{", "}}", "x", "{x}", "name", ".", "[", "]", "'", "`", "```", "\n", "$", "\\",
         "\\a", "\\(", "\\)", "^", "_", " ", "0", "🙂", "\ud83d", "~~~", ">"]
    ),
    max_size=30,
).map("".join)  # fmt: skip


@given(BRACES | st.text())
def test_a_brace_never_raises(text):
    interpolate(text, NAMES)


@given(BRACES | st.text())
def test_without_names_only_doubled_braces_change(text):
    changed = interpolate(text, {}).text
    assert changed.replace("{", "").replace("}", "") == text.replace("{", "").replace("}", "")
    assert len(changed) <= len(text)


@given(st.text(), st.text())
def test_a_value_is_never_expanded_again(before, value):
    text = before.replace("{", "").replace("}", "").replace("`", "").replace("~", "")
    text = text.translate(str.maketrans("", "", "$\\^_")) + " {x}"
    assert interpolate(text, {"x": value, "name": "no"}).text == text[:-3] + value


@given(st.text(alphabet="ab{}x `\n"))
def test_fenced_code_is_sent_as_written(code):
    text = f"{{x}}\n````\n{code.replace('`', '')}\n````\n{{x}}"
    assert interpolate(text, NAMES).text == "1" + text[3:-3] + "1"


@pytest.mark.parametrize(
    "piece", ["{", "{x", "{x}", "`", "``a`", "\\a{", "$a ", "{{", "\\(", "\n```", "$$", "_{"]
)
def test_long_prompts_take_linear_time(piece):
    began = time.perf_counter()
    interpolate(piece * (100_000 // len(piece)), NAMES)
    assert time.perf_counter() - began < 5


def test_a_long_value_is_cut_and_says_so():
    filled = interpolate("{numbers}", {"numbers": list(range(50_000))})
    assert filled.text.endswith("characters)")
    assert len(filled.text) < MAX_CHARACTERS + 100
    assert filled.inserted[0].startswith(f"numbers (first {MAX_CHARACTERS:,} of ")


def test_a_string_goes_in_whole():
    text = "word " * 20_000
    assert interpolate("{text}", {"text": text}).text == text


def double(x):
    """Return twice a number."""
    return 2 * x


class Plain:
    def method(self):
        return "here"


def test_a_function_goes_in_with_its_source():
    source = 'def double(x):\n    """Return twice a number."""\n    return 2 * x'
    assert format_value(double) == (source, "")
    assert format_value(Plain().method)[0] == 'def method(self):\n    return "here"'
    assert format_value(Plain)[0].startswith("class Plain:\n")
    assert format_value(len)[0] == "<built-in function len>"


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (ValueError("no such day"), "ValueError: no such day"),
        (KeyError("z"), "KeyError: 'z'"),
        (KeyboardInterrupt(), "KeyboardInterrupt"),
    ],
)
def test_an_exception_keeps_its_type(error, text):
    assert format_value(error) == (text, "")


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (Plain(), "<tests.magic.test_interpolate.Plain object>"),
        ([object(), {1: object()}], "[<object object>, {1: <object object>}]"),
        ((n for n in "ab"), "<generator object <genexpr>>"),
        (eval("lambda: 0"), "<function <lambda>>"),
        ({}.get, "<built-in method get of dict object>"),
        (["read at 0x7f01 by hand"], "['read at 0x7f01 by hand']"),
    ],
)
def test_a_value_is_the_same_text_in_every_process(value, text):
    assert format_value(value) == (text, "")


def test_bytes_are_shown_as_python_writes_them():
    assert format_value(b"a\xff") == (r"b'a\xff'", "")


def test_a_pandas_frame_becomes_a_table_of_its_head():
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame({"a|b": range(1000), "text": ["x\ny"] * 1000})
    filled = interpolate("{frame}", {"frame": frame})
    lines = filled.text.splitlines()
    assert lines[0] == (
        r"1,000 rows × 2 columns (a\|b int64, text object); first 20 of 1,000 rows:"
    ) or lines[0].startswith(r"1,000 rows × 2 columns (a\|b int64, text str")
    assert lines[2:5] == [r"|  | a\|b | text |", "| --- | --- | --- |", "| 0 | 0 | x y |"]
    assert len(lines) == 4 + MAX_ROWS
    assert filled.inserted == ("frame (first 20 of 1,000 rows)",)


def test_a_pandas_series_becomes_a_table():
    pandas = pytest.importorskip("pandas")
    text, remark = format_value(pandas.Series([1.5, 2.5], index=["p", "q"], name="score"))
    assert text == "2 values (float64):\n\n|  | score |\n| --- | --- |\n| p | 1.5 |\n| q | 2.5 |"
    assert remark == ""


def test_a_polars_frame_becomes_a_table():
    polars = pytest.importorskip("polars")
    text, _ = format_value(polars.DataFrame({"a": [1, 2], "b": ["u", "v"]}))
    assert text.splitlines()[2:] == ["| a | b |", "| --- | --- |", "| 1 | u |", "| 2 | v |"]


class Frame:
    """The part of a data frame's interface that is used."""

    def __init__(self, rows, columns):
        self.rows, self.columns_ = rows, columns

    shape = property(lambda self: (len(self.rows), len(self.columns_)))
    dtypes = property(lambda self: ["int64"] * len(self.columns_))
    columns = property(lambda self: self.columns_)

    def head(self, n):
        return Frame(self.rows[:n], self.columns_)

    def itertuples(self, *, index, name):
        return ((number, *row) for number, row in enumerate(self.rows))


def test_a_wide_frame_is_cut_to_its_first_columns():
    frame = Frame([list(range(100))], [f"c{n}" for n in range(100)])
    text, remark = format_value(frame)
    assert remark == "first 30 of 100 columns"
    assert "c29" in text
    assert "c30" not in text


def test_an_object_that_answers_to_any_name_is_no_table():
    class Anything:
        def __getattr__(self, name):
            return lambda *args: self

        def __str__(self):
            return "anything"

    assert format_value(Anything()) == ("anything", "")
