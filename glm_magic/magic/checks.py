"""Options of a magic line that exclude each other, need somebody to ask, or change nothing.

What cannot work is refused before anything is sent; what would silently do nothing gets a notice.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from ..core.errors import InvalidValueError
from ..core.i18n import Text, tr
from ..core.turn import Notice
from ..engine.options import Options
from ..engine.tapes import open_tape
from ..views.frontend import can_answer
from ..views.live.handshake import reads_while_busy
from ..views.options import ViewOptions
from ..views.questions import Questions
from ..views.select import where_for
from .line.options import MagicOptions

if TYPE_CHECKING:
    from .workspace import Workspace

_MAP_OPTIONS = {"jobs": "--jobs", "on": "--on", "keep": "--name", "fresh": "--fresh"}
_TOOL_OPTIONS = {"approve": "--approve", "parallel": "--parallel", "max_rounds": "--max-rounds"}


def refuse_in_background(line: MagicOptions, *, puts_code: bool) -> None:
    """Refuse what needs the cell although it has ended by then.

    Raises
    ------
    InvalidValueError
        ``--bg`` stands beside an option that it excludes.
    """
    if line.bg and puts_code:
        raise InvalidValueError(
            tr("--bg cannot put code into a new cell: other cells run by then"),
            hint=tr("leave out --bg, or -f code and take the code from the answer"),
        )


def asked_in_the_panel(workspace: Workspace, line: MagicOptions) -> Questions | None:
    """Return the questions that the panel is to ask, before anything is billed.

    Returns
    -------
    Questions or None
        ``None``: `input` asks.

    Raises
    ------
    InvalidValueError
        Nobody can answer.
    """
    has_panel = not line.quiet and where_for(workspace.shell, ViewOptions()) == "panel"
    if line.bg:
        if not has_panel:
            raise InvalidValueError(
                tr("--bg and --approve need a panel to ask in: input() would stop another cell"),
                hint=tr("leave one of them out, or run the cell in a notebook"),
            )
        return Questions()
    if can_answer(workspace.shell):
        return None
    if not has_panel or line.compare or not reads_while_busy():
        raise InvalidValueError(
            tr("--approve has nobody to ask: this notebook runs without a keyboard"),
            hint=tr("leave out --approve, or run the cell in a notebook or a terminal"),
        )
    return Questions()


def without_effect(line: MagicOptions, options: Options, *, puts_code: bool) -> Iterator[Notice]:
    """Yield a notice on each option of a line that changes nothing about its prompt.

    Parameters
    ----------
    line : MagicOptions
        What the line sets.
    options : Options
        What the prompt is asked with, the session's and the configuration's options included.
    puts_code : bool
        Whether code of the answer goes into a new cell.
    """
    if line.speed is not None and not _replays(options):
        yield _notice("--speed", tr("no tape is replayed"))
    if not (options.tools or options.mcp):
        for field, option in _TOOL_OPTIONS.items():
            if getattr(line, field) is not None:
                yield _notice(option, tr("no tool is named (--tool NAME, --mcp NAME)"))
    for field, option in _MAP_OPTIONS.items():
        if getattr(line, field) and not (line.rows or line.samples):
            reason = tr("neither rows nor samples are asked for (--map NAME, --samples N)")
            yield _notice(option, reason)
    if line.new and not line.history:
        yield _notice("--new", tr("--no-history touches no conversation"))
    if puts_code and line.compare:
        yield _notice("-f code", tr("a comparison has several answers"))
    if puts_code and line.hold == "answer":
        yield _notice("-f code", tr("--hold keeps the answer back"))


def no_code() -> Notice:
    """Return the notice on an answer without the code that was to go into a new cell."""
    return _notice("-f code", tr("the answer has no code block"))


def _replays(options: Options) -> bool:
    tape = open_tape(options.tape, options.speed)
    return tape is not None and tape.replays


def _notice(option: str, reason: Text) -> Notice:
    text = tr("{option} has no effect: {reason}", option=option, reason=reason)
    return Notice("no-effect", text)
