"""Names that the user gave to models, in a file of the configuration folder."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path

from ..core.errors import InvalidValueError
from ..core.i18n import tr
from ..core.paths import config_folder, replace_file

FILE = "aliases.json"


def aliases() -> Mapping[str, str]:
    """Return the model, or ``provider/model``, of each name; none where the file is damaged."""
    path = config_folder() / FILE
    try:
        return _read(path, path.stat().st_mtime_ns)
    except (OSError, ValueError, AttributeError):
        return {}


@lru_cache(maxsize=4)
def _read(path: Path, _written_at: int) -> dict[str, str]:
    models = json.loads(path.read_text(encoding="utf-8"))
    return {str(name): str(model) for name, model in models.items()}


def put(name: str, model: str | None) -> None:
    """Give a model a name, or take the name away.

    Raises
    ------
    InvalidValueError
        The file cannot be written.
    """
    models = {**aliases(), name: model or ""}
    text = json.dumps({n: m for n, m in sorted(models.items()) if m}, ensure_ascii=False, indent=2)
    path = config_folder() / FILE
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with replace_file(path) as file:
            file.write(f"{text}\n".encode())
    except OSError as error:
        raise InvalidValueError(
            tr("{path} cannot be written: {reason}", path=path, reason=error.strerror),
            hint=tr("set GLM_HOME to another folder"),
        ) from None
    _read.cache_clear()
