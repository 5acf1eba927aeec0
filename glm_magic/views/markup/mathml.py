"""TeX as MathML, for hosts that show HTML and typeset no TeX.

latex2mathml reads the TeX. Its tree is then put right for MathML Core, which is what browsers draw:
they know no ``columnalign`` and no box, and a script on a bracket is a script on the whole group.
What the library did not understand, or a browser would draw as something else, gives nothing, and
the formula stays TeX. Only elements and attributes named here leave this module, whatever the
library makes of a hostile formula.
"""

from __future__ import annotations

import html
import re
import unicodedata
from collections.abc import Callable, Iterator
from functools import lru_cache
from xml.etree.ElementTree import Element

MAX_TEX = 2000
"""Characters; no formula to be read is longer, and the library takes a second for ten times it."""
MAX_GROWTH = 14
"""How many times longer than the TeX, beside its frame, MathML may be: it is saved in each page."""

_FRAME = 400
_VALUE = re.compile(r"[\w#.%+ -]{1,40}|[\w:;.% -]{1,120}")
_ATTRIBUTES = {
    "math": ("display",),
    "mi": ("mathvariant", "style"),
    "mn": ("style",),
    "mo": ("stretchy", "form", "lspace", "rspace", "minsize", "maxsize", "movablelimits"),
    "mtext": (),
    "mspace": ("width",),
    "mrow": ("style",),
    "mfrac": ("linethickness",),
    "msqrt": (),
    "mroot": (),
    "mstyle": ("displaystyle", "scriptlevel", "mathcolor"),
    "mpadded": ("width", "height", "depth", "lspace", "voffset"),
    "mphantom": (),
    "msub": (),
    "msup": (),
    "msubsup": (),
    "munder": ("accentunder",),
    "mover": ("accent",),
    "munderover": (),
    "mtable": ("displaystyle",),
    "mtr": (),
    "mtd": ("style",),
}
"""Every element that a page may get, with the attributes it may have."""
_SPACES = {
    "negativethinmathspace": "-0.167em",
    "negativemediummathspace": "-0.222em",
    "negativethickmathspace": "-0.278em",
}
_ACCENTS = frozenset("¯^ˇ˘´`~˙¨˚→←↔\u20d7\u02dc\u2015\u203e")
_LETTERS = frozenset("∞∅∂∇∀∃∄")
"""Symbols of mathematics that stand as letters do, without space around them."""
_SCRIPTS = {"msub": "munder", "msup": "mover", "msubsup": "munderover"}
"""Where a script stands below or above an operator such as ``lim``."""
_CHILDREN = {
    **dict.fromkeys(("mfrac", "mroot", "msub", "msup", "munder", "mover"), 2),
    **dict.fromkeys(("msubsup", "munderover"), 3),
}
_SPELLINGS = (
    ("{aligned}", "{split}"),
    ("{gathered}", "{matrix}"),
    (r"\arg\m", r"\operatorname{arg}\m"),
    (r"\bm{", r"\boldsymbol{"),
)
"""What the library does not know, and what it knows that looks the same."""
_LIMITS = frozenset(("lim", "max", "min", "sup", "inf", "det", "gcd", "Pr"))
_THIN, _MEDIUM = "0.167em", "0.222em"


class _NotMathMLError(Exception):
    """The formula has something that would be lost or shown wrongly."""


@lru_cache(maxsize=512)  # a formula is rendered for the panel and for the page, and often again
def mathml(tex: str, display: bool) -> str:
    """Return a formula as MathML with attributes in single quotes.

    Parameters
    ----------
    tex : str
        The formula, without its delimiters.
    display : bool
        Whether it stands on lines of its own.

    Returns
    -------
    str
        The MathML, or ``""`` where the formula has to stay TeX.
    """
    if len(tex) > MAX_TEX:
        return ""
    from latex2mathml.converter import convert_to_element

    for unknown, known in _SPELLINGS:
        tex = tex.replace(unknown, known)
    try:
        tree = convert_to_element(tex, display="block" if display else "inline")
        _mend(tree)
        source = "".join(_written(tree))
    except Exception:  # a bug of the library, or too deep a formula, must not hide a reply
        return ""
    return source if len(source) <= _FRAME + MAX_GROWTH * len(tex) else ""


def _mend(element: Element) -> None:
    """Put an element and everything in it right, the inner ones first."""
    for child in element:
        _mend(child)
    element.text = html.unescape(element.text or "")
    mend = _MENDS.get(element.tag)
    if mend is not None:
        mend(element)
    for at, child in enumerate(element):
        element[at] = _without_group(child, within=element.tag)
    if len(element) != _CHILDREN.get(element.tag, len(element)):
        raise _NotMathMLError


