"""Answers to one prompt, counted: those that are equal together, with what they cost.

Numbers and JSON are equal by value (``42``, ``42.0``; keys in any order), other texts but for
spaces, capitals and the stop at the end (``Yes.``, ``yes``).
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable
from typing import Any

from ..core.price import CostTotal
from ..core.progress import Ballot
from ..core.turn import Turn

_STOPS = ".!。！"
_THOUSANDS = re.compile(r"[+-]?\d{1,3}(?:,\d{3})+(?:\.\d+)?")


def value_of(answer: str) -> str:
    """Return a text that is the same for all answers that are equal."""
    text = " ".join(answer.split()).rstrip(_STOPS)
    number = text.replace(",", "") if _THOUSANDS.fullmatch(text) else text.removeprefix("+")
    try:
        value = json.loads(number)
    except (ValueError, RecursionError):
        return text.casefold()
    return value.casefold() if isinstance(value, str) else json.dumps(_plain(value), sort_keys=True)


def _plain(value: Any) -> Any:
    """Return JSON in which numbers that are equal are written alike."""
    if isinstance(value, dict):
        return {name: _plain(item) for name, item in value.items()}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    if isinstance(value, float) and math.isfinite(value) and value.is_integer():
        return int(value)
    return value


def ballots_of(answers: Iterable[tuple[int, Any, str, Turn]]) -> list[Ballot]:
    """Return the distinct answers, the most frequent first; of equally frequent ones the earlier.

    Parameters
    ----------
    answers : iterable of tuple
        Number of the sample, what it is counted as, what stands for that, and its turn.
    """
    groups: dict[Any, list[tuple[int, Any, str, Turn]]] = {}
    for entry in answers:
        groups.setdefault(entry[1], []).append(entry)
    total = sum(map(len, groups.values()))
    ballots = [
        Ballot(
            answer=group[0][2],
            count=len(group),
            share=len(group) / total,
            cost=CostTotal.of(turn.cost for *_, turn in group),
            thoughts=tuple((number, turn.reasoning) for number, *_, turn in group),
        )
        for group in groups.values()
    ]
    return sorted(ballots, key=lambda ballot: -ballot.count)
