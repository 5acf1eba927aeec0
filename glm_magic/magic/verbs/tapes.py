"""``%glm record``, ``%glm replay`` and ``%glm tape``."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from ...core.errors import InvalidValueError
from ...core.i18n import Text, from_data, joined, plural, tr
from ...core.text import shorten
from ...engine import tapes
from ...engine.tapes import TapeSetting
from ...wire.tape.matching import Recording
from ...wire.tape.tape import Tape
from ..display import Displayable, Paragraph, Table
from ..line import candidates
from ..workspace import Workspace
from . import tape_check
from .arguments import matching
from .registry import verb

_OFF = "off"


@verb("record", "write every reply from here on to a tape", "FILE", "off")
def record(_: Workspace, words: Sequence[str]) -> Displayable:
    """Write what follows to a tape."""
    if words[0] == _OFF:
        return _eject(tr("Recording is off."))
    tapes.insert(TapeSetting(Path(words[0]), "record"))
    return _inserted()


@verb("replay", "answer from a tape from here on, without key or network", "FILE [SPEED]", "off")
def replay(_: Workspace, words: Sequence[str]) -> Displayable:
    """Answer what follows from a tape."""
    if words[0] == _OFF:
        return _eject(tr("Requests are sent to the provider again."))
    tapes.insert(
        TapeSetting(
            Path(words[0]), "replay", tapes.parse_speed(words[1]) if len(words) > 1 else None
        )
    )
    return _inserted()


def _inserted() -> Displayable:
    """Return what the tape that was inserted does now, which ``GLM_TAPE`` may have changed."""
    deck = tapes.open_tape()
    if deck is None:
        return Paragraph(
            tr("No tape is used: {variable} is {value}.", variable=tapes.VARIABLE, value=tapes.LIVE)
        )
    name = deck.tape.path.name
    if not deck.replays:
        message = tr(
            "Every reply from here on is recorded to {name}; %glm record off ends it.", name=name
        )
        if deck.tape.replaces_another:
            earlier = tr("The tape that was there stays as {name}~.", name=name)
            message = joined([message, earlier], " ")
        return Paragraph(message)
    return Paragraph(
        tr("Replies come from {name}: {content}.", name=name, content=summary(deck.tape.entries))
    )


def _eject(message: Text) -> Displayable:
    tapes.insert(None)
    return Paragraph(message)


def summary(entries: Sequence[Recording]) -> Text:
    """Return how much a tape holds, from whom, and from when."""
    if not entries:
        return tr("it is empty")
    offers = dict.fromkeys(f"{entry.asked.model} at {entry.asked.provider}" for entry in entries)
    days = sorted({str(entry.recorded.date()) for entry in entries})
    return tr(
        "{replies} of {offers}, recorded on {days}",
        replies=plural(len(entries), "{count} reply", "{count} replies"),
        offers=", ".join(offers),
        days=tr("{first} to {last}", first=days[0], last=days[-1]) if len(days) > 1 else days[0],
    )


def _files(_workspace: Workspace, _before: Sequence[str]) -> Iterable[str]:
    return candidates.files(candidates.TAPE, ".ipynb")


@verb(
    "tape",
    "what a tape holds, and whether it covers a notebook",
    "",
    "check [FILE] [NOTEBOOK]",
    FILE=matching(r".+", _files, tr("a tape or a notebook")),
    NOTEBOOK=matching(r".+\.ipynb", _files, tr("a notebook, which ends in .ipynb")),
)
def tape(workspace: Workspace, words: Sequence[str]) -> Displayable:
    """Show what a tape holds, or whether it covers a notebook."""
    files = [word for word in words[1:] if not word.endswith(".ipynb")]
    notebooks = [word for word in words[1:] if word.endswith(".ipynb")]
    opened = Tape.read(Path(files[0]).expanduser()) if files else _tape_in_use()
    if notebooks:
        return tape_check.check(workspace, opened, Path(notebooks[0]).expanduser())
    return _contents(opened)


def _tape_in_use() -> Tape:
    deck = tapes.open_tape()
    if deck is None:
        raise InvalidValueError(
            tr("no tape is in use"),
            hint=tr("name one: %glm tape check FILE, or %glm replay FILE"),
        )
    return deck.tape


def _contents(opened: Tape) -> Displayable:
    """Return the replies on a tape, one a row."""
    rows = [
        (number, shorten(entry.asked.prompt, 60), entry.asked.model, len(entry.asked.messages) - 1,
         _settings(entry), f"{entry.ended_s:.1f} s", str(entry.recorded.date()), _ending(entry))
        for number, entry in enumerate(opened.entries, 1)
    ]  # fmt: skip
    columns = ("", "prompt", "model", "messages before", "set", "time", "recorded", "ended")
    note = tr("The tape is sound: {content}.", content=summary(opened.entries))
    return Table(columns, rows, opened.path.name, note)


def _settings(entry: Recording) -> str:
    return shorten(
        ", ".join(f"{name}={value}" for name, value in entry.asked.parameters.items()), 50
    )


def _ending(entry: Recording) -> str:
    return from_data(entry.ended) if entry.status < 300 else f"HTTP {entry.status}"
