"""Markdown that a model wrote is shown safely and exactly."""

from __future__ import annotations

import re
from html.parser import HTMLParser

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from glm_magic.core.text import strip_bidi
from glm_magic.views.markup.highlight import COPY_BUTTON
from glm_magic.views.markup.markdown import markdown_html
from tests.security.dom import obeyed_in_mathml


class Elements(HTMLParser):
    """Collect the tags, the attributes and the text of a document."""

    def __init__(self, source: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.text = ""
        self.feed(source)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs

    def handle_data(self, data: str) -> None:
        self.text += data


ALLOWED_TAGS = set(
    re.findall(
        r"\w+",
        "p br hr h1 h2 h3 h4 h5 h6 ul ol li blockquote pre code em strong s a span b i div table"
        " thead tbody tr th td sup bdi",
    )
)

HOSTILE = st.lists(
    st.sampled_from(
        [
            "<script>alert(1)</script>",
            "<img src=x onerror=alert(1)>",
            "[a](javascript:alert(1))",
            "[a](JaVaScRiPt&#58;alert(1))",
            "[a](data:text/html;base64,PHM+)",
            "![b](http://h.example/p.png)",
            "![b](data:image/png;base64,AA)",
            "<javascript:alert(1)>",
            "[r]: javascript:alert(1)\n[r]",
            '[a](http://h.example "\\" onmouseover=alert(1)")',
            "\\(\\href{javascript:alert(1)}{x}\\)",
            "$\\style{background:url(http://h.example)}{x}$",
            "`", "**", "$", "$$", "\\[", "\\]", "\\(", "\\)", "\n", "\n\n",
            "- ", "> ", "| a |\n|-|\n",
            "```html\n", "```\n", "    ", "x", "\\", "&lt;", "\u2028", "\x00", "😀",
            "</span>", "]]>",
        ]
    ),
    max_size=14,
).map("".join)  # fmt: skip


@given(HOSTILE)
@settings(max_examples=400, deadline=None)
def test_hostile_text_makes_only_harmless_elements(text: str) -> None:
    page = Elements(markdown_html(text).replace(COPY_BUTTON, ""))
    assert set(page.tags) <= ALLOWED_TAGS
    for name, value in page.attributes:
        assert name in {
            *("href", "target", "rel", "class", "style", "start", "data-mathml", "data-lang"),
            *("id", "role", "aria-checked", "aria-label", "align"),
        }
        if name == "align":
            assert value == "right"
        if name == "data-mathml":
            assert obeyed_in_mathml(value or "") == []
        if name == "href":
            assert re.match(r"(https?|mailto):", value or "", re.IGNORECASE)
        if name == "style":
            assert re.fullmatch(r"text-align:(left|center)", value or "")


@given(HOSTILE)
@settings(max_examples=200, deadline=None)
def test_dangerous_tex_is_never_given_to_a_typesetter(text: str) -> None:
    typeset = re.findall(r'class="glm-x[^>]*>(.*?)</(?:span|div)>', markdown_html(text), re.DOTALL)
    assert not any("\\href" in tex or "\\style" in tex for tex in typeset)


def test_a_column_stays_where_it_is_aligned_in_hosts_that_drop_our_sheet() -> None:
    """Their own sheets align every cell to the right, and go before an attribute."""
    page = Elements(markdown_html("| a | b | c | d |\n|:--|:-:|--:|---|\n| 1 | 2 | 3 | 4 |"))
    sides = [("style", "text-align:left"), ("style", "text-align:center"), ("align", "right")]
    assert [it for it in page.attributes if it[0] in ("style", "align")] == sides * 2


def test_raw_html_is_shown_as_text() -> None:
    assert Elements(markdown_html("a <b onclick=x>b</b>")).text.strip() == "a <b onclick=x>b</b>"


@pytest.mark.parametrize("url", ["http://a.example/?q=1&r=2", "https://a.example", "mailto:a@b.c"])
def test_web_and_mail_links_stay(url: str) -> None:
    assert ("href", url) in Elements(markdown_html(f"[x]({url})")).attributes


@pytest.mark.parametrize("url", ["javascript:x", "data:text/html,x", "file:///x", "x.html", "//h"])
def test_other_links_are_text(url: str) -> None:
    page = Elements(markdown_html(f"[x]({url})"))
    assert "a" not in page.tags
    assert page.text.strip() == f"[x]({url})"


def test_a_picture_is_a_link_with_its_description() -> None:
    source = markdown_html("![a $5 cat](https://h.example/c.png)")
    page = Elements(source)
    assert "img" not in page.tags
    assert page.text.strip() == "a $5 cat"
    assert ("href", "https://h.example/c.png") in page.attributes


def test_a_picture_in_a_link_is_its_description() -> None:
    page = Elements(markdown_html("[![cat](https://h.example/c.png)](https://h.example)"))
    assert page.tags.count("a") == 1


@pytest.mark.parametrize("number", ["291.", " 7) ", "\n291.\n"])
def test_an_answer_that_is_a_number_is_no_empty_list(number: str) -> None:
    assert markdown_html(number) == f"<p>{number.strip()}</p>\n"
    assert markdown_html(f"{number.strip()} is it").startswith("<ol")


@pytest.mark.parametrize(
    ("source", "formulas"),
    [
        ("it is $x^2$.", [r"\(x^2\)"]),
        ("其中$x$是", [r"\(x\)"]),
        ("the $n$th", [r"\(n\)"]),
        (r"so \(a+b\) is", [r"\(a+b\)"]),
        (r"so \[a+b\] is", [r"\[a+b\]"]),
        ("so $$a+b$$ is", [r"\[a+b\]"]),
        ("so\n$$\na\n- b\n$$\nend", ["\\[a\n- b\\]"]),
        ("\\[\na\n= b\n\\]", ["\\[a\n= b\\]"]),
        ("$$a$$.", [r"\[a.\]"]),
        ("$[0,1)$", [r"\([0,1)\)"]),
        (r"$a \$ b$", [r"\(a \$ b\)"]),
        ("- x\n  $$\n  a\n  $$\n", [r"\[a\]"]),
        ("\\begin{align}\na&=b\n\\end{align}", ["\\begin{align}\na&amp;=b\n\\end{align}"]),
        ("$a<b$", [r"\(a&lt;b\)"]),
        ("it costs $5 and $10", []),
        ("US$5 to US$10", []),
        ("($5) or ($6)", []),
        ("$5-$10", []),
        ("$10, `$z`", []),
        ("`$x$` and ``\\(y\\)``", []),
        ("\\$x$ and $ y $", []),
        ("```\n$x$\n```", []),
        ("$$\nno end\n\nhere", []),
        ("$", []),
        ("$$", []),
        ("\\(\\)", []),
    ],
)
def test_formulas_are_found_and_money_is_not(source: str, formulas: list[str]) -> None:
    html = markdown_html(source)
    contents = re.findall(r'class="glm-x[^>]*>(.*?)</(?:span|div)>', html, re.DOTALL)
    assert contents == formulas


@pytest.mark.parametrize("source", ["$5 and $10", r"a \\(b\\) \\[c\\]", r"\\begin{align}", "a\\$b"])
def test_no_bare_delimiter_is_left_for_a_typesetter(source: str) -> None:
    without_marks = re.sub(r"<span>[^<]*</span>", "", markdown_html(source))
    assert not re.search(r"\$|\\[()\[\]]|\\begin", without_marks)


def test_code_is_coloured_and_stays_exact() -> None:
    code = 'def f(x):\n\treturn "<é😀>"  # done\n'
    source = markdown_html(f"```python\n{code}```")
    assert '<b class="k">def</b>' in source
    assert Elements(source).text == code + "\n"


@pytest.mark.parametrize("language", ["", "nosuchlanguage", "python title=x", "c++", "{.r}"])
def test_code_of_any_language_stays_exact(language: str) -> None:
    assert (
        "if (a < b) { x = 'y'; }"
        in Elements(markdown_html(f"```{language}\nif (a < b) {{ x = 'y'; }}\n```")).text
    )


@given(st.text())
@settings(max_examples=200, deadline=None)
def test_code_is_never_changed(code: str) -> None:
    code = strip_bidi(code.replace("\r", "").replace("\0", ""))
    fence = "`" * (3 + code.count("`"))
    page = Elements(markdown_html(f"{fence}python\n{code}\n{fence}"))
    assert page.text == code + "\n\n" or page.text == code + "\n"


def test_tables_scroll_in_their_own_box() -> None:
    source = markdown_html("| a | b |\n|--:|---|\n| 1 | 2 |")
    assert source.startswith('<div class="glm-w"><table>')
    assert source.endswith("</table></div>\n")


ARABIC, HEBREW = "\u0634\u0643\u0631\u0627", "\u05e9\u05dc\u05d5\u05dd"


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        (f"- {ARABIC}\n- {HEBREW}", '<ul dir="rtl">\n<li>'),
        (f"1. {ARABIC}\n   - {ARABIC}\n", '<ol dir="rtl">\n<li>'),
        (f"> {HEBREW} `some code`", '<blockquote dir="rtl">\n<p>'),
        (f"| {ARABIC} | b |\n|---|---|", '<div class="glm-w" dir="rtl"><table>'),
        (f"# {HEBREW} `a_long_name_in_latin_letters`", '<h1 dir="rtl">'),
        (f"{HEBREW} $\\alpha$", '<p dir="rtl">'),
        (f"**Python** {ARABIC}", '<p dir="rtl">'),
        (f"- {ARABIC * 9}\n- only words", '<li><bdi dir="ltr">only words</bdi></li>'),
        (f"| {ARABIC} | word |\n|---|---|", '<th><bdi dir="ltr">word</bdi></th>'),
        (f"- {ARABIC * 9}\n\n- only words", '<p dir="ltr">only words</p>'),
        (f"- {ARABIC}\n\n  ```python\n  x\n  ```", '<pre data-lang="python" dir="ltr">'),
        (f"They say {HEBREW} to each other in the morning", "<p>They"),
        (f"- It means {ARABIC}, more or less\n- or {HEBREW} as a greeting", "<ul>\n<li>"),
        ("- ![a picture](https://a.example)\n", "<ul>\n<li>"),
    ],
)
def test_what_reads_from_the_right_begins_there(source: str, expected: str) -> None:
    assert expected in markdown_html(source)


