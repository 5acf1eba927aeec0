"""Which tape a call goes through: the line's own, the one put in, or ``GLM_TAPE``.

How fast tapes play where nobody named a speed.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from types import TracebackType
from typing import Self, cast

from ..core.errors import InvalidValueError
from ..wire.tape.tape import MODES, NO_DELAY, Mode, OpenTape, Tape


def as_recorded() -> float:
    """Return the speed of the recording."""
    return 1.0


usual_speed: Callable[[], float] = as_recorded
"""The notebook's side of the package, which knows who looks on, puts its own in place."""


VARIABLE = "GLM_TAPE"

LIVE = "live"
"""Value of `VARIABLE` that leaves every tape out, so that each request is asked."""


@dataclass(frozen=True, slots=True)
class TapeSetting:
    """A tape that somebody asks for, by its file."""

    path: Path
    mode: Mode = "replay"
    speed: float | None = None
    """1 is the rhythm of the recording; ``None``: as the surroundings have it."""


_lock = threading.Lock()

_put_in: TapeSetting | None = None

_recording: dict[Path, Tape] = {}
"""Tapes that this process began to record: it goes on with them."""

_read: dict[Path, Tape] = {}


def insert(use: TapeSetting | None) -> None:
    """Let every call that follows go through a tape; ``None`` takes it out.

    Raises
    ------
    TapeError
        The tape cannot be read.
    """
    global _put_in  # noqa: PLW0603  one tape for the process is the point
    if use is not None:
        use = replace(use, path=use.path.expanduser().absolute())
        deck = _open(_by_environment(use))
        if deck is not None:
            deck.tape.rewind()
    _put_in = use


def current() -> TapeSetting | None:
    """Return the tape that is put in, if any."""
    return _put_in


def open_tape(line: TapeSetting | None = None, speed: float | None = None) -> OpenTape | None:
    """Return the tape that a call goes through, opened.

    Parameters
    ----------
    line : TapeUse, optional
        What the call itself asks for; it wins.
    speed : float, optional
        The speed that the call itself asks for.

    Raises
    ------
    TapeError
        The tape cannot be read.
    InvalidValueError
        ``GLM_TAPE`` says nothing that can be understood.
    """
    use = _by_environment(line or _put_in)
    return _open(replace(use, speed=speed or use.speed) if use else None)


def _by_environment(use: TapeSetting | None) -> TapeSetting | None:
    """Apply ``GLM_TAPE``: a way of using the tapes that are named elsewhere, or a tape itself."""
    value = os.environ.get(VARIABLE, "").strip()
    if value == LIVE:
        return None
    if value in MODES:
        return replace(use, mode=value) if use else None
    if use is not None or not value:
        return use
    mode, colon, file = value.partition(":")
    if colon and mode in MODES and file:
        return TapeSetting(Path(file).expanduser().absolute(), mode)
    if value.endswith(":") or (colon and "+" in mode):
        raise InvalidValueError(
            f"{VARIABLE} cannot be {value!r}",
            hint=f"write FILE, MODE:FILE, MODE or {LIVE}; modes are {', '.join(MODES)}",
        )
    return TapeSetting(Path(value).expanduser().absolute())


def _open(use: TapeSetting | None) -> OpenTape | None:
    if use is None:
        return None
    path = use.path.expanduser().absolute()
    with _lock:
        tape = _for_recording(path) if use.mode == "record" else _for_replay(path, use.mode)
    usual = usual_speed()
    # Where nobody looks on, as in nbclient, no speed is worth waiting for.
    return OpenTape(tape, use.mode, usual if use.speed is None or usual == NO_DELAY else use.speed)


def _for_recording(path: Path) -> Tape:
    if path not in _recording:
        _recording[path] = Tape(path)
    return _recording[path]


def _for_replay(path: Path, mode: Mode) -> Tape:
    """Return a tape as its file is now; the place in it stays while the file does."""
    known = _read.get(path)
    if known is None or known.changed_on_disk:
        new = mode == "replay+record" and not path.exists()
        known = _read[path] = Tape(path) if new else Tape.read(path)
    return known


class TapeContext:
    """A tape that is put in; the end of a ``with`` block takes it out again."""

    def __init__(self, use: TapeSetting) -> None:
        self._before = current()
        insert(use)
        self.use = use

    def stop(self) -> None:
        """Take the tape out."""
        insert(self._before)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    def __repr__(self) -> str:
        return f"<tape {self.use.path.name}: {self.use.mode}>"


def record(file: str | os.PathLike[str]) -> TapeContext:
    """Write every reply from here on to a tape: ``with glm.record("lesson.glmtape"): …``.

    The first reply replaces an older tape of that name, which is kept beside it with a ``~``.

    Parameters
    ----------
    file : str or path
        The tape.

    Returns
    -------
    Running
        Its ``stop()``, or the end of its ``with`` block, ends the recording.
    """
    return TapeContext(TapeSetting(Path(file), "record"))


def replay(
    file: str | os.PathLike[str], *, speed: float | None = None, miss: str = "error"
) -> TapeContext:
    """Answer from a tape, from here on, without a key or a network.

    Parameters
    ----------
    file : str or path
        The tape.
    speed : float, optional
        1 is the rhythm of the recording, 2 twice as fast; ``math.inf`` waits for nothing. Where
        nobody looks on, as in nbclient, a tape never waits.
    miss : str
        What a request does that is not on the tape: ``"error"``, ``"live"``, or ``"record"``, which
        asks live and adds the reply to the tape.

    Returns
    -------
    Running
        Its ``stop()``, or the end of its ``with`` block, takes the tape out.

    Raises
    ------
    TapeError
        The tape cannot be read.
    InvalidValueError
        The speed is not more than 0, or `miss` is another word.
    """
    mode = {"error": "replay", "live": "replay+live", "record": "replay+record"}.get(miss)
    if mode is None:
        raise InvalidValueError(
            f"miss cannot be {miss!r}", hint="it is one of error, live and record"
        )
    return TapeContext(TapeSetting(Path(file), cast("Mode", mode), speed and checked_speed(speed)))


def state(use: TapeSetting | None = None) -> str:
    """Return in words which tape is in use; empty when none is."""
    deck = open_tape(use)
    if deck is None:
        return ""
    count = len(deck.tape.entries)
    doing = "recording" if deck.mode == "record" else deck.mode.replace("+", ", or ")
    return f"{deck.tape.path.name}: {doing} ({count} {'reply' if count == 1 else 'replies'})"


def checked_speed(speed: float) -> float:
    """Return a speed that is more than 0, or say so."""
    if not speed > 0:
        raise InvalidValueError(
            f"a tape cannot play at speed {speed:g}",
            hint="1 is the rhythm of the recording, 2 twice as fast, max waits for nothing",
        )
    return speed


__all__ = ["NO_DELAY", "TapeContext", "TapeSetting", "insert", "open_tape", "record", "replay"]
