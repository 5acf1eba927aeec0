"""The hooks in IPython's input transformer and completer, for ``%glm`` and ``%%glm`` lines only.

The transformer is needed for three reasons. IPython takes a line that ends in ``?`` for a request
for help, and a question is what people write on a ``%glm`` line. It refuses a cell magic without a
body, so that ``%%glm why is the sky blue?`` alone would be an error. And a ``%glm`` line shows its
output itself, so it has no value that could be shown once more when it is the last line of a cell:
a ``None`` after the call is in its place. A fourth rule says what is wrong with a
cell whose ``%%glm`` is not its first line.

The completer's candidates are loaded with the first Tab on such a line, so that loading the
extension stays fast.
"""

from __future__ import annotations

import ast
import re
import tokenize
import warnings
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from IPython.core.completer import CompletionContext, SimpleCompletion, context_matcher
from IPython.core.inputtransformer2 import (
    MagicAssign,
    TokenTransformBase,
    assemble_continued_line,
    find_end_of_continued_line,
)

from ...core.errors import InvalidValueError
from ...core.i18n import tr

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

    from ..workspace import Workspace

_NAME = "glm"

_BARE_CELL = re.compile(r"%%glm(?:\s+\S.*)?\s*")

_CELL_MAGIC = re.compile(r"%%glm(?=\s|$)")

_MARKS = {tokenize.INDENT, tokenize.DEDENT}

_ESCAPES = {"%", "!", "?", ",", ";", "/"}
"""What begins a line of IPython's syntax; what follows is not Python."""

_OPENING, _CLOSING = {"(", "[", "{"}, {")", "]", "}"}


class GlmLine(TokenTransformBase):
    """A ``%glm …`` statement, or ``name = %glm …?``, taken before IPython's rule for help."""

    priority = 1

    def __init__(self, start: tuple[int, int], percent: tuple[int, int]) -> None:
        super().__init__(start)  # type: ignore[no-untyped-call]
        self.percent = percent

    @classmethod
    def find(cls, tokens_by_line: list[list[tokenize.TokenInfo]]) -> GlmLine | None:
        """Return the first such statement of the cell."""
        for tokens in tokens_by_line:
            first = next((token for token in tokens if token.type not in _MARKS), None)
            percent = _percent(tokens)
            if first is not None and percent is not None:
                return cls(first.start, percent.start)
        return None

    def transform(self, lines: list[str]) -> list[str]:
        """Rewrite the statement as a call, the text as typed."""
        row, column = self.percent[0] - 1, self.percent[1]
        if column != self.start_col:
            assignment = MagicAssign((row + 1, column))  # type: ignore[no-untyped-call]
            return list(assignment.transform(lines))
        end = find_end_of_continued_line(lines, row)
        text = assemble_continued_line(lines, (row, column), end)
        argument = text[1 + len(_NAME) :].removeprefix(" ")
        call = f"get_ipython().run_line_magic({_NAME!r}, {argument!r}); None\n"
        return [*lines[:row], lines[row][:column] + call, *lines[end + 1 :]]


def _percent(tokens: list[tokenize.TokenInfo]) -> tokenize.TokenInfo | None:
    """Return the ``%`` of ``%glm`` at the start of a line or of an assigned value."""
    code = [token for token in tokens if token.type not in _MARKS]
    if code and code[0].string in _ESCAPES:
        return code[0] if len(code) > 1 and _is_glm(code[0], code[1]) else None
    depth = 0
    for before, token, after in zip(code, code[1:], code[2:], strict=False):
        depth += (before.string in _OPENING) - (before.string in _CLOSING)
        if before.string == "=" and depth == 0 and _is_glm(token, after):
            return token
    return None


def _is_glm(percent: tokenize.TokenInfo, name: tokenize.TokenInfo) -> bool:
    """Whether ``glm`` follows at once and is a whole word, not the start of ``%glm?``."""
    if percent.string != "%" or name.string != _NAME or name.start != percent.end:
        return False
    return re.match(r"\s|$", percent.line[name.end[1] :]) is not None


