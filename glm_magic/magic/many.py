"""``%%glm --map`` and ``--samples``: the cell asks about every row of a table, or many times."""

from __future__ import annotations

from dataclasses import replace
from itertools import islice
from typing import TYPE_CHECKING, Any

from ..core.errors import InvalidValueError
from ..core.i18n import tr
from ..core.turn import Notice
from ..many.job import Job
from ..many.live import JOBS, run_job
from ..many.results import MapResult
from ..many.run import make_job
from ..many.scores import SweepResult, VoteResult
from ..many.sweep import make_sweep
from ..views.options import ViewOptions
from .cells import caller_names
from .checks import without_effect
from .display import Paragraph, show
from .line.lookup import look_up
from .line.options import MagicOptions
from .request_view import dry_run
from .workspace import LAST

if TYPE_CHECKING:
    from ..engine.interpolate import Interpolated
    from .workspace import Workspace

_EXCLUDED = {
    "compare": "--compare",
    "bg": "--bg",
    "hold": "--hold",
    "above": "--above",
    "approve": "--approve",
}
_OF_CONVERSATIONS = {"session": "-S", "new": "--new"}


def ask_samples(workspace: Workspace, line: MagicOptions, prompt: Interpolated) -> MapResult | None:
    """Ask a prompt many times, with the pictures that it names; see `ask_rows`."""
    shown = replace(line, attach=(*line.attach, *prompt.attachments))
    return ask_rows(workspace, shown, prompt.text)


def ask_rows(workspace: Workspace, line: MagicOptions, template: str) -> MapResult | None:
    """Ask about every row of the table that a line names, or many times, and bind the result.

    Returns
    -------
    MapResult or None
        ``None`` when nothing was to be sent (``--dry-run``).

    Raises
    ------
    GlmError
        Nothing could be asked, or no row was answered.
    """
    _refuse_excluded(line)
    options = workspace.options(line)
    rows = _named(workspace, "--map", line.rows) if line.rows else [template]
    prompt = (template or None) if line.rows else None
    how: dict[str, Any] = {
        "jobs": JOBS if line.jobs is None else line.jobs,
        "budget": line.budget,
        "name": line.keep,
        "fresh": line.fresh,
        "on": _named(workspace, "--on", line.on) if line.on else None,
    }
    if line.samples:
        job = make_sweep(rows, prompt, [{}], [options], line.samples, **how)
    else:
        job = make_job(rows, prompt, options, **how)
    notices = [*line.notices, *without_effect(line, options, puts_code=False), *_idle(line)]
    job.note(notices)
    if line.dry_run:
        job.read()
        first = islice(job.plan.open, 1)
        show(dry_run([job.requests.of(number, job.rows[number]) for number in first]))
        for notice in job.progress.notices:
            show(Paragraph(notice))
        return None
    config: Any = workspace.config  # its traits check the choices
    result = _result(line, job)
    variables = workspace.shell.user_ns
    variables.update(dict.fromkeys([LAST, *([line.out] if line.out else [])], result))
    run_job(result, ViewOptions(quiet=line.quiet, language=config.language))
    return result


def _result(line: MagicOptions, job: Job) -> MapResult:
    if not line.samples:
        return MapResult(job)
    return SweepResult(job) if line.rows else VoteResult(job)


def _named(workspace: Workspace, option: str, name: str) -> Any:
    names = {**workspace.shell.user_ns, **caller_names()}
    return look_up(option, name, names, workspace.namespace())


def _refuse_excluded(line: MagicOptions) -> None:
    plain = MagicOptions()
    for field, option in _EXCLUDED.items():
        if getattr(line, field) != getattr(plain, field):
            raise InvalidValueError(
                tr("{many} and {option} exclude each other", many=_option(line), option=option),
                hint=tr("leave one of them out"),
            )


def _option(line: MagicOptions) -> str:
    return "--map" if line.rows else "--samples"


def _idle(line: MagicOptions) -> list[Notice]:
    """Return a notice on each option that concerns conversations, which rows have none of."""
    reason = tr("{many} touches no conversation", many=_option(line))
    return [
        Notice("no-effect", tr("{option} has no effect: {reason}", option=option, reason=reason))
        for field, option in _OF_CONVERSATIONS.items()
        if getattr(line, field)
    ]
