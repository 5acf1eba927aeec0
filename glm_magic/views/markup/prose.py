r"""The running text of a Markdown file, with everything broken up that a host could obey.

Parsers differ in what they take for code, a formula or a link. JupyterLab's takes formulas out
before it looks for code, ends a code span at a table's bar, reads an address up to the next space,
and takes the backslashes off in the text of a link. So nothing here depends on how a text is
parsed: what could be obeyed is broken up wherever it stands, and only a span of code that every
parser finds alike is left as it is.
"""

from __future__ import annotations

import html
import re
from bisect import bisect_left
from collections.abc import Iterator, Sequence

from .links import SAFE_LINK, leads_elsewhere
from .maths import UNSAFE

_TICKS = re.compile("`+")
_SPAN = "\0"
"""Stands for a span of code while the text around it is read; a text has no character like it."""
# What an address may consist of. Left out is what could end it for one parser and not for another:
# a dollar sign or a backslash begins a formula, in JupyterLab also inside an address.
_URL = r"[^\x00-\x20\x7f-\xa0\u2028\u2029\u3000<>()\[\]{}\\`\"$|^]"
_NESTED = rf"(?:{_URL}|\({_URL}{{0,200}}\))"
_ADDRESS = rf"(?:<({_NESTED}{{1,2000}})>|({_NESTED}{{1,2000}}))"
_NOT_IN_TITLE = r"\\`<>$\[\]\n\0"
_TITLE = rf"(?:[ \t]{{1,9}}(?:\"[^\"{_NOT_IN_TITLE}]{{0,300}}\"|'[^'{_NOT_IN_TITLE}]{{0,300}}'))?"
_INLINE = re.compile(rf"\([ \t]{{0,9}}{_ADDRESS}{_TITLE}[ \t]{{0,9}}\)")
_DEFINED = re.compile(rf":[ \t]{{0,9}}{_ADDRESS}{_TITLE}[ \t]{{0,9}}(?=\n|\Z)")
_MARK = re.compile(rf"{_SPAN}|\](?=[(:])")
_NOTE = re.compile(r":[ \t]+[^\s\[\]<>]{1,300}[ \t]+[^\s\"'(<]")
"""A footnote of more than one word, which a parser without footnotes cannot take for an address."""
_AUTOLINK = re.compile(rf"<((?:https?://|mailto:){_NESTED}{{1,2000}})>", re.IGNORECASE)
_TAG = re.compile(rf"<(?=[A-Za-z/!?])(?!(?:https?://|mailto:){_NESTED}{{1,2000}}>)", re.IGNORECASE)
_PICTURE = re.compile(r"!(?=\\*\[)")
_ATTRIBUTES = re.compile(r"\{(?=[:=])")
"""Some hosts read ``{: onclick=…}`` and ``{=html}`` after an element."""
_OTHER_SCHEME = re.compile(r"\b(ftp|xmpp):(?=\S)", re.IGNORECASE)
"""Schemes that hosts make links of without being asked to."""
_ENTITY = re.compile(r"&(#\d{1,7}|#[xX][0-9a-fA-F]{1,6}|bsol|dollar|lbrace|lcub|rbrace|rcub);")
_BARE = re.compile(r"(?:\bhttps?://|\bwww\.)[^\s<\0]*", re.IGNORECASE)
_ESCAPE = re.compile(r"\\([!-/:-@\[-`{-~])")
_FENCE_LIKE = re.compile(r"^([ \t>*+\d.)-]*)(~{3,}|`{3,}(?=[^`\n]*$))", re.MULTILINE)
_CLASHES = (("*", "*"), ("_", "_"), ("~", "~"), ("[", "["), ("]", "["), ("$", "$"), ("\\", "\\"))
"""What a span of code holds, and what before it may end there for a parser that looks for it
first."""
_MAX_LABEL = 500


def tame_prose(text: str) -> str:
    """Return Markdown without HTML, pictures, and links that mislead; spans of code are kept.

    Parameters
    ----------
    text : str
        Lines of Markdown outside of blocks of code, without NUL characters.
    """
    lines = text.split("\n")
    result: list[str] = []
    at = 0
    while at < len(lines):
        end = at
        while end < len(lines) and lines[end].strip(" \t"):
            end += 1
        if end > at:
            result.append(_tame_paragraph(lines[at:end]))
        if end < len(lines):
            result.append(lines[end])
        at = end + 1
    return "\n".join(result)


