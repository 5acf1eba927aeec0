"""A running local server, as the rest of the package sees it.

How many threads the model may use.

A start that failed, in words.

Start the server's process and wait until it answers.

The one local server of this process.
"""

from __future__ import annotations

import atexit
import os
import secrets
import signal
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..core.errors import UnavailableError
from ..core.secret import Secret
from . import install
from .models import LocalModel, chosen, package_folder
from .probe import answers, get
from .process import ServerProcess

if TYPE_CHECKING:
    from ..core.secret import Secret
    from .models import LocalModel
    from .process import ServerProcess


@dataclass(frozen=True, slots=True)
class LocalServer:
    """Where a model on this computer answers, and as what."""

    base_url: str
    """Base address of its OpenAI-style API."""
    model: str
    """Short id of the model it runs."""
    title: str
    """What to call the model in a sentence."""
    context: int
    """Tokens that one conversation may hold."""
    secret: Secret
    """Key of this start; without it the server refuses."""
    process: ServerProcess

    def stop(self) -> None:
        """End the server; does nothing the second time, or in a process forked from its owner."""
        self.process.end()

    def is_running(self) -> bool:
        """Return whether the server still answers."""
        return self.process.exit_code is None and answers(self.base_url)


_QUOTA = Path("/sys/fs/cgroup/cpu.max")


_MOST = 8


def threads() -> int:
    """Return a sensible number of threads: half of the processors this process may use.

    That is the number of real cores on most computers. It also leaves room for the notebook: the
    threads wait for each other after every layer, so that one busy processor slows all of them
    (measured on two: 10 tokens a second with two threads, 43 with one).
    """
    return min(_MOST, max(1, min(_processors(), _quota()) // 2))


def _processors() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _quota() -> int:
    """Return the container's share in whole processors; without a limit, all there are."""
    try:
        quota_us, period_us = _QUOTA.read_text(encoding="ascii").split()
        return max(1, int(quota_us) // int(period_us))
    except (OSError, ValueError):
        return os.cpu_count() or 1


_REASON = "error loading model:"

_ILLEGAL_INSTRUCTION = -getattr(signal, "SIGILL", 4)


def not_readable(model: LocalModel, error: OSError) -> UnavailableError:
    """Return the error of a model file that cannot be read or joined."""
    return _error(f"the file of {model.name} cannot be made ready: {error}")


def late(model: LocalModel) -> UnavailableError:
    """Return the error of a server that was not ready in time."""
    return _error(
        f"the local server of {model.name} was not ready in time",
        hint="run the cell again when the computer is less busy, or name a smaller model in "
        "GLM_LOCAL_MODEL",
    )


def ended(model: LocalModel, process: ServerProcess) -> UnavailableError:
    """Return the error of a server that ended before it answered, with the reason it gave."""
    if process.wait_for_exit() == _ILLEGAL_INSTRUCTION:
        return _error("this computer's processor is too old for the local server (it needs AVX2)")
    reason = _reason(process.log_text()) or "it gave no reason"
    return _error(f"the local server of {model.name} ended at once: {reason}")


def _error(message: str, hint: str = "") -> UnavailableError:
    return UnavailableError(message, hint=hint or install.instead(), provider="local")


def _reason(log: str) -> str:
    """Return the line that tells most: the loader's own reason, else the last one."""
    lines = [line.strip() for line in log.splitlines() if line.strip()]
    told = [line.partition(_REASON)[2].strip() for line in lines if _REASON in line]
    return (told or lines or [""])[-1]


_SLOTS = 2  # two lanes of a comparison run side by side

_CACHE_MIB = 256  # of earlier conversations, so that going back to one is quick


def launch(model: LocalModel, timeout_s: float) -> LocalServer:
    """Start a server for `model` and return it once it answers.

    Raises
    ------
    UnavailableError
        When something is missing, the server ends at once, or it is not ready in time.
    """
    if missing := install.missing():
        raise UnavailableError(
            f"the local model cannot start: {missing}", hint=install.instead(), provider="local"
        )
    secret = Secret(secrets.token_urlsafe(24), "this start of the local server")
    process = ServerProcess(_settings(model, secret))
    try:
        return _when_ready(model, process, secret, timeout_s)
    except BaseException:
        process.end()
        raise


def _when_ready(
    model: LocalModel, process: ServerProcess, secret: Secret, timeout_s: float
) -> LocalServer:
    address = process.wait_for_address(timeout_s)
    if address is None:
        raise late(model)
    # One question with the key: the address is truly that of this server, and it takes requests.
    properties = get(f"{address}/props", key=secret.reveal(), timeout_s=5.0) if address else None
    if properties is None:
        raise ended(model, process)
    context = properties.get("default_generation_settings", {}).get("n_ctx") or model.context
    return LocalServer(f"{address}/v1", model.name, model.title, context, secret, process)


def _settings(model: LocalModel, secret: Secret) -> dict[str, Any]:
    try:
        path = model.source.path()
    except OSError as error:
        raise not_readable(model, error) from error
    library = package_folder(install.LIBRARY)
    return {
        "import_from": str(library.parent) if library else "",
        "name": model.name,
        "model": str(path),
        "key": secret.reveal(),
        "threads": threads(),
        "params": {
            "n_ctx": model.context * _SLOTS,
            "n_parallel": _SLOTS,
            "cache_ram_mib": _CACHE_MIB,
            "ui": False,
            "offline": True,
            "fit_params": False,
            "verbosity": 1,
            **({"chat_template": _text(model.template)} if model.template else {}),
            **model.params,
        },
        "sampling": model.sampling,
        "grammar": model.grammar,
    }


def _text(template: Path) -> str:
    return template.read_text(encoding="utf-8")


_lock = threading.Lock()

_running: tuple[LocalModel, LocalServer] | None = None


def start(timeout_s: float = 60.0) -> LocalServer:
    """Return the local server of this process, started when there is none yet.

    A process forked from one that has a server uses that server as long as it answers. When
    ``GLM_LOCAL_MODEL`` has changed since, the old server makes place for a new one.

    Parameters
    ----------
    timeout_s : float
        Seconds until it must answer.

    Raises
    ------
    UnavailableError
        When something is missing, the server ends at once, or it is not ready in time.
    """
    global _running  # noqa: PLW0603 - one server a process is the point
    with _lock:
        model = chosen()
        if _running and _running[0] == model and _running[1].is_running():
            return _running[1]
        stop_running()
        _running = (model, launch(model, timeout_s))
        return _running[1]


def stop_running() -> None:
    """End the server of this process, if there is one."""
    global _running  # noqa: PLW0603 - as above
    if _running:
        _running[1].stop()
    _running = None


def _after_fork() -> None:
    """Forget a lock another thread may have held, and let go of the parent's lifeline."""
    global _lock  # noqa: PLW0603 - as above
    _lock = threading.Lock()
    if _running:
        _running[1].process.disown()


atexit.register(stop_running)

if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
