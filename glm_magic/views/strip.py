"""The sentences of a thought by their weight: bars, and the text, the darker the heavier.

Each has a style of its own, so a page that drops style sheets shows it too; what a sentence led to
is a tooltip. In a terminal, the strip is a line of blocks.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ..core.text import escape_controls, shorten
from .labels import Labels, labels_for
from .many import shell_of
from .markup.escape import escape_attribute, escape_html, escape_markdown
from .options import ViewOptions
from .publish import publish
from .saved.assets import page_style
from .saved.page import SCHEMA
from .select import where_for

_BLOCKS = "▁▂▃▄▅▆▇█"
_UNKNOWN = "·"
_SHOWN = 3
"""Answers that a tooltip names."""
_HEIGHT_EM = 2.6
_BOX = "padding:.8em 1em;border:1px solid rgba(128,128,128,.35);border-radius:8px"


@dataclass(frozen=True, slots=True)
class Weight:
    """A sentence, and how far the answers move without it."""

    number: int
    """From 1."""
    sentence: str
    weight: float | None
    """From 0 to 1; ``None`` where it was not sampled to the end."""
    answers: tuple[tuple[Any, int], ...]
    """How often each answer was given without it."""


def show_strip(weights: Sequence[Weight], options: ViewOptions) -> None:
    """Show the strip where a person sees it: below what runs in a page, or in the terminal."""
    if options.quiet:
        return
    labels = labels_for(options.language)
    if where_for(shell_of(), options) == "terminal":
        sys.stdout.write(strip_text(weights, labels) + "\n")
    else:
        publish(*strip_bundle(weights, labels))


def strip_bundle(
    weights: Sequence[Weight], labels: Labels
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the strip as a saved output."""
    data = {
        "text/html": strip_html(weights, labels),
        "text/markdown": strip_markdown(weights, labels),
        "text/plain": strip_text(weights, labels),
    }
    described = [{"sentence": w.number, "weight": w.weight} for w in weights]
    return data, {"glm_magic": {"schema": SCHEMA, "anchors": described}}


def strip_html(weights: Sequence[Weight], labels: Labels) -> str:
    """Return the strip as HTML."""
    bars = "".join(_bar(weight, labels) for weight in weights)
    text = "".join(_sentence(weight, labels) for weight in weights)
    return (
        f'<div class="glm glm-strip" role="group" aria-label="{escape_attribute(labels.anchors)}"'
        f' style="{_BOX}"><style>{page_style("glm-strip")}</style>'
        f'<p style="margin:0 0 .5em">{escape_html(labels.anchors)}</p>'
        f'<div class="glm-bars" style="display:flex;align-items:flex-end;gap:2px;'
        f'height:{_HEIGHT_EM}em;margin:0 0 .9em">{bars}</div><p style="margin:0">{text}</p></div>'
    )


def _bar(weight: Weight, labels: Labels) -> str:
    height = max(0.12, (weight.weight or 0.0) * _HEIGHT_EM)
    return (
        f'<i title="{_tip(weight, labels)}" style="flex:1 1 0;min-width:2px;max-width:3em;'
        f"height:{height:.2f}em;border-radius:2px 2px 0 0;"
        f'background:{_colour(weight, 0.35, 0.65)}"></i>'
    )


def _sentence(weight: Weight, labels: Labels) -> str:
    return (
        f'<span title="{_tip(weight, labels)}" style="border-radius:3px;padding:.1em .15em;'
        f'background:{_colour(weight, 0.0, 0.55)}">'
        f"{escape_html(weight.sentence)}</span> "
    )


def _colour(weight: Weight, least: float, more: float) -> str:
    if weight.weight is None:
        return "rgba(128,128,128,.15)"
    return f"rgba(47,132,214,{least + more * weight.weight:.2f})"


def _tip(weight: Weight, labels: Labels) -> str:
    return escape_attribute(f"{weight.number} · {_figure(weight, labels)} · {_answers(weight)}")


def _figure(weight: Weight, labels: Labels) -> str:
    return labels.unknown if weight.weight is None else f"{weight.weight:.2f}"


def _answers(weight: Weight) -> str:
    most = sorted(weight.answers, key=lambda pair: -pair[1])
    named = [f"{count}× {shorten(str(answer), 60)}" for answer, count in most[:_SHOWN]]
    return ", ".join([*named, *(["…"] if len(most) > _SHOWN else [])]) or _UNKNOWN


def strip_markdown(weights: Sequence[Weight], labels: Labels) -> str:
    """Return the sentences as a table in Markdown."""
    lines = [f"**{escape_markdown(labels.anchors)}** {_blocks(weights)}", ""]
    lines += [f"|  | {labels.anchors_weight} | {labels.anchors_sentence} |", "|---|---|---|"]
    lines += [
        f"| {w.number} | {_figure(w, labels)} | {escape_markdown(shorten(w.sentence, 200))} |"
        for w in weights
    ]
    return "\n".join(lines)


def strip_text(weights: Sequence[Weight], labels: Labels) -> str:
    """Return the strip as a line of blocks, and the sentences below it."""
    lines = [f"{labels.anchors}: {_blocks(weights)}"]
    lines += [f"{w.number:>4}  {_figure(w, labels):>4}  {shorten(w.sentence, 90)}" for w in weights]
    return escape_controls("\n".join(lines))


def _blocks(weights: Sequence[Weight]) -> str:
    last = len(_BLOCKS) - 1
    return "".join(
        _UNKNOWN if w.weight is None else _BLOCKS[round(w.weight * last)] for w in weights
    )
