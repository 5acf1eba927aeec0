"""The user's folders; ``GLM_HOME`` moves configuration and data."""

from __future__ import annotations

import os
from pathlib import Path

NAME = "glm_magic"


def config_folder() -> Path:
    """Return the folder of the user's own settings; it need not exist."""
    import platformdirs  # needed only where GLM_HOME is not set

    return _home() or platformdirs.user_config_path(NAME, appauthor=False)


def data_folder() -> Path:
    """Return the folder of the user's data; it need not exist."""
    import platformdirs

    return _home() or platformdirs.user_data_path(NAME, appauthor=False)


def _home() -> Path | None:
    home = os.environ.get("GLM_HOME")
    return Path(home).expanduser() if home else None
