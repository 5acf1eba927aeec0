"""A turn that grows, as pieces of which each holds only what is new.

A reply may reach half a megabyte; written whole every second it would be hundreds.
"""

from __future__ import annotations

from typing import Any

from ..core.turn import Turn
from .codec import encode

TEXTS = ("reasoning", "content")
Encoded = dict[str, Any]


class Growth:
    """Make the pieces of one turn."""

    def __init__(self) -> None:
        self._steps: list[dict[str, str]] = []

    def piece(self, turn: Turn) -> Encoded:
        """Return the turn with only as much of its texts as is new since the last piece."""
        encoded: Encoded = encode(turn)
        texts = [{name: step[name] for name in TEXTS} for step in encoded["steps"]]
        for place, step in enumerate(encoded["steps"]):
            known = self._steps[place] if place < len(self._steps) else {}
            step.update({name: _suffix(known.get(name, ""), step[name]) for name in TEXTS})
        self._steps = texts
        return encoded

    def lost(self) -> None:
        """Begin anew with the next piece: the last one was not written."""
        self._steps = []


def _suffix(known: str, text: str) -> list[Any]:
    """Return how many characters to keep, and what comes after them."""
    keep = len(known) if text.startswith(known) else 0
    return [keep, text[keep:]]


def grown(known: Encoded | None, piece: Encoded) -> Encoded:
    """Return the turn that a piece makes of what was known before."""
    steps = known["steps"] if known else []
    whole = {**piece, "steps": [dict(step) for step in piece["steps"]]}
    for place, step in enumerate(whole["steps"]):
        before = steps[place] if place < len(steps) else {}
        for name in TEXTS:
            keep, more = step[name]
            step[name] = before.get(name, "")[:keep] + more
    return whole
