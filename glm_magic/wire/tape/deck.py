"""How calls and a tape meet: which tape, which way, how fast."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal, get_args

from .meaning import Meaning
from .tape import Tape

Mode = Literal["replay", "record", "replay+live", "replay+record"]
"""
``replay``: a request that is not on the tape is an error. ``record``: every request is asked live
and its reply recorded. ``replay+live``: what is not on the tape is asked live, and with
``replay+record`` also recorded.
"""
MODES: tuple[Mode, ...] = get_args(Mode)
AT_ONCE = math.inf
"""The speed that waits for nothing."""


@dataclass(frozen=True, slots=True)
class Deck:
    """A tape that is put in."""

    tape: Tape
    mode: Mode = "replay"
    speed: float = 1.0
    """1 is the rhythm of the recording, 2 twice as fast, `AT_ONCE` without waiting."""

    @property
    def replays(self) -> bool:
        """Whether replies may come from the tape."""
        return self.mode != "record"

    @property
    def records(self) -> bool:
        """Whether live replies go on the tape."""
        return self.mode in ("record", "replay+record")

    def answers(self, asked: Meaning) -> bool:
        """Whether the tape answers this request, so that neither key nor network is needed."""
        return self.replays and self.tape.holds(asked)

    @property
    def only_replays(self) -> bool:
        """Whether nothing may be asked live."""
        return self.mode == "replay"
