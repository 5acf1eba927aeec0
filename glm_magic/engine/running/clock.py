"""The clock of a turn: seconds since its first request, or those of the recording it comes from."""

from __future__ import annotations

import time

from ...wire.tape.playback import Playback


class Clock:
    """Seconds since `start`; while a tape plays, the recording's own, at any speed."""

    def __init__(self) -> None:
        self._base_s = 0.0
        self._since: float | None = None
        self._playback: Playback | None = None

    def start(self) -> None:
        """Begin to count."""
        self._since = time.monotonic()

    def now_s(self) -> float:
        """Return the seconds so far; 0 before the start."""
        if self._playback is not None:
            return self._base_s + self._playback.now_s
        return self._base_s + (time.monotonic() - self._since if self._since else 0.0)

    def follow(self, playback: Playback | None) -> None:
        """Go on with a recording's clock, or with the real one after it."""
        # What passed before the first replayed reply was ours alone, not the recording's.
        if playback is None or self._playback is not None or self._base_s:
            self._base_s = self.now_s()
        self._since = time.monotonic()
        self._playback = playback
