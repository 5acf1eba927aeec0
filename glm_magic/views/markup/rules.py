"""Render rules of the Markdown parser, without the arguments that none of ours needs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from markdown_it import MarkdownIt
    from markdown_it.token import Token


def add_rule(md: MarkdownIt, name: str, show: Callable[[Sequence[Token], int], str]) -> None:
    """Let `show` render the tokens of one name, given all tokens and the index of its own."""

    def rule(_renderer: Any, tokens: Sequence[Token], idx: int, _options: Any, _env: Any) -> str:
        return show(tokens, idx)

    md.add_render_rule(name, rule)
