"""The saved form says everything once, and reads well with every style stripped."""

from __future__ import annotations

import io
import json
import re
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from glm_magic.core.errors import MissingKeyError
from glm_magic.core.i18n import tr
from glm_magic.core.messages import ToolCall
from glm_magic.core.price import Cost
from glm_magic.core.turn import Notice, Step, Turn
from glm_magic.core.usage import Usage
from glm_magic.views.labels import labels_for
from glm_magic.views.options import ViewOptions
from glm_magic.views.saved import assets
from glm_magic.views.saved.assets import page_style, stylesheet_owner
from glm_magic.views.saved.page import bundle, page_html
from glm_magic.views.saved.plaintext import BRIEF, MAX_REASONING
from glm_magic.views.terminal import TerminalView

from .test_markdown import Elements
from .turns import ANSWER, NOTICE, REASONING, turn_of

ENGLISH = ViewOptions(language="en")


def html_of(turn: Turn, **options: object) -> str:
    return str(bundle(turn, replace(ENGLISH, **options))[0]["text/html"])  # type: ignore[arg-type]


def stripped(source: str) -> str:
    """Return the text that is left when a host drops styles and every attribute."""
    return Elements(re.sub(r"<style>.*?</style>", "", source, flags=re.DOTALL)).text


def test_the_header_says_what_ran_and_what_it_took() -> None:
    head = stripped(html_of(turn_of())).split("\n")[0]
    assert head == (
        "glm-4.6 · bigmodel · complete · thought 4.2 s · 42 in · 1,284 out (811 reasoning)"
        " · 187 tok/s · ¥0.0031"
    )


def test_the_answer_comes_before_the_reasoning_in_the_document() -> None:
    source = html_of(turn_of())
    assert source.index("Mean waiting time") < source.index('<details class="glm-r')
    assert "order:-1" in source


def test_unknown_figures_are_not_zero() -> None:
    turn = turn_of(steps=(Step(content="hello"),))
    text = stripped(html_of(turn))
    assert "tokens n/a" in text
    assert "cost n/a" in text
    assert "tok/s" not in text


def test_a_server_of_ones_own_has_no_cost_to_know() -> None:
    for status in ("complete", "interrupted", "failed"):
        own = turn_of(steps=(Step(content="hello"),), status=status, is_free=True)
        assert all("cost" not in form for form in bundle(own, ENGLISH)[0].values())
    priced = turn_of(is_free=True)
    assert "¥0.0031" in stripped(html_of(priced)), "a price that the user has written counts"


def test_what_took_no_time_and_no_thinking_is_said_in_words() -> None:
    def head(reasoning: str = "", **fields: Any) -> str:
        step = replace(turn_of("Yes.", reasoning).steps[0], **fields)
        return stripped(html_of(turn_of(steps=(step,)))).split("\n")[0]

    none = Usage(3, 1, reasoning=0)
    quick = replace(turn_of().timing, thinking_s=0.02, total_s=0.04)
    assert "took 7.2 s without thinking · 3 in · 1 out ·" in head(usage=none)
    assert "took 7.2 s · " in head(), "it thought, and does not show it"
    assert "thought <0.1 s" in head("so", timing=quick)
    assert "0.0" not in head("so", timing=quick, cost=None)


def test_a_reported_zero_is_shown() -> None:
    usage = Usage(input=3, output=0, reasoning=0)
    turn = turn_of(steps=(Step(content="x", usage=usage, cost=Cost(Decimal(0), "CNY")),))
    assert "3 in · 0 out tokens" not in stripped(html_of(turn))
    assert "3 in · 0 out" in stripped(html_of(turn))
    assert "¥0" in stripped(html_of(turn))


@pytest.mark.parametrize("answer", ["", "hello"])
def test_reasoning_is_closed_once_there_is_an_answer(answer: str) -> None:
    assert ("open><summary" in html_of(turn_of(answer))) is (answer == "")


@pytest.mark.parametrize(("choice", "is_open"), [("open", True), ("closed", False)])
def test_the_users_option_decides(choice: str, is_open: bool) -> None:
    assert ("open><summary" in html_of(turn_of(), show_thinking=choice)) is is_open


def test_the_users_click_wins_over_the_option() -> None:
    source = page_html(turn_of(), ENGLISH, labels_for("en"), opened=True)
    assert "open><summary" in source


def test_hidden_reasoning_is_in_no_form_of_the_output() -> None:
    data, _ = bundle(turn_of(reasoning="SECRETLY"), replace(ENGLISH, show_thinking="hide"))
    assert "SECRETLY" not in json.dumps(data)


