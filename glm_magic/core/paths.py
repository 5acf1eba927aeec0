"""The user's folders; ``GLM_HOME`` moves configuration and data."""

from __future__ import annotations

import contextlib
import errno
import os
import stat
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Literal

from .i18n import tr

NAME = "glm_magic"


def config_folder() -> Path:
    """Return the folder of the user's own settings; it need not exist."""
    home = _home()
    if home is not None:
        return home
    import platformdirs  # needed only where GLM_HOME is not set

    return platformdirs.user_config_path(NAME, appauthor=False)


def data_folder() -> Path:
    """Return the folder of the user's data; it need not exist."""
    home = _home()
    if home is not None:
        return home
    import platformdirs

    return platformdirs.user_data_path(NAME, appauthor=False)


def _home() -> Path | None:
    home = os.environ.get("GLM_HOME")
    return Path(home).expanduser() if home else None


FileKind = Literal["none", "file", "folder", "link", "device"]


def kind_of(path: Path) -> FileKind:
    """Return what a path names, without following a link; ``device``: a pipe or socket, too."""
    try:
        mode = path.lstat().st_mode
    except (OSError, ValueError):  # what is wrong with it shows when it is opened
        return "none"
    if stat.S_ISREG(mode):
        return "file"
    if stat.S_ISDIR(mode):
        return "folder"
    return "link" if stat.S_ISLNK(mode) else "device"


def read_regular(path: Path, most: int) -> bytes:
    """Return the bytes of a regular file, or of one that a link names.

    Parameters
    ----------
    path : Path
        The file; a pipe or device is not opened, reading it may never end.
    most : int
        Number of bytes that it may have.

    Raises
    ------
    OSError
        It cannot be read, is no file, or is larger.
    """
    try:
        is_file = stat.S_ISREG(path.stat().st_mode)
    except ValueError as error:  # a null character
        raise OSError(errno.EINVAL, str(error)) from None
    if not is_file and not path.is_dir():
        raise OSError(errno.EINVAL, tr("it is not a file"))
    with path.open("rb") as file:
        content = file.read(most + 1)
    if len(content) > most:
        raise OSError(errno.EFBIG, tr("it is larger than {size} MB", size=most // 1024**2))
    return content


@contextlib.contextmanager
def replace_file(path: Path, mode: int | None = None) -> Iterator[IO[bytes]]:
    """Open a new file that takes the place of another in one step, when all of it is written.

    No other process ever sees half a file; after an error the old one is still there.

    Parameters
    ----------
    path : Path
        The file to replace; it need not exist, its folder must.
    mode : int, optional
        Permission bits of the new file; by default those of the old one, or of any new file.

    Raises
    ------
    OSError
        The file cannot be written.
    """
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    new = Path(name)
    try:
        with os.fdopen(handle, "wb") as file:
            yield file
        new.chmod(_usual_mode(path) if mode is None else mode)
        new.replace(path)
    except BaseException:
        new.unlink(missing_ok=True)
        raise


def _usual_mode(path: Path) -> int:
    if path.exists():
        return path.stat().st_mode
    mask = os.umask(0)
    os.umask(mask)
    return 0o666 & ~mask
