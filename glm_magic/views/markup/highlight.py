"""Code as HTML with few, short tags and classes, since it is saved in the notebook.

Keywords and comments are ``<b>`` and ``<i>``, which keep their look on hosts that drop every style.
"""

from __future__ import annotations

import html
import re
import time
from functools import lru_cache
from typing import Any

MAX_COLOURED = 60_000
"""Characters; longer code is shown without colours."""

MAX_LINE = 1_000
MAX_BLANK = 200
"""Characters of one line, and of blanks and blank lines in a row; code that has more has no
colours. Some lexers take quadratic time for them."""

_COLOURED = frozenset((
    "Awk", "Bash", "Bash Session", "Batchfile", "C", "C#", "C++", "CMake", "CSS", "Clojure",
    "Common Lisp", "Cython", "Dart", "Diff", "Django/Jinja", "Docker", "Elixir", "Erlang", "F#",
    "Fortran", "Go", "GraphQL", "Groovy", "HTML", "HTTP", "Haskell", "INI", "JSON", "JSX",
    "Java", "JavaScript", "Julia", "Kotlin", "Lua", "Makefile", "Matlab", "MySQL",
    "NASM", "Nginx configuration file", "Nimrod", "OCaml", "Objective-C", "PHP", "Perl",
    "PostgreSQL SQL dialect", "PowerShell", "Prolog", "Properties", "Protocol Buffer", "Python",
    "Python console session", "Ruby", "Rust", "S", "SCSS", "SPARQL", "SQL", "Scala", "Scheme",
    "Solidity", "Swift", "TOML", "TSX", "TeX", "Terraform", "TypeScript", "VB.net", "VimL",
    "XML", "YAML", "Zig", "reStructuredText", "verilog", "vhdl",
))  # fmt: skip
"""Names of the lexers that were seen to read hostile code in linear time (`tests/fuzz`); others
take minutes for ten thousand blank lines, and the model chooses the language."""

MAX_OPEN = 20
_COMMENTS = (("/*", "*/"), ("(*", "*)"), ("<!--", "-->"), ("--[[", "]]"), ("{-", "-}"))
"""The marks of comments. Where more than `MAX_OPEN` have no end, code has no colours, since many
lexers look for the end of each throughout the rest."""

MAX_CPU_S = 1.0
"""Code that a lexer works on for longer has no colours; 60,000 characters usually take 0.1 s."""
TOKENS_A_LOOK = 16
"""To look at the clock costs as much as a tenth of a token."""

_BLANK = re.compile(rf"\s{{{MAX_BLANK}}}")
_LONG_LINE = re.compile(rf"[^\n]{{{MAX_LINE}}}")
_WORDS = re.compile(r"[\w\s.<>\[\]$]{300}")
_HASHES = re.compile(r"[#\s]{300}")
_SLOW_FOR = {"Java": _WORDS, "C#": _WORDS, "Groovy": _WORDS, "PowerShell": _HASHES}
"""What some lexers read again from each place in it: words without punctuation, each of which may
begin a declaration, and lines of bare ``#``, each of which may begin a comment's keyword."""

_TAGS = (
    ("Keyword.Type", ("span", "f")),
    ("Keyword", ("b", "k")),
    ("Operator.Word", ("b", "k")),
    ("Comment.Preproc", ("span", "f")),
    ("Comment", ("i", "c")),
    ("Literal.String", ("span", "s")),
    ("Literal.Number", ("span", "m")),
    ("Name.Function", ("span", "f")),
    ("Name.Class", ("span", "f")),
    ("Name.Decorator", ("span", "f")),
    ("Name.Tag", ("b", "k")),
    ("Name.Attribute", ("span", "f")),
    ("Name.Builtin", ("span", "b")),
    ("Name.Exception", ("span", "b")),
    ("Operator", ("span", "o")),
    ("Generic.Deleted", ("span", "o")),
    ("Generic.Inserted", ("span", "m")),
    ("Generic.Heading", ("b", "k")),
)


COPY_BUTTON = '<button type="button" class="glm-c" title="Copy" style="display:none"></button>'
"""Hidden and empty: only the style sheet shows it, which a page drops together with scripts."""


_NAME = re.compile(r"[\w+#.-]{1,30}")


def block_html(code: str, language: str, direction: str = "") -> str:
    """Return a block of code with a button that copies it.

    Parameters
    ----------
    code : str
        The code.
    language : str
        Its language, which the block names in ``data-lang``.
    direction : str
        The direction of writing, where the block stands in a text of the other one.
    """
    name = _NAME.fullmatch(language.strip())
    attributes = f' data-lang="{name[0]}"' if name else ""
    attributes += f' dir="{direction}"' if direction else ""
    return f"<pre{attributes}>{COPY_BUTTON}<code>{code_html(code, language)}</code></pre>\n"


def code_html(code: str, language: str) -> str:
    """Return `code` as HTML; an unknown language, or none, gives plain text."""
    lexer = _lexer(language.strip().lower()) if len(code) <= MAX_COLOURED else None
    if lexer is None or _is_slow(lexer.name, code):
        return html.escape(code, quote=False)
    runs = _runs(lexer, code)
    # Some lexers normalise what they read, and some take too long.
    if "".join(text for _, text in runs) != code:
        return html.escape(code, quote=False)
    return "".join(_marked(mark, text) for mark, text in runs)


def _is_slow(lexer: str, code: str) -> bool:
    """Whether a lexer would take long for a piece of code."""
    if _BLANK.search(code) or _LONG_LINE.search(code):
        return True
    if lexer in _SLOW_FOR and _SLOW_FOR[lexer].search(code):
        return True
    return any(code.count(mark, code.rfind(end) + 1) > MAX_OPEN for mark, end in _COMMENTS)


@lru_cache(maxsize=64)
def _lexer(language: str) -> Any:
    if not language:
        return None
    from pygments.lexers import get_lexer_by_name
    from pygments.util import ClassNotFound

    try:
        lexer = get_lexer_by_name(language, stripnl=False, ensurenl=False)
    except ClassNotFound:
        return None
    return lexer if lexer.name in _COLOURED else None


def _runs(lexer: Any, code: str) -> list[tuple[tuple[str, str] | None, str]]:
    """Return the code as runs of one look each, as far as a lexer comes in `MAX_CPU_S`."""
    runs: list[tuple[tuple[str, str] | None, str]] = []
    until_s = time.thread_time() + MAX_CPU_S
    for number, (kind, text) in enumerate(lexer.get_tokens(code)):
        if number % TOKENS_A_LOOK == 0 and time.thread_time() > until_s:
            break
        mark = None if text.isspace() else _mark(str(kind))
        if runs and runs[-1][0] == mark:
            runs[-1] = (mark, runs[-1][1] + text)
        else:
            runs.append((mark, text))
    return runs


@lru_cache(maxsize=256)
def _mark(kind: str) -> tuple[str, str] | None:
    name = kind.removeprefix("Token.")
    return next((mark for prefix, mark in _TAGS if name.startswith(prefix)), None)


def _marked(mark: tuple[str, str] | None, text: str) -> str:
    escaped = html.escape(text, quote=False)
    return f'<{mark[0]} class="{mark[1]}">{escaped}</{mark[0]}>' if mark else escaped