def test_a_failed_turn_shows_the_error_and_keeps_the_text() -> None:
    turn = turn_of("half an ans", status="failed", error="The connection broke after $3 of text.")
    data, _ = bundle(turn, ENGLISH)
    for form in data.values():
        assert "half an ans" in form
        assert "The connection broke" in form
        assert "failed" in form


def test_an_interrupted_turn_is_marked() -> None:
    data, meta = bundle(turn_of("half", status="interrupted"), ENGLISH)
    assert all("interrupted" in form for form in data.values())
    assert meta["glm_magic"]["status"] == "interrupted"


@pytest.mark.parametrize(
    ("turn", "expected"),
    [
        (turn_of("", "I think"), "The model reasoned, but gave no answer."),
        (turn_of("", ""), "The reply is empty."),
        (turn_of(" \n\n", ""), "The reply is empty."),
        (turn_of("", "", status="failed", error="no"), "Nothing had arrived."),
        (turn_of("", "a", status="interrupted"), "There was no answer yet."),
        (
            turn_of(steps=(Step(tool_calls=(ToolCall("1", "weather", "{}"),)),)),
            "The model asked for weather instead of answering.",
        ),
    ],
)
def test_a_missing_answer_is_said_in_words(turn: Turn, expected: str) -> None:
    data, _ = bundle(turn, ENGLISH)
    assert all(expected in form for form in data.values())


def test_plain_text_of_a_reply_without_answer_holds_its_reasoning() -> None:
    data, _ = bundle(turn_of("", "I think"), ENGLISH)
    assert "I think" in data["text/plain"]


def test_plain_text_reads_as_a_terminal_prints_it() -> None:
    plain = bundle(turn_of("Four.", "Two and two."), ENGLISH)[0]["text/plain"]
    assert plain.endswith("[Reasoning]\nTwo and two.\n\n[Answer]\nFour.")
    screen = io.StringIO()
    view = TerminalView(ENGLISH, screen)
    view.start(turn_of(steps=()), lambda: None)
    view.finish(turn_of("Four.", "Two and two."))
    assert "[Reasoning]\nTwo and two.\n\n[Answer]\nFour." in screen.getvalue()


@pytest.mark.parametrize(
    ("chosen", "line"),
    [
        ({"show_thinking": "open"}, "[Reasoning]\nso\n\n[Answer]\nFour."),
        ({"show_thinking": "closed"}, "[The reasoning is folded away; print(_glm.reasoning)"),
        ({"hold": "thinking"}, "[The reasoning is held back; print(_glm.reasoning)"),
        ({"show_thinking": "hide"}, ""),
        ({"hold": "answer"}, "[Reasoning]\nso\n\n[Answer]\n[The answer is held back"),
    ],
)
def test_plain_text_shows_the_reasoning_as_far_as_was_asked(chosen: Any, line: str) -> None:
    plain = bundle(turn_of("Four.", "so"), replace(ENGLISH, **chosen))[0]["text/plain"]
    assert line in plain
    assert ("\nso" in plain) == ("[Reasoning]" in line)
    assert ("easoning" in plain.partition("\n")[2]) == bool(line)


def test_before_an_answer_plain_text_has_the_beginning_of_a_long_reasoning() -> None:
    reasoning = "".join(f"{n} " for n in range(5000))
    plain = bundle(turn_of("Four.", reasoning), ENGLISH)[0]["text/plain"]
    assert "[Reasoning]\n0 1 2" in plain
    assert re.search(r" \d+ …\n\[811 tokens in all; print\(_glm.reasoning\) shows them\]\n", plain)
    assert plain.endswith("\n\n[Answer]\nFour.")
    assert len(plain) < BRIEF + 300
    unknown = turn_of(steps=(Step(reasoning=reasoning, content="Four."),))
    assert "[23,889 characters in all;" in bundle(unknown, ENGLISH)[0]["text/plain"]


def test_without_an_answer_plain_text_has_both_ends_of_a_long_reasoning() -> None:
    reasoning = "".join(f"{n} " for n in range(5000))
    plain = bundle(turn_of("", reasoning), ENGLISH)[0]["text/plain"]
    hidden = len(reasoning.rstrip()) - MAX_REASONING
    assert f"[… {hidden:,} characters left out; print(_glm.reasoning) shows all …]" in plain
    assert "[Reasoning]\n0 1 2" in plain
    assert "4998 4999\n\nThe model reasoned, but gave no answer." in plain
    assert len(plain) < MAX_REASONING + 500


def test_what_was_put_in_and_notices_are_listed() -> None:
    turn = turn_of(notices=(NOTICE, Notice("length", "The answer was cut at $5.")))
    data, _ = bundle(turn, replace(ENGLISH, inserted=("df", "In[3]"), remark="replayed"))
    for text in (stripped(data["text/html"]), data["text/plain"]):
        assert "in the prompt: df, In[3]" in text
        assert NOTICE.message in text
        assert "cut at $5." in text
        assert "replayed" in text


