"""What is nearly a verb is refused in two lines and never sent; prose is a prompt."""

from pathlib import Path

import pytest

from glm_magic.core.errors import InvalidValueError, UnknownNameError
from glm_magic.magic.verbs.registry import MOST_WORDS, verbs


def prompts(bodies):
    return [body["messages"][-1]["content"] for body in bodies]


NEAR = {
    "stop everything": "the number of a job, or all, not 'everything'",
    "stop 1 2": "%glm stop 1 is complete; '2' is too much",
    "undo all": "%glm undo needs a number, not 'all'",
    "undo 0": "a number",
    "undo -1": "a number",
    "undo this knot": "a number",
    "save foo": "a path that ends in .jsonl, .json, .md, not 'foo'",
    "save my session.json": "'my'",
    "load notes": "a path",
    "forget nosuch": "the name of a session, or all, not 'nosuch'",
    "forget all of it": "%glm forget all is complete; 'of' is too much",
    "dealias X": "the name of an alias, not 'X'",
    "models glm-5 dashscope": "%glm models glm-5 is complete; 'dashscope' is too much",
    "models zzz": "a provider, or a model",
    "models glm-5 dashscope zai openrouter": None,
    "budget day": "%glm budget day needs an argument: an amount",
    "budget monthly": "$0.10 or 200k, or off, or day, or quota, not 'monthly'",
    "budget day 5 USD please": "%glm budget day 5 USD is complete; 'please' is too much",
    "budget quota 1M tomorrow": "a date, such as 2026-11-21, not 'tomorrow'",
    "usage week": "turns, day, all, plot, frame, prices, not 'week'",
    "help nothing": "a verb or an option, not 'nothing'",
    "new a b": "%glm new a is complete; 'b' is too much",
    "new all": "a name other than all",
    "fork all": "a name other than all",
    "fork a b": "%glm fork a is complete",
    "alias 'a b' glm-4.6": "a name of letters, digits, dots, _ and -, not 'a b'",
    "alias a glm-4.6 glm-4.5": "is complete",
    "mcp add": "%glm mcp add needs an argument: the name of a server",
    "mcp adds clock": "add, or list, or remove, not 'adds'",
    "show 1 2 3": "%glm show 1 2 is complete; '3' is too much",
    "show last": "the number of a turn, or the name of a session, not 'last'",
    "show 3?": "the number of a turn",
    "pin 1 2": "%glm pin 1 is complete",
    "choose 1": "%glm choose 1 needs an argument: the number of a variant",
    "replay x.glmtape 99x": "a speed: a number, or max, not '99x'",
    "record a b.glmtape": "%glm record a is complete",
    "tape check a.glmtape lesson": "a notebook, which ends in .ipynb, not 'lesson'",
    "tape checks": "check",
    "use glm-4.6 please": "%glm use glm-4.6 is complete",
    "resume lesson": "%glm resume is complete; 'lesson' is too much",
    "retry -m glm-4.6": "'-m'",
    "preserve of": "on, or off",
    "version control": "%glm version is complete",
    "fix it": "%glm fix is complete",
    "explain entropy": "%glm explain is complete",
    "use the force, Luke": "%glm use the is complete",
    "context matters # or does it": "'matters'",
}  # fmt: skip
"""A line, and what its refusal says; ``None``: more words than a slip has, so it is a prompt."""

FREE_TEXT = ("system", "find")
"""Verbs that take any words."""


@pytest.mark.parametrize("line", NEAR)
def test_a_verb_with_a_few_words_that_do_not_fit_is_refused(glm_shell, sent, line):
    words = NEAR[line]
    if words is None:
        glm_shell.run(f"%glm -q {line}")
        assert prompts(sent()) == [line]
        return
    printed = glm_shell.fail(f"%glm {line}")
    assert isinstance(glm_shell.error, InvalidValueError)
    assert len(printed) == 2
    assert words in printed[0]
    assert f"to ask a model, %glm -- {line}" in printed[1]
    assert sent() == []
    glm_shell.run(f"%glm -- {line}")
    assert prompts(sent()) == [line]


