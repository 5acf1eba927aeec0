"""Tells which cell a question comes from; light, because it is put in place while loading."""

from __future__ import annotations

from collections.abc import Callable, Hashable

SlotKey = Hashable
"""What tells prompt cells apart: the cell's id and the ordinal of the call within one execution."""


def no_slot_key() -> SlotKey | None:
    """Tell nothing about cells, so that every question is a new turn."""
    return None


slot_key: Callable[[], SlotKey | None] = no_slot_key
"""Tells which cell is running; the notebook's side of the package puts its own in place."""
