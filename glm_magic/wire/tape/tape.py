"""Tapes: recorded replies, the file that holds them, and how requests are answered from them.

A tape lies below everything else: `wire.tape.transport` records and replays at the level of HTTP,
so a replay goes through the same framing, decoding, sessions and views as a live reply.
"""

from __future__ import annotations

import asyncio
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from ...core.i18n import tr
from ...core.paths import kind_of, read_regular, replace_file
from . import errors
from . import format as tape_format
from .claims import Claim, writing
from .line_delta import MOST_OUTPUT
from .matching import Recording, RequestKey
from .modes import NO_DELAY, WRITING, Mode

MOST_BYTES = 2 * MOST_OUTPUT
"""Size of the largest file that is read: prompts, and replies that are no text, take room too."""


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
        The path names something that is not a tape, so it must not be replaced.
    """

    def __init__(self, path: Path, entries: Iterable[Recording] = ()) -> None:
        self.path = path
        self._entries = list(entries)
        self._blocks: list[str] | None = None
        """The text of each reply, as soon as one is recorded."""
        self._taken: Counter[str] = Counter()
        self._lock = threading.Lock()
        self._stamp = _stamp(path)
        self._claim = Claim(path)
        self._was_writable = False
        self._is_ours = bool(self._entries) or not self._stamp
        """Whether everything that the file held is among the entries."""
        self._keeps_older = not self._is_ours
        if self._keeps_older:
            _check_tape(path)

    @classmethod
    def read(cls, path: Path) -> Tape:
        """Read a tape from its file.

        Raises
        ------
        TapeError
            There is no such file, it is not an intact tape, or holds more than `MOST_OUTPUT`.
        """
        return cls(path, _read(path))

    def check(self) -> None:
        """Find out, before anything is sent, whether a reply can be recorded.

        The tape is claimed from here on: another process adds to it and does not replace it.

        Raises
        ------
        TapeError
            The path names something that is no tape, or nothing can be written there.
        """
        _check_tape(self.path)
        if not self._claim.take():
            self._keeps_older = False
        if self._keeps_older:
            _check_tape(self._backup)
        if self._was_writable:
            return
        folder = self.path.parent
        while not folder.exists() and folder != folder.parent:
            folder = folder.parent
        try:
            with tempfile.TemporaryFile(dir=folder):
                pass
        except OSError as error:
            raise errors.unwritable(self.path, error.strerror or str(error)) from None
        self._was_writable = True

    def release(self) -> None:
        """Let another process replace the tape: this one records no more for now."""
        self._claim.release()

    @property
    def _backup(self) -> Path:
        return self.path.with_name(self.path.name + "~")

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
            The file cannot be written, or is full.
        """
        with self._lock:
            blocks = self._known_blocks()
            if _size([*self._entries, entry]) > MOST_OUTPUT:
                raise errors.full(self.path, MOST_OUTPUT)
            self._entries.append(entry)
            blocks.append(tape_format.block(entry))
            try:
                self._save(blocks)
            except OSError as error:
                self._was_writable = False
                raise errors.unwritable(self.path, error.strerror or str(error)) from None

    def _known_blocks(self) -> list[str]:
        if self._blocks is None:
            self._blocks = [tape_format.block(entry) for entry in self._entries]
        return self._blocks

    def _save(self, blocks: list[str]) -> None:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with writing(self.path):
            _check_tape(self.path)
            if _stamp(self.path) != self._stamp or (self._stamp and not self._is_ours):
                self._take_over(blocks)
            content = tape_format.assemble(blocks).encode()
            if len(content) > MOST_BYTES:
                raise errors.full(self.path, MOST_OUTPUT)
            with replace_file(self.path, mode=0o644) as file:  # a tape is made to be shared
                file.write(content)
            self._stamp, self._is_ours, self._keeps_older = _stamp(self.path), True, False

    def _take_over(self, blocks: list[str]) -> None:
        """Put an older tape aside, or add what another process recorded meanwhile."""
        if self._keeps_older and _stamp(self.path) == self._stamp:
            # The first reply of a recording replaces an older tape, which is kept beside it.
            _check_tape(self._backup)
            self.path.replace(self._backup)
            return
        if kind_of(self.path) == "none":
            return
        others = _read(self.path)
        theirs = [tape_format.block(entry) for entry in others]
        missing = Counter(blocks) - Counter(theirs)
        for entry, block in zip(self._entries, blocks, strict=True):
            if missing[block] > 0:
                missing[block] -= 1
                others.append(entry)
                theirs.append(block)
        self._entries[:], blocks[:] = others, theirs


def _read(path: Path) -> list[Recording]:
    try:
        content = read_regular(path, MOST_BYTES)
    except OSError as error:
        raise errors.unreadable(path, error.strerror or str(error)) from None
    try:
        return tape_format.read(content.decode(), path)
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        raise errors.changed(path, tr("line {line} is not UTF-8 text", line=line)) from None


def _size(entries: Iterable[Recording]) -> int:
    return sum(len(chunk.data) for entry in entries for chunk in entry.chunks)


def _check_tape(path: Path) -> None:
    """Refuse a path at which a recording would replace anything but a tape."""
    kind = kind_of(path)
    if kind == "none":
        return
    if kind != "file":
        raise errors.irregular(path, kind)
    try:
        with path.open("rb") as file:
            start = file.read(len(tape_format.MARK))
    except OSError as error:
        raise errors.unreadable(path, error.strerror or str(error)) from None
    if start != tape_format.MARK:
        raise errors.foreign(path)


Stamp = tuple[int, ...]


def _stamp(path: Path) -> Stamp:
    """Return what changes when a file is written; empty where there is none."""
    try:
        status = path.stat()
    except (OSError, ValueError):
        return ()
    return status.st_dev, status.st_ino, status.st_mtime_ns, status.st_size


@dataclass(frozen=True, slots=True)
class OpenTape:
    """A tape in use, and how it is used."""

    tape: Tape
    mode: Mode = "replay"
    speed: float = 1.0
    """1 is the speed of the recording, 2 twice as fast, `NO_DELAY` without waiting."""
    keeps_contents: bool = False  # whether pictures are recorded too, not their hash alone

    @property
    def replays(self) -> bool:
        """Whether requests may be answered from the tape."""
        return self.mode != "record"

    @property
    def records(self) -> bool:
        """Whether live replies are recorded."""
        return self.mode in WRITING

    def answers(self, asked: RequestKey) -> bool:
        """Whether the tape answers this request, so that neither key nor network is needed."""
        return self.replays and self.tape.holds(asked)

    @property
    def only_replays(self) -> bool:
        """Whether nothing may be sent."""
        return self.mode == "replay"


PROVIDER = "glm_provider"
"""Key of a request's httpx extensions: the provider it goes to."""

RECORDING = "glm_recording"
"""Key of a response's httpx extensions: the stream that records it, with its ``error``."""
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
        if self._speed == NO_DELAY:
            return self._reached_s
        passed_s = (time.monotonic() - self._began) * self._speed
        return max(self._reached_s, min(passed_s, self._next_s))

    async def reach(self, at_s: float) -> None:
        """Wait for a time of the recording."""
        self._next_s = at_s
        if self._speed != NO_DELAY:
            wait_s = self._began + at_s / self._speed - time.monotonic()
            await asyncio.sleep(max(0.0, wait_s))
        self._reached_s = at_s
