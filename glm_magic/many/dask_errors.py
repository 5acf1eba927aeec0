"""The errors of a Dask client or worker that lacks something, told here and on workers."""

from __future__ import annotations

from typing import Literal

from .._version import __version__
from ..core.errors import GlmError, UnavailableError
from ..core.i18n import tr

Keys = Literal["worker", "send"]
"""Whether each worker looks for a key where it runs, or gets the one of the caller."""


def lost(error: Exception | None) -> UnavailableError:
    """Return the error of a client without a scheduler."""
    lost = UnavailableError(
        tr("the Dask client is closed, or has lost its scheduler"),
        hint=tr("make the same call with a client that runs: it goes on where it was"),
    )
    lost.__cause__ = error
    return lost


def cannot_run(address: str, error: Exception) -> UnavailableError:
    """Return the error of a worker on which our code does not run."""
    name = str(error.name) if isinstance(error, ImportError) else ""
    if name.startswith("glm_magic"):
        message = tr("the Dask worker {address} lacks glm-magic", address=address)
    else:
        shown = f"{type(error).__name__}: {error}"[:200]
        message = tr("the Dask worker {address} cannot ask: {error}", address=address, error=shown)
    return UnavailableError(message, hint=install_hint(__version__))


def lacks_key(address: str, error: GlmError) -> GlmError:
    """Return the error of a worker that has no key."""
    return UnavailableError(
        tr("the Dask worker {address}: {error}", address=address, error=error.message),
        hint=tr('set the key where the workers run, or send yours with keys="send"'),
    )


def other_version(address: str, theirs: str, ours: str) -> UnavailableError:
    """Return the error of a worker with another version of this package."""
    return UnavailableError(
        tr(
            "the Dask worker {address} has glm-magic {theirs}, and this is {ours}",
            address=address,
            theirs=theirs,
            ours=ours,
        ),
        hint=install_hint(ours),
    )


def install_hint(version: str) -> str:
    """Return what to do about a worker that lacks this package."""
    return tr("have every worker run: pip install 'glm-magic=={version}'", version=version)
