"""``%glm record``, ``%glm replay`` and ``%glm tape``."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path

from ...core.errors import InvalidValueError
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
        return _take_out("Nothing is recorded any more.")
    tapes.insert(TapeSetting(Path(words[0]), "record"))
    return _put_in()


@verb("replay", "answer from a tape from here on, without key or network", "FILE [SPEED]", "off")
def replay(_: Workspace, words: Sequence[str]) -> Displayable:
    """Answer what follows from a tape."""
    if words[0] == _OFF:
        return _take_out("Requests are asked live again.")
    tapes.insert(
        TapeSetting(
            Path(words[0]), "replay", tapes.parse_speed(words[1]) if len(words) > 1 else None
        )
    )
    return _put_in()


def _put_in() -> Displayable:
    """Say what the tape that was put in does now, which ``GLM_TAPE`` may have changed."""
    deck = tapes.open_tape()
    if deck is None:
        return Paragraph(f"No tape is used: {tapes.VARIABLE} is {tapes.LIVE}.")
    name = deck.tape.path.name
    if not deck.replays:
        begins = f"Every reply from here on is recorded to {name}; %glm record off ends it."
        older = f"{begins} The tape that was there stays as {name}~."
        return Paragraph(older if deck.tape.replaces_another else begins)
    return Paragraph(f"Replies come from {name}: {_about(deck.tape.entries)}.")


def _take_out(line: str) -> Displayable:
    tapes.insert(None)
    return Paragraph(line)


def _about(entries: Sequence[Recording]) -> str:
    """Return on one line how much a tape holds, from whom, and from when."""
    if not entries:
        return "it is empty"
    many = f"{len(entries)} {'reply' if len(entries) == 1 else 'replies'}"
    speakers = Counter(f"{entry.asked.model} at {entry.asked.provider}" for entry in entries)
    days = sorted({str(entry.recorded.date()) for entry in entries})
    when = days[0] if len(days) == 1 else f"{days[0]} to {days[-1]}"
    return f"{many} of {', '.join(speakers)}, recorded on {when}"


def _files(_workspace: Workspace, _before: Sequence[str]) -> Iterable[str]:
    return candidates.files(candidates.TAPE, ".ipynb")


@verb(
    "tape",
    "what a tape holds, and whether it covers a notebook",
    "",
    "check [FILE] [NOTEBOOK]",
    FILE=matching(r".+", _files),
    NOTEBOOK=matching(r".+\.ipynb", _files),
)
def tape(desk: Workspace, words: Sequence[str]) -> Displayable:
    """Say what a tape holds, and whether a notebook is covered by it."""
    files = [word for word in words[1:] if not word.endswith(".ipynb")]
    notebooks = [word for word in words[1:] if word.endswith(".ipynb")]
    found = Tape.read(Path(files[0]).expanduser()) if files else _current()
    if notebooks:
        return tape_check.check(desk, found, Path(notebooks[0]).expanduser())
    return contents(found)


def _current() -> Tape:
    deck = tapes.open_tape()
    if deck is None:
        raise InvalidValueError(
            "no tape is in use", hint="name one: %glm tape check FILE, or %glm replay FILE"
        )
    return deck.tape


def contents(found: Tape) -> Displayable:
    """Return the replies on a tape, one a row."""
    rows = [
        (number, shorten(entry.asked.prompt, 60), entry.asked.model, len(entry.asked.messages) - 1,
         _settings(entry), f"{entry.ended_s:.1f} s", str(entry.recorded.date()), _ending(entry))
        for number, entry in enumerate(found.entries, 1)
    ]  # fmt: skip
    columns = ("", "prompt", "model", "messages before", "set", "time", "recorded", "ended")
    about = _about(found.entries)
    return Table(columns, rows, found.path.name, f"The tape is sound: {about}.")


def _settings(entry: Recording) -> str:
    return shorten(
        ", ".join(f"{name}={value}" for name, value in entry.asked.parameters.items()), 50
    )


def _ending(entry: Recording) -> str:
    return entry.ended if entry.status < 300 else f"HTTP {entry.status}"
