"""What is shown to a person who reads Chinese is in Chinese; everything else stays English."""

from __future__ import annotations

import re
import time
from itertools import product

import pytest

from glm_magic.catalogue import validate
from glm_magic.catalogue.load import catalogue
from glm_magic.catalogue.schema import ParameterRule
from glm_magic.core import i18n, old_i18n
from glm_magic.core.errors import MissingKeyError, RateLimitError
from glm_magic.core.i18n import translate
from glm_magic.magic.line.options import OPTIONS
from glm_magic.magic.verbs.registry import verbs
from glm_magic.session.store import NewerFileError, _in_words
from glm_magic.wire.tape.matching import RequestKey
from tests.core.sentences import DUMMY, Reader, Sentence, dummy, sentences

CHINESE = re.compile("[\u4e00-\u9fff]")
COMMAND = re.compile(r"%glm( [a-z]+)+")
ENGLISH = re.compile(r"(?:\b[a-z]{2,}\b[ ,]+){3,}[a-z]+")
"""Four words in a row that nobody translated."""
ASKED = RequestKey("⟨here⟩", "m", ({"role": "user", "content": "?"},), {"seed": 1})
OTHERS = (
    RequestKey("⟨then⟩", "m", ASKED.messages, {"seed": 2, "top_p": 1}),
    RequestKey("⟨then⟩", "m", ({"role": "user", "content": "!"},), {}),
    RequestKey("⟨here⟩", "m", ({"role": "user", "content": "!"}, *ASKED.messages), {"seed": 1}),
)
RULES = (
    *(ParameterRule("p", kind) for kind in ("integer", "boolean", "string", "array", "object")),
    ParameterRule("p", "number", min=0, max=1),
    ParameterRule("p", "number", min=0, max=1, min_exclusive=True, max_exclusive=True),
    ParameterRule("p", "number", min=0, max=1, max_exclusive=True),
    ParameterRule("p", "number", min=0, max=1, min_exclusive=True),
    ParameterRule("p", "number", min=0),
    ParameterRule("p", "number", min=0, min_exclusive=True),
    ParameterRule("p", "number", max=1),
    ParameterRule("p", "number", max=1, max_exclusive=True),
    ParameterRule("p", "string", values=("⟨a⟩", "⟨b⟩")),
    ParameterRule("p", "string", min_chars=2, max_chars=3),
    ParameterRule("p", "array", max_items=1),
)
VALUES = (-1, 2, 1.5, "t", ["⟨1⟩", "⟨2⟩"], {}, None)
REFUSED = {
    rule.refused
    for info in catalogue().providers.values()
    for rule in info.parameters.values()
    if rule.refused
}
PROBLEMS = {problem for rule, v in product(RULES, VALUES) if (problem := rule.problem(v))}
BUDGETS = [f"the {of}'s budget of ⟨amount⟩" for of in ("cell", "session", "day")]
PROBLEMS_OF_THE_STORE = [
    _in_words(error, dummy())[0]
    for error in (
        NewerFileError("⟨format⟩"),
        *map(OSError, ("malformed", "full", "locked", "⟨reason⟩")),
    )
]
BY_HAND = {
    "catalogue/validate.py: words": [words for _, words in validate._KINDS.values()],
    "engine/checks.py: f'{name} {problem}' if cls is InvalidValueError else problem": [
        *(f"⟨name⟩ {problem}" for problem in PROBLEMS),
        *REFUSED,
    ],
    "magic/line/parse.py: option.name": ["--max-tokens", "-R"],
    "magic/line/parse.py: option.help": [option.help for option in OPTIONS],
    "local/install.py: chosen().source.missing()": [
        "GLM_LOCAL_MODEL names no file and no known model: ⟨file⟩",
        "the model file cannot be read: ⟨file⟩",
        "the package ⟨name⟩ is not installed",
        "⟨2⟩ of the ⟨22⟩ packages of ⟨file⟩ are missing",
    ],
    "magic/help.py: option.help": [option.help for option in OPTIONS],
    "magic/help.py: verb.help": [verb.help for verb in verbs().values()],
    "magic/verbs/sessions.py: count_turns(taken).capitalize()": ["⟨1⟩ turn", "⟨2⟩ turns"],
    "magic/verbs/sessions.py: count_turns(len(session)).capitalize()": ["⟨1⟩ turn", "⟨2⟩ turns"],
    "magic/verbs/status.py: journal.store.problem": PROBLEMS_OF_THE_STORE,
    "magic/verbs/turns.py: _note(call, size)": [],
    "session/budget_guard.py: limit.name": BUDGETS,
    "session/autosave.py: problem": PROBLEMS_OF_THE_STORE,
}
READER = Reader(BY_HAND)
SENTENCES = list(sentences(READER))


