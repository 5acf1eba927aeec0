"""Which tape a request goes through: the one it asks for, the inserted one, or ``GLM_TAPE``'s.

`record` and `replay` are the Python API; ``%glm record`` and ``%glm replay`` call `insert`.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self, cast

from ..core.errors import InvalidValueError
from ..core.i18n import Text, plural, tr
from ..core.paths import kind_of
from ..wire.tape.modes import MODES, NO_DELAY, WRITING, Mode

if TYPE_CHECKING:  # `%load_ext` sets a speed, and opens no tape
    from ..wire.tape.tape import OpenTape, Tape

VARIABLE = "GLM_TAPE"
LIVE = "live"
"""Value of `VARIABLE` that leaves every tape out, so that each request is sent."""
RECORDED_SPEED = 1.0


@dataclass(frozen=True, slots=True)
class TapeSetting:
    """A tape that the user asks for, by its file."""

    path: Path
    mode: Mode = "replay"
    speed: float | None = None
    """1 is the rhythm of the recording; ``None``: the default of the process."""

    @property
    def absolute(self) -> TapeSetting:
        """The same tape, wherever the process goes meanwhile."""
        return replace(self, path=self.path.expanduser().absolute())


class TapePlayer:
    """The tapes of this process: the inserted one, and those that are open."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._inserted: TapeSetting | None = None
        self._recordings: dict[Path, Tape] = {}
        """Tapes that this process began to record; it continues them."""
        self._replays: dict[Path, Tape] = {}
        self._default_speed: Callable[[], float] = lambda: RECORDED_SPEED

    @property
    def inserted(self) -> TapeSetting | None:
        """The tape that was inserted, if any."""
        return self._inserted

    def insert(self, setting: TapeSetting | None) -> None:
        """Let every request that follows go through a tape; ``None`` ejects it.

        Raises
        ------
        TapeError
            The tape cannot be read, or nothing can be recorded there.
        """
        if setting is not None:
            setting = setting.absolute
            tape = self._open(_with_environment(setting))
            if tape is not None:
                tape.tape.rewind()
        self._inserted = setting
        for path, recording in list(self._recordings.items()):
            if setting is None or path != setting.path:
                recording.release()

    def set_default_speed(self, speed: Callable[[], float]) -> Callable[[], float]:
        """Set how fast tapes play where no speed is named; return what was set before.

        A notebook sets it, because it knows whether anyone watches. Where `speed` returns
        `NO_DELAY`, as in nbclient, no tape waits, whatever speed is named.
        """
        before, self._default_speed = self._default_speed, speed
        return before

    def open_tape(
        self, setting: TapeSetting | None = None, speed: float | None = None
    ) -> OpenTape | None:
        """Return the tape that a request goes through, opened; ``None`` where there is none.

        Parameters
        ----------
        setting : TapeSetting, optional
            What the request itself asks for; it has precedence.
        speed : float, optional
            The speed that the request itself asks for.

        Raises
        ------
        TapeError
            The tape cannot be read.
        InvalidValueError
            ``GLM_TAPE`` cannot be understood.
        """
        setting = _with_environment(setting or self._inserted)
        return self._open(replace(setting, speed=speed or setting.speed) if setting else None)

    def _open(self, setting: TapeSetting | None) -> OpenTape | None:
        if setting is None:
            return None
        from ..wire.tape.tape import OpenTape

        path, mode = setting.absolute.path, setting.mode
        with self._lock:
            tape = self._tape(path, mode)
            if mode in WRITING:
                tape.check()
        speed = self._default_speed()
        if setting.speed is not None and speed != NO_DELAY:
            speed = setting.speed
        return OpenTape(tape, mode, speed)

    def _tape(self, path: Path, mode: Mode) -> Tape:
        """Return a tape; to replay one as its file is now, whose position stays as long as that."""
        from ..wire.tape.tape import Tape

        if mode == "record":
            if path not in self._recordings:
                self._recordings[path] = Tape(path)
            return self._recordings[path]
        tape = self._replays.get(path)
        if tape is None or tape.changed_on_disk:
            is_new = mode == "replay+record" and kind_of(path) == "none"
            tape = self._replays[path] = Tape(path) if is_new else Tape.read(path)
        return tape


_player = TapePlayer()

insert = _player.insert
open_tape = _player.open_tape
set_default_speed = _player.set_default_speed


