"""The reasoning with an outline of its parts, and marks where it seems to correct itself.

The marks come from a short list of words, not from understanding, and each says so on hover.
"""

from __future__ import annotations

import hashlib
import html
import math
import re
from dataclasses import dataclass

from ..labels import Labels
from ..markup.escape import SUMMARY, escape_attribute, escape_html

ENGLISH_WORDS = (
    "wait",
    "hmm",
    "hold on",
    "actually",
    "on second thought",
    "correction",
    "contradiction",
    "that's wrong",
    "that is wrong",
    "not right",
    "a mistake",
    "an error",
    "let me check again",
    "let me double-check",
    "let me recheck",
    "let me reconsider",
    "let's reconsider",
    "re-evaluate",
    "reconsider",
)
CHINESE_WORDS = (
    "等等",
    "等一下",
    "不对",
    "其实",
    "重新考虑",
    "重新检查",
    "重新计算",
    "再想想",
    "再检查",
    "再算一遍",
    "搞错",
    "算错",
    "更正",
    "仔细一想",
)
MIN_PARTS = 3
MIN_CHARACTERS = 600
"""A shorter reasoning, in parts or in characters, needs no outline."""
MAX_PARTS = 40
"""What fits on a screen or two; of more blocks, neighbours are one part."""
_WORD = re.compile(
    r"\b(?:" + "|".join(map(re.escape, ENGLISH_WORDS)) + r")\b|" + "|".join(CHINESE_WORDS),
    re.IGNORECASE,
)
_TAG = re.compile(r"<(/?)([a-z][a-z0-9]*)\b[^>]*>")
_VOID = ("br", "hr", "img", "input", "wbr")
_UNMARKED = ("code", "pre", "a", "svg", "math", "button")
_INLINE = ("span", "strong", "em", "code", "a", "del", "s")
_FORMULA = re.compile(
    r'<(span|div) class="glm-x[^>]*>(?:\\[\[(])?(.*?)(?:\\[\])])?</\1>', re.DOTALL
)
_MAX_TEXT = 48
_MAX_FORMULA = 16


@dataclass(frozen=True, slots=True)
class _Part:
    """A block of the rendered reasoning, or a few that follow each other."""

    anchor: str
    text: str
    marks: int


def outline_html(rendered: str, labels: Labels) -> str:
    """Return rendered reasoning with marks, after its outline.

    Parameters
    ----------
    rendered : str
        The reasoning, as `markdown_html` makes it.
    labels : Labels
        The labels.
    """
    prefix = "g" + hashlib.sha256(rendered.encode()).hexdigest()[:5]
    blocks = _blocks(rendered)
    if len(blocks) < MIN_PARTS or len(_text(rendered)) < MIN_CHARACTERS:
        return _marked(rendered, labels)[0]
    parts, shown = [], []
    size = math.ceil(len(blocks) / MAX_PARTS)
    together = ("".join(blocks[at : at + size]) for at in range(0, len(blocks), size))
    for number, part in enumerate(together, 1):
        marked, count = _marked(part, labels)
        anchor = f"{prefix}-{number}"
        shown.append(re.sub(r"^(\s*<[a-z0-9]+)", rf'\1 id="{anchor}"', marked, count=1))
        parts.append(_Part(anchor, _beginning(part), count))
    return _outline(parts, labels) + "".join(shown)


def _blocks(rendered: str) -> list[str]:
    """Split HTML into its outermost elements, each with the text before it."""
    blocks: list[str] = []
    depth = start = 0
    for tag in _TAG.finditer(rendered):
        if tag[2] in _VOID or tag[0].endswith("/>"):
            continue
        depth += -1 if tag[1] else 1
        if depth == 0:
            blocks.append(rendered[start : tag.end()])
            start = tag.end()
    if blocks:
        blocks[-1] += rendered[start:]
    return blocks


def _marked(block: str, labels: Labels) -> tuple[str, int]:
    """Return a block with its words marked, except in code and formulas, and how many."""
    pieces, at, unmarked_depth, count = [], 0, 0, 0
    for tag in [*_TAG.finditer(block), None]:
        text = block[at : tag.start() if tag else len(block)]
        if not unmarked_depth:
            text, marked = _WORD.subn(lambda word: _mark(word[0], labels), text)
            count += marked
        pieces.append(text)
        if tag is not None:
            pieces.append(tag[0])
            at = tag.end()
            in_span = unmarked_depth and tag[2] == "span"
            if tag[2] in _UNMARKED or "glm-x" in tag[0] or in_span:
                unmarked_depth = max(0, unmarked_depth + (-1 if tag[1] else 1))
    return "".join(pieces), count


def _mark(word: str, labels: Labels) -> str:
    return f'<mark title="{escape_attribute(labels.mark_title)}">{word}</mark>'


def _beginning(block: str) -> str:
    text = _text(_FORMULA.sub(_plain_formula, block))
    return text if len(text) <= _MAX_TEXT else text[: _MAX_TEXT - 1] + "…"


def _text(rendered: str) -> str:
    text = _TAG.sub(lambda tag: "" if tag[2] in _INLINE else " ", rendered)
    return " ".join(html.unescape(text).split())


def _plain_formula(formula: re.Match[str]) -> str:
    """Return a formula for the outline, where nothing is typeset."""
    tex = " ".join(formula[2].replace("\\", "").split())
    return tex if len(tex) <= _MAX_FORMULA else "…"


def _outline(parts: list[_Part], labels: Labels) -> str:
    marks = sum(part.marks for part in parts)
    head = [labels.outline_parts.format(count=len(parts))]
    if marks:
        form = labels.outline_mark if marks == 1 else labels.outline_marks
        head.append(form.format(count=marks))
    rows = "".join(
        f'<li><a href="#{part.anchor}">{escape_html(part.text)}</a>'
        + f' <mark title="{escape_attribute(labels.mark_title)}">?</mark>' * bool(part.marks)
        + "</li>"
        for part in parts
    )
    return (
        f'<details class="glm-ol">{SUMMARY}{labels.outline}: {", ".join(head)}</summary>'
        f"<ol>{rows}</ol></details>"
    )
