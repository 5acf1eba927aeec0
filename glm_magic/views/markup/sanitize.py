"""Markdown that a model wrote, as Markdown that any host may render.

Saved outputs carry ``text/markdown``, and a host that shows it may allow HTML, load pictures and
open any link. So tags, pictures and addresses that are not web or mail are broken up by a space;
code stays as it is. The result is then read with a parser that allows everything, and where that
still finds something to obey, the whole text becomes one block of code.
"""

from __future__ import annotations

import html
import re
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING

from .links import SAFE_LINK, leads_elsewhere
from .maths import UNSAFE

if TYPE_CHECKING:
    from markdown_it import MarkdownIt
    from markdown_it.token import Token

_BACKTICKS = re.compile("`+")
_PARAGRAPH_END = re.compile(r"\n[ \t]*\n")
_TAG = re.compile(r"<(?=[A-Za-z/!?])(?!(?:https?://|mailto:)[^\s<>]*>)")
_PICTURE = re.compile(r"!(?=\[)")
_TARGET = re.compile(r"\](?=\(\s*<?(?P<inline>[^\s)>]*)|:[ \t]*\n?[ \t>]*<?(?P<defined>[^\s>]*))")
_LINK = re.compile(
    r"\[(?P<label>[^\[\]\n]{1,500})\]"
    r"\(\s*<?(?P<to>[^\s()<>]{1,2000})>?[^()\n]{0,500}\)"
)
_ESCAPE = re.compile(r"\\([!-/:-@\[-`{-~])")


def sanitize_markdown(text: str) -> str:
    """Return Markdown without HTML, pictures, and links that mislead.

    Parameters
    ----------
    text : str
        Markdown as a model wrote it, its line ends normalised.
    """
    lines = text.split("\n")
    pieces = [
        "\n".join(lines[start:end]) if is_code else _sanitize_prose("\n".join(lines[start:end]))
        for start, end, is_code in _regions(text, len(lines))
    ]
    result = "\n".join(pieces)
    return result if is_safe(result) else fenced(text)


def fenced(text: str, language: str = "text") -> str:
    """Return a text as one block of code, whatever backticks it contains."""
    longest = max((len(run) for run in re.findall("`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}{language}\n{text}\n{fence}"


def _regions(text: str, count: int) -> Iterator[tuple[int, int, bool]]:
    """Yield first line, end, and whether it is code, of each run of code or prose."""
    at = 0
    for token in _permissive().parse(text):
        if token.type in ("fence", "code_block") and token.map and token.map[0] >= at:
            if token.map[0] > at:
                yield at, token.map[0], False
            at = min(token.map[1], count)
            yield token.map[0], at, True
    if at < count:
        yield at, count, False


def _sanitize_prose(text: str) -> str:
    """Break up what a host could obey, except in code between backticks."""
    pieces: list[str] = []
    at = 0
    for start, end in _code_spans(text):
        pieces += (_break_up(text[at:start]), text[start:end])
        at = end
    return "".join([*pieces, _break_up(text[at:])])


def _code_spans(text: str) -> Iterator[tuple[int, int]]:
    """Yield start and end of code between backticks; it never extends beyond a paragraph."""
    ends = [match.start() for match in _PARAGRAPH_END.finditer(text)] + [len(text)]
    opened: dict[str, int] = {}
    at = 0
    for run in _BACKTICKS.finditer(text):
        if run.start() > ends[at]:
            opened.clear()
            at = bisect_left(ends, run.start())
        start = opened.get(run[0])
        if start is None:
            opened[run[0]] = run.start()
            continue
        yield start, run.end()
        opened.clear()


def _break_up(text: str) -> str:
    text = _LINK.sub(_with_host, text)
    text = _PICTURE.sub("! ", _TAG.sub("< ", text))
    text = _TARGET.sub(_without_target, text)
    return UNSAFE.sub(lambda command: "\\" + command[0], text)


def _with_host(link: re.Match[str]) -> str:
    host = leads_elsewhere(link["label"], link["to"])
    return f"{link[0]} (→ {host})" if host else link[0]


def _without_target(bracket: re.Match[str]) -> str:
    target = bracket["inline"] if bracket["inline"] is not None else bracket["defined"]
    plain = _ESCAPE.sub(r"\1", html.unescape(target))
    return "]" if not plain or SAFE_LINK.match(plain) else "] "


@lru_cache(maxsize=1)
def _permissive() -> MarkdownIt:
    """Return a parser that allows HTML and every link."""
    from markdown_it import MarkdownIt

    class Permissive(MarkdownIt):
        def validateLink(self, url: str) -> bool:  # noqa: N802, ARG002 (the parser's own name)
            return True

    return Permissive("commonmark", {"html": True}).enable(["table", "strikethrough"])


def is_safe(text: str) -> bool:
    """Whether a parser that allows everything finds nothing that a host could obey."""
    tokens = _permissive().parse(text)
    if any(token.type == "html_block" for token in tokens):
        return False
    return all(_is_safe_inline(token.children or ()) for token in tokens)


def _is_safe_inline(tokens: Sequence[Token]) -> bool:
    label: list[str] | None = None
    address = ""
    for at, token in enumerate(tokens):
        if token.type in ("html_inline", "image"):
            return False
        if token.type == "link_open":
            label, address = [], str(token.attrs.get("href", ""))
            if not SAFE_LINK.match(address):
                return False
        elif token.type == "link_close":
            host = leads_elsewhere("".join(label or ()), address)
            after = tokens[at + 1].content if at + 1 < len(tokens) else ""
            if host and not after.startswith(f" (→ {host})"):
                return False
            label = None
        elif label is not None:
            label.append(token.content)
    return True
