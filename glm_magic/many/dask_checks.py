"""What Dask cannot ask is refused before anything is sent: by its client, request or worker."""

from __future__ import annotations

import pkgutil
from collections.abc import Callable, Sequence
from typing import Any

from .._version import __version__
from ..catalogue.resolve import LOCAL
from ..core.errors import GlmError, InvalidValueError, UnavailableError
from ..core.i18n import tr
from ..engine.prepared import PreparedRequest
from .dask_errors import Keys, cannot_run, lacks_key, lost, other_version
from .worker import dumped, problem


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


def check_requests(firsts: Sequence[PreparedRequest], keys: Keys) -> None:
    """Refuse requests that only this computer can make.

    Parameters
    ----------
    firsts : sequence of PreparedRequest
        The request that stands for all rows, of each lane; none where a tape decides.
    keys : {"worker", "send"}
        Where workers have keys from.

    Raises
    ------
    InvalidValueError
        A tape, the local model, or a key that is not sent would be needed.
    """
    if not firsts:
        raise InvalidValueError(
            tr("a tape is on this computer, and Dask workers cannot read it"),
            hint=tr("leave out on=, or the tape"),
        )
    if any(first.offer.provider.name == LOCAL for first in firsts):
        raise InvalidValueError(
            tr("the local model runs on this computer, and Dask workers cannot reach it"),
            hint=tr("leave out on=, or name another provider"),
        )
    for key in (first.key for first in firsts if keys == "worker"):
        if key is not None and (key.source == "api_key" or key.has_login or key.query()):
            raise InvalidValueError(
                tr("{source} has a key, which Dask workers do not get", source=key.source),
                hint=tr('send it with keys="send", or set it where the workers run'),
            )


def check_workers(client: Any, firsts: Sequence[PreparedRequest]) -> int:
    """Return how many workers there are; refuse any that could not ask.

    Parameters
    ----------
    client : distributed.Client
        Reaches them.
    firsts : sequence of PreparedRequest
        Requests for which each must have a key.

    Raises
    ------
    UnavailableError
        One lacks this package, or a key; or the cluster cannot be reached.
    """
    versions = _on_all(client, pkgutil.resolve_name, "glm_magic._version:__version__")
    for address, version in versions.items():
        if isinstance(version, Exception):
            raise cannot_run(address, version)
        if version != __version__:
            raise other_version(address, version, __version__)
    for first in firsts:
        for address, error in _on_all(client, problem, dumped(first.offer)).items():
            if isinstance(error, GlmError):
                raise lacks_key(address, error)
            if error is not None:
                raise cannot_run(address, error)
    return len(versions)


def _on_all(client: Any, function: Callable[..., Any], *arguments: Any) -> dict[str, Any]:
    """Return what a function returns, or raises, on each worker."""
    try:
        answers: dict[str, Any] = client.run(function, *arguments, on_error="return")
    except Exception as error:  # whatever the network does
        raise lost(error) from error
    return answers


def dashboard(client: Any) -> str:
    """Return the address of the cluster's dashboard; empty where none is served."""
    services = client.scheduler_info().get("services", {})
    link = client.dashboard_link if "dashboard" in services else ""
    return link if str(link).startswith(("http://", "https://")) else ""
