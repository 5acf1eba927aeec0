"""A magic line is read as people write it, and never fails in a way that is not ours."""

from contextlib import suppress
from dataclasses import fields

import pytest
from hypothesis import given
from hypothesis import strategies as st

from glm_magic.core.errors import GlmError, InvalidValueError, UnknownNameError
from glm_magic.magic.line.options import BY_FLAG, OPTIONS, MagicOptions
from glm_magic.magic.line.parse import parse

FIELDS = [field.name for field in fields(MagicOptions)]


def is_model(word):
    return word.startswith(("glm-", "zai/glm-"))


def read(line):
    return parse(line, is_model)


def set_by(line):
    """Return the fields that differ from an empty line's."""
    options, nothing = read(line), MagicOptions()
    return {n: getattr(options, n) for n in FIELDS if getattr(options, n) != getattr(nothing, n)}


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("", {}),
        ("   ", {}),
        ("glm-4.6", {"model": "glm-4.6"}),
        ("zai/glm-4.6 hello", {"model": "zai/glm-4.6", "prompt": "hello"}),
        ("what's up, doc?", {"prompt": "what's up, doc?"}),
        ("glm-4.6 --think why", {"model": "glm-4.6", "thinking": True, "prompt": "why"}),
        ("--think glm-4.6 why", {"model": "glm-4.6", "thinking": True, "prompt": "why"}),
        ("-m glm-4.6 glm-4.5 is old", {"model": "glm-4.6", "prompt": "glm-4.5 is old"}),
        ("-mglm-4.6 hi", {"model": "glm-4.6", "prompt": "hi"}),
        ("-m=glm-4.6 hi", {"model": "glm-4.6", "prompt": "hi"}),
        ("--model=glm-4.6", {"model": "glm-4.6"}),
        ("--think on", {"thinking": True}),
        ("--think off x", {"thinking": False, "prompt": "x"}),
        ("--think auto", {"thinking": "auto"}),
        ("--think high why", {"thinking": "high", "prompt": "why"}),
        ("--think=low why", {"thinking": "low", "prompt": "why"}),
        ("--think highly", {"thinking": True, "prompt": "highly"}),
        ("--think On we go", {"thinking": True, "prompt": "On we go"}),
        ("--think", {"thinking": True}),
        ("--no-think", {"thinking": False}),
        ("-R", {"show_thinking": "hide"}),
        ("-qR hi", {"quiet": True, "show_thinking": "hide", "prompt": "hi"}),
        ("-t .5 --top_p=0.3", {"parameters": {"temperature": 0.5, "top_p": 0.3}}),
        ("--max_tokens 10 --max-tokens 20", {"parameters": {"max_tokens": 20}}),
        ("-t -1", {"parameters": {"temperature": -1.0}}),
        ("--stop END --stop 'a b'", {"parameters": {"stop": ["END", "a b"]}}),
        ('--param x={"a": [1, 2]} hi', {"parameters": {"x": {"a": [1, 2]}}, "prompt": "hi"}),
        ("--param user=ada", {"parameters": {"user": "ada"}}),
        ("--param a=true --param b=1", {"parameters": {"a": True, "b": 1}}),
        ('--param s="a b"', {"parameters": {"s": "a b"}}),
        ("--param n=NaN", {"parameters": {"n": "NaN"}}),
        ("-s 'be brief' why", {"system": "be brief", "prompt": "why"}),
        (r'-s "say \"hi\"" why', {"system": 'say "hi"', "prompt": "why"}),
        (r"-s be\ brief why", {"system": "be brief", "prompt": "why"}),
        ("-s it's why", {"system": "it's", "prompt": "why"}),
        (r"--system=a\b", {"system": r"a\b"}),
        ("-o r -f json", {"out": "r", "format": "json"}),
        ("-5 + 3 = ?", {"prompt": "-5 + 3 = ?"}),
        ("- item", {"prompt": "- item"}),
        ("-- -x hi", {"prompt": "-x hi"}),
        ("--", {}),
        ("why is -t 0.5 so low", {"prompt": "why is -t 0.5 so low"}),
        ("why  two   spaces", {"prompt": "why  two   spaces"}),
        ("-h --nonsense", {"help": True, "prompt": "--nonsense"}),
        ("--no-history --new --raw --dry-run", {
            "history": False, "new": True, "raw": True, "dry_run": True}),
    ],
)  # fmt: skip
def test_a_line_says_what_it_says(line, expected):
    assert set_by(line) == expected


@pytest.mark.parametrize(
    ("line", "kind", "words"),
    [
        ("--tempratur 4", UnknownNameError, "did you mean --temperature?"),
        ("--modle x", UnknownNameError, "did you mean --model?"),
        ("-x", UnknownNameError, "there is no option -x"),
        ("-qx", UnknownNameError, "there is no option -qx"),
        ("-m", InvalidValueError, "--model needs a value"),
        ("-m --think", InvalidValueError, "--model needs a value"),
        ("--model=", InvalidValueError, "--model needs a value"),
        ("-t hot", InvalidValueError, "needs a number"),
        ("-t nan", InvalidValueError, "needs a number"),
        ("--seed 1.5", InvalidValueError, "whole number"),
        ("-f jsn", InvalidValueError, "did you mean json?"),
        ("--think=perhaps", InvalidValueError, "on, off, auto"),
        ("--raw=1", InvalidValueError, "takes no value"),
        ("-o 1x", InvalidValueError, "name of a variable"),
        ("-o class", InvalidValueError, "name of a variable"),
        ("--param x", InvalidValueError, "NAME=VALUE"),
        ("--param =x", InvalidValueError, "NAME=VALUE"),
        ("-s @no/such/file", InvalidValueError, "cannot read 'no/such/file'"),
        ('-s "be brief', InvalidValueError, "is not closed"),
    ],
)
def test_what_is_wrong_is_said_in_two_lines(line, kind, words):
    with pytest.raises(kind) as caught:
        read(line)
    assert words in str(caught.value)
    assert len(caught.value.lines()) == 2


def test_system_text_comes_from_a_file(tmp_path, monkeypatch):
    (tmp_path / "sys tem.txt").write_text("You are terse.\n", encoding="utf-8-sig")
    monkeypatch.chdir(tmp_path)
    assert read("-s '@sys tem.txt' hi").system == "You are terse.\n"


def test_a_file_that_is_not_text_is_refused(tmp_path, monkeypatch):
    (tmp_path / "x.bin").write_bytes(b"\xff\xfe\x00")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InvalidValueError, match="not UTF-8"):
        read("-s @x.bin")


def test_no_flag_is_given_twice_and_each_fills_a_field():
    flags = [flag for option in OPTIONS for flag in option.flags]
    assert len(flags) == len(set(flags)) == len(BY_FLAG)
    for option in OPTIONS:
        assert option.field in FIELDS


WORDS = st.sampled_from(
    [*BY_FLAG, "--x", "-", "--", "on", "high", "glm-4.6", "it's", '"a b"', "'", '"', "\\", "a=b",
     "=", "{", "[1,", "0.5", "-1", "@", "@x", "\x00", "é", "🙂", "\ud83d"]
)  # fmt: skip


@given(st.lists(WORDS | st.text(max_size=6), max_size=8).map(" ".join))
def test_reading_never_fails_but_with_our_own_errors(line):
    with suppress(GlmError):
        assert line.rstrip().endswith(read(line).prompt)


@given(st.text())
def test_text_after_two_dashes_is_the_prompt_as_typed(text):
    assert read(f"-- {text}").prompt == text.strip()
