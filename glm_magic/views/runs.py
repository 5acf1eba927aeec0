"""The other runs of a cell: which of them this is, and what the others answered."""

from __future__ import annotations

from ..core.turn import Turn
from .markdown import markdown_html
from .options import Variants, ViewOptions
from .safe import text_html, trimmed
from .taming import tamed
from .words import Words

MOST_KEPT = 3
"""Earlier runs whose answers stay in the file."""


def place_of(turn: Turn, variants: Variants) -> int:
    """Return which run a turn is, from 0; the newest when it cannot be told."""
    turns = variants.turns
    sent_at = turn.timing.started_at
    for place in range(len(turns) - 1, -1, -1):
        if sent_at is not None and turns[place].timing.started_at == sent_at:
            return place
    return max(0, len(turns) - 1)


def run_label(turn: Turn, options: ViewOptions, said: Words) -> str:
    """Return ``run 2/3``; empty for the only run of a cell."""
    count = len(options.variants.turns) if options.variants is not None else 0
    if options.variants is None or count < 2:
        return ""
    return said.run.format(number=place_of(turn, options.variants) + 1, count=count)


def earlier(turn: Turn, options: ViewOptions, said: Words) -> list[tuple[str, str]]:
    """Return label and answer of the last runs before this one that answered."""
    if options.variants is None or options.hold == "answer":
        return []
    turns = options.variants.turns
    before = range(place_of(turn, options.variants))
    told = [place for place in before if turns[place].answer.strip()][-MOST_KEPT:]
    return [
        (
            f"{said.run.format(number=place + 1, count=len(turns))} · {turns[place].model}",
            trimmed(turns[place].answer),
        )
        for place in told
    ]


def earlier_html(turn: Turn, options: ViewOptions, said: Words) -> str:
    """Return the earlier answers, each behind a line that opens it."""
    return "".join(
        f'<details class="glm-tool glm-earlier"><summary>{text_html(label)}</summary>'
        f"<div>{markdown_html(answer)}</div></details>\n"
        for label, answer in earlier(turn, options, said)
    )


def earlier_markdown(turn: Turn, options: ViewOptions, said: Words) -> str:
    """Return the same as Markdown."""
    return "\n\n".join(
        f"<details><summary>{text_html(label)}</summary>\n\n{tamed(answer)}\n\n</details>"
        for label, answer in earlier(turn, options, said)
    )
