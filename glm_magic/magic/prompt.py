"""One prompt, from the magic's line and cell to its reply.

``--compare``: one prompt in several lanes, each a variant of the cell's turn.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from ..core.errors import InvalidValueError
from ..core.i18n import tr
from ..engine.compare import Comparison, Lanes, expand_axes
from ..session.amounts import parse_amount
from ..session.conversation import VariantChoice
from ..session.session import Session
from ..views.compare import compare_view
from ..views.frontend import frontend_of
from ..views.options import ViewOptions
from ..views.play import View, play
from ..views.select import view_for
from .background import Background
from .display import Paragraph, show
from .line.interpolate import Interpolated, interpolate
from .line.options import MagicOptions
from .request_view import dry_run
from .sessions import ASIDE

if TYPE_CHECKING:
    from ..engine.options import Options
    from ..engine.reply import Reply
    from ..engine.stream import Stream
    from ..session.amounts import Amount
    from ..session.notebook import CellKey
    from .workspace import Workspace

LAST = "_glm"
"""The variable that always holds the last reply."""

_CODE = re.compile(
    r"(?ms)^[ ]{0,3}(?P<fence>`{3,}|~{3,})[^\n]*\n(?P<code>.*?)(?:^[ ]{0,3}(?P=fence)|\Z)"
)


@dataclass(frozen=True, slots=True)
class Prompt:
    """A prompt that is ready to be asked: its text, how, and from which cell."""

    prompt: Interpolated
    options: Options
    key: CellKey | None
    budget: Amount | None = None


def ask(desk: Workspace, options: MagicOptions, cell: str | None) -> Reply | Background | None:
    """Send a prompt, show the reply as it arrives, and bind it.

    Returns
    -------
    Reply, Background or None
        The reply, or with ``--bg`` what will give it; ``None`` when nothing was to be sent
        (``--dry-run``).

    Raises
    ------
    GlmError
        The prompt was refused or the reply failed; what had arrived has been shown.
    """
    prompt = prompt_of(desk, options, cell)
    session = _session(desk, options)
    asked = desk.asked(options, session)
    key = desk.cell.next_key() if options.history else None
    if options.bg and (options.format or desk.config.format) == "code":
        raise InvalidValueError(
            "--bg cannot put code into a new cell: other cells run by then",
            hint="leave out --bg, or -f code and take the code from the answer",
        )
    if options.dry_run:
        session.touch(key)
        ways = [way.options for way in expand_axes(options.compare, asked)]
        show(dry_run([session.plan(prompt.text, way, key, start_local=False) for way in ways]))
        return None
    budget = parse_amount(options.budget) if options.budget else None
    if options.compare:
        return compare(desk, options, session, Prompt(prompt, asked, key, budget))
    stream = session.open(prompt.text, asked, key, budget)
    return show_reply(desk, options, session, stream, prompt.inserted, alone=cell is not None)


def show_reply(
    desk: Workspace,
    options: MagicOptions,
    session: Session,
    stream: Stream,
    inserted: tuple[str, ...] = (),
    *,
    alone: bool = False,
) -> Reply | Background | None:
    """Show a reply as it arrives, and bind it.

    Raises
    ------
    GlmError
        The reply failed; what had arrived has been shown.
    """
    try:
        looks = view_options(desk, options, inserted, alone=alone)
        slot = session.slot_of(stream)
        if slot is not None and session.name != ASIDE:
            choice = VariantChoice(session.conversation, slot, lambda: desk.marks.refresh(session))
            looks = replace(looks, variants=choice)
        view = view_for(desk.shell, looks)
        desk.marks.showed(slot, view, looks)
        desk.marks.refresh(session)
    except BaseException:  # an interrupt: what nobody shows is not to be sent either
        stream.cancel()
        raise
    if options.bg:
        return _send_to_background(desk, options, session, stream, view)
    try:
        play(stream, view)
    finally:
        reply = _keep(desk, stream)
        desk.marks.ended(session, view)
    stream.raise_error()
    if reply is not None:
        _bind(desk, options, reply)
    return reply


def prompt_of(desk: Workspace, options: MagicOptions, cell: str | None) -> Interpolated:
    """Return the prompt with the values that it names put in."""
    text = join(options.prompt, cell, raw=options.raw)
    if not text.strip():
        alone = f"to ask {options.model} from here on, write %glm use {options.model}; "
        raise InvalidValueError(
            "the prompt is empty",
            hint=f"{alone if options.model and cell is None else ''}"
            "write the question under the %%glm line, or after %glm",
        )
    return Interpolated(text) if options.raw else interpolate(text, desk.namespace())


def join(line: str, cell: str | None, *, raw: bool = False) -> str:
    """Return the prompt: what stands on the magic's line, then the cell.

    IPython ends every cell with a line break of its own, which is taken off; other blank lines
    around the text stay only in a `raw` prompt.
    """
    body = (cell or "").removesuffix("\n")
    text = f"{line}\n{body}" if line and body else line + body
    return text if raw else text.strip("\r\n").rstrip()


def _session(desk: Workspace, options: MagicOptions) -> Session:
    name = options.session or desk.session_name
    if options.new and not options.dry_run:
        desk.conversations.start(name)
    session = desk.conversations.get(name)
    if not options.history or (options.new and options.dry_run):
        return desk.conversations.aside(session)
    return session


def view_options(
    desk: Workspace, options: MagicOptions, inserted: tuple[str, ...] = (), *, alone: bool = False
) -> ViewOptions:
    """Return how a reply is shown: line, then ``%config``."""
    config: Any = desk.config  # its traits check the choices
    return ViewOptions(
        show_thinking=options.show_thinking or config.show_thinking or "auto",
        format=options.format or config.format or ("json" if options.schema else None),
        quiet=options.quiet,
        inserted=inserted,
        owns_cell=alone,
        hold=options.hold,
        position=desk.places.next(),
        background=options.bg,
        language=config.language,
    )


def _send_to_background(
    desk: Workspace, options: MagicOptions, session: Session, stream: Stream, view: View
) -> Background:
    """Let the cell end while the reply goes on; its panel says how it ended, errors included."""
    job = desk.jobs.add(stream)
    names = [LAST, *([options.out] if options.out else [])]
    desk.shell.user_ns.update(dict.fromkeys(names, job))

    def at_end(reply: Reply) -> None:
        if desk.shell.user_ns.get(LAST) is job:
            desk.shell.user_ns[LAST] = reply

    if frontend_of(desk.shell) == "executor":  # it would write the file before the reply is there
        job.show_to_the_end(view, at_end)
        return job
    job.show(view, at_end, lambda: desk.marks.ended(session, view))
    if frontend_of(desk.shell) != "page" and not options.quiet:
        show(
            Paragraph(
                f"Job {job.number} runs in the background: %glm jobs, %glm stop {job.number}."
            )
        )
    return job


def _keep(desk: Workspace, stream: Stream) -> Reply | None:
    """Make a reply the last one, unless it failed before anything came."""
    if not stream.done:  # a second interrupt ended the waiting
        return None
    reply = stream.reply
    if reply.status != "failed" or reply.answer or reply.reasoning:
        desk.shell.user_ns[LAST] = reply
    return reply


def _bind(desk: Workspace, options: MagicOptions, reply: Reply) -> None:
    if options.out:
        desk.shell.user_ns[options.out] = reply
    if (options.format or desk.config.format) == "code":
        code = first_code_block(reply.answer)
        if code:
            desk.shell.set_next_input(code)


def first_code_block(answer: str) -> str:
    """Return the first fenced block of an answer; empty when there is none."""
    found = _CODE.search(answer)
    return found["code"].rstrip("\n") if found else ""


def compare(
    desk: Workspace, options: MagicOptions, session: Session, asking: Prompt
) -> Comparison | None:
    """Ask a prompt in several ways at the same time, and show the lanes side by side.

    Returns
    -------
    Comparison or None
        ``None`` when a second interrupt ended the waiting.

    Raises
    ------
    GlmError
        A lane was refused, so nothing was sent; or every lane failed.
    """
    if options.bg or options.hold:
        raise InvalidValueError(
            tr(
                "--compare and {option} exclude each other",
                option="--bg" if options.bg else "--hold",
            ),
            hint=tr("leave one of them out"),
        )
    ways = expand_axes(options.compare, asking.options)
    streams = session.open_lanes(
        asking.prompt.text, [way.options for way in ways], asking.key, budget=asking.budget
    )
    lanes = Lanes([way.label for way in ways], streams)
    slot = session.slot_of(streams[0])
    first = next(n for n, v in enumerate(slot.variants) if v.stream is streams[0]) if slot else 0

    def choose(place: int) -> None:
        if slot is not None:
            session.choose(slot, first + place)
            desk.marks.refresh(session)

    looks = view_options(desk, options, asking.prompt.inserted)
    view = compare_view(desk.shell, lanes, looks)
    desk.marks.showed(slot, view, looks)
    desk.marks.refresh(session)
    found: Comparison | None = None
    try:
        play(lanes, view)
    finally:
        if lanes.done:
            found = Comparison(lanes, choose if session.name != ASIDE else lambda _: None)
            if not lanes.failed:
                desk.shell.user_ns[LAST] = found
        desk.marks.ended(session, view)
    lanes.raise_error()
    if found is not None and options.out:
        desk.shell.user_ns[options.out] = found
    return found
