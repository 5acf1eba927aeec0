r"""Formulas in Markdown stand between dollar signs, and no other dollar sign begins one."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from mdit_py_plugins.dollarmath import dollarmath_plugin

from glm_magic.views.markup.dollars import with_dollars
from glm_magic.views.markup.markdown import parser
from glm_magic.views.markup.maths import standard_tex
from glm_magic.views.markup.sanitize import sanitize_markdown


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (r"so \(a+b\) is", "so $a+b$ is"),
        (r"so \( a \) is", "so $a$ is"),
        (r"so \[a+b\] is", "so $$a+b$$ is"),
        ("\\[\na\n= b\n\\]", "$$\na\n= b\n$$"),
        ("> \\[\n> a\n> \\]", "> $$\n> a\n> $$"),
        ("- x:\n  \\[ a \\]", "- x:\n  $$ a $$"),
        ("| \\(a\\) |\n|---|", "| $a$ |\n|---|"),
        (r"\(a\)\(b\)", "$a$ $b$"),
        (r"\(a\)5", "$a$ 5"),
        (r"2\(a\)", "2 $a$"),
        (r"\(\text{a $x$ b}\)", r"$\text{a \(x\) b}$"),
        (r"\(\text{US$5}\)", r"$\text{US\$5}$"),
        ("\\begin{align}\na&=b\n\\end{align}", "$$\\begin{aligned}\na&=b\n\\end{aligned}$$"),
        ("\\begin{equation*}x\\end{equation*}", "$$x$$"),
        ("$$\\begin{align*}a\\end{align*}$$", r"$$\begin{aligned}a\end{aligned}$$"),
        (r"$$a \tag{1} \label{eq:x}$$", r"$$a \qquad\text{(1)} $$"),
        ("$5 and $10", r"\$5 and \$10"),
        ("US$5, ($6)", r"US\$5, (\$6)"),
        (r"already \$5", r"already \$5"),
        ("$x$ is kept, $ y $ is none", r"$x$ is kept, \$ y \$ is none"),
        ("`$x` and ``\\(a\\)``", "`$x` and ``\\(a\\)``"),
        ("`$x and \\(a\\)", "`\\$x and $a$"),
        ("\\\\(a\\\\)", "\\\\(a\\\\)"),
        (r"\(a", r"\(a"),
        ("$$\nopen\n\nhere", "\\$\\$\nopen\n\nhere"),
        ("at https://a.example/$b$ or www.b.x/$c", "at https://a.example/$b$ or www.b.x/$c"),
        ("text \\begin{align}", "text \\begin{align}"),
        ("\\begin{align} no end", "\\begin{align} no end"),
        ("\\", "\\"),
    ],
)  # fmt: skip
def test_each_formula_is_between_dollar_signs(text: str, expected: str) -> None:
    assert with_dollars(text) == expected


@pytest.mark.parametrize("code", ["```\n$x \\(a\\)\n```", "~~~\n\\[x\\]\n~~~", "    $x \\(a\\)"])
def test_code_keeps_its_dollar_signs_and_brackets(code: str) -> None:
    assert code.strip("`~\n ") in sanitize_markdown(f"so\n\n{code}\n\nend")


PIECES = st.lists(
    st.sampled_from(
        [
            *(r" \(", r"\) ", r" \[", r"\] ", "$", "$$", "a", "x^2", " ", "\n", "\n\n", "5", "."),
            *(r"\$", r"\frac{1}{2}", "$x$", "$$y$$", r"\(z\)", "\\[\nw\n\\]", "word "),
            *("- ", "> ", "US$5", "\\begin{align}\na&=b\n\\end{align}\n\n", "其中", ","),
        ]
    ),
    max_size=20,
).map("".join)


def formulas_of(md: MarkdownIt, kinds: tuple[str, ...], text: str) -> list[str]:
    """Return the TeX of each formula that a parser finds, without blanks."""
    tokens = [at for token in md.parse(text) for at in (token, *(token.children or ()))]
    tex = [standard_tex(token.content) for token in tokens if token.type.startswith(kinds)]
    tex = [re.sub(r"\\([$()])", r"\1", one).translate({40: "$", 41: "$"}) for one in tex]
    # One of the parsers takes two displayed formulas on a line, and what is between, for one.
    plain = (re.sub(r"\s|^>|\n>", "", one).rstrip(".,") for one in tex if "$$" not in one)
    return [one for one in plain if one]


DOLLARS = MarkdownIt("commonmark").use(
    dollarmath_plugin, allow_space=False, double_inline=True, allow_blank_lines=False
)
DOLLARS.disable("math_block")  # it takes two formulas on lines, and what is between, for one


@given(PIECES)
@settings(max_examples=500, deadline=None)
def test_a_reader_of_dollar_signs_finds_no_formula_that_is_not_one(text: str) -> None:
    """Every formula that another parser finds afterwards was one for ours before."""
    before = formulas_of(parser(), ("maths",), text)
    after = formulas_of(DOLLARS, ("math",), with_dollars(text))
    assert [one for one in after if one not in before] == []


@given(PIECES)
@settings(max_examples=300, deadline=None)
def test_what_is_between_dollar_signs_stays_there(text: str) -> None:
    once = with_dollars(text)
    assert with_dollars(once) == once
