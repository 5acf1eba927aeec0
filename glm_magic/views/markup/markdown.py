"""Markdown that a model wrote, as HTML that a page may show.

A model's output is hostile input: HTML in it is shown as text, only web and mail addresses become
links, and a picture becomes a link, because loading an address that a model chose can carry data
away.
"""

from __future__ import annotations

import html
import threading
from collections.abc import Sequence
from functools import lru_cache
from typing import TYPE_CHECKING

from .direction import add_direction
from .escape import escape_attribute, escape_html, normalised
from .github import add_github
from .highlight import block_html
from .links import SAFE_LINK, leads_elsewhere
from .maths import add_maths, add_rule

if TYPE_CHECKING:
    from markdown_it import MarkdownIt
    from markdown_it.rules_core import StateCore
    from markdown_it.token import Token
    from markdown_it.utils import EnvType

MAX_NESTING = 60
"""Quotes and lists inside each other; a list counts twice."""

_EMPTY_LIST = ["ordered_list_open", "list_item_open", "list_item_close", "ordered_list_close"]

_LINK_ATTRIBUTES = 'target="_blank" rel="noopener noreferrer"'

_REMEMBERED = 12
"""Texts: two of each lane, in the widest comparison."""
_newest: dict[str, str] = {}

# The parser and its renderer keep no state between calls, but the lexers of pygments do.
_one_at_a_time = threading.Lock()


def markdown_html(text: str) -> str:
    """Return the HTML of a whole Markdown text; that of the newest texts is remembered."""
    html = _newest.get(text)
    return remember(text, render(normalised(text), {}) if html is None else html)


def remember(text: str, html: str) -> str:
    """Remember what `markdown_html` returns for a text, and return it.

    The end of a reply is shown by the panel and by the saved page, and a panel has rendered all of
    it but the last block.
    """
    _newest.pop(text, None)  # or it would be let go as if it had not been asked for again
    _newest[text] = html
    while len(_newest) > _REMEMBERED:
        _newest.pop(next(iter(_newest)), None)
    return html


def render(text: str, env: EnvType) -> str:
    """Render one piece of Markdown.

    Parameters
    ----------
    text : str
        The piece, its line ends normalised.
    env : dict
        The parser's environment, whose link references are used and added to.
    """
    md = parser()
    try:
        with _one_at_a_time:
            tokens = md.parse(text, env)
            if any(token.level >= MAX_NESTING - 2 for token in tokens):
                return plain_html(text)  # the parser drops what is nested deeper
            return str(md.renderer.render(tokens, md.options, env))
    except (ArithmeticError, LookupError, RecursionError, TypeError, ValueError):
        return plain_html(text)  # a bug of the parser must not hide a reply


def plain_html(text: str) -> str:
    """Return text as it is, line breaks included."""
    return f'<pre class="glm-p">{html.escape(text, quote=False)}</pre>\n'


@lru_cache(maxsize=1)
def parser() -> MarkdownIt:
    """Return the one parser of this process."""
    from markdown_it import MarkdownIt

    class SafeMarkdown(MarkdownIt):
        def validateLink(self, url: str) -> bool:  # noqa: N802 (the parser's own name)
            return bool(SAFE_LINK.match(url.strip()))

    md = SafeMarkdown("commonmark", {"html": False, "maxNesting": MAX_NESTING}).enable(
        ["table", "strikethrough"]
    )
    md.core.ruler.after("block", "number", _show_number)
    md.core.ruler.after("block", "align", _align_right)
    add_maths(md)
    add_github(md)
    add_direction(md)
    for rule in (text, fence, code_block, image, link_open, link_close, table_open, table_close):
        add_rule(md, rule.__name__, rule)
    return md


def _show_number(state: StateCore) -> None:
    """Let an answer such as ``291.`` be text: Markdown takes it for an empty list."""
    shown: list[Token] = []
    for token in state.tokens:
        shown.append(token)
        if token.level == 0 and [last.type for last in shown[-4:]] == _EMPTY_LIST:
            item = shown[-3]
            shown[-4:] = _paragraph(item.info + item.markup, item.map)
    state.tokens = shown


def _align_right(state: StateCore) -> None:
    """Align a column to the right by an attribute, which costs a host less to sanitize.

    JupyterLab does so again for its table of contents. What is aligned to the left or centred keeps
    its style: where our sheet is dropped, the sheet of a host aligns all cells to the right, and it
    goes before an attribute.
    """
    for token in state.tokens:
        if token.attrs.get("style") == "text-align:right":
            token.attrs = {"align": "right"}


def _paragraph(content: str, lines: list[int] | None) -> list[Token]:
    from markdown_it.token import Token

    return [
        Token("paragraph_open", "p", 1, map=lines, block=True),
        Token("inline", "", 0, map=lines, level=1, content=content, children=[], block=True),
        Token("paragraph_close", "p", -1, block=True),
    ]


def text(tokens: Sequence[Token], idx: int) -> str:
    """Render running text; a dollar sign in it stays one."""
    return escape_html(tokens[idx].content)


def fence(tokens: Sequence[Token], idx: int) -> str:
    """Render fenced code in the colours of its language."""
    words = tokens[idx].info.split()
    return _code(tokens[idx], words[0] if words else "")


def code_block(tokens: Sequence[Token], idx: int) -> str:
    """Render indented code, whose language is unknown."""
    return _code(tokens[idx], "")


def _code(token: Token, language: str) -> str:
    return block_html(token.content, language, str(token.attrs.get("dir", "")))


def image(tokens: Sequence[Token], idx: int) -> str:
    """Render a picture as a link to it, or as its description inside a link."""
    described = "".join(
        child.content for child in tokens[idx].children or () if child.type != "image"
    )
    label = escape_html(described.strip() or "image")
    depth = sum(token.nesting for token in tokens[:idx] if token.type.startswith("link_"))
    if depth:
        return label
    address = str(tokens[idx].attrs.get("src", ""))
    host = leads_elsewhere(described, address)
    leads_to = f" (→ {escape_html(host)})" if host else ""
    return f'<a href="{escape_attribute(address)}" {_LINK_ATTRIBUTES}>{label}</a>{leads_to}'


def link_open(tokens: Sequence[Token], idx: int) -> str:
    """Begin a link that opens in a new tab and sends no referrer."""
    href = escape_attribute(str(tokens[idx].attrs.get("href", "")))
    return f'<a href="{href}" {_LINK_ATTRIBUTES}>'


def link_close(tokens: Sequence[Token], idx: int) -> str:
    """End a link, and name the host that it opens where its text names another."""
    start = next(at for at in range(idx - 1, -1, -1) if tokens[at].type == "link_open")
    label = "".join(_label(token) for token in tokens[start + 1 : idx])
    host = leads_elsewhere(label, str(tokens[start].attrs.get("href", "")))
    return f"</a> (→ {escape_html(host)})" if host else "</a>"


def _label(token: Token) -> str:
    inside = token.children if token.type == "image" else None
    return "".join(map(_label, inside)) if inside else token.content


def table_open(tokens: Sequence[Token], idx: int) -> str:
    """Begin a table, in a box that scrolls sideways, from the side where its columns begin."""
    direction = tokens[idx].attrs.get("dir")
    box = f'<div class="glm-w" dir="{direction}">' if direction else '<div class="glm-w">'
    return f"{box}<table>\n"


def table_close(_tokens: Sequence[Token], _idx: int) -> str:
    """End a table and its box."""
    return "</table></div>\n"
