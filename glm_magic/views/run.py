"""Which of a cell's runs a turn is."""

from __future__ import annotations

from ..core.turn import Turn
from .options import Variants, ViewOptions
from .words import Words


def place_of(turn: Turn, variants: Variants) -> int:
    """Return which run a turn is, from 0; the chosen one when it cannot be told."""
    turns = variants.turns
    same = [place for place, run in enumerate(turns) if run is turn]
    at = stamp(turn)
    same = same or [place for place, run in enumerate(turns) if at and stamp(run) == at]
    return same[-1] if same else variants.chosen


def stamp(turn: Turn) -> str:
    """Return when a run was sent, in milliseconds: what a page and its kernel know it by."""
    sent_at = turn.timing.started_at
    return "" if sent_at is None else str(round(sent_at * 1000))


def run_label(turn: Turn, options: ViewOptions, said: Words) -> str:
    """Return ``run 2/3``; empty for the only run of a cell."""
    count = len(options.variants.turns) if options.variants is not None else 0
    if options.variants is None or count < 2:
        return ""
    return said.run.format(number=place_of(turn, options.variants) + 1, count=count)