@pytest.mark.parametrize("name", [name for name in verbs() if name not in ("record", *FREE_TEXT)])
@pytest.mark.parametrize("rest", ["?? !!", "'x y' 'z w' 'u v'", "?? # why not"])
def test_no_verb_sends_words_that_fit_nothing(glm_shell, sent, name, rest):
    printed = glm_shell._run(f"%glm {name} {rest}").strip().splitlines()
    assert glm_shell.error is not None
    assert len(printed) == 2, printed
    assert sent() == []


@pytest.mark.parametrize("name", [name for name in verbs() if name not in FREE_TEXT])
def test_every_verb_begins_a_prompt_when_prose_follows(glm_shell, sent, name):
    line = f"{name} me how it is that photosynthesis works"
    assert len(line.split()) > MOST_WORDS + 1
    glm_shell.run(f"%glm {line}")
    assert prompts(sent()) == [line]


@pytest.mark.parametrize(
    "line",
    [
        "show me how photosynthesis works", "forget what I said and start again",
        "new ideas for a party?", "explain entropy to a child", "fix my poem, it does not rhyme",
        "stop all the clocks, cut off the telephone", "help me with my homework",
        "budget 5 dollars over three days", "hello", "why", "models", "record",
        "#1 reason to smile",
        "what's a # for?", "new ideas for a big # party of ten",
    ],
)  # fmt: skip
def test_prose_is_a_prompt(glm_shell, sent, line):
    if line in verbs():
        line = f"-- {line}"
    glm_shell.run(f"%glm {line}")
    assert prompts(sent()) == [line.removeprefix("-- ")]


@pytest.mark.parametrize(
    ("line", "guess"),
    [
        ("usgae", "did you mean %glm usage?"),
        ("modles # which are there", "did you mean %glm models?"),
        ("forget lessen", "did you mean lesson?"),
        ("dealias quik", "did you mean quick?"),
        ("usage prces", "did you mean prices?"),
        ("models openruter", "did you mean openrouter?"),
        ("help udno", "did you mean undo?"),
        ("mcp ad clock", "did you mean add?"),
        ("use lessn", "did you mean lesson?"),
        ("use glm-4.66", "did you mean glm-4.6?"),
    ],
)
def test_a_misspelt_name_gets_the_nearest(glm_shell, sent, line, guess):
    glm_shell.run("%glm new lesson")
    glm_shell.run("%glm alias quick glm-4.5-air")
    printed = glm_shell.fail(f"%glm {line}")
    assert isinstance(glm_shell.error, InvalidValueError | UnknownNameError)
    assert guess in printed[1]
    assert len(printed) == 2
    assert sent() == []


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("usage  # so far", "Together"),
        ("models zai # theirs", "glm-4.6"),
        ("record x.glmtape  # from here", "recorded to x.glmtape"),
        ('save "my #1.md" # for later', "my #1.md"),
        ("budget 20k tokens # enough", "20,000 tokens"),
        ("new lesson #don't mix", "lesson"),
        ("# how much was it?", "provider"),
        ("  #", "provider"),
        ("help undo # how?", "%glm undo [N]"),
        ("stop all # at once", "No job is running"),
    ],
)
def test_a_comment_is_a_comment(glm_shell, sent, line, words):
    assert words in glm_shell.run(f"%glm {line}")
    assert sent() == []
    if line.startswith("record"):
        glm_shell.run("%glm record off  # done")
        assert not Path("#").exists()


def test_a_number_sign_before_a_number_is_no_comment(glm_shell, sent):
    glm_shell.run("%glm -q one")
    assert "'#1'" in glm_shell.fail("%glm undo #1")[0]
    assert "1 turn" in glm_shell.run("%glm undo 1 # and only it")
    assert len(sent()) == 1


@pytest.mark.parametrize("line", ["usage", "undo 2", "help # me", "forget all"])
def test_a_verb_as_an_empty_cell_is_refused(glm_shell, sent, line):
    printed = glm_shell.fail(f"%%glm {line}\n\n")
    assert f"write %glm {line}" in printed[1]
    assert f"%%glm -- {line}" in printed[1]
    assert sent() == []
    glm_shell.run(f"%%glm {line}\nin the following text:")
    assert prompts(sent()) == [f"{line}\nin the following text:"]