def test_only_what_turns_the_direction_round_says_so() -> None:
    source = markdown_html(f"Plain.\n\n> {ARABIC}\n>\n> 1. {HEBREW}\n>    - {ARABIC}\n\nEnd.")
    assert source.count("dir=") == 1
    assert source.startswith("<p>Plain.</p>")
    assert source.endswith("<p>End.</p>\n")


def test_code_names_its_language() -> None:
    assert '<pre data-lang="c++">' in markdown_html("```c++ title=x\nx\n```")
    assert "data-lang" not in markdown_html('```"onclick=x\ny\n```\n\n    indented')


LINK = '<a href="{}" target="_blank" rel="noopener noreferrer">{}</a>'


@pytest.mark.parametrize(
    ("source", "address", "around"),
    [
        ("see https://a.example/b?c=d#e.", "https://a.example/b?c=d#e", ("see ", ".")),
        ("(http://a.example/x_(y)_z)", "http://a.example/x_(y)_z", ("(", ")")),
        ("见https://a.example/b，然后", "https://a.example/b", ("见", "，然后")),
        ("**https://a.example**!", "https://a.example", ("<strong>", "</strong>!")),
        ("at HTTPS://A.example, or", "HTTPS://A.example", ("at ", ", or")),
    ],
)
def test_a_bare_address_is_a_link(source: str, address: str, around: tuple[str, str]) -> None:
    link = LINK.format(address, address)
    assert f"{around[0]}{link}{around[1]}" in markdown_html(source)


