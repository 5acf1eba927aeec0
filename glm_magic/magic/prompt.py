"""One prompt, from the magic's line and cell to its reply.

With ``--compare`` the prompt is asked in several lanes at the same time. Each lane is a variant of
the cell's turn, so one of them can be chosen for what later turns see.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from ..core.errors import InvalidValueError
from ..core.i18n import joined, tr
from ..core.turn import Notice, Turn
from ..engine.compare import Comparison, Lanes, expand_axes
from ..engine.interpolate import Interpolated, interpolate
from ..pictures.values import picture_of
from ..session.amounts import parse_amount
from ..session.session import Session
from ..session.slots import VariantChoice
from ..tools.tool import describe_call
from ..views.compare import compare_view
from ..views.frontend import frontend_of
from ..views.options import ViewOptions
from ..views.play import View, play
from ..views.select import view_for
from .background import Background
from .cells import first_code_block, put_into_next_cell
from .checks import (
    asked_in_the_panel,
    no_code,
    refuse_in_background,
    without_effect,
)
from .display import Paragraph, show
from .help import whole_help
from .line.options import MagicOptions
from .line.parse import parse
from .request_view import dry_run
from .rethinking import thoughts_of
from .workspace import LAST, NO_HISTORY, kept_as

if TYPE_CHECKING:
    from ..engine.options import Options
    from ..engine.reply import Reply
    from ..engine.stream import Stream
    from ..session.amounts import Amount
    from ..session.notebook import CellKey
    from .workspace import Workspace


@dataclass(frozen=True, slots=True)
class Prompt:
    """A prompt that is ready to be asked: its text, its options, and its cell's key."""

    text: Interpolated
    options: Options
    key: CellKey | None
    budget: Amount | None = None
    notices: tuple[Notice, ...] = ()


def run_prompt(workspace: Workspace, line: str, cell: str | None) -> Any:
    """Ask what a line, or a line and its cell, say; return the reply."""
    options = parse(line, workspace.is_model, workspace.namespace)
    if options.help:
        show(whole_help())
        return None
    if options.rows or options.samples:
        from .many import ask_rows, ask_samples  # which few cells need

        if not options.rows:
            return ask_samples(workspace, options, prompt_text(workspace, options, cell))
        return ask_rows(workspace, options, join(options.prompt, cell, raw=options.raw))
    return ask(workspace, options, cell)


def ask(workspace: Workspace, line: MagicOptions, cell: str | None) -> Reply | Background | None:
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
    text = prompt_text(workspace, line, cell)
    puts_code = _format(workspace, line) == "code"
    sets_options = line != MagicOptions(prompt=line.prompt)
    if sets_options:
        refuse_in_background(line, puts_code=puts_code)
    session, notices = session_of(workspace, line)
    options = workspace.options(line, session)
    if sets_options:
        idle = without_effect(line, options, puts_code=puts_code)
        notices = (*line.notices, *notices, *idle)
    key = workspace.cell.next_key() if line.history else None
    asks = line.approve and not line.dry_run
    questions = asked_in_the_panel(workspace, line) if asks else None
    if line.dry_run:
        session.touch(key)
        lanes = [lane.options for lane in expand_axes(line.compare, options)]
        show(dry_run([session.plan(text.message, lane, key, start_local=False) for lane in lanes]))
        for notice in notices:
            show(Paragraph(notice.message))
        return None
    budget = parse_amount(line.budget) if line.budget else None
    if line.compare:
        return _compare(workspace, line, session, Prompt(text, options, key, budget, notices))
    shown = view_options(workspace, line, text.inserted, owns_cell=cell is not None)
    stream = session.open(text.message, options, key, budget)
    stream.note(notices)
    if questions is not None:
        ask_user = questions.ask
        stream.approve_with(lambda name, arguments: ask_user(describe_call(name, arguments)))
        shown = replace(shown, questions=questions)
    return show_reply(workspace, line, session, stream, shown)


