"""The server's process, tied to the life of the one that starts it."""

from __future__ import annotations

import contextlib
import json
import os
import re
import subprocess
import sys
import tempfile
import threading
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import IO, Any

_PROGRAM = Path(__file__).with_name("serve.py")
_NEEDED = re.compile(
    r"PATH|HOME|USER(NAME|PROFILE)?|LOGNAME|SHELL|LANG|LC_\w+|TZ|TE?MP(DIR)?|XDG_\w+_(HOME|DIR)"
    r"|SYSTEM(ROOT|DRIVE)|WINDIR|COMSPEC|PATHEXT|(LOCAL)?APPDATA|PROGRAM\w*|NUMBER_OF_PROCESSORS"
    r"|(LD|DYLD)_\w+|(OMP|GOMP|KMP|MKL|OPENBLAS|GGML|CUDA|NVIDIA|HIP|HSA|ROCR|VK|ONEAPI)_\w+"
)
"""What a program of this kind reads: where things are, the language, threads and processors."""
_END_S = 3.0
_NEW_GROUP = 0x0200  # Windows: keeps an interrupt of the notebook away from the server
_NO_WINDOW = 0x08000000


class ServerProcess:
    """A child process that exits when the pipe to its standard input, its lifeline, is closed.

    The operating system closes that pipe when this process dies, however it dies.

    Parameters
    ----------
    settings : dict
        What `serve.py` reads, the key among them.
    """

    def __init__(self, settings: dict[str, Any]) -> None:
        # Unnamed, so that nothing stays on disk however this process ends.
        self._log: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115
        self._owner = os.getpid()
        try:
            self._process = _spawn(self._log)
            self._write({**settings, "owner": self._owner})
        except BaseException:
            self._log.close()
            raise

    @property
    def exit_code(self) -> int | None:
        """How the process ended; ``None`` while it runs."""
        return self._process.poll() if self._is_own() else None

    def wait_for_address(self, timeout_s: float) -> str | None:
        """Return the address the server reports, ``""`` when it ended first, ``None`` when late."""
        lines: SimpleQueue[bytes] = SimpleQueue()
        # Not every system can read a pipe with a timeout; a thread can be left behind.
        threading.Thread(target=_read_line, args=(self._process.stdout, lines), daemon=True).start()
        try:
            line = lines.get(timeout=timeout_s)
        except Empty:
            return None
        return str(json.loads(line)["address"]) if line else ""

    def wait_for_exit(self) -> int | None:
        """Return the exit code, once there is one; ``None`` when the process goes on."""
        try:
            return self._process.wait(_END_S)
        except subprocess.TimeoutExpired:
            return None

    def log_text(self) -> str:
        """Return what the server logged; only to be called once it has exited."""
        self._log.seek(0)
        return self._log.read().decode("utf-8", "replace")

    def end(self) -> None:
        """End the process and free everything; does nothing in a process that only inherited it."""
        if not self._is_own() or self._log.closed:
            return
        self._close_lifeline()
        try:
            self._process.wait(_END_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._log.close()

    def disown(self) -> None:
        """Let go of the lifeline, in a process forked from the owner."""
        self._close_lifeline()
        self._log.close()
        self._process.returncode = 0  # not a child of this process: nothing to wait for

    def _is_own(self) -> bool:
        return self._owner == os.getpid()

    def _write(self, settings: dict[str, Any]) -> None:
        if self._process.stdin is not None:
            # It may have exited already; the missing address will show it.
            with contextlib.suppress(BrokenPipeError):
                self._process.stdin.write(json.dumps(settings).encode() + b"\n")

    def _close_lifeline(self) -> None:
        if self._process.stdin is not None:
            self._process.stdin.close()


def _read_line(pipe: IO[bytes], lines: SimpleQueue[bytes]) -> None:
    with pipe:
        lines.put(pipe.readline())


def _spawn(log: IO[bytes]) -> subprocess.Popen[bytes]:
    """Run the program apart from this process's group, so that Ctrl-C does not reach it."""
    windows = sys.platform == "win32"
    return subprocess.Popen(  # noqa: S603 - this interpreter and a file of this package
        [sys.executable, "-I", "-S", str(_PROGRAM)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=log,
        bufsize=0,
        env=_environment(),
        start_new_session=not windows,
        creationflags=_NEW_GROUP | _NO_WINDOW if windows else 0,
    )


def _environment() -> dict[str, str]:
    """Return the part of the environment that a server needs: no keys, and no settings of its own.

    Names are let through rather than taken out, because a key may have any name.
    """
    others = {name: value for name, value in os.environ.items() if _NEEDED.fullmatch(name.upper())}
    # Waiting threads yield their processor instead of spinning on it.
    return {"OMP_WAIT_POLICY": "passive", **others}
