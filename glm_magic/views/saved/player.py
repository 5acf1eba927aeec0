"""What a saved reply does where scripts run: it can be copied, searched, and played again.

A finished step keeps its rhythm (`Step.rhythm`), at most 400 points; the saved page carries it as
an attribute. The script stands once in a notebook, in the output that carries the style sheet
(`assets`), and the other outputs call it. It makes its own controls, so where scripts do not run,
nothing of it shows.
"""

from __future__ import annotations

import json
from functools import lru_cache

from ...core.turn import Sample, Turn
from ..labels import Labels
from ..options import Position
from .assets import minified_asset, minified_script, stylesheet_owner, whole_style
from .thought import is_whole
from .timeline import has_timeline

_CALL = "window.glmPage&&glmPage(document.currentScript)"

_WORDS = (
    *("copy", "copy_title", "copy_plain", "copy_plain_title", "copied", "copy_failed"),
    *("play", "pause", "playback_speed", "playback_position", "search_reasoning"),
)
"""The labels that the script writes."""

COPIED_BY_HAND = 300
"""Characters of an answer for which an output that stands alone carries no script."""


def player_data(turn: Turn) -> str:
    """Return the attribute from which the script makes a player; empty where there is none."""
    return f' data-beats="{pack(rhythm_of(turn))}"' if can_play(turn) else ""


def page_script(turn: Turn, position: Position | None, labels: Labels) -> str:
    """Return the script of one output: the whole of it, or the call of the one elsewhere."""
    if turn.status == "streaming":
        return ""
    if position is not None and not stylesheet_owner.is_at(position):
        return f"<script>{_CALL}</script>"
    if position is None and not can_play(turn) and len(turn.answer) <= COPIED_BY_HAND:
        return ""
    return f"<script>{_source(labels)}{_CALL}</script>"


def style_and_script(labels: Labels) -> str:
    """Return what one output carries for all, to put before another one when that is removed."""
    return f"<style>{whole_style()}</style><script>{_source(labels)}</script>"


def can_play(turn: Turn) -> bool:
    """Whether a reply can be played: it took a while, and its rhythm and texts are whole."""
    return is_whole(turn) and has_timeline(turn) and len(rhythm_of(turn)) > 1


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


@lru_cache(maxsize=2)
def _source(labels: Labels) -> str:
    """Return the script without comments and indents, the words, and the style of what it makes."""
    script = minified_script("copying.js") + minified_script("player.js")
    words = json.dumps({name: getattr(labels, name) for name in _WORDS}, ensure_ascii=False)
    style = json.dumps(minified_asset("tools.css"))
    return f"{script}window.glmStyle={style}\nwindow.glmWords={words}\n"
