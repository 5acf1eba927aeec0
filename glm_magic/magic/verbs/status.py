"""The tables about this kernel: status, sessions, turns, context, usage, versions."""

from __future__ import annotations

import platform
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError
from importlib.metadata import version as version_of
from typing import TYPE_CHECKING, Any

from ..._version import __version__
from ...core.errors import GlmError
from ...core.i18n import translated
from ...core.messages import Thinking
from ...core.text import shorten
from ...core.usage import Usage
from ...engine import tapes
from ...engine.prepare import resolve
from ...session import autosave as journals
from ...views.header import seconds
from ..display import Line, Shown, Table, from_home
from ..help import help_on, whole_help
from ..settings import Origins
from ..workspace import Desk
from .models import key_state

if TYPE_CHECKING:
    from ..workspace import Desk


def status(desk: Desk) -> Shown:
    """Return what a prompt would be asked with, and what was spent."""
    session = desk.session
    asked = desk.asked()
    rows: list[tuple[str, Any]] = []
    try:
        offer = resolve(asked, desk.catalogue, deck=tapes.deck_for()).offer
        rows += [("provider", offer.provider.name), ("model", offer.model.id)]
        key = key_state(offer.provider)
    except GlmError as error:
        rows += [("provider", asked.provider or "none"), ("model", asked.model or "none")]
        key = " → ".join(translated(said) for said in (error.message, error.hint) if said)
    usage = session.usage
    rows += [
        ("thinking", _thinking(asked.thinking)),
        ("session", desk.session_name),
        ("turns", str(len(session))),
        ("tokens", _tokens(usage)),
        ("cost", str(session.cost)),
        ("kept", _where_kept()),
        ("key", key),
    ]
    tape = tapes.state()
    rows += [("tape", tape)] if tape else []
    return Table(("%glm", ""), [(name, str(value)) for name, value in rows])


def _where_kept() -> str:
    journal = journals.current()
    if journal is None:
        return "no: in memory only"
    return journal.store.problem or from_home(journal.store.path)


def _thinking(wanted: Thinking) -> str:
    if wanted is None or isinstance(wanted, bool):
        return {None: "auto", True: "on", False: "off"}[wanted]
    return wanted


def _tokens(usage: Usage) -> str:
    if usage.input is None and usage.output is None:
        return "none yet"
    parts = [("in", usage.input), ("out", usage.output), ("reasoning", usage.reasoning)]
    return ", ".join(f"{count:,} {name}" for name, count in parts if count is not None)


def jobs(desk: Desk, _: Sequence[str]) -> Shown:
    """Show the turns that were sent into the background."""
    rows = [
        (
            job.number,
            shorten(job.turn.prompt),
            job.turn.model,
            job.turn.provider,
            "running" if not job.done else job.status,
            seconds(job.turn.timing.total_s or 0.0),
            translated(job.turn.error or ""),
        )
        for job in desk.jobs
    ]
    note = "" if rows else "--bg sends a prompt into the background."
    return Table(("job", "prompt", "model", "provider", "state", "time", ""), rows, note=note)


def version(_desk: Desk, _: Sequence[str]) -> Shown:
    """Return the versions that a bug report needs."""
    packages = ("ipython", "ipykernel", "jupyterlab", "notebook", "anywidget", "httpx")
    rows = [("glm_magic", __version__), ("Python", platform.python_version())]
    rows += [(name, found) for name in packages if (found := _installed(name))]
    return Table(("package", "version"), rows)


def _installed(name: str) -> str:
    try:
        return version_of(name)
    except PackageNotFoundError:
        return ""


def stop(desk: Desk, words: Sequence[str]) -> Shown:
    """Stop one background turn, or all."""
    stopped = desk.jobs.stop(int(words[0]) if words else None)
    numbers = ", ".join(str(job.number) for job in stopped)
    if not stopped:
        return Line(f"Job {words[0]} has ended already." if words else "No job is running.")
    return Line(f"Stopped job {numbers}; what had arrived stays.")


def config(desk: Desk, _: Sequence[str]) -> Shown:
    """Show every setting and where it came from."""
    origins = Origins(desk.catalogue, desk.config, desk.session_name, desk.session.options)
    rows = [(item.name, str(item.value), item.origin) for item in origins.settings()]
    return Table(("setting", "value", "from"), rows)


def help_(_: Desk, words: Sequence[str]) -> Shown:
    """Show the help."""
    return help_on(words[0]) if words else whole_help()
