"""A start that failed, in words."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING

from glm_magic.core.errors import UnavailableError

from . import advice

if TYPE_CHECKING:
    from .models import LocalModel
    from .process import ServerProcess

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
    return UnavailableError(message, hint=hint or advice.instead(), provider="local")


def _reason(log: str) -> str:
    """Return the line that tells most: the loader's own reason, else the last one."""
    lines = [line.strip() for line in log.splitlines() if line.strip()]
    told = [line.partition(_REASON)[2].strip() for line in lines if _REASON in line]
    return (told or lines or [""])[-1]
