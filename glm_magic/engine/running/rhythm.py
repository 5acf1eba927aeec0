"""How the two texts of a reply grew, in few enough points to be kept with it."""

from __future__ import annotations

from ...core.turn import Beat

STEP_S = 0.05
"""Growth within this time makes one point: a reader sees no finer."""
MOST_BEATS = 400
"""A longer reply is kept in coarser steps."""


class Rhythm:
    """Notes the growth of reasoning and answer.

    Times are those of the turn's clock; counts are of characters.
    """

    def __init__(self) -> None:
        self._beats: list[Beat] = []
        self._step_s = STEP_S

    def note(self, at_s: float, reasoning: int = 0, answer: int = 0) -> None:
        """Add so many characters that came at `at_s`."""
        last = self._beats[-1] if self._beats else Beat(at_s, 0, 0)
        grown = Beat(at_s, last.reasoning + reasoning, last.answer + answer)
        before = self._beats[-2].at_s if len(self._beats) > 1 else None
        if before is not None and at_s - before < self._step_s:
            self._beats[-1] = grown
        else:
            self._beats.append(grown)
        if len(self._beats) > MOST_BEATS:
            self._beats = [*self._beats[:-1:2], self._beats[-1]]
            self._step_s *= 2

    def all_was_reasoning(self) -> None:
        """Count the answer so far as reasoning."""
        self._beats = [Beat(b.at_s, b.reasoning + b.answer, 0) for b in self._beats]

    def beats(self, began_s: float) -> tuple[Beat, ...]:
        """Return the points, in seconds after `began_s`."""
        return tuple(Beat(b.at_s - began_s, b.reasoning, b.answer) for b in self._beats)
