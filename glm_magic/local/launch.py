"""Start the server's process and wait until it answers."""

from __future__ import annotations

import secrets
from pathlib import Path
from typing import TYPE_CHECKING, Any

from glm_magic.core.errors import UnavailableError
from glm_magic.core.secret import Secret

from . import advice
from .cores import threads
from .failure import ended, late, not_readable
from .http import get
from .process import ServerProcess
from .server import LocalServer
from .sources import package_folder

if TYPE_CHECKING:
    from .models import LocalModel

_SLOTS = 2  # two lanes of a comparison run side by side
_CACHE_MIB = 256  # of earlier conversations, so that going back to one is quick


def launch(model: LocalModel, timeout_s: float) -> LocalServer:
    """Start a server for `model` and return it once it answers.

    Raises
    ------
    UnavailableError
        When something is missing, the server ends at once, or it is not ready in time.
    """
    if missing := advice.missing():
        raise UnavailableError(
            f"the local model cannot start: {missing}", hint=advice.instead(), provider="local"
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
    library = package_folder(advice.LIBRARY)
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
