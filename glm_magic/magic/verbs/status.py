"""The verbs about this kernel: its status, settings, jobs, help and versions."""

from __future__ import annotations

import platform
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError
from importlib.metadata import version as version_of
from typing import Any

from ..._version import __version__
from ...core.errors import GlmError
from ...core.i18n import from_data, joined, tr
from ...core.thinking import Thinking
from ...core.usage import Usage
from ...engine import tapes
from ...engine.prepare import resolve_offer
from ...session.repository import ALL
from ...session.store import current_store
from ...views.header import seconds
from ..display import Displayable, Paragraph, Table, from_home
from ..help import help_on, whole_help
from ..line.options import BY_FLAG, find_option
from ..settings import Origins
from ..workspace import Workspace
from .arguments import COUNT, ArgumentKind
from .models import key_state
from .registry import verb, verbs


def status(workspace: Workspace) -> Displayable:
    """Return what a prompt would be asked with, and what was spent."""
    session = workspace.session
    options = workspace.options()
    rows: list[tuple[str, Any]] = []
    try:
        offer = resolve_offer(options, workspace.catalogue, tapes.open_tape()).offer
        rows += [("provider", offer.provider.name), ("model", offer.model.id)]
        key = key_state(offer.provider)
    except GlmError as error:
        rows += [
            ("provider", options.provider or tr("none")),
            ("model", options.model or tr("none")),
        ]
        key = joined(filter(None, (error.message, error.hint)), " → ")
    usage = session.usage
    rows += [
        ("thinking", _thinking(options.thinking)),
        ("session", workspace.session_name),
        ("turns", str(len(session))),
        ("tokens", _tokens(usage)),
        ("cost", session.cost.to_text()),
        ("kept", _where_saved()),
        ("key", key),
    ]
    tape = tapes.state()
    rows += [("tape", tape)] if tape else []
    return Table(("%glm", ""), [(from_data(name), value) for name, value in rows])


def _where_saved() -> str:
    store = current_store()
    if store is None:
        return tr("no: in memory only")
    return store.problem or from_home(store.path)


def _thinking(thinking: Thinking) -> str:
    if thinking is None or isinstance(thinking, bool):
        return {None: tr("auto"), True: tr("on"), False: tr("off")}[thinking]
    return thinking


def _tokens(usage: Usage) -> str:
    if usage.input is None and usage.output is None:
        return tr("none yet")
    parts = [
        tr("{count:,} in", count=usage.input) if usage.input is not None else None,
        tr("{count:,} out", count=usage.output) if usage.output is not None else None,
        tr("{count:,} reasoning", count=usage.reasoning) if usage.reasoning is not None else None,
    ]
    return joined(filter(None, parts), ", ")


@verb("jobs", "turns that run in the background")
def jobs(workspace: Workspace, _: Sequence[str]) -> Displayable:
    """Show the turns that were sent to the background."""
    rows = [
        (
            job.number,
            job.prompt,
            job.model,
            job.provider,
            tr("running") if not job.done else from_data(job.status),
            seconds(job.total_s),
            job.error or "",
        )
        for job in workspace.jobs
    ]
    note = "" if rows else tr("--bg sends a prompt to the background.")
    return Table(("job", "prompt", "model", "provider", "state", "time", ""), rows, note=note)


@verb("version", "versions of glm_magic and what it runs on")
def version(_workspace: Workspace, _: Sequence[str]) -> Displayable:
    """Return the versions that a bug report needs."""
    packages = ("ipython", "ipykernel", "jupyterlab", "notebook", "anywidget", "httpx")
    rows = [("glm_magic", __version__), ("Python", platform.python_version())]
    rows += [(name, installed) for name in packages if (installed := _installed(name))]
    return Table(("package", "version"), rows)


def _installed(name: str) -> str:
    try:
        return version_of(name)
    except PackageNotFoundError:
        return ""


JOB = ArgumentKind(
    lambda workspace, word: word == ALL or COUNT.accepts(workspace, word),
    lambda workspace, _: [*(str(job.number) for job in workspace.jobs.running), ALL],
    tr("the number of a job, or all"),
)


@verb("stop", "stop one background turn, or all", "[N]", N=JOB)
def stop(workspace: Workspace, words: Sequence[str]) -> Displayable:
    """Stop one background turn, or all."""
    one = [word for word in words if word != ALL]
    stopped = workspace.jobs.stop(int(one[0]) if one else None)
    numbers = ", ".join(str(job.number) for job in stopped)
    if not stopped:
        ended = tr("Job {number} has ended already.", number=one[0]) if one else None
        return Paragraph(ended or tr("No job is running."))
    return Paragraph(tr("Stopped job {numbers}; what had arrived stays.", numbers=numbers))


@verb("config", "every setting and where it came from")
def config(workspace: Workspace, _: Sequence[str]) -> Displayable:
    """Show every setting and where it came from."""
    origins = Origins(
        workspace.catalogue, workspace.config, workspace.session_name, workspace.session.options
    )
    rows = [(item.name, item.value, item.origin) for item in origins.settings()]
    return Table(("setting", "value", "from"), rows)


WORD = ArgumentKind(
    lambda _, word: word in verbs() or find_option(word) is not None,
    lambda _workspace, _before: [*verbs(), *BY_FLAG],
    tr("a verb or an option"),
    named=True,
)


@verb("help", "options and verbs, or one of them", "[WORD]", WORD=WORD)
def help_(_: Workspace, words: Sequence[str]) -> Displayable:
    """Show the help."""
    return help_on(words[0]) if words else whole_help()
