"""The hook in IPython's completer; what it offers is loaded with the first Tab on our lines."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from IPython.core.completer import CompletionContext, SimpleCompletion, context_matcher

if TYPE_CHECKING:
    from ..desk import Desk

_LINE = re.compile(r"\s*(?:[^%\"'#]*=\s*)?(?P<magic>%%?)glm\s+(?P<rest>.*)", re.DOTALL)


class Completion:
    """A matcher for IPython's completer, on our lines only."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def install(self) -> None:
        """Put the matcher before IPython's own."""
        self._matchers().append(self.match)

    def uninstall(self) -> None:
        """Take it away again."""
        if self.match in self._matchers():
            self._matchers().remove(self.match)

    def _matchers(self) -> list[Any]:
        completer: Any = self._desk.shell.Completer
        matchers: list[Any] = completer.custom_matchers
        return matchers

    @context_matcher(identifier="glm_magic", priority=100)  # type: ignore[untyped-decorator]
    def match(self, context: CompletionContext) -> Any:
        """Return what may stand at the cursor; nothing on a line that is not ours."""
        line = _LINE.fullmatch(context.text_until_cursor)
        if line is None or (line["magic"] == "%%" and context.cursor_line > 0):
            return {"completions": [], "suppress": False}
        from .complete import candidates

        typed, words = candidates(self._desk, line["rest"], is_cell=line["magic"] == "%%")
        return {
            "completions": [SimpleCompletion(text=word, type="param") for word in words],
            "matched_fragment": typed,
            "suppress": True,
            "ordered": True,
        }
