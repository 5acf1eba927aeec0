"""A list of records -> rows, for a table or a DataFrame."""

from __future__ import annotations

from typing import Any


def records_of(value: Any) -> list[dict[str, Any]] | None:
    """Return the records that a value is or holds as its only list; ``None`` for anything else."""
    plain = _plain(value)
    if isinstance(plain, dict):
        lists = [part for part in plain.values() if isinstance(part, list)]
        plain = lists[0] if len(lists) == 1 else plain
    if isinstance(plain, list) and plain and all(isinstance(item, dict) for item in plain):
        return plain
    return None


def _plain(value: Any) -> Any:
    """Return models and dataclasses as dicts, with their values as Python has them."""
    from pydantic import TypeAdapter

    kept = value if not isinstance(value, list) else [_plain(item) for item in value]
    return TypeAdapter(Any).dump_python(kept)
