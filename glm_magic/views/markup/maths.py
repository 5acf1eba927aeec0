r"""Mathematics in Markdown: ``\(…\)``, ``\[…\]``, ``$…$``, ``$$…$$`` and ``\begin{align}``.

Formulas come out between ``\(…\)`` and ``\[…\]`` in an element of class ``glm-x``, for the host's
own MathJax. The element also carries MathML in ``data-mathml``, for a script to show where no
MathJax is: an attribute, because a host that sanitises a page drops it whole, while it would take
the tags of an element away and leave the formula there twice.

A formula has a longest length and never holds a blank line, so `incremental` can tell at a blank
line that a block is finished.

``mdit-py-plugins`` does not fit a model's text: its ``dollarmath`` reads "$5 and $10" as a formula
and continues ``$$`` beyond a blank line, its ``texmath`` takes quadratic time for ``\(`` without an
end, and neither can show a formula that is still arriving.
"""

from __future__ import annotations

import html
import re
from bisect import bisect_left
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from .mathml import mathml

if TYPE_CHECKING:
    from markdown_it import MarkdownIt
    from markdown_it.rules_block import StateBlock
    from markdown_it.rules_inline import StateInline
    from markdown_it.token import Token


def add_rule(md: MarkdownIt, name: str, show: Callable[[Sequence[Token], int], str]) -> None:
    """Render the tokens of one name with `show`, which gets all tokens and an index."""

    def rule(_renderer: Any, tokens: Sequence[Token], idx: int, _options: Any, _env: Any) -> str:
        return show(tokens, idx)

    md.add_render_rule(name, rule)


OPEN_ENDED = "open_ended"
"""Key of the parser's environment: the text is still growing, its last formula may be unclosed."""

ENVIRONMENT = re.compile(r"\\begin\{((?:equation|align|gather|multline|eqnarray)\*?)\}")

# Commands by which MathJax writes links or styles, or keeps definitions beyond the formula.
UNSAFE = re.compile(
    r"\\(?:href|url|style|class|cssId|data|html\w*|require|includegraphics|csname|let|[gex]?def"
    r"|(?:re)?new(?:command|environment)|providecommand|mmlToken|bbox|fcolorbox|definecolor"
    r"|Declare\w+|Newextarrow|texttip|mathtip|toggle|unicode)(?![A-Za-z])"
)
"""TeX that is shown as its source: links, styles, tooltips, definitions."""

_CLOSERS = {
    # An even number of backslashes before a closer escape each other, and not the closer.
    "$": re.compile(r"(?<!\\)(?:\\\\)*(\$)"),
    "$$": re.compile(r"(?<!\\)(?:\\\\)*(\$)(?=\$)"),
    "\\)": re.compile(r"(?<!\\)(?:\\\\)*(\\\))"),
    "\\]": re.compile(r"(?<!\\)(?:\\\\)*(\\\])"),
}

MAX_FORMULA = 20_000
"""Characters; anything longer is text that only looks like a formula."""

_UNCLOSED = "unclosed"
"""Key of the parser's environment: the line up to which each closer is known to be absent, so that
many openers without an end do not each search the same lines."""

_PUNCTUATION = re.compile("[.,;:。,;]*")

_BRACKETS = {"\\(": "\\)", "\\[": "\\]"}


def add_maths(md: MarkdownIt) -> None:
    """Let a parser read formulas and render them."""
    md.inline.ruler.before("escape", "maths", _inline)
    interrupts = ["paragraph", "reference", "blockquote", "list"]
    md.block.ruler.before("fence", "maths_block", _block, {"alt": interrupts})
    add_rule(md, "maths", _render)
    add_rule(md, "maths_open", _render_open)


_STANDARD = (
    (re.compile(r"\\(begin|end)\{(?:align|flalign|split)\*?\}"), r"\\\1{aligned}"),
    (re.compile(r"\\(begin|end)\{(?:gather|multline)\*?\}"), r"\\\1{gathered}"),
    (re.compile(r"\\begin\{eqnarray\*?\}"), r"\\begin{array}{rcl}"),
    (re.compile(r"\\end\{eqnarray\*?\}"), r"\\end{array}"),
    (
        re.compile(r"\\(?:begin|end)\{equation\*?\}|\\label\{[^{}]{0,99}\}|\\(?:nonumber|notag)\b"),
        "",
    ),
    (re.compile(r"\\tag\*\{([^{}$\\]{1,99})\}"), r"\\qquad\\text{\1}"),
    (re.compile(r"\\tag\{([^{}$\\]{1,99})\}"), r"\\qquad\\text{(\1)}"),
)


def standard_tex(tex: str) -> str:
    """Return a formula as every reader of TeX takes it between two dollar signs.

    MathJax is lenient: for LaTeX an ``align`` inside of a formula, as models write it, is an error,
    and so is a number where nothing is numbered.
    """
    for pattern, replacement in _STANDARD:
        tex = pattern.sub(replacement, tex)
    return tex


def _render(tokens: Sequence[Token], idx: int) -> str:
    token = tokens[idx]
    tex = html.escape(token.content.strip(), quote=False)
    if UNSAFE.search(token.content):
        return f"<pre><code>{tex}</code></pre>\n" if token.block else f"<code>{tex}</code>"
    drawn = mathml(standard_tex(token.content), display=bool(token.info))
    drawn = f' data-mathml="{html.escape(drawn)}"' if drawn else ""
    if token.info == "environment":
        return f'<div class="glm-x glm-d"{drawn}>{tex}</div>\n'
    if token.info == "display":
        tag = "div" if token.block else "span"
        return f'<{tag} class="glm-x glm-d"{drawn}>\\[{tex}\\]</{tag}>' + "\n" * token.block
    return f'<span class="glm-x"{drawn}>\\({tex}\\)</span>'


