"""Four times the input takes about four times the time, wherever a model can choose the input."""

from __future__ import annotations

import html
from collections.abc import Callable

import pytest
from pygments.lexers import find_lexer_class

from glm_magic.core.sentences import sentences
from glm_magic.dialects.think_tags import ThinkTags
from glm_magic.engine.interpolate import interpolate
from glm_magic.views.markup.escape import normalised
from glm_magic.views.markup.highlight import _COLOURED, MAX_COLOURED, code_html
from glm_magic.views.markup.incremental import IncrementalMarkdown, close_open_marks
from glm_magic.views.markup.markdown import render
from glm_magic.views.markup.sanitize import sanitize_markdown
from glm_magic.wire.sse import BodyReader
from tests.laws.decoding import decode
from tests.linear import cpu_seconds, is_linear

pytestmark = pytest.mark.usefixtures("quiet_heap")

SHORT, LONG = 2500, 10_000
QUICK_S = 0.1
"""A reader that is done in this time is not measured twice: there are thousands of texts."""

ATOMS = (
    *("a", "*", "_", "**", "`", "[", "]", "![", "(", "[a](", "[a](b", "<", "&", "&#", "\\", "#"),
    *("$", "$a ", "$$", "$$a ", "\\(", "\\[", "\\(a ", "\\[a\n", "$$a\n", "\\begin{align}a\n"),
    *(
        "> ",
        "- ",
        "- a\n",
        "1. ",
        " ",
        "\t",
        "\n",
        "\n\n",
        "a\n\n",
        "- a\n\n",
        "  - a\n",
        "|",
        "|a",
    ),
    *("|a|b|\n|---|---|\n", "~~", "~~a", "```\n", "```a\n", "~", "<a ", "<!--", "<?", "<https://a"),
    *("a@b", "[a]: b\n", "[a]\n", "*a_", "*a **a ", "_a", "a**b", "a`", "`a``", "[[", "]](", "]["),
    *(
        "\\\\",
        "&amp;",
        ">\n",
        "    a\n",
        "***\n",
        "===\n",
        "a\n=\n",
        "a  \n",
        "\\\n",
        "{",
        "}",
        "{{",
    ),
    *("{a", "^{", "\\a{", "{a}", "[[]]", "\r", "\x00", "“", "https://a.b ", "![a](b)", "[a](b)"),
    *("$a$", "`a`", "* * ", "> > ", "- - a\n", "é", "\u202e", "<b>", "[a](<", '[a](b "', "[\\"),
    *("$(", "a$", "www.", "a.b", "[a.b](c", "x\u0590 ", "</think>", "<think>", "`\n", "\u2028"),
    *(
        "a.pl ",
        "https://a/$",
        "\\href",
        "{:",
        "!\\[",
        "- `a`\n  ```\n",
        "&#36;",
        "~~~\n",
        "> ```\n",
    ),
    *("[^1", "[^1]", "[^1]: ", "[^a]: b c\n", "- [ ] a\n", "www.a.b ", "(https://a.b)", "a://"),
    *("https://a.b*c* ", "https://a)", "https://a...", "\\(a\\)", "\\[a\\]", "$$a$$", "\\$"),
)
BRACKETS = (
    *("](", "[](", "[x](", "[](\\", "[\\](", "\\](", "[[](", "]](", "](<", "[a](<b", "[a](b", "]("),
    *(
        "](\n",
        "]( ",
        "[a](b 'c",
        '[a](b "',
        "[a](b (",
        "](((",
        "](a(",
        "[a]: <",
        "[a]:",
        "]:",
        "[a]:\n",
    ),
    *(
        "[a][b]",
        "[a][]",
        "[]()",
        "![](",
        "![a](\\",
        "[`",
        "[$",
        "[\\\\](",
        "(",
        "<https://a",
        "<a@b",
    ),
    *(
        "https://a.b/",
        "[a.b](https://c.d) ",
        "<a b='",
        "`",
        "``a`",
        "a`",
        "\\`",
        "$",
        "*a _b ",
        "|",
    ),
)
"""What makes links, or nearly does; each bracket of them may look for an end."""


def whole_markdown(text: str) -> None:
    """A text at once; `markdown_html` remembers the newest, which a second look would find."""
    render(normalised(text), {})


def incremental(text: str) -> None:
    IncrementalMarkdown().update(text)


