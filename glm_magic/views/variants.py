"""The runs of a cell on each other's pages: which one this is, the arrows, the other answers."""

from __future__ import annotations

from ..core.turn import Turn
from .labels import Labels
from .markup.escape import SUMMARY, escape_attribute, escape_html, strip_blank_lines, summary_text
from .markup.markdown import markdown_html
from .markup.sanitize import Tame
from .options import Variants, ViewOptions

MAX_OTHERS = 3
"""Other runs whose answers are saved too."""


def stamp(turn: Turn) -> str:
    """Return when a run was sent, in milliseconds: how a page and its kernel identify it."""
    sent_at = turn.timing.started_at
    return "" if sent_at is None else str(round(sent_at * 1000))


def index_of(turn: Turn, variants: Variants) -> int:
    """Return which run a turn is; the chosen one when it cannot be told."""
    turns = variants.turns
    matches = [index for index, run in enumerate(turns) if run is turn]
    sent_at = stamp(turn)
    if not matches and sent_at:
        matches = [index for index, run in enumerate(turns) if stamp(run) == sent_at]
    return matches[-1] if matches else variants.chosen


def with_arrows(label: str, turn: Turn, options: ViewOptions, labels: Labels) -> str:
    """Return a run's label between two arrows, which only show where a panel receives clicks."""
    if options.variants is None or turn.status == "streaming":
        return escape_html(label)
    index, last = index_of(turn, options.variants), len(options.variants.turns) - 1
    sent_at = stamp(turn)
    before = _arrow("◀", index - 1, sent_at, labels.run_before, disabled=index == 0)
    after = _arrow("▶", index + 1, sent_at, labels.run_after, disabled=index == last)
    return f"{before}{escape_html(label)}{after}"


def _arrow(sign: str, index: int, sent_at: str, title: str, *, disabled: bool) -> str:
    title = escape_attribute(title)
    return (
        f'<button type="button" class="glm-go" data-sign="{sign}" data-run="{index}"'
        f' data-at="{sent_at}" title="{title}" aria-label="{title}"'
        f' style="display:none"{" disabled" * disabled}></button>'
    )


def _others(turn: Turn, options: ViewOptions, labels: Labels) -> list[tuple[str, str]]:
    """Return label and answer of the newest other runs that answered."""
    if options.variants is None or options.hold == "answer":
        return []
    turns = options.variants.turns
    shown = index_of(turn, options.variants)
    answered = [i for i, run in enumerate(turns) if run.answer.strip() and i != shown]
    return [
        (
            f"{labels.run.format(number=index + 1, count=len(turns))} · {turns[index].model}",
            strip_blank_lines(turns[index].answer),
        )
        for index in answered[-MAX_OTHERS:]
    ]


def others_html(turn: Turn, options: ViewOptions, labels: Labels) -> str:
    """Return the answers of other runs, each behind a line that opens it."""
    return "".join(
        f'<details class="glm-tool glm-other">{SUMMARY}{escape_html(label)}</summary>'
        f"<div>{markdown_html(answer)}</div></details>\n"
        for label, answer in _others(turn, options, labels)
    )


def others_markdown(turn: Turn, options: ViewOptions, labels: Labels, tame: Tame) -> str:
    """Return the answers of other runs as Markdown."""
    return "\n\n".join(
        f"<details><summary>{summary_text(label)}</summary>\n\n{tame(answer)}\n\n</details>"
        for label, answer in _others(turn, options, labels)
    )
