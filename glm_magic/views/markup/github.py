"""What GitHub's Markdown has beyond CommonMark, tables and strikethrough.

Bare addresses become links, ``[ ]`` begins a task, ``[^1]`` is a footnote. A note stays where it
is written, and its number is no link: so a text that is still growing never changes what stands
above, and two outputs on a page share no names.

The plugins for links and tasks read each item again for every other one, which takes minutes for
the length of a reply, and ``[^a-z]`` is a footnote for the one for notes. So of them only the block
rule of the notes is used.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from .maths import add_rule

if TYPE_CHECKING:
    from markdown_it import MarkdownIt
    from markdown_it.rules_core import StateCore
    from markdown_it.rules_inline import StateInline
    from markdown_it.token import Token

_ADDRESS = re.compile(
    r"(?<![A-Za-z0-9_@/.:])(?:https?://|www\.(?=[\w-]+\.))[A-Za-z0-9][!#$%&'()*+,./0-9:;=?@A-Z_a-z~-]{1,2000}",
    re.IGNORECASE,
)
"""An address ends where ASCII does: Chinese text goes on without a space."""
_AFTER = re.compile(r"(?:[?!.,:;*_~'$]|&[a-z]{1,9};)+\Z")
_TASK = re.compile(r"\[([ xX])\][ \t]")
_NOTE = re.compile(r"\[\^(\d{1,3})\]")
"""A reference to a footnote; other labels are rarer than the sets of characters in ``[^a-z]``."""


def add_github(md: MarkdownIt) -> None:
    """Let a parser read bare links, tasks and footnotes, and render them."""
    from mdit_py_plugins.footnote.index import footnote_def

    md.block.ruler.before(
        "reference", "footnote_def", footnote_def, {"alt": ["paragraph", "reference"]}
    )
    md.inline.ruler.before("link", "footnote_ref", _reference)
    md.core.ruler.push("github", _finish)
    add_rule(md, "footnote_ref", _shown_reference)
    add_rule(md, "footnote_reference_open", lambda _tokens, _idx: '<div class="glm-fn">\n')
    add_rule(md, "footnote_reference_close", lambda _tokens, _idx: "</div>\n")


def _reference(state: StateInline, silent: bool) -> bool:
    note = _NOTE.match(state.src, state.pos, state.posMax)
    if note is None:
        return False
    if not silent:
        state.push("footnote_ref", "", 0).content = note[1]
    state.pos = note.end()
    return True


def _shown_reference(tokens: Sequence[Token], idx: int) -> str:
    return f"<sup>{tokens[idx].content}</sup>"


def _finish(state: StateCore) -> None:
    """Turn the texts of the tokens into links, boxes and the numbers of notes."""
    for at, token in enumerate(state.tokens):
        if token.type != "inline" or not token.children:
            continue
        before = state.tokens[at - 2] if at > 1 else None
        if before is not None and before.type == "list_item_open":
            _show_task(before, token.children[0])
        if "://" in token.content or "www." in token.content.lower():
            token.children = list(_with_links(token.children))
        if before is not None and before.type == "footnote_reference_open":
            token.children[:0] = _numbered(before)


def _show_task(item: Token, first: Token) -> None:
    task = _TASK.match(first.content) if first.type == "text" else None
    if task is not None:
        item.attrSet("class", "glm-task")
        box = "☐" if task[1] == " " else "☑"
        first.content = f"{box} {first.content[task.end() :]}"


def _numbered(note: Token) -> Iterator[Token]:
    number, space = type(note)("footnote_ref", "", 0), type(note)("text", "", 0)
    label = str(note.meta["label"])
    number.content = label if label.isascii() and label.isalnum() else "*"
    space.content = " "
    yield from (number, space)


def _with_links(tokens: Sequence[Token]) -> Iterator[Token]:
    depth = 0
    for token in tokens:
        depth += token.nesting if token.type.startswith("link_") else 0
        if depth or token.type != "text":
            yield token
        else:
            yield from _linked(token)


def _linked(token: Token) -> Iterator[Token]:
    """Yield a text and the links in it."""
    kind, at = type(token), 0
    for match in _ADDRESS.finditer(token.content):
        address = _trimmed(match[0])
        yield _text(kind, token.content[at : match.start()])
        opened, closed = kind("link_open", "a", 1), kind("link_close", "a", -1)
        opened.attrs = {"href": address if "://" in address else f"http://{address}"}
        yield from (opened, _text(kind, address), closed)
        at = match.start() + len(address)
    yield _text(kind, token.content[at:])


def _text(kind: type[Token], content: str) -> Token:
    token = kind("text", "", 0)
    token.content = content
    return token


def _trimmed(address: str) -> str:
    """Return an address without what belongs to the sentence around it."""
    spare = address.count(")") - address.count("(")
    while True:
        shorter = _AFTER.sub("", address)
        if spare > 0 and shorter.endswith(")"):
            shorter, spare = shorter[:-1], spare - 1
        if shorter == address:
            return address
        address = shorter