def tame_text(text: str, spans: Sequence[str] = ()) -> str:
    """Break up everything in a text that a host could obey, as if it held no code at all.

    Parameters
    ----------
    text : str
        Any text; each NUL in it stands for a span of code.
    spans : sequence of str
        The spans.
    """
    text = _FENCE_LIKE.sub(r"\1\\\2", text)
    text = _ENTITY.sub(_without_tex, text)
    text = _BARE.sub(_without_formula, text)
    text = _OTHER_SCHEME.sub(r"\1: ", text)
    text = _ATTRIBUTES.sub("{ ", _PICTURE.sub("! ", _TAG.sub("< ", text)))
    text = _AUTOLINK.sub(lambda link: link[0] + _leads_to("", link[1]), text)
    text = "".join(_targets(text, spans))
    # Doubled, its backslash would meet another one before it.
    return UNSAFE.sub(lambda command: "\\ " + command[0][1:], text)


def _tame_paragraph(lines: Sequence[str]) -> str:
    """Tame lines without a blank one between them."""
    spans_of = [_spans(line) for line in lines]
    if any(spans is None for spans in spans_of):
        return tame_text("\n".join(lines))
    codes: list[str] = []
    outside: list[str] = []
    for line, spans in zip(lines, spans_of, strict=True):
        at = 0
        for start, end in spans or ():
            outside += (line[at:start], _SPAN)
            codes.append(line[start:end])
            at = end
        outside += (line[at:], "\n")
    text = "".join(outside[:-1])
    clashing = [inside for inside, before in _CLASHES if before in text] + ["|"]
    kept = [tame_text(code) if any(char in code for char in clashing) else code for code in codes]
    pieces = tame_text(text, kept).split(_SPAN)
    return pieces[0] + "".join(code + piece for code, piece in zip(kept, pieces[1:], strict=True))


def _spans(line: str) -> list[tuple[int, int]] | None:
    """Return start and end of each span of code, or ``None`` where parsers may differ."""
    runs = list(_TICKS.finditer(line))
    if len(runs) % 2:
        return None
    spans: list[tuple[int, int]] = []
    at = 0
    for opener, closer in zip(runs[::2], runs[1::2], strict=True):
        before = line[at : opener.start()]
        if (
            opener[0] != closer[0]
            or before.endswith("\\")
            or line[closer.start() - 1] == "\\"
            or _ends_in_address(before)
        ):
            return None
        at = closer.end()
        spans.append((opener.start(), at))
    return spans


def _ends_in_address(text: str) -> bool:
    """Whether an address reaches to the end of a text, and may go on in what follows."""
    word = "" if not text or text[-1].isspace() else text.rsplit(None, 1)[-1].lower()
    return "://" in word or "www." in word


def _targets(text: str, spans: Sequence[str]) -> Iterator[str]:
    """Yield a text whose brackets lead nowhere but to the web, and say where."""
    at = 0
    places: list[int] = []
    for mark in _MARK.finditer(text):
        if mark[0] == _SPAN:
            places.append(mark.start())
            continue
        end = mark.end()
        yield text[at:end]
        at = end
        opener = text.rfind("[", max(0, end - 1 - _MAX_LABEL), end - 1)
        if text.startswith("[^", opener) and _NOTE.match(text, end):
            continue
        target = (_INLINE if text[end] == "(" else _DEFINED).match(text, end)
        address = (target[1] or target[2]) if target else ""
        if not SAFE_LINK.match(_ESCAPE.sub(r"\1", html.unescape(address))):
            yield " "
        elif target and text[end] == "(":
            label = text[opener + 1 : end - 1] if opener >= 0 else ""
            inside = spans[bisect_left(places, opener) :] if _SPAN in label else ()
            yield target[0] + _leads_to(label + " ".join(inside), address)
            at = target.end()
    yield text[at:]


def _leads_to(label: str, address: str) -> str:
    host = leads_elsewhere(label, html.unescape(address))
    return f" (→ {host})" if host else ""


def _without_tex(entity: re.Match[str]) -> str:
    """Return an entity as its source where it could be part of a TeX command."""
    char = html.unescape(entity[0])
    return (
        f"&amp;{entity[1]};"
        if char.isascii() and (char.isalnum() or char in "\\${}")
        else entity[0]
    )


def _without_formula(bare: re.Match[str]) -> str:
    """Return an address in which no parser finds a formula."""
    address = bare[0]
    if "\\" in address or "$" in address:
        address = re.sub(r"\\([_*~.#&+'=-])", r"\1", address)
        address = address.replace("$", "%24").replace("\\", "%5C")
    return address
