"""Which language a person reads."""

from __future__ import annotations

import os

LOCALE_VARIABLES = ("LC_ALL", "LC_MESSAGES", "LANG")

chosen: str | None = None
"""The user's own choice for this process; ``None`` leaves it to the locale."""


def is_chinese(language: str | None = None) -> bool:
    """Return whether a language is Chinese.

    Parameters
    ----------
    language : str, optional
        ``"en"``, ``"zh"`` or another tag; by default the user's choice, or else the locale.
    """
    tag = language or chosen or next(filter(None, map(os.environ.get, LOCALE_VARIABLES)), "en")
    return tag.lower().startswith("zh")
