"""What cannot be asked through Dask: a client, or a worker, that lacks something."""

from __future__ import annotations

from typing import Any, Literal

from .._version import __version__
from ..core.errors import GlmError, InvalidValueError, UnavailableError
from ..core.i18n import tr

Keys = Literal["worker", "send"]
"""Whether each worker looks for a key where it runs, or gets the one of the caller."""


def check_client(on: Any, keys: Any) -> None:
    """Refuse what cannot send rows to Dask workers.

    Raises
    ------
    UnavailableError
        Dask is not installed, or the client is closed.
    InvalidValueError
        It is no client, or one whose event loop would be blocked; ``keys`` is no choice.
    """
    try:
        from distributed import Client
    except ImportError:
        raise UnavailableError(
            tr("on= needs Dask, which is not installed"),
            hint=tr('pip install "glm-magic[dask]"'),
        ) from None
    if keys not in ("worker", "send"):
        raise InvalidValueError(
            tr('keys is "worker" or "send", not {value!r}', value=keys),
            hint=tr("by default, each worker looks for a key where it runs"),
        )
    if not isinstance(on, Client):
        raise InvalidValueError(
            tr("on is a dask.distributed.Client, not {kind}", kind=type(on).__name__),
            hint=tr("of a cluster, it is cluster.get_client()"),
        )
    if on.asynchronous:  # and its loop is the one of this thread
        raise InvalidValueError(
            tr("this Dask client is asynchronous, and this call would block its event loop"),
            hint=tr("write await glm.amap(…, on=client)"),
        )
    if on.status != "running":
        raise lost(None)


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
