"""Asking the user whether a function may be called."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

YES = ("y", "yes", "j", "ja", "是", "好", "可以")
MAX_CHARACTERS = 2000
"""How much of the arguments is shown."""


def ask_user(name: str, arguments: Mapping[str, Any]) -> bool:
    """Ask in the cell or terminal; anything but a yes is a no."""
    given = ", ".join(f"{_name(key)}={_json(value)}" for key, value in arguments.items())
    given = given if len(given) <= MAX_CHARACTERS else given[:MAX_CHARACTERS] + "…"
    return input(f"Call {_name(name)}({given})? [y/N] ").strip().lower() in YES


def _name(word: str) -> str:
    # not a whole sentence that answers the question
    return word if word.replace("-", "_").isidentifier() else _json(word)


def _json(value: Any) -> str:
    # what is asked about must be what is seen
    text = json.dumps(value, ensure_ascii=False)
    return "".join(c if c.isprintable() else f"\\u{ord(c):04x}" for c in text)
