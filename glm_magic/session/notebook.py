"""What the notebook's side tells sessions: the running cell, cells that are gone, the file.

It is light, because it is put in place while the extension loads.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Hashable, Sequence
from typing import Protocol
from weakref import WeakSet

SlotKey = Hashable
"""What tells prompt cells apart: the cell's id and the ordinal of the call within one execution."""


def no_slot_key() -> SlotKey | None:
    """Tell nothing about cells, so that every question is a new turn."""
    return None


slot_key: Callable[[], SlotKey | None] = no_slot_key
"""Tells which cell is running; the notebook's side of the package puts its own in place."""


class Follower(Protocol):
    """A session, as far as the notebook's cells concern it."""

    def lose_cells(self, cells: Sequence[str]) -> None:
        """Hear of cells that were deleted."""

    def forget(self) -> None:
        """Hear that everything is to be forgotten, sums included."""

    def asked_since(self, cell: str, since_s: float) -> set[SlotKey]:
        """Return what a cell asked here since that time of the monotonic clock."""

    def lose_older(self, cell: str, since_s: float, but: Collection[SlotKey] = ()) -> None:
        """Hear of a cell that ran again since then, and what it asked now, here or elsewhere."""


followers: WeakSet[Follower] = WeakSet()
"""Every session of this process."""

notebook: Callable[[], str] | None = None
"""Tells which notebook is running; ``None``: nobody knows, and the folder stands for it."""
kept: bool | None = None
"""Whether conversations are kept on disk; ``None`` leaves it to ``GLM_STORE``."""
