"""The tables about this kernel: status, sessions, turns, context, usage, versions."""

from __future__ import annotations

import platform
import time
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError
from importlib.metadata import version as version_of
from typing import TYPE_CHECKING, Any

from ..._version import __version__
from ...core.errors import GlmError
from ...core.price import CostTotal
from ...core.request import Thinking
from ...core.speech.translation import translated
from ...core.turn import Turn
from ...core.usage import Usage
from ...engine.planning import tapes
from ...engine.planning.prepare import resolve
from ...session import journal as journals
from ...session.keeping import kept_sessions
from ...session.rows import read_entries
from ...views.facts import seconds
from ..tables import Shown, Table, from_home
from .model_table import key_state

if TYPE_CHECKING:
    from ...session.journal import Journal
    from ...session.slots import Slot
    from ..desk import Desk

_LONGEST_TEXT = 40
_MOST_SESSIONS = 50
"""Sessions on disk that are listed, the last used ones."""


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


def sessions(desk: Desk) -> Shown:
    """Return the sessions of this kernel, and those on disk, the last used one first."""
    current = desk.session  # it begins to exist when it is first named
    rows: list[tuple[Any, ...]] = [
        (s.name, "in use" if s is current else "", len(s), "now", str(s.cost))
        for s in desk.conversations
    ]
    journal = journals.current()
    if journal is not None:
        rows += _on_disk(journal, {session.id for session in desk.conversations})
    return Table(("session", "", "turns", "used", "cost"), rows, note=_kept(journal))


def _on_disk(journal: Journal, mine: set[str]) -> Iterator[tuple[Any, ...]]:
    """Yield a row for each session that only the disk has."""
    others = [kept for kept in kept_sessions(journal, "1") if kept.id not in mine]
    for kept in others[:_MOST_SESSIONS]:
        used = time.strftime("%Y-%m-%d %H:%M", time.localtime(kept.used_at))
        entries = read_entries(journal.store, "session = ?", (kept.id,))
        cost = str(CostTotal.of(entry.cost for entry in entries))
        yield kept.name, "on disk", kept.turns, used, cost


def _kept(journal: Journal | None) -> str:
    """Say where conversations are kept, or why not."""
    if journal is None:
        return "Conversations are not kept on disk."
    if journal.store.problem:
        return f"Conversations are not kept: {journal.store.problem}."
    where = from_home(journal.store.path)
    return f"Kept in {where}; %glm forget deletes, %glm resume and %glm use go on."


def jobs(desk: Desk) -> Shown:
    """Return the turns that were sent into the background."""
    rows = [
        (
            job.number,
            short(job.turn.prompt),
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


def turns(desk: Desk) -> Shown:
    """Return the turns of the session in use."""
    stale = desk.session.stale()
    rows = [_turn_row(n, slot, slot in stale) for n, slot in enumerate(desk.session.slots, 1)]
    columns = ("", "prompt", "answer", "model", "status", "variant", "remarks", "tokens", "cost")
    return Table(columns, rows, title=f"Session {desk.session_name}")


def _turn_row(number: int, slot: Slot, stale: bool) -> tuple[Any, ...]:
    turn, count = slot.turn, len(slot.variants)
    which = f"{slot.place + 1}/{count}" if count > 1 else ""
    marks = {
        "pinned": slot.pinned,
        "hidden": slot.hidden,
        "cell is gone": slot.gone,
        "answered before the change": stale,
    }
    told = ", ".join(mark for mark, holds in marks.items() if holds)
    texts = (short(turn.prompt), short(turn.answer), turn.model, turn.status, which, told)
    return (number, *texts, *_spent(turn))


def _spent(turn: Turn) -> tuple[int | str | None, str | None]:
    total = turn.usage.total if turn.usage else None
    if turn.estimate is not None:
        guess = ((turn.usage or Usage()) + turn.estimate).total
        return f"≈{guess:,}", str(turn.cost) if turn.cost else None
    return total, str(turn.cost) if turn.cost else None


class OneTurn(Shown):
    """A turn as it was shown when it ended."""

    def __init__(self, turn: Turn, language: str | None) -> None:
        from ...views.options import ViewOptions
        from ...views.saved.page import bundle

        self._data, self._metadata = bundle(turn, ViewOptions(language=language))

    def html(self) -> str:
        """Return the saved form."""
        return str(self._data["text/html"])

    def text(self) -> str:
        """Return the plain text form."""
        return str(self._data["text/plain"])

    def _repr_mimebundle_(self, **_: Any) -> Any:
        return self._data, self._metadata


def version() -> Shown:
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


def short(text: str, longest: int = _LONGEST_TEXT) -> str:
    """Return the beginning of a text on one line."""
    line = " ".join(text[: 4 * longest].split())
    return line if len(line) <= longest else line[: longest - 1] + "…"
