"""Right-to-left text in Markdown: each block that holds some asks its page for its direction."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from markdown_it import MarkdownIt
    from markdown_it.rules_core import StateCore
    from markdown_it.token import Token

# Hebrew, Arabic and the scripts written like them, with their presentation forms.
_RIGHT_TO_LEFT = re.compile("[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufefc\U00010800-\U00010fff]")


def add_direction(md: MarkdownIt) -> None:
    """Teach a parser to mark the blocks whose direction the text itself decides."""
    md.core.ruler.push("direction", _mark)


def _mark(state: StateCore) -> None:
    if not _RIGHT_TO_LEFT.search(state.src):
        return
    around: list[Token] = []
    for token in state.tokens:
        if token.nesting > 0:
            around.append(token)
        elif token.nesting < 0:
            around.pop()
        elif token.type == "inline" and _RIGHT_TO_LEFT.search(token.content):
            for block in around:
                block.attrSet("dir", "auto")
