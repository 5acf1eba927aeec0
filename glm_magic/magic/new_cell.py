"""The first code block of an answer, put into a new cell (``-f code``)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from ..core.i18n import plural
from ..core.text import show_invisible
from .display import Paragraph, show

if TYPE_CHECKING:
    from .workspace import Workspace

_CODE = re.compile(
    r"(?ms)^[ ]{0,3}(?P<fence>`{3,}|~{3,})[^\n]*\n(?P<code>.*?)(?:^[ ]{0,3}(?P=fence)|\Z)"
)


def first_code_block(answer: str) -> str:
    """Return the first fenced block of an answer; empty when there is none."""
    match = _CODE.search(answer)
    return match["code"].rstrip("\n") if match else ""


def put_into_next_cell(workspace: Workspace, code: str) -> None:
    """Put code into a new cell, where it is run as it is read."""
    code, unseen = show_invisible(code)
    workspace.shell.set_next_input(code)
    if unseen:
        show(
            Paragraph(
                plural(
                    unseen,
                    "The code held {count} character that cannot be seen; it is marked in the new "
                    "cell.",
                    "The code held {count} characters that cannot be seen; they are marked in the "
                    "new cell.",
                )
            )
        )