def _render_open(tokens: Sequence[Token], idx: int) -> str:
    return f'<pre class="glm-u">{html.escape(tokens[idx].content, quote=False)}</pre>\n'


def _inline(state: StateInline, silent: bool) -> bool:
    formula = formula_at(state.src, state.pos)
    if formula is None or formula[1] > state.posMax:
        return False
    content, end, display = formula
    if not silent:
        token = state.push("maths", "", 0)
        token.content = content
        token.info = "display" if display else ""
    state.pos = end
    return True


def formula_at(src: str, pos: int) -> tuple[str, int, bool] | None:
    """Return a formula's content, its end, and whether it is displayed."""
    if src.startswith("$$", pos):
        return _closed(src, pos + 2, "$$", display=True)
    if src[pos] == "$":
        return _dollar(src, pos)
    closer = _BRACKETS.get(src[pos : pos + 2])
    return _closed(src, pos + 2, closer, display=closer == "\\]") if closer else None


def _closed(src: str, start: int, closer: str, display: bool) -> tuple[str, int, bool] | None:
    ends = _unescaped(src, closer)
    at = bisect_left(ends, start)
    end = ends[at] if at < len(ends) else start
    content = src[start:end] if end - start <= MAX_FORMULA else ""
    # A backtick is never TeX: the closer would stand inside a code span.
    if not content.strip() or "`" in content:
        return None
    return content, end + len(closer), display


@lru_cache(maxsize=8)
def _unescaped(src: str, closer: str) -> list[int]:
    """Return the index of every `closer` that no backslash escapes.

    Cached, because the rule is tried at every opener of the same text.
    """
    return [match.start(1) for match in _CLOSERS[closer].finditer(src)]


def _find_unescaped(src: str, closer: str, pos: int) -> int:
    """Return the index of the first `closer` that no backslash escapes, or -1."""
    while pos < len(src):
        if src.startswith(closer, pos):
            return pos
        pos += 2 if src[pos] == "\\" else 1
    return -1


def _dollar(src: str, pos: int) -> tuple[str, int, bool] | None:
    """Read ``$…$``, and leave money alone: ``$5 and $10``, ``US$5``, ``$5-$10``."""
    before = src[pos - 1] if pos else ""
    if before.isascii() and before.isalnum():
        return None
    formula = _closed(src, pos + 1, "$", display=False)
    if formula is None:
        return None
    content, end, _ = formula
    after = src[end : end + 1]
    if content[0].isspace() or content[-1].isspace() or after.isdigit():
        return None
    return None if _is_money(content) else formula


def _is_money(content: str) -> bool:
    """Whether this is ``5) or (`` of "($5) or ($6)", and not a formula with a digit first."""
    pairs = (("(", ")"), ("[", "]"), ("{", "}"))
    unbalanced = any(content.count(left) != content.count(right) for left, right in pairs)
    return content[0].isdigit() and unbalanced


def _block(state: StateBlock, start_line: int, end_line: int, silent: bool) -> bool:
    if state.is_code_block(start_line):
        return False
    opener, closer = _delimiters(_line(state, start_line))
    searched_to: dict[str, int] = state.env.setdefault(_UNCLOSED, {})
    if not closer or start_line < searched_to.get(closer, 0):
        return False
    lines: list[str] = []
    for line in range(start_line, end_line):
        text = _line(state, line)
        if not text.strip() or (line > start_line and state.sCount[line] < state.blkIndent):
            searched_to[closer] = line
            return False
        text = text[len(opener) :] if line == start_line else text
        at = _find_unescaped(text, closer, 0)
        if at >= 0:
            content = "\n".join([*lines, text[:at]])
            trailing = text[at + len(closer) :].strip()
            return _close(state, start_line, line, (opener, content, trailing), silent)
        lines.append(text)
    if _leave_open(state, start_line, end_line, opener + "\n".join(lines), silent):
        return True
    searched_to[closer] = end_line
    return False


def _line(state: StateBlock, line: int) -> str:
    return state.src[state.bMarks[line] + state.tShift[line] : state.eMarks[line]]


def _delimiters(text: str) -> tuple[str, str]:
    """Return the opener of a displayed formula at the start of a line, and its closer."""
    if text.startswith("$$"):
        return "$$", "$$"
    if text.startswith("\\["):
        return "\\[", "\\]"
    environment = ENVIRONMENT.match(text)
    return (environment[0], f"\\end{{{environment[1]}}}") if environment else ("", "")


def _close(
    state: StateBlock, first: int, last: int, parts: tuple[str, str, str], silent: bool
) -> bool:
    opener, content, trailing = parts
    # Text after the closer makes it a formula in a line of text, which the inline rule reads.
    if not _PUNCTUATION.fullmatch(trailing) or not content.strip() or "`" in content:
        return False
    if silent:
        return True
    state.line = last + 1
    token = state.push("maths", "", 0)
    token.map = [first, state.line]
    token.block = True
    if opener.startswith("\\begin"):
        token.info, token.content = "environment", opener + content + opener.replace("begin", "end")
    else:
        token.info, token.content = "display", content.strip() + trailing
    return True


def _leave_open(state: StateBlock, first: int, last: int, source: str, silent: bool) -> bool:
    """Show a formula that is still arriving as its source, rather than as half a paragraph."""
    if not state.env.get(OPEN_ENDED) or last < state.lineMax or "`" in source:
        return False
    if silent:
        return True
    state.line = last
    token = state.push("maths_open", "", 0)
    token.map = [first, last]
    token.content = source
    return True
