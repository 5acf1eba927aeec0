"""The clock of one replayed reply."""

from __future__ import annotations

import asyncio
import math
import time

from .entry import Entry

PROVIDER = "glm_provider"
"""Key of a request's extensions: which provider it goes to."""
PLAYBACK = "glm_playback"
"""Key of a response's extensions: the `Playback` that it comes from."""


class Playback:
    """One reply on its way from a tape; its clock shows the time of the recording, at any speed.

    Parameters
    ----------
    entry : Entry
        The reply.
    speed : float
        1 is the rhythm of the recording; infinite waits for nothing.
    """

    def __init__(self, entry: Entry, speed: float) -> None:
        self.entry = entry
        self._speed = speed
        self._began = time.monotonic()
        self._reached_s = 0.0
        self._next_s = 0.0

    @property
    def now_s(self) -> float:
        """How far the replay is, in seconds of the recording."""
        if math.isinf(self._speed):
            return self._reached_s
        passed_s = (time.monotonic() - self._began) * self._speed
        return max(self._reached_s, min(passed_s, self._next_s))

    async def reach(self, at_s: float) -> None:
        """Wait for a time of the recording."""
        self._next_s = at_s
        if not math.isinf(self._speed):
            wait_s = self._began + at_s / self._speed - time.monotonic()
            await asyncio.sleep(max(0.0, wait_s))
        self._reached_s = at_s