def show_reply(
    workspace: Workspace,
    line: MagicOptions,
    session: Session,
    stream: Stream,
    options: ViewOptions,
) -> Reply | Background | None:
    """Show a reply as it arrives, and bind it.

    Raises
    ------
    GlmError
        The reply failed; what had arrived has been shown.
    """
    try:
        slot = session.slot_of(stream)
        if slot is not None and session.name != NO_HISTORY:
            choice = VariantChoice(
                session.conversation, slot, lambda: workspace.outputs.refresh(session)
            )
            thoughts = thoughts_of(workspace, session, slot, stream)
            options = replace(options, variants=choice, thoughts=thoughts)
        plan = stream.call.tool_plan
        if options.format is None and plan is not None and plan.schema is not None:
            options = replace(options, format="json")
        view = view_for(workspace.shell, options)
        workspace.outputs.register(session, slot, view, options)
        workspace.outputs.refresh(session)
    except BaseException:  # an interrupt too: what is not shown must not be sent either
        stream.cancel()
        raise
    if line.bg:
        return _send_to_background(workspace, line, session, stream, view)
    try:
        play(stream, view, lambda: _with_missing_code(workspace, line, stream.turn))
    finally:
        reply = _set_last(workspace, stream)
        if reply is not None and not line.quiet:
            workspace.shown.add(reply)
        workspace.outputs.finished(session, view)
    stream.raise_error()
    if reply is not None:
        _bind(workspace, line, reply)
    return reply


def prompt_text(workspace: Workspace, line: MagicOptions, cell: str | None) -> Interpolated:
    """Return the prompt with the values that it names put in."""
    text = join(line.prompt, cell, raw=line.raw)
    if not text.strip():
        hint = tr("write the question under the %%glm line, or after %glm")
        if line.model and cell is None:
            use = tr("to ask {model} from here on, write %glm use {model}", model=line.model)
            hint = joined([use, hint])
        raise InvalidValueError(tr("the prompt is empty"), hint=hint)
    if line.raw or "{" not in text:
        prompt = Interpolated(text, line.inserted)
    else:
        prompt = interpolate(text, workspace.namespace(), picture=picture_of)
        inserted = tuple(dict.fromkeys([*line.inserted, *prompt.inserted]))
        prompt = replace(prompt, inserted=inserted)
    if not line.above:
        return prompt
    from .above import below_the_cells  # which few prompts need

    return below_the_cells(workspace, prompt)


def join(line: str, cell: str | None, *, raw: bool = False) -> str:
    """Return the prompt: the text on the magic's line, then the cell.

    IPython ends every cell with a line break, which is taken off; other blank lines around the text
    stay only in a `raw` prompt.
    """
    body = (cell or "").removesuffix("\n")
    text = f"{line}\n{body}" if line and body else line + body
    return text if raw else text.strip("\r\n").rstrip()


def session_of(workspace: Workspace, line: MagicOptions) -> tuple[Session, tuple[Notice, ...]]:
    """Return the session that a line asks in, started afresh where the line says so.

    Returns
    -------
    tuple of (Session, tuple of Notice)
        The session, and what became of the turns that it had.
    """
    name = line.session or workspace.session_name
    notices: tuple[Notice, ...] = ()
    if line.new and line.history and not line.dry_run:
        earlier = workspace.sessions.start(name)
        notices = (Notice("renamed", kept_as(name, earlier)),) if earlier else ()
    session = workspace.sessions.get(name)
    if not line.history or (line.new and line.dry_run):
        return workspace.sessions.without_history(session), ()
    return session, notices


def _format(workspace: Workspace, line: MagicOptions) -> str | None:
    config: Any = workspace.config  # its traits check the choices
    return line.format or config.format


def view_options(
    workspace: Workspace,
    line: MagicOptions,
    inserted: tuple[str, ...] = (),
    *,
    owns_cell: bool = False,
) -> ViewOptions:
    """Return how a reply is shown: the line's options, then ``%config``'s."""
    config: Any = workspace.config
    format_: Any = _format(workspace, line)
    return ViewOptions(
        show_thinking=line.show_thinking or config.show_thinking or "auto",
        format=format_ or ("json" if line.schema else None),
        quiet=line.quiet,
        inserted=inserted,
        owns_cell=owns_cell,
        hold=line.hold,
        position=workspace.next_position(),
        background=line.bg,
        language=config.language,
    )


