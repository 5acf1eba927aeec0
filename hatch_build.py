"""Ships the front end without its comments, which are more than half of it.

An editable install has the files as they are written.
"""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

INSTALLED = "share/jupyter/labextensions/glm-magic"


class FrontEnd(BuildHookInterface[Any]):
    """Adds the front end to a wheel."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Say which folder the wheel gets."""
        folder = Path(self.root, "labextension")
        if version != "editable":
            folder = self._without_comments(folder)
        build_data["shared_data"][str(folder)] = INSTALLED

    def _without_comments(self, folder: Path) -> Path:
        from rjsmin import jsmin

        self._built = Path(tempfile.mkdtemp(prefix="glm-magic-"))
        shutil.copytree(folder, self._built, dirs_exist_ok=True)
        for module in self._built.rglob("*.js"):
            module.write_text(jsmin(module.read_text(encoding="utf-8")), encoding="utf-8")
        return self._built

    def finalize(self, version: str, *_: Any) -> None:
        """Remove what was made for the wheel."""
        if version != "editable":
            shutil.rmtree(self._built)
