"""The player of a saved reply: how it grew, as data, and a script that plays it without network.

A finished step keeps its rhythm (`Step.rhythm`), at most 400 points; the saved page carries it as
an attribute. The script stands once in a notebook, in the output that carries the style sheet
(`assets`), and the other outputs call it. It makes its own controls, so where scripts do not run,
nothing of it shows.
"""

from __future__ import annotations

import json

from ...core.turn import Sample, Turn
from ..labels import Labels
from ..markup.escape import escape_attribute
from ..options import Position
from .assets import minified_script, stylesheet_owner, whole_style

_CALL = "window.glmPlayer&&glmPlayer(document.currentScript)"


def player_data(turn: Turn, labels: Labels) -> str:
    """Return the attributes from which the script makes a player; empty without a rhythm."""
    if not _can_play(turn):
        return ""
    texts = [
        labels.play,
        labels.pause,
        labels.playback_speed,
        labels.playback_position,
        labels.search_reasoning,
    ]
    words = escape_attribute(json.dumps(texts, ensure_ascii=False))
    return f' data-beats="{pack(rhythm_of(turn))}" data-words="{words}"'


def player_script(turn: Turn, position: Position | None) -> str:
    """Return the script of one output: the player itself, or the call of the one elsewhere."""
    if not _can_play(turn):
        return ""
    whole = position is None or stylesheet_owner.is_at(position)
    return f"<script>{minified_script('player.js') if whole else ''}{_CALL}</script>"


def style_and_player() -> str:
    """Return what one output carries for all, to put before another one when that is removed."""
    return f"<style>{whole_style()}</style><script>{minified_script('player.js')}</script>"


def _can_play(turn: Turn) -> bool:
    return turn.status != "streaming" and len(rhythm_of(turn)) > 1


def rhythm_of(turn: Turn) -> tuple[Sample, ...]:
    """Return the rhythm of a turn: the reasoning of its steps one after another, and its answer."""
    samples: list[Sample] = []
    reasoning = 0
    for step in turn.steps:
        is_last = step is turn.steps[-1]
        samples += [
            Sample(
                step.began_s + sample.at_s, reasoning + sample.reasoning, sample.answer * is_last
            )
            for sample in step.rhythm
        ]
        reasoning += step.rhythm[-1].reasoning if step.rhythm else 0
    return tuple(samples)


def pack(samples: tuple[Sample, ...]) -> str:
    """Return a rhythm as text: for each point the milliseconds and characters since the last."""
    points, before = [], Sample(0.0, 0, 0)
    for sample in samples:
        step_ms = round(sample.at_s * 1000) - round(before.at_s * 1000)
        grown = (step_ms, sample.reasoning - before.reasoning, sample.answer - before.answer)
        points.append(",".join(str(value) if value else "" for value in grown).rstrip(","))
        before = sample
    return " ".join(points)
