"""Which way a block of text runs: what is written in Hebrew or Arabic begins on the right.

A page could find that out (``dir="auto"``), but looks past children that have a direction of their
own, and so takes a list, a quote or a table for left-to-right: its numbers, its bar and its columns
would stand on the wrong side. It also goes by the first letter, which in a technical text often
belongs to a name. So the letters are counted here, without code and formulas.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from markdown_it import MarkdownIt
    from markdown_it.rules_core import StateCore
    from markdown_it.token import Token

# Hebrew, Arabic and the scripts written like them, with their presentation forms.
_RIGHT_TO_LEFT = re.compile(
    "[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufefc\U00010800-\U00010fff\U0001e800-\U0001efff]"
)
_NAMES = 2
"""A technical text in Arabic may have this many letters of Latin names for one of its own."""
_LETTER = re.compile(r"[^\W\d_]")
_BLOCKS = frozenset(
    f"{name}_open"
    for name in ("paragraph", "heading", "bullet_list", "ordered_list", "blockquote", "table")
)
_PLACES = ("list_item_open", "th_open", "td_open")
"""What stays on its side whatever is written in it: the number of an item, the cell of a column."""
_CODE = ("fence", "code_block")


def add_direction(md: MarkdownIt) -> None:
    """Let a parser mark each block that runs another way than what it stands in."""
    md.core.ruler.push("direction", _mark)


def _mark(state: StateCore) -> None:
    if not _RIGHT_TO_LEFT.search(state.src):
        return
    directions = _directions(state.tokens)
    around = ["ltr"]
    for at, token in enumerate(state.tokens):
        if token.nesting < 0:
            around.pop()
            continue
        direction = "ltr" if token.type in _CODE else directions.get(at, around[-1])
        marked = token.type in _CODE or (token.type in _BLOCKS and not token.hidden)
        if direction != around[-1]:
            if marked:
                token.attrSet("dir", direction)
            elif token.type in _PLACES or token.hidden:
                _isolate(state.tokens[at + 1], direction)
        if token.nesting > 0:
            around.append(direction if marked else around[-1])


def _isolate(inline: Token, direction: str) -> None:
    """Let a text run its own way in a place that is not turned round."""
    if inline.children:
        opened, closed = type(inline)("bdi_open", "bdi", 1), type(inline)("bdi_close", "bdi", -1)
        opened.attrSet("dir", direction)
        inline.children = [opened, *inline.children, closed]


def _directions(tokens: list[Token]) -> dict[int, str]:
    """Return the direction of each block that has letters, by its place."""
    counts: list[tuple[int, list[int]]] = []
    directions: dict[int, str] = {}
    for at, token in enumerate(tokens):
        if token.nesting > 0:
            counts.append((at, [0, 0]))
        elif token.nesting < 0:
            start, (right, left) = counts.pop()
            if right or left:
                directions[start] = "rtl" if right * _NAMES > left else "ltr"
            if counts:
                counts[-1][1][0] += right
                counts[-1][1][1] += left
        elif token.type == "inline" and counts:
            text = "".join(_texts(token.children or ()))
            right = len(_RIGHT_TO_LEFT.findall(text))
            counts[-1][1][0] += right
            counts[-1][1][1] += len(_LETTER.findall(text)) - right
    return directions


def _texts(tokens: list[Token] | tuple[()]) -> Iterator[str]:
    for token in tokens:
        if token.type == "text":
            yield token.content
        elif token.type == "image":
            yield from _texts(token.children or ())