@pytest.fixture(autouse=True)
def no_locale(monkeypatch):
    for name in i18n.LOCALE_VARIABLES:
        monkeypatch.delenv(name, raising=False)


def faults(sentence: Sentence) -> str:
    """Return what is wrong with the Chinese of a sentence; empty when nothing is."""
    said = translate(sentence.text, "zh")
    lost = [value for value in DUMMY.findall(sentence.text) if value not in said]
    if lost or not CHINESE.search(said) or ENGLISH.search(COMMAND.sub("", said)):
        return f"{sentence.where}: {sentence.text!r} -> {said!r}, lost {lost}"
    return ""


def test_every_error_hint_and_notice_of_the_source_is_translated_with_its_values():
    assert len(SENTENCES) > 500
    assert not list(filter(None, map(faults, SENTENCES)))


def test_what_stands_here_by_hand_is_still_in_the_source():
    assert READER.used >= BY_HAND.keys()


def test_both_languages_have_the_same_holes():
    tables = old_i18n._tables().values()
    for template in (template for table in tables for template in table.templates):
        there = {old_i18n._Hole.of(hole).name for hole in old_i18n._HOLE.finditer(template.chinese)}
        assert there == {hole.name for hole in template.holes}, template


@pytest.mark.parametrize("text", ["", "⟨x⟩", "Rate limit reached for requests", "model not found"])
def test_what_is_not_ours_stays_as_it_is(text):
    assert translate(text, "zh") == text


def test_words_of_ours_are_not_seen_in_those_of_a_server():
    text = "temperature must be in the range of [0, 1], not 2"
    assert translate(text, "zh") == text
    told = translate(f"{text}; trying again in 1.0 s (1 of 2)", "zh")
    assert told == f"{text}；1.0 秒后重试（第 1/2 次）"


@pytest.mark.parametrize("tag", ["en", "C.UTF-8", "de_DE"])
def test_other_languages_are_english(tag, monkeypatch):
    monkeypatch.setenv("LANG", tag)
    assert translate("the prompt is empty") == "the prompt is empty"


def test_the_locale_decides_unless_something_was_chosen(monkeypatch):
    monkeypatch.setenv("LANG", "zh_CN.UTF-8")
    assert translate("the prompt is empty") == "提示为空"
    monkeypatch.setattr(i18n, "chosen", "en")
    assert translate("the prompt is empty") == "the prompt is empty"


def test_the_lines_of_an_error_are_translated_and_its_python_form_is_not():
    error = MissingKeyError("no API key for Z.ai was found", hint="check the key")
    assert error.lines("zh") == ["MissingKeyError: 未找到 Z.ai 的 API 密钥", "→ 请检查密钥"]
    assert error.lines() == ["MissingKeyError: no API key for Z.ai was found", "→ check the key"]
    assert str(error) == "no API key for Z.ai was found → check the key"
    assert error.message == "no API key for Z.ai was found"


def test_what_a_service_said_stays_beside_our_hint():
    error = RateLimitError("slow down", hint="check the key", status=429)
    assert error.lines("zh")[:2] == ["RateLimitError: slow down", "→ 请检查密钥"]


@pytest.mark.parametrize(
    "piece", ["did you mean ", "aError: ", "→ ", "; ", " at ", ": ", " takes ", "known are "]
)
def test_a_megabyte_of_a_servers_words_takes_no_time(piece):
    translate("the prompt is empty", "zh")  # reads the file
    times = 1_000_000 // len(piece)
    began_s = time.process_time()
    for text in (piece * times, f"{piece * times}; trying again in 1.0 s (1 of 2)"):
        translate(text, "zh")
        translate(
            f"this prompt was recorded, but {text}. Ask as it was recorded, or allow live "
            "calls: GLM_TAPE=replay+live",
            "zh",
        )
    assert time.process_time() - began_s < 5
