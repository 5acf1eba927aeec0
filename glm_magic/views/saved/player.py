"""The player of a saved reply: its rhythm as data, and the script that plays it without network.

Where scripts do not run, nothing of it shows. One output of a notebook carries the script for all,
the same one that carries the style sheet.
"""

from __future__ import annotations

import json
import re
from functools import lru_cache

from ...core.turn import Sample, Turn
from ..labels import AnatomyWords
from ..markup.escape import escape_attribute
from .assets import Place, asset, carries

_COMMENT = re.compile(r"^\s*//.*$", re.MULTILINE)
_INDENT = re.compile(r"\n\s*")
_CALL = "window.glmPlayer&&glmPlayer(document.currentScript)"


def player_data(turn: Turn, said: AnatomyWords) -> str:
    """Return the attributes from which a script makes a player; empty without a rhythm."""
    if not can_play(turn):
        return ""
    labels = [said.play, said.pause, said.speed, said.position, said.search]
    words = escape_attribute(json.dumps(labels, ensure_ascii=False))
    return f' data-beats="{packed(rhythm_of(turn))}" data-words="{words}"'


def player_script(turn: Turn, place: Place | None) -> str:
    """Return the script of one output: the player itself, or the call of one that is there."""
    if not can_play(turn):
        return ""
    whole = place is None or carries(place)
    return f"<script>{_player() if whole else ''}{_CALL}</script>"


def can_play(turn: Turn) -> bool:
    """Whether a turn has ended and its rhythm is known."""
    return turn.status != "streaming" and len(rhythm_of(turn)) > 1


def rhythm_of(turn: Turn) -> tuple[Sample, ...]:
    """Return the rhythm of a turn: the thoughts of its steps one after another, and its answer."""
    beats: list[Sample] = []
    thought = 0
    for step in turn.steps:
        answers = step is turn.steps[-1]
        beats += [
            Sample(step.began_s + beat.at_s, thought + beat.reasoning, beat.answer * answers)
            for beat in step.rhythm
        ]
        thought += step.rhythm[-1].reasoning if step.rhythm else 0
    return tuple(beats)


def packed(beats: tuple[Sample, ...]) -> str:
    """Return a rhythm as text: milliseconds and characters of each point after the one before."""
    told, before = [], Sample(0.0, 0, 0)
    for beat in beats:
        step_ms = round(beat.at_s * 1000) - round(before.at_s * 1000)
        grown = (step_ms, beat.reasoning - before.reasoning, beat.answer - before.answer)
        told.append(",".join(str(value) if value else "" for value in grown).rstrip(","))
        before = beat
    return " ".join(told)


@lru_cache(maxsize=1)
def _player() -> str:
    """Return the script without comments and indents."""
    return _INDENT.sub("\n", _COMMENT.sub("", asset("player.js"))).strip() + "\n"