def test_an_address_without_a_scheme_is_a_link_to_the_web() -> None:
    assert LINK.format("http://www.a.example", "www.a.example") in markdown_html("www.a.example.")


@pytest.mark.parametrize(
    "source",
    [
        *("`https://a.example`", "```\nhttps://a.example\n```", "ftp://a.example", "a@b.example"),
        *(
            "javascript://a.example",
            "www.",
            "readme.md",
            "https://",
            "x@www.a.example",
            "file:///a",
        ),
    ],
)
def test_what_is_no_web_address_in_running_text_is_none(source: str) -> None:
    assert "<a " not in markdown_html(source)


def test_a_link_is_not_a_link_twice() -> None:
    for source in ("<https://a.example>", "[https://a.example](https://a.example)"):
        assert markdown_html(source).count("<a ") == 1


def test_tasks_have_boxes() -> None:
    source = markdown_html("- [ ] one\n- [x] **two**\n- [X] three\n- [x]four\n- [y] five")
    assert source.count('<li class="glm-task">') == 3
    assert [box in source for box in ("☐ one", "☑ <strong>two", "☑ three")] == [True] * 3
    assert "[x]four" in source
    assert "[ ] none" in markdown_html("[ ] none")


def test_footnotes_are_numbers_and_notes_without_names_to_share() -> None:
    source = markdown_html("It is[^1] so[^a-z].\n\n[^1]: By *law*.\n\n    And more.\n\nEnd.")
    assert "It is<sup>1</sup> so[^a-z]." in source
    note = '<div class="glm-fn">\n<p><sup>1</sup> By <em>law</em>.</p>\n<p>And more.</p>\n</div>'
    assert note in source
    assert "id=" not in source
