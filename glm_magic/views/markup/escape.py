"""Text from a model or a provider, made safe to put into a page."""

from __future__ import annotations

import html
import re

from ...core.text import escape_controls, strip_bidi
from .maths import UNSAFE

# A page's MathJax reads $…$, \(…\), \[…\] and \begin{…} in running text. An element around the
# first character of each keeps money and escaped brackets from being typeset.
_OPENS_MATHS = re.compile(r"\$|\\(?=[()\[\]]|begin\{|ref\{|eqref\{)")
_BLANK_START = re.compile(r"\A(?:[ \t\f\v]*\n)+")

SUMMARY = '<summary style="display:list-item">'
"""Begins a toggle, whose triangle some hosts' own styles take away."""


def escape_html(text: str) -> str:
    """Return `text` as HTML that no host typesets as mathematics."""
    return _OPENS_MATHS.sub(r"<span>\g<0></span>", html.escape(escape_controls(text), quote=False))


def escape_attribute(text: str) -> str:
    """Return `text` for an attribute in double quotes."""
    return html.escape(escape_controls(text), quote=True)


# A backslash before them is not enough: JupyterLab's parser takes it off inside the text of a link,
# two of them before a bracket begin a formula, and none may end inside an address.
_ENTITIES = {char: f"&#{ord(char)};" for char in "\\[]<`"}
_MARKDOWN = str.maketrans({**_ENTITIES, **{char: f"\\{char}" for char in "*_{}>#$&|~!"}})


def escape_markdown(text: str) -> str:
    """Return one line of text that Markdown, in any host, shows as it is."""
    # What a page typesets is what the escapes mean, so its commands are broken up too.
    return UNSAFE.sub(lambda tex: "\\ " + tex[0][1:], escape_controls(text)).translate(_MARKDOWN)


def summary_text(text: str) -> str:
    """Return one line of text for the ``<summary>`` of a Markdown file.

    An empty line, or the end of the line in some hosts, would end the HTML, and Markdown begin.
    """
    return " ".join(escape_markdown(text).replace("\\>", "&gt;").split()).replace("\\", "")


def strip_blank_lines(text: str) -> str:
    """Return `text` without leading and trailing blank lines; only for display."""
    return _BLANK_START.sub("", normalised(text)).rstrip()


def normalised(text: str) -> str:
    r"""Return `text` with every line end as ``\n``, and controls of text direction made visible."""
    return strip_bidi(text.replace("\r\n", "\n").replace("\r", "\n") if "\r" in text else text)
