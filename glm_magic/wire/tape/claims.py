"""Which processes record a tape: none may put aside or replace what another one records.

A process that records holds a shared lock, which ends with the process, however that ends. Who
writes the file takes another lock for that moment. Both are files of the data folder, so that
nothing lies beside the tape. Where the system has no such locks (Windows), or the folder cannot be
written, a process counts as the only one.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import time
from collections.abc import Iterator
from pathlib import Path

from ...core.i18n import tr
from ...core.paths import data_folder

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]


WAIT_S = 3.0
POLL_S = 0.005


class Claim:
    """That this process records a tape, from `take` until `release`.

    Parameters
    ----------
    path : Path
        The tape.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._handle: int | None = None
        self._is_alone = True

    def take(self) -> bool:
        """Claim the tape; return whether no other process did when this one began."""
        if self._handle is not None or fcntl is None:
            return self._is_alone
        self._handle = _opened(self._path, "use")
        if self._handle is not None:
            self._is_alone = _locked(self._handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            _locked(self._handle, fcntl.LOCK_SH)
        return self._is_alone

    def release(self) -> None:
        """Give the tape up."""
        handle, self._handle = self._handle, None
        if handle is not None:
            os.close(handle)


@contextlib.contextmanager
def writing(path: Path) -> Iterator[None]:
    """Keep other processes from writing a tape; its block must be short.

    Raises
    ------
    OSError
        Another process has been writing for `WAIT_S`.
    """
    handle = _opened(path, "write") if fcntl is not None else None
    try:
        if handle is not None:
            until_s = time.monotonic() + WAIT_S
            while not _locked(handle, fcntl.LOCK_EX | fcntl.LOCK_NB):
                if time.monotonic() > until_s:
                    raise OSError(errno.EBUSY, tr("another process is writing it"))
                time.sleep(POLL_S)
        yield
    finally:
        if handle is not None:
            os.close(handle)


def _opened(path: Path, purpose: str) -> int | None:
    """Return an open lock file; ``None`` where none can be made."""
    name = hashlib.sha256(os.fsencode(os.path.realpath(path))).hexdigest()[:32]
    folder = data_folder() / "recordings"
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        return os.open(folder / f"{name}.{purpose}", os.O_CREAT | os.O_RDWR, 0o600)
    except OSError:
        return None


def _locked(handle: int, operation: int) -> bool:
    try:
        fcntl.flock(handle, operation)
    except OSError:
        return False
    return True
