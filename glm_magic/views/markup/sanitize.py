"""Markdown that a model wrote, as Markdown that any host may render.

Saved outputs carry ``text/markdown``, and a host that shows it may allow HTML, load pictures and
open any link. So what a host could obey is broken up by a space, in `prose`, wherever it stands
outside of code; and code that holds any of it becomes a block of its own, which begins at the start
of a line, is closed, and holds no run that could close it, so that every parser takes it for code.
The result is then read with a parser that allows everything, and where that still finds something
to obey, the whole text becomes one block of code.

Texts that are joined must not continue each other either: a list, a definition of a link or a note
of one would change another. So what the same parser makes of the whole is held against what it
makes of the parts.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache, partial
from typing import TYPE_CHECKING

from .dollars import with_dollars
from .links import SAFE_LINK, leads_elsewhere
from .prose import tame_prose, tame_text

if TYPE_CHECKING:
    from markdown_it import MarkdownIt
    from markdown_it.token import Token

_RUN = re.compile("`{3,}|~{3,}")
_LANGUAGE = re.compile(r"[\w+#.-]+")
_DRAWN = frozenset(
    ("mermaid", "math", "geojson", "topojson", "stl", "svg", "vega", "vega-lite", "plantuml")
)
"""Languages whose blocks some host draws instead of showing them: a drawing can load a picture."""
_FRAME = re.compile(r"(?:<details><summary>[^<>]*</summary>|</details>)\s*")
_SMALL = ("<sub>", "</sub>")
"""With `_FRAME`, the HTML that is ours: in a text that was made harmless, no tag is left."""

_NAMED_NOTE = re.compile(r"\[\^([^\[\]\s]{1,99})\]")
_NOTE = re.compile(r"^[ \t>*+\d.)-]{0,40}\[\^([^\[\]\s]{1,99})\]:", re.MULTILINE)
_DEFINITION = re.compile(r"^([ \t>*+\d.)-]{0,40}\[[^\[\]\n]{1,999}\])(?=:)", re.MULTILINE)

Tame = Callable[[str], str]
"""Makes a text harmless: `sanitize_markdown`, or `fenced` where that is not enough."""

Parse = Callable[[str], "list[Token]"]
"""Parses a text, allowing everything."""


def sanitize_markdown(text: str) -> str:
    """Return Markdown without HTML, pictures, and links that mislead.

    Parameters
    ----------
    text : str
        Markdown as a model wrote it, its line ends normalised.
    """
    return _sanitized(text, _tame, _parsing())


def _sanitized(text: str, tame: Tame, parse: Parse) -> str:
    text = text.replace("\0", "\ufffd")
    result = "\n".join(_blocks(text, tame, parse))
    return result if _is_safe(parse(result)) else fenced(text)


def _parsing() -> Parse:
    """Return a parser that reads each text once, until it is let go: most stay as they are."""
    return lru_cache(maxsize=None)(_permissive().parse)


def _tame_without_definitions(prose: str) -> str:
    """Make prose harmless that names no link or note which another text could use."""
    return _DEFINITION.sub(r"\1 ", _tame(prose))


def join_parts(parts: Callable[[Tame], Sequence[str]], *, unfinished: bool = False) -> str:
    """Return parts of a page, each made harmless alone, and none of them changed by another.

    Parameters
    ----------
    parts : callable
        Returns the parts; gets the function that makes a text harmless.
    unfinished : bool
        Whether more is to come: each text is a block of code then, since the parsing would take
        most of the time that a draft takes, in which nothing is painted.
    """
    text = ""
    parse = _parsing()
    sanitize = partial(_sanitized, tame=_tame, parse=parse)
    without_definitions = partial(_sanitized, tame=_tame_without_definitions, parse=parse)
    ways: tuple[Tame, ...] = (fenced,) if unfinished else (sanitize, without_definitions, fenced)
    for tame in ways:
        pieces = [part for part in parts(tame) if part]
        text = "\n\n".join(pieces)
        whole = parse(text)
        apart = [element for piece in pieces for element in _structure(parse(piece))]
        if _is_safe(whole) and _structure(whole) == apart and not _share_notes(pieces):
            return text
    return fenced(text)


def _structure(tokens: Sequence[Token]) -> list[tuple[str, int, str, str]]:
    """Return what a parser makes of a text: each element, its depth, content and where it leads."""
    return [
        (token.type, token.level, token.content.rstrip("\n"), _targets_of(token))
        for token in tokens
    ]


def _share_notes(texts: Sequence[str]) -> bool:
    """Whether a text names a footnote that another one defines."""
    named = [set(_NAMED_NOTE.findall(text)) for text in texts]
    return any(
        note in others
        for at, text in enumerate(texts)
        for note in _NOTE.findall(text)
        for others in (*named[:at], *named[at + 1 :])
    )


def _targets_of(token: Token) -> str:
    children = token.children or ()
    return " ".join(str(child.attrs["href"]) for child in children if "href" in child.attrs)


def fenced(text: str, language: str = "text") -> str:
    """Return a text as one block of code, whatever fences it contains."""
    longest = max((len(run) for run in _RUN.findall(text)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}{language}\n{text}\n{fence}"


def _blocks(text: str, tame: Tame, parse: Parse) -> Iterator[str]:
    """Yield the running text and the blocks of code of a text, made harmless."""
    lines = text.split("\n")
    at = 0
    for token in parse(text):
        if token.type not in ("fence", "code_block") or not token.map or token.map[0] < at:
            continue
        start, end = token.map[0], min(token.map[1], len(lines))
        source = lines[start:end]
        while source and not source[-1].strip(" \t"):
            source.pop()
        if not source:
            continue
        if token.type == "code_block" and start and _reads_as_text(token.content):
            continue
        if start > at:
            yield tame("\n".join(lines[at:start]))
        if _is_kept(token, source):
            yield "\n".join(source)
        else:
            yield from _alone(token, lines, start, end)
        at = start + len(source)
    if at < len(lines):
        yield tame("\n".join(lines[at:]))


def _tame(prose: str) -> str:
    return tame_prose(with_dollars(prose))


def _reads_as_text(code: str) -> bool:
    """Whether indented code is as harmless as running text, and the same where it is read so."""
    return _is_plain(code) and with_dollars(code) == code


def _is_plain(code: str) -> bool:
    """Whether a piece of code is harmless to a parser that takes it for running text."""
    return not set("`~") & set(code) and tame_text(code) == code


def _is_kept(token: Token, source: Sequence[str]) -> bool:
    """Whether a fenced block can stay as it is, since every parser sees where it begins and ends.

    It stands in no list or quote, or is harmless even where its end is not seen.
    """
    if token.type != "fence" or len(source) != token.content.count("\n") + 2:
        return False
    language = token.info.strip()
    if _RUN.search(token.content) or language != _language(language):
        return False
    before = source[0][: source[0].find(token.markup)]
    ends_alike = source[-1] == before + token.markup
    if before.strip(" ") or not ends_alike:
        return False
    return _is_plain(token.content) and (token.level == 2 if before else not token.level)


def _alone(token: Token, lines: Sequence[str], start: int, end: int) -> Iterator[str]:
    """Yield a block of code in its safest form: at the start of a line, between blank lines."""
    if start and lines[start - 1].strip():
        yield ""
    yield fenced(token.content.removesuffix("\n"), _language(token.info) or "text")
    if end < len(lines) and lines[end].strip() and lines[end - 1].strip():
        yield ""


def _language(info: str) -> str:
    """Return the language that a fence names, unless a host would do more than colour it."""
    word = _LANGUAGE.search(info.split(maxsplit=1)[0]) if info.split() else None
    return "" if word is None or word[0].lower() in _DRAWN else word[0]


@lru_cache(maxsize=1)
def _permissive() -> MarkdownIt:
    """Return a parser that allows HTML and every link."""
    from markdown_it import MarkdownIt

    class Permissive(MarkdownIt):
        def validateLink(self, url: str) -> bool:  # noqa: N802, ARG002 (the parser's own name)
            return True

    return Permissive("commonmark", {"html": True}).enable(["table", "strikethrough"])


def is_safe(text: str) -> bool:
    """Whether a parser that allows everything finds nothing that a host could obey.

    Nothing, that is, but what we frame a text with.
    """
    return _is_safe(_permissive().parse(text))


def _is_safe(tokens: Sequence[Token]) -> bool:
    depth = 0
    for token in tokens:
        if token.type == "html_block":
            if not _FRAME.fullmatch(token.content) or token.level:
                return False
            depth += token.content.startswith("<details>") - token.content.startswith("</details>")
            if depth < 0:
                return False
        elif not _is_safe_inline(token.children or ()):
            return False
    return not depth


def _is_safe_inline(tokens: Sequence[Token]) -> bool:
    label: list[str] | None = None
    address = ""
    for at, token in enumerate(tokens):
        if token.type == "image" or (token.type == "html_inline" and token.content not in _SMALL):
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