def test_an_unusual_ending_is_named_unless_a_notice_told_it() -> None:
    step = replace(turn_of().steps[0], finish_reason="length")
    assert "ended with “length”" in stripped(html_of(turn_of(steps=(step,))))
    explained = turn_of(steps=(step,), notices=(Notice("length", "cut"),))
    assert "ended with" not in stripped(html_of(explained))


def test_metadata_is_exact_json() -> None:
    _, meta = bundle(turn_of(), ENGLISH)
    assert json.loads(json.dumps(meta)) == meta
    fields = meta["glm_magic"]
    assert fields["model"] == "glm-4.6"
    assert fields["resolved_model"] == "glm-4.6-0825"
    assert fields["usage"] == {"input": 42, "output": 1284, "cached": None, "reasoning": 811}
    assert fields["cost"] == {"amount": "0.0031", "currency": "CNY", "estimated": False}
    assert fields["timing"]["total_s"] == 7.17


def test_the_prompt_is_not_in_the_output() -> None:
    assert "PRIVATE" not in json.dumps(bundle(turn_of(prompt="PRIVATE"), ENGLISH))


def test_blank_lines_around_texts_are_not_shown() -> None:
    data, _ = bundle(turn_of("\n \n\n    code\nhello\n\n", "\n\nso\n"), ENGLISH)
    assert "<code>code\n</code></pre>" in data["text/html"]
    assert data["text/plain"].endswith("[Reasoning]\nso\n\n[Answer]\n    code\nhello")


def test_names_from_outside_cannot_leave_their_place() -> None:
    turn = turn_of(model='"><script>$x$', provider="<b>", error="<i>$y$", status="failed")
    source = html_of(turn, inserted=("<u>",), remark="<s>")
    page, _, _script = source.rpartition("<script>")  # the page's own is its last element
    tags = Elements(page).tags
    assert not set(tags) & {"u", "s"}
    assert tags.count("script") == page.count("<script data-formulas=") == 1
    assert "&lt;i&gt;<span>$</span>y" in source


@pytest.mark.parametrize(
    ("form", "answer", "expected"),
    [
        ("text", "**a** $x$ <b>", "**a** $x$ &lt;b&gt;</pre>"),
        ("json", '{"a":[1,"é"]}', '"é"'),
        ("json", "not json", "not json"),
        ("code", "```python\nx\n```", "<code>x\n</code></pre>"),
    ],
)
def test_the_answer_in_the_form_asked_for(form: str, answer: str, expected: str) -> None:
    assert expected in html_of(turn_of(answer, ""), format=form)


def test_records_with_something_beside_them_are_a_table_that_hides_nothing() -> None:
    source = html_of(turn_of('{"count": 2, "rows": [{"a": 7}, {"a": 8}]}', ""), format="json")
    assert source.count("<tr>") == 3
    assert ">7</td>" in source
    assert "count" in source.partition("<table>")[0]
    assert "rows" not in source


@pytest.mark.parametrize("answer", ['{"a": [{"b": 1}], "c": [{"d": 1}]}', '[{}, {"a": 1}]', "[]"])
def test_json_that_is_no_table_is_indented(answer: str) -> None:
    assert "<table>" not in html_of(turn_of(answer, ""), format="json")


def test_markdown_keeps_the_answer_as_it_was_written() -> None:
    data, _ = bundle(turn_of(), ENGLISH)
    assert ANSWER.strip() in data["text/markdown"]
    assert "<details><summary>Reasoning</summary>\n\nThe user asks" in data["text/markdown"]


def test_markdown_of_a_text_answer_is_fenced() -> None:
    data, _ = bundle(turn_of("a ``` b", ""), replace(ENGLISH, format="text"))
    assert "````text\na ``` b\n````" in data["text/markdown"]


def test_the_labels_speak_chinese() -> None:
    data, _ = bundle(turn_of("", "想"), replace(ENGLISH, language="zh_CN"))
    assert "思考过程" in data["text/html"]
    assert "模型只给出了思考过程" in data["text/plain"]


NOT_LISTED = Notice(
    "unlisted-model",
    tr("{name} is not in the catalogue; the name is sent unchanged", name="glm-x"),
)
NO_KEY = MissingKeyError("no", hint=tr("check the key"))


