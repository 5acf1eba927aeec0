"""The built-in catalogue, and a home to lay a user's own files over it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from glm_magic.catalogue.load import Catalogue, catalogue


@pytest.fixture
def built_in(isolated_home: Path) -> Catalogue:
    """Give the catalogue as it is shipped."""
    return catalogue()


@pytest.fixture
def overlay(isolated_home: Path) -> Callable[..., Catalogue]:
    """Give a function that loads the catalogue with a user's own TOML laid over it."""
    home = isolated_home / "glm"

    def load(text: str, name: str = "mine.toml") -> Catalogue:
        home.mkdir(exist_ok=True)
        (home / name).write_text(text, encoding="utf-8")
        return catalogue()

    return load
