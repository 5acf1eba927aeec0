"""The local server: started when first needed, one for each process.

The server runs llama.cpp in a process of its own, on a free port that only this computer reaches,
and ends with the process that started it (`server_process`).
"""

from __future__ import annotations

import os
import secrets
import signal
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..core.errors import UnavailableError
from ..core.i18n import tr
from ..core.process import PerProcess
from ..core.secret import Secret
from . import install
from .models import LocalModel, package_folder, selected_model
from .probe import answers, get
from .server_process import ServerProcess


@dataclass(frozen=True, slots=True)
class LocalServer:
    """The address of a model on this computer, and what it serves."""

    base_url: str
    """Base address of its OpenAI-style API."""
    model: str
    """Short id of the model it runs."""
    title: str
    """How a sentence refers to the model."""
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
_MAX_THREADS = 8


def thread_count() -> int:
    """Return how many threads the model gets: half of the processors this process may use.

    That is the number of physical cores on most computers. It also leaves room for the notebook:
    the threads wait for each other after every layer, so one busy processor slows all of them
    (measured on two: 10 tokens a second with two threads, 43 with one).
    """
    return min(_MAX_THREADS, max(1, min(_processors(), _quota()) // 2))


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


_SLOTS = 2  # so that two lanes of a comparison run side by side
_CACHE_MIB = 256  # of earlier conversations, so that returning to one is quick


def launch(model: LocalModel, timeout_s: float) -> LocalServer:
    """Start a server for `model` and return it once it answers.

    Raises
    ------
    UnavailableError
        Something is missing, the server exits at once, or it is not ready in time.
    """
    if missing := install.missing():
        raise _error(tr("the local model cannot start: {missing}", missing=missing))
    # No word ends as the key begins, so none is held back to see whether the key follows.
    secret = Secret("~~" + secrets.token_urlsafe(24), "this start of the local server")
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
        raise _late(model)
    # Asked with the key: the address really is this server's, and it takes requests.
    properties = get(f"{address}/props", key=secret.reveal(), timeout_s=5.0) if address else None
    if properties is None:
        raise _exited(model, process)
    context = properties.get("default_generation_settings", {}).get("n_ctx") or model.context
    return LocalServer(f"{address}/v1", model.name, model.title, context, secret, process)


def _settings(model: LocalModel, secret: Secret) -> dict[str, Any]:
    try:
        path = model.source.path()
    except OSError as error:
        reason = error.args[0] if len(error.args) == 1 else error
        raise _error(
            tr(
                "the model file of {model} cannot be prepared: {reason}",
                model=model.name,
                reason=reason,
            )
        ) from error
    library = package_folder(install.LIBRARY)
    return {
        "import_from": str(library.parent) if library else "",
        "name": model.name,
        "model": str(path),
        "key": secret.reveal(),
        "threads": thread_count(),
        "params": {
            "n_ctx": model.context * _SLOTS,
            "n_parallel": _SLOTS,
            "cache_ram_mib": _CACHE_MIB,
            "ui": False,
            "offline": True,
            "fit_params": False,
            "verbosity": 1,
            **(
                {"chat_template": model.template.read_text(encoding="utf-8")}
                if model.template
                else {}
            ),
            **model.params,
        },
        "sampling": model.sampling,
        "grammar": model.grammar,
    }


_LOADER_ERROR = "error loading model:"
_ILLEGAL_INSTRUCTION = -getattr(signal, "SIGILL", 4)


def _late(model: LocalModel) -> UnavailableError:
    return _error(
        tr("the local server of {model} was not ready in time", model=model.name),
        hint=tr(
            "run the cell again when the computer is less busy, or choose a smaller model with "
            "GLM_LOCAL_MODEL"
        ),
    )


def _exited(model: LocalModel, process: ServerProcess) -> UnavailableError:
    if process.wait_for_exit() == _ILLEGAL_INSTRUCTION:
        return _error(
            tr("this computer's processor is too old for the local server (it needs AVX2)")
        )
    reason = _reason(process.log_text()) or tr("it gave no reason")
    return _error(
        tr("the local server of {model} exited at once: {reason}", model=model.name, reason=reason)
    )


def _error(message: str, hint: str = "") -> UnavailableError:
    return UnavailableError(message, hint=hint or install.instead(), provider="local")


def _reason(log: str) -> str:
    """Return the most telling line: the loader's own reason, else the last one."""
    lines = [line.strip() for line in log.splitlines() if line.strip()]
    reasons = [line.partition(_LOADER_ERROR)[2].strip() for line in lines if _LOADER_ERROR in line]
    return (reasons or lines or [""])[-1]


def start(timeout_s: float = 60.0) -> LocalServer:
    """Return the local server of this process, starting it where there is none yet.

    A process forked from one that has a server uses that server for as long as it answers. When
    ``GLM_LOCAL_MODEL`` has changed since, a new server replaces the old one.

    Parameters
    ----------
    timeout_s : float
        Seconds within which a new server must answer.

    Raises
    ------
    UnavailableError
        Something is missing, the server exits at once, or it is not ready in time.
    """
    return _shared.get(timeout_s).server


def stop_running() -> None:
    """End the server of this process, if there is one."""
    _shared.close()


@dataclass(frozen=True, slots=True)
class _Running:
    model: LocalModel
    server: LocalServer

    @classmethod
    def launched(cls, timeout_s: float) -> _Running:
        model = selected_model()
        return cls(model, launch(model, timeout_s))

    def is_current(self) -> bool:
        return self.model == selected_model() and self.server.is_running()

    def inherited(self) -> _Running:
        """Let go of the parent's lifeline in a forked child, which may go on asking the server."""
        self.server.process.disown()
        return self

    def stop(self) -> None:
        self.server.stop()


_shared = PerProcess(_Running.launched, _Running.stop, _Running.is_current, _Running.inherited)