def _mend_token(token: Element) -> None:
    text = token.text or ""
    # Commands that the library does not know, and formulas inside text, come out as their source.
    if "\\" in text or text == "&" or (token.tag == "mtext" and "$" in text):
        raise _NotMathMLError
    if token.tag == "mi" and len(text) == 1 and text not in _LETTERS:
        if unicodedata.category(text) == "Sm":
            token.tag = "mo"
    elif token.tag == "mo" and text in _LETTERS:
        token.tag = "mi"
    elif token.tag == "mo" and text in ("|", "‖") and "form" not in token.attrib:
        token.attrib.update(lspace="0", rspace="0")
    elif token.tag == "mo" and len(text) > 1 and text.replace("\u2006", "").isalpha():
        _mend_name(token, text)
    variant = token.attrib.pop("mathvariant", "")
    if variant.startswith("bold"):
        token.set("style", "font-weight:bold")
    elif variant == "normal":
        token.set("mathvariant", "normal")
    elif variant not in ("", "italic"):
        raise _NotMathMLError


def _mend_name(operator: Element, name: str) -> None:
    """Space the name of a function, and let what it tends to stand below it."""
    sides = (_MEDIUM, _MEDIUM) if name == "mod" else ("0", _THIN)
    operator.attrib.update(lspace=sides[0], rspace=sides[1])
    if name in _LIMITS:
        operator.set("movablelimits", "true")


def _mend_script(script: Element) -> None:
    """Put a script where it belongs.

    The library gives brackets and what is between them singly, where they are one base.
    """
    extra = len(script) - _CHILDREN[script.tag]
    if extra > 0:
        base = Element("mrow")
        base.extend(script[: extra + 1])
        script[: extra + 1] = [base]
    if script[0].get("movablelimits"):
        script.tag = _SCRIPTS[script.tag]


def _mend_accent(over: Element) -> None:
    """Let an accent be close to its base, and no wider than a letter."""
    base, mark = over
    if mark.tag != "mo" or mark.text not in _ACCENTS:
        return
    over.set("accent", "true")
    letters = "".join(base.itertext())
    mark.set("stretchy", "true" if len(letters) > 1 else "false")


def _mend_table(table: Element) -> None:
    """Say the alignment, the rules and the gaps of a table in the way that browsers understand."""
    rows, columns = table.get("rowlines", "").split(), table.get("columnlines", "").split()
    joined = table.get("columnspacing", "").startswith("0em")
    for at, row in enumerate(table):
        for place, cell in enumerate(row):
            align = cell.get("columnalign", "")
            style = [f"text-align:{align}"] * (align in ("left", "right"))
            if joined and align:
                style.append(f"padding-{'left' if place % 2 else 'right'}:0")
            if _ruled(rows, at, len(table)):
                style.append("border-bottom:1px solid")
            if _ruled(columns, place, len(row)):
                style.append("border-right:1px solid")
            if style:
                cell.set("style", ";".join(style))


def _ruled(lines: list[str], at: int, count: int) -> bool:
    """Whether a rule follows a row or column; the last kind named holds for all that follow."""
    return bool(lines) and at < count - 1 and lines[min(at, len(lines) - 1)] != "none"


def _mend_space(space: Element) -> None:
    if "linebreak" in space.attrib:  # browsers break no line in a formula
        raise _NotMathMLError
    width = space.get("width", "")
    space.set("width", _SPACES.get(width, width))


def _mend_box(enclosed: Element) -> None:
    if enclosed.get("notation") == "box":
        enclosed.tag = "mrow"
        enclosed.set("style", "border:1px solid;padding:.2em .3em")


_MENDS: dict[str, Callable[[Element], None]] = {
    **dict.fromkeys(("mi", "mo", "mn", "mtext"), _mend_token),
    **dict.fromkeys(_SCRIPTS, _mend_script),
    "mover": _mend_accent,
    "mtable": _mend_table,
    "mspace": _mend_space,
    "menclose": _mend_box,
}


def _without_group(child: Element, within: str) -> Element:
    """Return an element, or what alone is in it when it is only a pair of braces."""
    if child.tag != "mrow" or child.attrib or len(child) != 1:
        return child
    inner = child[0]
    if inner.tag == "mo" and within in ("mrow", "math"):
        inner.attrib.update(lspace="0", rspace="0")  # {,} and {=} have no space around them
    return inner


def _written(element: Element) -> Iterator[str]:
    names = _ATTRIBUTES.get(element.tag)
    if names is None:
        raise _NotMathMLError
    attributes = ""
    for name in names:
        value = element.get(name)
        if value is not None and _VALUE.fullmatch(value):
            attributes += f" {name}='{value}'"
    yield f"<{element.tag}{attributes}>"
    yield html.escape(element.text or "", quote=False)
    for child in element:
        yield from _written(child)
    yield f"</{element.tag}>"