def growing(text: str, pieces: int = 12) -> None:
    """A text that arrives in pieces, as a painter sees it."""
    view = IncrementalMarkdown()
    for end in range(len(text) // pieces, len(text), max(1, len(text) // pieces)):
        view.update(text[:end])


def growing_page(text: str) -> None:
    """A long text in four pieces: enough to show work that every piece repeats."""
    growing(text, 4)


def think_tags(text: str) -> None:
    tags = ThinkTags()
    for at in range(0, len(text), 4):
        tags.feed(text[at : at + 4])


def prompt(text: str) -> None:
    interpolate(text, {"a": 1})


READERS: tuple[Callable[[str], object], ...] = (
    whole_markdown, incremental, growing, close_open_marks, sanitize_markdown, think_tags, prompt,
    sentences,
)  # fmt: skip


def test_what_is_quadratic_is_told_from_what_is_linear() -> None:
    text = "a" * 100_000
    assert is_linear(lambda n: [text.count("b") for _ in range(n)], 100, 400)
    assert not is_linear(lambda n: [text.count("b", 0, 100 * n) for _ in range(n)], 200, 800)


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("reader", READERS, ids=lambda reader: reader.__name__)
def test_a_repeated_text_takes_linear_time(reader: Callable[[str], object]) -> None:
    starts = ("", "x ")[: 1 + (reader is whole_markdown)]
    slow = [
        start + atom
        for atom in ATOMS
        for start in starts
        if not is_linear(repeated(reader, atom, start), SHORT, LONG, quick_s=QUICK_S)
    ]
    assert slow == []


def repeated(
    reader: Callable[[str], object], atom: str, start: str = ""
) -> Callable[[int], object]:
    """Return what reads a text of one atom, of any number of characters."""
    return lambda size: reader(start + atom * (size // len(atom)) + " y")


SHORT_PAGE, LONG_PAGE = 20_000, 80_000


def superlinear(reader: Callable[[str], object], atoms: tuple[str, ...]) -> list[str]:
    """Return the atoms of which a long page takes too long, beside one of words and in itself."""
    words = repeated(reader, "[a](https://b.example) *c* `d` ")
    quick_s = 10 * cpu_seconds(words, LONG_PAGE)
    return [
        atom
        for atom in atoms
        if not is_linear(repeated(reader, atom), SHORT_PAGE, LONG_PAGE, quick_s=quick_s)
    ]


PAGE_READERS: tuple[Callable[[str], object], ...] = (
    whole_markdown,
    sanitize_markdown,
    growing_page,
)


STOPS = (
    *(".", "…", "!?", ".)", '."', "。", ". ", "a. ", "e.g. ", "1. a\n", "`a ", "$a ", "https://("),
    *("\\(", "\\(a ", "\\\\(", "\\(\\a ", "\\(a\\", "\\)"),
)
"""What ends a sentence, and what keeps it from ending there; with no end, each may look for one."""


@pytest.mark.parametrize("end", ["y", " y"])
def test_a_long_thought_has_its_sentences_in_linear_time(end: str) -> None:
    def read(text: str) -> None:
        sentences(text.removesuffix(" y") + end)

    assert superlinear(read, STOPS) == []


@pytest.mark.timeout(240)
@pytest.mark.parametrize("reader", PAGE_READERS, ids=lambda reader: reader.__name__)
def test_a_long_page_of_brackets_takes_linear_time(reader: Callable[[str], object]) -> None:
    assert superlinear(reader, BRACKETS[:6]) == []


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("part", range(4))
@pytest.mark.parametrize("reader", PAGE_READERS, ids=lambda reader: reader.__name__)
def test_a_long_page_of_anything_takes_linear_time(
    reader: Callable[[str], object], part: int
) -> None:
    assert superlinear(reader, (*BRACKETS[6:], *ATOMS)[part::4]) == []


CODE = (
    *(
        "a",
        "(",
        "[",
        "{",
        '"',
        "'",
        "/*",
        "<",
        "<a ",
        "#",
        "\\",
        "`",
        "$",
        "-",
        "=",
        "0",
        "  ",
        "a.",
    ),
    *("a ", "a(", "${", "'''", "/", "&", "_", "a=", '"\\', "a:", "\n", "<!--", "(*", '"""'),
)


def colours(name: str, line: str) -> Callable[[int], object]:
    alias = find_lexer_class(name).aliases[0]
    return lambda size: code_html(line * (size // len(line)), alias)


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("name", sorted(_COLOURED))
def test_code_is_coloured_in_linear_time(name: str) -> None:
    lines = [line for atom in CODE for line in (f"{atom}\n", f"{atom * 20}\n", f"{atom * 20};\n")]
    slow = [
        line for line in lines if not is_linear(colours(name, line), 4000, 16_000, quick_s=QUICK_S)
    ]
    assert slow == []


@pytest.mark.parametrize("language", ["java", "csharp", "arduino", "autoit", "ng2", "apacheconf"])
@pytest.mark.parametrize("line", ["\n", "a a ", "(\n", "[", "<", "/*\n", " \n"])
def test_code_that_a_lexer_is_slow_for_is_shown_plain(language: str, line: str) -> None:
    assert code_html(line * 12_000, language) == html.escape(line * 12_000, quote=False)


def test_powershell_of_bare_hashes_is_shown_plain() -> None:
    assert code_html("#\n" * 12_000, "powershell") == "#\n" * 12_000


@pytest.mark.parametrize(("language", "mark"), [
    ("protobuf", "/*"), ("css", "/*"), ("go", "/*a"), ("vhdl", "/**"), ("pascal", "(*"),
    ("ocaml", "(*"), ("html", "<!--"), ("lua", "--[["), ("haskell", "{-"),
])  # fmt: skip
def test_many_comments_without_an_end_are_shown_plain(language: str, mark: str) -> None:
    code = f"{mark}\n" * (MAX_COLOURED // (len(mark) + 1))
    assert code_html(code, language) == html.escape(code, quote=False)


def test_one_comment_without_an_end_is_coloured() -> None:
    assert "<i " in code_html("int a;\n/* still being written", "c")


def test_a_lexer_that_takes_too_long_is_left() -> None:
    code = 'R"(\n' * (MAX_COLOURED // 4)  # C++ looks for the end of each raw string
    assert code_html(code, "c++") == code


BODIES: dict[str, Callable[[int], bytes]] = {
    "pings": lambda n: b": ping\n\n" * n,
    "blank lines": lambda n: b"\n" * (8 * n),
    "carriage returns": lambda n: b"\r" * (8 * n),
    "one long line": lambda n: b'data: {"x":"' + b"y" * (20 * n),
    "keep-alives": lambda n: b"data:\n\n" * n,
    "fields": lambda n: b"id: 1\nevent: x\n" * n,
    "single line ends": lambda n: b'data: {"a":1}\n' * n,
    "data lines": lambda n: b"data: x\n" * min(n, 200_000),
    "lines without a field": lambda n: b"upstream busy\n" * n,
    "bare objects": lambda n: b'{"choices":[]}\n' * n,
    "cut lines": lambda n: b'data: {"a":"b\n' * n,
    "cut lines in one record": lambda n: b"data: {[\n" * n,
    "a document": lambda n: b"{" + b" " * (20 * n),
}


@pytest.mark.parametrize("kind", BODIES)
@pytest.mark.parametrize("piece", [1, 4096])
def test_framing_takes_linear_time(kind: str, piece: int) -> None:
    def frame(body: bytes) -> None:
        framer = BodyReader()
        for at in range(0, len(body), piece):
            framer.feed(body[at : at + piece])
        framer.finish()

    count = 3000 if piece == 1 else 40_000
    assert is_linear(frame, count, 4 * count, given=BODIES[kind])


def fragment(arguments: str) -> bytes:
    """Return a tool-call fragment without id and index, which could be a snapshot."""
    function = f'{{"function":{{"arguments":"{arguments}"}}}}'
    return f'data: {{"choices":[{{"delta":{{"tool_calls":[{function}]}}}}]}}\n\n'.encode()


DELTAS = {
    "tool arguments": fragment("abcd"),
    "text without a line end": b'data: {"choices":[{"delta":{"content":"word "}}]}\n\n',
    "blank text": b'data: {"choices":[{"delta":{"content":"  "}}]}\n\n',
    "half a tag": b'data: {"choices":[{"delta":{"content":"</thi"}}]}\n\n',
    "half characters": b'data: {"choices":[{"delta":{"content":"\\ud83d"}}]}\n\n',
    "usage": b'data: {"choices":[],"usage":{"prompt_tokens":1}}\n\n',
    "parts": b'data: {"choices":[{"delta":{"content":[{"type":"thinking","thinking":"ab"}]}}]}\n\n',
    "details": b'data: {"choices":[{"delta":{"reasoning_details":[{"text":"ab"}]}}]}\n\n',
    "half a sentence": b'data: {"choices":[{"delta":{"content":"tag </think> "}}]}\n\n',
    "broken frames": b'data: {"choices":[{"delta":{"content":"xdata: {"choices":[]}\n\n',
    "words": b"upstream busy\n",
    "errors": b'{"detail":"no"}\n',
}


@pytest.mark.parametrize("kind", DELTAS)
@pytest.mark.parametrize("dialect", ["bigmodel", "vllm"])
def test_decoding_takes_linear_time(dialect: str, kind: str) -> None:
    assert is_linear(lambda count: decode(dialect, [DELTAS[kind] * count]), 5000, 20_000)


BROKEN: dict[str, Callable[[int], bytes]] = {
    "glued beginnings": lambda n: b'data: {"choices":[' * n,
    "beginnings on lines": lambda n: b'data: {"choices":[\n' * n,
    "glued frames": lambda n: b'data: {"x' + b'data: {"choices":[]}' * n,
    "frames on lines": lambda n: b"data: {\n" + b'data: {"choices":[]}\n' * n,
    "blank lines": lambda n: b"data: x\n" + b"data: \n" * n,
    "nested frames": lambda n: b'data: {"a":{"choices":' * n,
    "spaces": lambda n: b"data: {" + b"data:    " * n,
    "tags": lambda n: _content(b"x" + b"</think> a" * n),
    "opening tags": lambda n: _content(b"<think>a</think>" + b"<think>\\n" * n),
    "parts": lambda n: _content(b'",' + b'{"type":"text","text":"a"},' * n + b'"', b"[%b]"),
}


def _content(text: bytes, form: bytes = b"%b") -> bytes:
    content = form % (b'"' + text + b'"')
    return b'data: {"choices":[{"delta":{"content":' + content + b"}}]}\n\n"


@pytest.mark.parametrize("kind", BROKEN)
@pytest.mark.parametrize("dialect", ["dashscope_native", "vllm"])
def test_one_record_of_any_kind_takes_linear_time(dialect: str, kind: str) -> None:
    assert is_linear(lambda count: decode(dialect, [BROKEN[kind](count)]), 20_000, 80_000)
