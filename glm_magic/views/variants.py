"""Which of a cell's runs a turn is.

The other runs of a cell: which of them this is, what the others answered, and the way there.
"""

from __future__ import annotations

from ..core.turn import Turn
from .labels import Labels
from .markup.escape import escape_attribute, escape_html, strip_blank_lines
from .markup.markdown import markdown_html
from .markup.sanitize import sanitize_markdown
from .options import Variants, ViewOptions


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


def run_label(turn: Turn, options: ViewOptions, said: Labels) -> str:
    """Return ``run 2/3``; empty for the only run of a cell."""
    count = len(options.variants.turns) if options.variants is not None else 0
    if options.variants is None or count < 2:
        return ""
    return said.run.format(number=place_of(turn, options.variants) + 1, count=count)


MOST_KEPT = 3
"""Other runs whose answers stay in the file."""


def with_arrows(label: str, turn: Turn, options: ViewOptions, said: Labels) -> str:
    """Return a run's label between two arrows, which show where a live panel takes their clicks."""
    if options.variants is None or turn.status == "streaming":
        return escape_html(label)
    place, last = place_of(turn, options.variants), len(options.variants.turns) - 1
    at = stamp(turn)
    back = _arrow("◀", place - 1, at, said.run_before, off=place == 0)
    on = _arrow("▶", place + 1, at, said.run_after, off=place == last)
    return f"{back}{escape_html(label)}{on}"


def _arrow(sign: str, place: int, at: str, title: str, *, off: bool) -> str:
    return (
        f'<button type="button" class="glm-go" data-sign="{sign}" data-run="{place}" data-at="{at}"'
        f' title="{escape_attribute(title)}" aria-label="{escape_attribute(title)}"'
        f' style="display:none"{" disabled" * off}></button>'
    )


def others(turn: Turn, options: ViewOptions, said: Labels) -> list[tuple[str, str]]:
    """Return label and answer of the last runs beside this one that answered."""
    if options.variants is None or options.hold == "answer":
        return []
    turns = options.variants.turns
    shown = place_of(turn, options.variants)
    answered = [place for place in range(len(turns)) if turns[place].answer.strip()]
    told = [place for place in answered if place != shown][-MOST_KEPT:]
    return [
        (
            f"{said.run.format(number=place + 1, count=len(turns))} · {turns[place].model}",
            strip_blank_lines(turns[place].answer),
        )
        for place in told
    ]


def others_html(turn: Turn, options: ViewOptions, said: Labels) -> str:
    """Return the other answers, each behind a line that opens it."""
    return "".join(
        f'<details class="glm-tool glm-other"><summary>{escape_html(label)}</summary>'
        f"<div>{markdown_html(answer)}</div></details>\n"
        for label, answer in others(turn, options, said)
    )


def others_markdown(turn: Turn, options: ViewOptions, said: Labels) -> str:
    """Return the same as Markdown."""
    return "\n\n".join(
        f"<details><summary>{escape_html(label)}</summary>\n\n{sanitize_markdown(answer)}\n\n</details>"
        for label, answer in others(turn, options, said)
    )