def _send_to_background(
    workspace: Workspace, line: MagicOptions, session: Session, stream: Stream, view: View
) -> Background:
    """Let the cell end while the reply arrives; its panel shows how it ended, errors included."""
    job = workspace.jobs.add(stream)
    if not line.quiet:
        workspace.shown.add(job)
    variables = workspace.shell.user_ns
    variables.update(dict.fromkeys([LAST, *([line.out] if line.out else [])], job))

    def at_end(reply: Reply) -> None:
        if variables.get(LAST) is job:
            variables[LAST] = reply

    frontend = frontend_of(workspace.shell)
    if frontend == "executor":  # it would write the notebook before the reply is there
        job.show_to_the_end(view, at_end)
        stream.raise_error()
        return job
    job.show(view, at_end, lambda: workspace.outputs.finished(session, view))
    if frontend != "page" and not line.quiet:
        started = tr("Job {number} runs in the background: %glm jobs, %glm stop {number}.",
                     number=job.number)  # fmt: skip
        show(Paragraph(started))
    return job


def _set_last(workspace: Workspace, stream: Stream) -> Reply | None:
    """Bind `LAST` to a reply, unless it failed before anything arrived."""
    if not stream.done:  # a second interrupt ended the waiting
        return None
    reply = stream.reply
    if reply.status != "failed" or reply.answer or reply.reasoning:
        workspace.shell.user_ns[LAST] = reply
    return reply


def _with_missing_code(workspace: Workspace, line: MagicOptions, turn: Turn) -> Turn:
    """Return a turn with a notice where no code follows although it was to."""
    if _format(workspace, line) != "code" or line.hold == "answer" or turn.status != "complete":
        return turn
    if first_code_block(turn.answer):
        return turn
    return replace(turn, notices=(*turn.notices, no_code()))


def _bind(workspace: Workspace, line: MagicOptions, reply: Reply) -> None:
    if line.out:
        workspace.shell.user_ns[line.out] = reply
    if _format(workspace, line) != "code" or line.hold == "answer":
        return
    code = first_code_block(reply.answer)
    if code:
        put_into_next_cell(workspace.shell, code)


def _compare(
    workspace: Workspace, line: MagicOptions, session: Session, prompt: Prompt
) -> Comparison | None:
    """Ask a prompt in several lanes at the same time, and show them side by side.

    Returns
    -------
    Comparison or None
        ``None`` when a second interrupt ended the waiting.

    Raises
    ------
    GlmError
        A lane was refused, so nothing was sent; or every lane failed.
    """
    if line.bg or line.hold:
        option = "--bg" if line.bg else "--hold"
        raise InvalidValueError(
            tr("--compare and {option} exclude each other", option=option),
            hint=tr("leave one of them out"),
        )
    specs = expand_axes(line.compare, prompt.options)
    streams = session.open_lanes(
        prompt.text.message, [spec.options for spec in specs], prompt.key, budget=prompt.budget
    )
    streams[0].note(prompt.notices)
    lanes = Lanes([spec.label for spec in specs], streams)
    slot = session.slot_of(streams[0])
    first = next(n for n, v in enumerate(slot.variants) if v.stream is streams[0]) if slot else 0

    def choose(lane: int) -> None:
        if slot is not None:
            session.choose(slot, first + lane)
            workspace.outputs.refresh(session)

    options = view_options(workspace, line, prompt.text.inserted)
    view = compare_view(workspace.shell, lanes, options)
    workspace.outputs.register(session, slot, view, options)
    workspace.outputs.refresh(session)
    comparison: Comparison | None = None
    try:
        play(lanes, view)
    finally:
        if lanes.done:
            can_choose = session.name != NO_HISTORY
            comparison = Comparison(lanes, choose if can_choose else lambda _: None)
            if not line.quiet:
                workspace.shown.add(comparison)
            if not lanes.failed:
                workspace.shell.user_ns[LAST] = comparison
        workspace.outputs.finished(session, view)
    lanes.raise_error()
    if comparison is not None and line.out:
        workspace.shell.user_ns[line.out] = comparison
    return comparison
