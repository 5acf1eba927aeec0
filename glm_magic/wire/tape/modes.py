"""How a tape is used: what becomes of a request, and how fast a reply is played."""

from __future__ import annotations

import math
from typing import Literal, get_args

Mode = Literal["replay", "record", "replay+live", "replay+record"]
"""
``replay``: a request that is not on the tape is an error. ``record``: every request is sent, and
its reply recorded. ``replay+live``: what is not on the tape is sent; with ``replay+record`` it is
also recorded.
"""

MODES: tuple[Mode, ...] = get_args(Mode)

WRITING: tuple[Mode, ...] = ("record", "replay+record")
"""Modes that write the tape."""

NO_DELAY = math.inf
"""The speed of a replay without any waiting."""
