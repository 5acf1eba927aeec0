"""What is shown to a person who reads Chinese is in Chinese; everything else stays English."""

from __future__ import annotations

import ast
import copy
import inspect
import pickle
import re
import string
import time
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

import glm_magic
from glm_magic.catalogue.load import catalogue
from glm_magic.core import errors, i18n
from glm_magic.core.errors import MissingKeyError, RateLimitError
from glm_magic.core.i18n import Text, joined, tr, translate
from glm_magic.core.turn import Notice, Turn
from glm_magic.magic.line.options import OPTIONS
from glm_magic.magic.verbs.registry import verbs
from glm_magic.session.codec import decode, encode

PACKAGE = Path(glm_magic.__file__).parent
TREES = {path: ast.parse(path.read_text("utf-8")) for path in sorted(PACKAGE.rglob("*.py"))}
ZH = PACKAGE / "core" / "zh.toml"
CHINESE = re.compile("[\u3000-\u9fff\uff00-\uffef]")
ERRORS = {name for name, cls in vars(errors).items() if inspect.isclass(cls)}


def calls() -> Iterator[tuple[str, str, ast.Call]]:
    """Yield each call of the package: where it stands, and the name of what is called."""
    for path, tree in TREES.items():
        for node in ast.walk(tree):
            if isinstance(node, ast.Call):
                name = getattr(node.func, "id", None) or getattr(node.func, "attr", None) or ""
                yield f"{path.relative_to(PACKAGE)}:{node.lineno}", name, node


def template_arguments() -> Iterator[tuple[str, ast.expr]]:
    """Yield each argument that is a template, and where it stands."""
    for where, name, node in calls():
        if not where.startswith("core/i18n.py"):
            yield from ((where, text) for text in node.args[:1] if name == "tr")
            yield from ((where, text) for text in node.args[1:3] if name == "plural")


def templates() -> dict[str, str]:
    """Return every template, and where it stands."""
    return {text.value: where for where, text in template_arguments() if _is_constant(text)}


def table() -> dict[str, str]:
    sections = tomllib.loads(ZH.read_text("utf-8")).values()
    return {english: chinese for section in sections for english, chinese in section.items()}


def fields(template: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(template) if name}


def test_every_message_has_its_chinese_with_the_same_values():
    chinese = table()
    wrong = [
        f"{where}: {template!r}"
        for template, where in templates().items()
        if re.search("[a-zA-Z]{2}", re.sub(r"\{[^}]*\}", "", template))
        and (
            not CHINESE.search(chinese.get(template, ""))
            or fields(chinese[template]) != fields(template)
        )
    ]
    assert not wrong


def test_a_template_is_always_written_out():
    assert not [where for where, text in template_arguments() if not _is_constant(text)]


