"""The distinct answers to a prompt as bars, each with the thoughts that led to it.

A bar is drawn by a style of its own, which survives where style sheets do not; without any, each
line reads as a sentence. Its size has a bound, whatever was asked.
"""

from __future__ import annotations

from collections.abc import Sequence

from ...core.i18n import translate
from ...core.progress import Ballot
from ...core.text import head_and_tail, shorten
from ..labels import Labels
from ..markup.escape import SUMMARY, escape_html

MAX_BARS = 12
"""Answers that have a bar."""
MAX_THOUGHTS = 5
"""Replies of one answer whose reasoning can be opened."""
LONGEST = 1500
"""Characters of a reasoning."""
_ANSWER = 120
_TRACK = "display:inline-block;vertical-align:middle;width:9em;height:.7em;border-radius:3px"
_TEXT = "white-space:pre-wrap;overflow-wrap:anywhere"


def histogram_html(ballots: Sequence[Ballot], labels: Labels) -> str:
    """Return answers as bars, the most frequent first."""
    most = max(ballot.share for ballot in ballots)
    bars = "".join(_bar_html(ballot, most, labels) for ballot in ballots[:MAX_BARS])
    left = len(ballots) - MAX_BARS
    more = labels.vote_others.format(count=f"{left:,}")
    return f'<div class="glm-vs">{bars}{f"<p>{more}</p>" if left > 0 else ""}</div>'


def _bar_html(ballot: Ballot, most: float, labels: Labels) -> str:
    percent = 100 * ballot.share / most
    fill = f"linear-gradient(90deg,#2f84d6 {percent:.1f}%,rgba(128,128,128,.18) 0)"
    answer = escape_html(shorten(ballot.answer, _ANSWER) if ballot.answer else "—")
    cost = translate(ballot.cost.to_text(), labels.language) if ballot.cost.amounts else ""
    facts = [f"{ballot.count:,}", f"{100 * ballot.share:.0f} %", *([cost] if cost else [])]
    line = (
        f'<b class="glm-va">{answer}</b> <i class="glm-vi" style="{_TRACK};background:{fill}"></i>'
        f' <span class="glm-vf">{escape_html(" · ".join(facts))}</span>'
    )
    thoughts = [(number, text) for number, text in ballot.thoughts if text.strip()]
    if not thoughts:
        return f'<div class="glm-v1">{line}</div>'
    shown = "".join(_thought_html(*thought, labels) for thought in thoughts[:MAX_THOUGHTS])
    left = len(thoughts) - MAX_THOUGHTS
    more = f"<p>{labels.vote_more.format(count=f'{left:,}')}</p>" if left > 0 else ""
    head = labels.vote_thoughts.format(count=f"{len(thoughts):,}")
    return f'<details class="glm-v1">{SUMMARY}{line}</summary><p>{head}</p>{shown}{more}</details>'


def _thought_html(number: int, text: str, labels: Labels) -> str:
    head, left, tail = head_and_tail(text.strip(), LONGEST)
    name = labels.vote_sample.format(number=number)
    cut = f"{head}\n… ({left:,})\n{tail}" if left else head
    return (
        f'<details class="glm-v2">{SUMMARY}{escape_html(name)}: {escape_html(shorten(text, 80))}'
        f'</summary><div style="{_TEXT}">{escape_html(cut)}</div></details>'
    )