def test_notices_and_errors_speak_chinese_in_every_form() -> None:
    turn = turn_of("Half", "", status="failed", notices=(NOT_LISTED,), error=NO_KEY.to_text())
    data, _ = bundle(turn, replace(ENGLISH, language="zh"))
    for form in ("text/html", "text/markdown", "text/plain"):
        assert "glm-x 不在模型目录中，名称将原样发送" in data[form]
        assert "请检查密钥" in data[form]
        assert "MissingKeyError: no" in data[form]


def test_notices_and_errors_in_english_are_as_they_came() -> None:
    turn = turn_of("Half", "", status="failed", notices=(NOT_LISTED,), error=NO_KEY.to_text())
    text = bundle(turn, ENGLISH)[0]["text/plain"]
    assert "[glm-x is not in the catalogue; the name is sent unchanged]" in text
    assert "MissingKeyError: no\n→ check the key" in text


def test_every_word_is_translated_with_the_same_fields() -> None:
    english, chinese = labels_for("en"), labels_for("zh")
    for name in english.__slots__:
        fields = re.findall(r"\{\w+\}", getattr(english, name))
        assert re.findall(r"\{\w+\}", getattr(chinese, name)) == fields


def test_a_short_answer_carries_little_around_it() -> None:
    source = html_of(turn_of("hello", ""))
    assert len(source) < 4000
    assert len(page_style("")) < len(page_style(html_of(turn_of()))) < 8200
    assert "/*" not in page_style(source)


def test_beside_a_short_answer_the_toggle_is_a_line() -> None:
    assert "glm-b glm-k" in html_of(turn_of("Because of **scattering**."))
    for bulky in (ANSWER, "```python\nx\n```", "| a |\n|---|\n| 1 |", "word " * 80):
        assert "glm-b glm-k" not in html_of(turn_of(bulky))


def test_long_times_are_in_minutes() -> None:
    step = replace(turn_of().steps[0], timing=replace(turn_of().timing, thinking_s=187.4))
    assert "thought 3 min 07 s" in stripped(html_of(turn_of(steps=(step,))))


def test_one_output_of_a_notebook_carries_the_style_for_all() -> None:
    stylesheet_owner.position = None
    first, second, again = ("a", 1), ("b", 1), ("a", 2)
    assert "<style>" in html_of(turn_of(), position=first)
    assert "<style>" not in html_of(turn_of(), position=second)
    assert "<style>" not in html_of(turn_of(), position=again), "one for each notebook"
    whole = html_of(turn_of("short", ""), position=first)
    assert "blockquote" in whole, "the others may need what this one does not"
    assert "<style>" in html_of(turn_of()), "an output of unknown place is complete in itself"
    assets.stylesheet_owner.cell_started("b")
    assert "<style>" not in html_of(turn_of(), position=second)
    assets.stylesheet_owner.cell_started("a")
    assert "<style>" in html_of(turn_of(), position=second), "the owner's output is gone"


def test_without_the_sheet_an_output_is_at_most_three_times_its_text() -> None:
    assets.stylesheet_owner.cell_started("x")
    html_of(turn_of(), position=("x", 1))
    turn = turn_of(ANSWER * 4, REASONING * 4)
    data, _ = bundle(turn, replace(ENGLISH, position=("y", 1)))
    text = len(turn.answer) + len(turn.reasoning)
    formulas = re.findall(r"<script data-formulas=.*?</script>", data["text/html"], re.DOTALL)
    drawn = sum(map(len, formulas))
    assert drawn < 1500
    assert len(data["text/html"]) < 3 * text + drawn
    whole = sum(len(form) for form in data.values())
    assert whole < 5 * text + drawn, "the text is in there three times"
    assets.stylesheet_owner.cell_started("x")


@pytest.mark.parametrize("revealed", [False, True])
def test_a_held_answer_is_behind_a_button_in_every_form(revealed: bool) -> None:
    options = replace(ENGLISH, hold="answer")
    data, _ = bundle(turn_of("It is **four**.", "so"), options, revealed=revealed)
    assert f'<details class="glm-o"{" open" * revealed}>' in data["text/html"]
    assert ">Show the answer</summary><p>It is" in data["text/html"]
    assert " open><summary" in data["text/html"]
    assert "<summary>Show the answer</summary>\n\nIt is" in data["text/markdown"]
    assert "four" not in data["text/plain"]
    assert "so" in data["text/plain"]
    assert "print(_glm)" in data["text/plain"]


def test_held_reasoning_is_closed_and_says_what_opens_it() -> None:
    source = html_of(turn_of("", "so"), hold="thinking")
    assert "open><summary" not in source
    assert "<b>Show the reasoning</b>" in source
    assert "glm-b glm-k" in source


def test_only_a_page_with_code_has_something_to_copy() -> None:
    assert "onclick" in html_of(turn_of("```\nx\n```"))
    assert "onclick" not in html_of(turn_of("hello"))