def _with_environment(setting: TapeSetting | None) -> TapeSetting | None:
    """Apply ``GLM_TAPE``: a mode for tapes that are named elsewhere, or a tape itself."""
    value = os.environ.get(VARIABLE, "").strip()
    if value == LIVE:
        return None
    if value in MODES:
        return replace(setting, mode=value) if setting else None
    if setting is not None or not value:
        return setting
    mode, colon, file = value.partition(":")
    if colon and mode in MODES and file:
        return TapeSetting(Path(file), mode).absolute
    if value.endswith(":") or (colon and "+" in mode):
        raise InvalidValueError(
            tr("GLM_TAPE cannot be {value!r}", value=value),
            hint=tr(
                "write FILE, MODE:FILE, MODE or live; modes are {modes}", modes=", ".join(MODES)
            ),
        )
    return TapeSetting(Path(value)).absolute


class TapeContext:
    """An inserted tape; the end of its ``with`` block, or `stop`, ejects it."""

    def __init__(self, setting: TapeSetting) -> None:
        self._before = _player.inserted
        insert(setting)
        self.setting = setting

    def stop(self) -> None:
        """Eject the tape; one that was inserted before is in use again."""
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
        return f"<tape {self.setting.path.name}: {self.setting.mode}>"


def record(file: str | os.PathLike[str]) -> TapeContext:
    """Record every reply from here on to a tape: ``with glm.record("lesson.glmtape"): …``.

    The first reply replaces an older tape of that name, which is kept beside it with a ``~``.

    Parameters
    ----------
    file : str or path
        The tape.

    Returns
    -------
    TapeContext
        Its ``stop()``, or the end of its ``with`` block, ends the recording.

    Raises
    ------
    TapeError
        The path names a folder, a link or a file that is no tape, or cannot be written.
    """
    return TapeContext(TapeSetting(Path(file), "record"))


def replay(
    file: str | os.PathLike[str], *, speed: float | str | None = None, miss: str = "error"
) -> TapeContext:
    """Answer from a tape, from here on, without a key or a network.

    Parameters
    ----------
    file : str or path
        The tape.
    speed : float or str, optional
        1 is the rhythm of the recording, 2 twice as fast; ``"max"`` does not wait. Where no one
        watches, as in nbclient, a tape never waits.
    miss : str
        What happens to a request that is not on the tape: ``"error"``, ``"live"``, or
        ``"record"``, which sends it and adds the reply to the tape.

    Returns
    -------
    TapeContext
        Its ``stop()``, or the end of its ``with`` block, ejects the tape.

    Raises
    ------
    TapeError
        The tape cannot be read.
    InvalidValueError
        The speed is neither a number greater than 0 nor ``"max"``, or `miss` is another word.
    """
    mode = {"error": "replay", "live": "replay+live", "record": "replay+record"}.get(miss)
    if mode is None:
        raise InvalidValueError(
            tr("miss cannot be {value!r}", value=miss),
            hint=tr("it is one of error, live and record"),
        )
    setting = TapeSetting(Path(file), cast("Mode", mode))
    return TapeContext(setting if speed is None else replace(setting, speed=checked_speed(speed)))


def state() -> str:
    """Return which tape is in use and how, for a table; empty when none is."""
    tape = open_tape()
    if tape is None:
        return ""
    return tr(
        "{file}: {mode} ({replies})",
        file=tape.tape.path.name,
        mode=_mode_label(tape.mode),
        replies=plural(len(tape.tape.entries), "{count} reply", "{count} replies"),
    )


def _mode_label(mode: Mode) -> Text:
    match mode:
        case "record":
            return tr("recording")
        case "replay":
            return tr("replay")
        case "replay+live":
            return tr("replay, or live")
        case "replay+record":
            return tr("replay, or record")


def parse_speed(word: str) -> float:
    """Return the speed that a word means: a number more than 0, or ``max`` for no waiting."""
    return checked_speed(word if word == "max" else float(word))


def checked_speed(speed: float | str) -> float:
    """Return a speed that is greater than 0, or without waiting for ``"max"``.

    Raises
    ------
    InvalidValueError
        It is neither.
    """
    if speed == "max":
        return NO_DELAY
    if not (isinstance(speed, int | float) and speed > 0):
        raise InvalidValueError(
            tr(
                "a tape cannot play at speed {speed}",
                speed=f"{speed:g}" if isinstance(speed, int | float) else speed,
            ),
            hint=tr("1 is the rhythm of the recording, 2 twice as fast, max does not wait"),
        )
    return speed


__all__ = ["NO_DELAY", "TapeContext", "TapeSetting", "insert", "open_tape", "record", "replay"]
