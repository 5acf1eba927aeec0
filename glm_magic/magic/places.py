"""Where outputs stand, so that one of a notebook can carry the style sheet for all."""

from __future__ import annotations

import sys
from itertools import count
from typing import TYPE_CHECKING

from ..views.host import host_of
from .host import RunningCell

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell


class Places:
    """Numbers the outputs of each cell."""

    def __init__(self, shell: InteractiveShell) -> None:
        self._shell = shell
        self._cell = RunningCell(shell)
        self._ordinals = count(1)

    def next(self) -> tuple[str, int] | None:
        """Return where the next output stands; ``None`` where outputs are not parts of one page."""
        if "google.colab" in sys.modules:  # each output has a page of its own there
            return None
        place = self._cell.next_key()
        if place is None and host_of(self._shell) == "executor":  # runs each cell once, in order
            return "", next(self._ordinals)
        return place