def _is_constant(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and isinstance(node.value, str)


def test_no_error_hint_notice_or_sentence_is_written_without_tr():
    """A plain text, or one put together, could never be shown in Chinese."""
    wrong = []
    for where, name, node in calls():
        keywords = {keyword.arg: keyword.value for keyword in node.keywords}
        shown = [keywords.get("hint"), keywords.get("note")]
        if name in ERRORS or name == "Paragraph":
            shown += node.args[:1]
        elif name == "Notice":
            shown += node.args[1:2]
        wrong += [f"{where}: {ast.unparse(text)}" for text in shown if text and _is_plain(text)]
    assert not wrong


def _is_plain(node: ast.expr) -> bool:
    """Whether an expression makes English words of its own."""
    match node:
        case ast.Constant(value=str(text)):
            return bool(re.search("[a-zA-Z]{2}", text))
        case ast.JoinedStr(values=values):
            return any(map(_is_plain, values)) or len(values) > 1
        case ast.BinOp(op=ast.Add(), left=left, right=right):
            return _is_plain(left) or _is_plain(right)
        case ast.IfExp(body=body, orelse=orelse):
            return _is_plain(body) or _is_plain(orelse)
        case ast.BoolOp(values=values):
            return any(map(_is_plain, values))
    return False


def test_nothing_is_translated_that_nobody_says():
    constants = {
        node.value
        for tree in TREES.values()
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }
    refusals = {
        rule.refused
        for provider in catalogue().providers.values()
        for rule in provider.parameters.values()
    }
    assert not set(table()) - constants - refusals


def test_every_refusal_of_the_catalogue_has_its_chinese():
    for provider in catalogue().providers.values():
        for rule in provider.parameters.values():
            assert not rule.refused or rule.refused in table()


def test_every_option_and_verb_is_explained_in_chinese():
    for row in (*OPTIONS, *verbs().values()):
        assert CHINESE.search(table().get(row.help, "")), row


@pytest.fixture(autouse=True)
def no_locale(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in i18n.LOCALE_VARIABLES:
        monkeypatch.delenv(name, raising=False)


@pytest.mark.parametrize("text", ["", "⟨x⟩", "Rate limit reached for requests", "model not found"])
def test_words_of_a_server_stay_as_they_are(text):
    assert translate(text, "zh") == text
    assert translate(tr("{words}", words=text), "zh") == text


@pytest.mark.parametrize("tag", ["en", "C.UTF-8", "de_DE"])
def test_other_languages_are_english(tag, monkeypatch):
    monkeypatch.setenv("LANG", tag)
    assert translate(tr("the prompt is empty")) == "the prompt is empty"


def test_the_locale_decides_unless_something_was_chosen(monkeypatch):
    monkeypatch.setenv("LANG", "zh_CN.UTF-8")
    assert translate(tr("the prompt is empty")) == "提示为空"
    monkeypatch.setattr(i18n, "chosen", "en")
    assert translate(tr("the prompt is empty")) == "the prompt is empty"


def test_the_lines_of_an_error_are_translated_and_its_python_form_is_not():
    error = MissingKeyError(
        tr("no API key for {provider} was found", provider="Z.ai"),
        hint=tr("check HTTPS_PROXY and NO_PROXY"),
    )
    chinese = ["MissingKeyError: 未找到 Z.ai 的 API 密钥", "→ 请检查 HTTPS_PROXY 和 NO_PROXY"]
    assert error.lines("zh") == chinese
    assert translate(error.to_text(), "zh") == "\n".join(chinese)
    assert error.lines()[0] == "MissingKeyError: no API key for Z.ai was found"
    assert str(error) == "no API key for Z.ai was found → check HTTPS_PROXY and NO_PROXY"
    assert error.message == "no API key for Z.ai was found"


def test_what_a_service_said_stays_beside_our_hint():
    error = RateLimitError("slow down", hint=tr("check HTTPS_PROXY and NO_PROXY"), status=429)
    assert error.lines("zh")[:2] == [
        "RateLimitError: slow down",
        "→ 请检查 HTTPS_PROXY 和 NO_PROXY",
    ]


def test_values_are_made_harmless_in_both_languages():
    error = MissingKeyError(tr("no API key for {provider} was found", provider="\x1b[31mred"))
    for line in (*error.lines("en"), *error.lines("zh")):
        assert "\x1b" not in line
        assert "[31mred" in line


def test_a_message_within_a_message_is_translated_with_it():
    inner = joined([tr("the prompt was different"), tr("the prompt was different")])
    text = tr("this prompt was recorded, but {differences}", differences=inner)
    assert text == (
        "this prompt was recorded, but the prompt was different; the prompt was different"
    )
    assert translate(text, "zh") == "录制过该提示，但有不同：提示不同；提示不同"


def test_braces_in_values_are_no_fields():
    text = tr("no connection to {host}", host="{evil}")
    assert text == "no connection to {evil}"
    assert "{evil}" in translate(text, "zh")


@pytest.mark.parametrize(
    "again", [copy.copy, copy.deepcopy, lambda t: pickle.loads(pickle.dumps(t))]
)
def test_a_copy_is_still_translated(again):
    text = again(tr("no connection to {host}", host="h"))
    assert isinstance(text, Text)
    assert translate(text, "zh") == "无法连接到 h"


def test_a_stored_notice_is_still_translated():
    notices = (
        Notice("x", tr("no connection to {host}", host="h")),
        Notice("y", joined([tr("the prompt is empty"), "words of a server"])),
        Notice("z", "as older versions stored it"),
    )
    turn = Turn(
        "?",
        "zai",
        "m",
        (),
        "failed",
        notices,
        error=MissingKeyError(tr("the prompt is empty")).to_text(),
    )
    again = decode(Turn, encode(turn))
    assert again == turn
    assert [translate(notice.message, "zh") for notice in again.notices] == [
        "无法连接到 h", "提示为空；words of a server", "as older versions stored it",
    ]  # fmt: skip
    assert translate(again.error, "zh") == "MissingKeyError: 提示为空"


@pytest.mark.parametrize("made_of", [1, [], ["{x}", {}], ["other", {}], ["{0}", ["a"]], "text"])
def test_a_stored_notice_that_was_changed_is_shown_as_its_text_says(made_of):
    data = {"code": "x", "message": "no connection to h", "message_text": made_of}
    assert decode(Notice, data).message == "no connection to h"


@pytest.mark.parametrize("piece", ["did you mean ", "aError: ", "→ ", "; ", " at ", "{", "}"])
def test_a_megabyte_of_a_servers_words_takes_no_time(piece):
    translate(tr("the prompt is empty"), "zh")  # reads the file
    text = piece * (1_000_000 // len(piece))
    began_s = time.process_time()
    assert text in translate(tr("no connection to {host}", host=text), "zh")
    assert translate(text, "zh") == text
    assert time.process_time() - began_s < 5
