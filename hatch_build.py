"""What building the package adds: the front end without its comments, and the README for PyPI.

Comments are more than half of the front end. An editable install has the files as they are written.
"""

from __future__ import annotations

import re
import shutil
import tempfile
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface
from hatchling.metadata.plugin.interface import MetadataHookInterface

INSTALLED = "share/jupyter/labextensions/glm-magic"
IN_A_CHECKOUT = " In a checkout of this repository:\n\n```\npip install .\n"
FROM_PYPI = " Then:\n\n```\npip install glm-magic\n"


class Readme(MetadataHookInterface):
    """Makes the README one that can stand alone, as PyPI shows it."""

    def update(self, metadata: dict[str, Any]) -> None:
        """Set the README, with links into the repository as it is at this version."""
        root = Path(self.root)
        values: dict[str, str] = {}
        exec((root / "glm_magic" / "_version.py").read_text("utf-8"), values)  # noqa: S102 - ours
        version = values["__version__"]
        branch = "main" if "dev" in version else f"v{version}"
        repository = metadata["urls"]["Repository"]
        text = alone((root / "README.md").read_text("utf-8"), repository, branch)
        metadata["readme"] = {"content-type": "text/markdown", "text": text}


def alone(text: str, repository: str, branch: str) -> str:
    """Return the README with absolute links and pictures, and with PyPI's line of installing."""

    def absolute(match: re.Match[str]) -> str:
        kind = "raw" if match[1].endswith(".png") else "blob"
        return f"]({repository}/{kind}/{branch}/{match[1]})"

    if IN_A_CHECKOUT not in text:
        raise ValueError("the README says otherwise how to install")
    text = text.replace(IN_A_CHECKOUT, FROM_PYPI)
    return re.sub(r"\]\((?!https?:|mailto:|#)([^)]+)\)", absolute, text)


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
