"""Formulas as MathML that a browser draws as MathJax would, or as TeX."""

from __future__ import annotations

import re
import time
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from glm_magic.views.markup.markdown import markdown_html
from glm_magic.views.markup.mathml import MAX_TEX, mathml
from glm_magic.views.markup.maths import standard_tex
from tests.security.dom import Elements, obeyed_in_mathml


def drawn(tex: str, display: bool = True) -> str:
    """Return the MathML of a formula without its outer element."""
    source = mathml(standard_tex(tex), display)
    return source.removeprefix("<math display='block'>").removesuffix("</math>")


@pytest.mark.parametrize(
    ("tex", "expected"),
    [
        (r"\frac{a}{b}", "<mfrac><mi>a</mi><mi>b</mi></mfrac>"),
        (r"\boxed{42}", "<mrow style='border:1px solid;padding:.2em .3em'><mn>42</mn></mrow>"),
        (r"\mathbf{x}", "<mi>\U0001d431</mi>"),
        (r"\hat{\boldsymbol{b}}", "<mi style='font-weight:bold'>b</mi>"),
        ("a≤b", "<mo>≤</mo>"),
        (r"\text{速度}=3", "<mtext>速度</mtext><mo>=</mo>"),
        (r"x < y", "<mo>&lt;</mo>"),
        (r"1{,}000", "<mo lspace='0' rspace='0'>,</mo>"),
        (r"x \tag{3}", "<mtext>(3)</mtext>"),
        (r"\int_0^1 x\,dx", "<msubsup><mo>∫</mo><mn>0</mn><mn>1</mn></msubsup>"),
        (r"\sum_{i}^{n} i", "<munderover><mo>∑</mo><mi>i</mi><mi>n</mi></munderover>"),
        ("|x|", "<mo stretchy='false' lspace='0' rspace='0'>|</mo><mi>x</mi>"),
        (r"a \bmod b", "<mo lspace='0.222em' rspace='0.222em'>mod</mo>"),
    ],
)
def test_usual_mathematics_is_drawn(tex: str, expected: str) -> None:
    assert expected in drawn(tex)


def test_what_tends_to_a_limit_stands_below_its_name() -> None:
    for name in ("lim", "max", "min", "sup", "inf"):
        source = drawn(rf"\{name}_{{n}} a")
        assert re.search(rf"<munder><mo [^>]*movablelimits='true'>{name}</mo>", source)


def test_a_script_on_a_bracketed_matrix_is_one_on_the_whole_of_it() -> None:
    script = ET.fromstring(drawn(r"\begin{bmatrix} a & b \\ c & d \end{bmatrix}^{-1}"))
    assert script.tag == "msup"
    assert [child.tag for child in script] == ["mrow", "mrow"]
    assert [child.tag for child in script[0]] == ["mo", "mtable", "mo"]


@pytest.mark.parametrize("name", ["align", "align*", "aligned", "split", "flalign"])
def test_lines_are_aligned_at_the_mark_and_have_no_numbers(name: str) -> None:
    table = ET.fromstring(drawn(rf"\begin{{{name}}}a&=b\\c&=d\end{{{name}}}"))
    assert [len(row) for row in table] == [2, 2]
    right, left = (cell.get("style") for cell in table[0])
    assert right == "text-align:right;padding-right:0"
    assert left == "text-align:left;padding-left:0"


def test_the_rules_of_an_array_are_drawn() -> None:
    source = drawn(r"\begin{array}{l|cr}1&2&3\\\hline4&5&6\end{array}")
    table = ET.fromstring(source)
    styles = [[cell.get("style", "") for cell in row] for row in table]
    assert ["border-right" in cell for cell in styles[1]] == [True, False, False]
    assert all("border-bottom" in cell for cell in styles[0])
    assert not any("border-bottom" in cell for cell in styles[1])


@pytest.mark.parametrize(
    "tex",
    [
        r"\foo{x}", r"\frac{", "}{", "x^", r"\left(", "a & b", r"a \\ b", r"\cancel{x}", r"\limits",
        r"\text{a $x$ b}", r"\ce{H2O}", "", "x" * (MAX_TEX + 1),
        r"\frac" * 390,
    ],
)  # fmt: skip
def test_what_would_be_drawn_wrongly_stays_tex(tex: str) -> None:
    assert mathml(tex, display=True) == ""


TEX = st.lists(
    st.sampled_from(
        [
            *("{", "}", "^", "_", "&", r"\\", "a", "1", "(", ")", "[", "]", "<", ">", '"', "'"),
            *(r"\frac", r"\sqrt", r"\left(", r"\right)", r"\text{", r"\text{<b>", r"\not", "#1"),
            *(r"\begin{matrix}", r"\end{matrix}", r"\begin{cases}", r"\end{cases}", r"\hline"),
            *(r"\begin{array}{c|c}", r"\end{array}", r"\color{", r"\limits", r"\sum", r"\hat"),
            *("red' onclick='x", "&lt;script&gt;", "&#60;b&#62;", r"\href{javascript:x}{y}"),
            *(r"\begin{align}", r"\end{align}", r"\middle|", r"\boxed{", r"\mathbf", "\u202e", "é"),
            *(r"\begin{array}{c", r"\hspace{1em' x='}", r"\tag{1}", r"\operatorname{a}", r"\class"),
        ]
    )
    | st.text(max_size=3),
    max_size=20,
).map("".join)


@given(TEX, st.booleans())
@settings(max_examples=600, deadline=None)
def test_any_tex_gives_a_formula_or_nothing(tex: str, display: bool) -> None:
    source = mathml(standard_tex(tex), display)
    assert obeyed_in_mathml(source) == []
    assert len(source) < 500 + 15 * len(tex)
    if source:
        ET.fromstring(re.sub("[\x00-\x08\x0b-\x1f\ufffe\uffff]", "", source))


@pytest.mark.parametrize("atom", ["(", "{", "[", "^", r"\frac", r"\sqrt[", "|", " a", r"\text{#1"])
def test_a_formula_of_any_length_takes_little_time(atom: str) -> None:
    began = time.process_time()
    mathml(atom * (MAX_TEX // len(atom)), display=False)
    mathml(atom * 400_000, display=False)
    assert time.process_time() - began < 5


def test_a_page_carries_both_and_shows_the_tex() -> None:
    page = Elements(markdown_html("so $x^2$ and\n\n$$\\frac{1}{2}$$"))
    values = [value for _, name, value in page.attributes if name == "data-mathml"]
    assert values == [mathml("x^2", False), mathml(r"\frac{1}{2}", True)]
    assert page.text.split() == ["so", r"\(x^2\)", "and", r"\[\frac{1}{2}\]"]
