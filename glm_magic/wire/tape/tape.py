"""Tapes: recorded replies, the file that holds them, and how requests are answered from them.

A tape lies below everything else: `wire.tape.transport` records and replays at the level of HTTP,
so a replay goes through the same framing, decoding, sessions and views as a live reply.
"""

from __future__ import annotations

import asyncio
import math
import threading
import time
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

from ...core.i18n import tr
from ...core.paths import replace_file
from . import errors
from . import format as tape_format
from .matching import Recording, RequestKey


class Tape:
    """Replies in the order in which they were recorded.

    A request that was recorded several times gets its replies in that order, then again from the
    first: running a cell again shows another sample, and a second Run All shows the same ones.

    Parameters
    ----------
    path : Path
        The file.
    entries : iterable of Recording
        What it holds already.

    Raises
    ------
    TapeError
        The file exists and is not a tape, so it must not be overwritten.
    """

    def __init__(self, path: Path, entries: Iterable[Recording] = ()) -> None:
        self.path = path
        self._entries = list(entries)
        self._taken: Counter[str] = Counter()
        self._lock = threading.Lock()
        self._stamp = _stamp(path)
        self._keeps_older = bool(self._stamp) and not self._entries
        if self._keeps_older and _is_foreign(path):
            raise errors.foreign(path)

    @classmethod
    def read(cls, path: Path) -> Tape:
        """Read a tape from its file.

        Raises
        ------
        TapeError
            There is no such file, or it is not an intact tape.
        """
        try:
            content = path.read_bytes()
        except OSError as error:
            raise errors.unreadable(path, error.strerror or str(error)) from None
        try:
            return cls(path, tape_format.read(content.decode(), path))
        except UnicodeDecodeError as error:
            line = content[: error.start].count(b"\n") + 1
            raise errors.changed(path, tr("line {line} is not UTF-8 text", line=line)) from None

    @property
    def entries(self) -> tuple[Recording, ...]:
        """The replies, in order."""
        with self._lock:
            return tuple(self._entries)

    @property
    def changed_on_disk(self) -> bool:
        """Whether the file was written by someone else since it was read."""
        return _stamp(self.path) != self._stamp

    @property
    def replaces_another(self) -> bool:
        """Whether the first reply replaces an older tape, which is kept as ``NAME~``."""
        return self._keeps_older

    def holds(self, asked: RequestKey) -> bool:
        """Whether a reply to this request is on the tape."""
        return any(entry.asked.digest == asked.digest for entry in self.entries)

    def take(self, asked: RequestKey) -> Recording:
        """Return the next reply to this request.

        Raises
        ------
        NotOnTapeError
            There is none; the message names the nearest recorded prompt.
        """
        takes = [entry for entry in self.entries if entry.asked.digest == asked.digest]
        if not takes:
            raise errors.not_on_tape(self.path, asked, self.nearest(asked))
        with self._lock:
            turn = self._taken[asked.digest]
            self._taken[asked.digest] += 1
        return takes[turn % len(takes)]

    def nearest(self, asked: RequestKey) -> RequestKey | None:
        """Return the most similar recorded request."""
        return max((entry.asked for entry in self.entries), key=asked.similarity, default=None)

    def rewind(self) -> None:
        """Start over with the first reply to every request."""
        with self._lock:
            self._taken.clear()

    def keep(self, entry: Recording) -> None:
        """Add a reply and write the file, which is whole at any moment.

        Raises
        ------
        TapeError
            The file cannot be written.
        """
        with self._lock:
            self._entries.append(entry)
            try:
                self._save()
            except OSError as error:
                raise errors.unwritable(self.path, error.strerror or str(error)) from None

    def _save(self) -> None:
        if self._keeps_older:
            # The first reply of a recording replaces an older tape, which is kept beside it.
            self.path.replace(self.path.with_name(self.path.name + "~"))
            self._keeps_older = False
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with replace_file(self.path, mode=0o644) as file:  # a tape is made to be shared
            file.write(tape_format.write(self._entries).encode())
        self._stamp = _stamp(self.path)


def _is_foreign(path: Path) -> bool:
    """Whether a file holds anything but a tape."""
    try:
        with path.open("rb") as file:
            start = file.read(len(tape_format.MARK))
    except OSError:
        return False  # what is wrong with it shows when it is written
    return bool(start) and start != tape_format.MARK


def _stamp(path: Path) -> int:
    """Return when a file was last written, in nanoseconds; 0 where there is none."""
    try:
        return path.stat().st_mtime_ns
    except OSError:
        return 0


Mode = Literal["replay", "record", "replay+live", "replay+record"]
"""
``replay``: a request that is not on the tape is an error. ``record``: every request is sent, and
its reply recorded. ``replay+live``: what is not on the tape is sent; with ``replay+record`` it is
also recorded.
"""

MODES: tuple[Mode, ...] = get_args(Mode)

NO_DELAY = math.inf
"""The speed of a replay without any waiting."""


@dataclass(frozen=True, slots=True)
class OpenTape:
    """A tape in use, and how it is used."""

    tape: Tape
    mode: Mode = "replay"
    speed: float = 1.0
    """1 is the speed of the recording, 2 twice as fast, `NO_DELAY` without waiting."""

    @property
    def replays(self) -> bool:
        """Whether requests may be answered from the tape."""
        return self.mode != "record"

    @property
    def records(self) -> bool:
        """Whether live replies are recorded."""
        return self.mode in ("record", "replay+record")

    def answers(self, asked: RequestKey) -> bool:
        """Whether the tape answers this request, so that neither key nor network is needed."""
        return self.replays and self.tape.holds(asked)

    @property
    def only_replays(self) -> bool:
        """Whether nothing may be sent."""
        return self.mode == "replay"


PROVIDER = "glm_provider"
"""Key of a request's httpx extensions: the provider it goes to."""

KEY = "glm_key"
"""Key of a request's httpx extensions: the `Secret` that must never be written."""

PLAYBACK = "glm_playback"
"""Key of a response's httpx extensions: its `Playback`."""


class Playback:
    """One reply as it is replayed; its clock shows the recording's time, at any speed.

    Parameters
    ----------
    entry : Recording
        The reply.
    speed : float
        1 is the speed of the recording; `NO_DELAY` waits for nothing.
    """

    def __init__(self, entry: Recording, speed: float) -> None:
        self.entry = entry
        self._speed = speed
        self._began = time.monotonic()
        self._reached_s = 0.0
        self._next_s = 0.0

    @property
    def now_s(self) -> float:
        """Position of the replay, in seconds of the recording."""
        if math.isinf(self._speed):
            return self._reached_s
        passed_s = (time.monotonic() - self._began) * self._speed
        return max(self._reached_s, min(passed_s, self._next_s))

    async def reach(self, at_s: float) -> None:
        """Wait for a time of the recording."""
        self._next_s = at_s
        if not math.isinf(self._speed):
            wait_s = self._began + at_s / self._speed - time.monotonic()
            await asyncio.sleep(max(0.0, wait_s))
        self._reached_s = at_s