def give_body(lines: list[str]) -> list[str]:
    """Give a ``%%glm`` cell of one line an empty body, so that IPython runs it."""
    if len(lines) == 1 and _BARE_CELL.fullmatch(lines[0]):
        return [*lines, "\n"]
    return lines


def refuse_lines_above(lines: list[str]) -> list[str]:
    """Replace a cell whose ``%%glm`` is not its first line by a call that says so.

    IPython takes such a cell for Python, and its prompt for a syntax error. A ``%%glm`` inside a
    string, or below another cell magic, is none.
    """
    at = next((n for n, line in enumerate(lines) if _CELL_MAGIC.match(line)), 0)
    above = lines[:at]
    if not above or above[0].startswith("%%") or not _is_whole(above):
        return lines
    return [f"__import__({__name__!r}, fromlist=['x']).not_the_first_line()\n"]


def not_the_first_line() -> None:
    """Refuse the cell that runs.

    Raises
    ------
    InvalidValueError
        Always.
    """
    raise InvalidValueError(
        tr("%%glm is not the first line of its cell, so that IPython takes the cell for Python"),
        hint=tr("move what stands above it, a comment too, into a cell of its own"),
    )


def _is_whole(lines: list[str]) -> bool:
    """Whether lines end outside of a string or a bracket; lines of IPython's syntax count."""
    python = (re.sub(r"^(\s*)[%!?].*", r"\1pass", line) for line in lines)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # what the user's code is warned of is not for us
            ast.parse("".join(python))
    except (SyntaxError, ValueError, RecursionError):
        return False
    return True


_LINE_TRANSFORMS = (refuse_lines_above, give_body)


def install(shell: InteractiveShell) -> None:
    """Add the rules, unless they are there already."""
    rules: Any = shell.input_transformer_manager
    if GlmLine not in rules.token_transformers:
        rules.token_transformers.append(GlmLine)
    for transform in _LINE_TRANSFORMS:
        if transform not in rules.line_transforms:
            rules.line_transforms.insert(0, transform)


def uninstall(shell: InteractiveShell) -> None:
    """Remove the rules."""
    rules: Any = shell.input_transformer_manager
    if GlmLine in rules.token_transformers:
        rules.token_transformers.remove(GlmLine)
    for transform in _LINE_TRANSFORMS:
        if transform in rules.line_transforms:
            rules.line_transforms.remove(transform)


class _Nothing(list[SimpleCompletion]):
    """No completions, which count as one: IPython then asks no other matcher."""

    def __len__(self) -> int:
        return 1


_LINE = re.compile(r"\s*(?:[^%\"'#]*=\s*)?(?P<magic>%%?)glm\s+(?P<rest>.*)", re.DOTALL)


class Completion:
    """A matcher for IPython's completer, on our lines only."""

    def __init__(self, shell: InteractiveShell, workspace: Callable[[], Workspace]) -> None:
        self._shell = shell
        self._workspace = workspace

    def install(self) -> None:
        """Add the matcher to IPython's completer."""
        self._matchers().append(self.match)

    def uninstall(self) -> None:
        """Remove the matcher."""
        if self.match in self._matchers():
            self._matchers().remove(self.match)

    def _matchers(self) -> list[Any]:
        completer: Any = self._shell.Completer
        matchers: list[Any] = completer.custom_matchers
        return matchers

    @context_matcher(identifier="glm_magic", priority=100)  # type: ignore[untyped-decorator]
    def match(self, context: CompletionContext) -> Any:
        """Return what may stand at the cursor; nothing on any other line."""
        line = _LINE.fullmatch(context.text_until_cursor)
        if line is None or (line["magic"] == "%%" and context.cursor_line > 0):
            return {"completions": [], "suppress": False}
        from .complete import complete

        typed, words = complete(self._workspace(), line["rest"], is_cell=line["magic"] == "%%")
        if not words and "{" in typed:  # a Python expression, which IPython completes
            return {"completions": [], "suppress": False}
        completions = [SimpleCompletion(text=word, type="param") for word in words]
        return {
            "completions": completions or _Nothing(),
            "matched_fragment": typed,
            "suppress": True,
            "ordered": True,
        }
