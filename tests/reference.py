"""Where the given documents and recorded streams are; tests that read them skip without them."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

PROJECT = Path(__file__).resolve().parent.parent

MISSING = "the reference folder is not here; name it in GLM_REFERENCE"

without_reference = pytest.param(None, marks=pytest.mark.skip(reason=MISSING))
"""Stands for cases that cannot be listed because the folder is missing."""


def reference_folder() -> Path | None:
    """Return the folder named by ``GLM_REFERENCE``, or ``../shared``; ``None`` when absent."""
    named = os.environ.get("GLM_REFERENCE")
    folder = Path(named) if named else PROJECT.parent / "shared"
    return folder if (folder / "streams").is_dir() else None


def reference_files(pattern: str) -> list[Path]:
    """Return the files of the folder that match, sorted; an empty list when it is absent."""
    folder = reference_folder()
    return sorted(folder.glob(pattern)) if folder else []
