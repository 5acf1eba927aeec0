"""The ratios of a run as a small picture: a bar for each figure, a line where its reach is.

It is shown on a page that may be light or dark, which the style sheet inside it follows.
"""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from tests.benchmarks.figures import Figure, reach_of

WIDTH, LABEL, ROW, BAR = 860, 420, 34, 16
REACH = LABEL + 230
"""Where the reach of every row is."""
END = WIDTH - 92
"""Where the longest bar ends, and the ratios begin."""
STYLE = """
text { font: 13px sans-serif; fill: #333 }
.peer { font-size: 11px; fill: #666 }
.met { fill: #2e7d4f }
.missed { fill: #b3541e }
path { stroke: #333; stroke-dasharray: 3 2 }
@media (prefers-color-scheme: dark) {
  text { fill: #e6e6e6 }
  .peer { fill: #a8a8a8 }
  .met { fill: #4fb37a }
  .missed { fill: #e0834f }
  path { stroke: #e6e6e6 }
}
"""


def plot(figures: Sequence[Figure]) -> str:
    """Return an SVG of all figures that stand beside something and have a reach."""
    shown = [figure for figure in figures if figure.ratio is not None and figure.reach]
    rows = "\n".join(_row(figure, number) for number, figure in enumerate(shown))
    height = ROW * len(shown) + 8
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{height}" '
        f'viewBox="0 0 {WIDTH} {height}">\n<style>{STYLE}</style>\n{rows}\n</svg>\n'
    )


def _row(figure: Figure, number: int) -> str:
    """Draw one bar; the reach of every row stands at the same place."""
    assert figure.ratio is not None
    assert figure.reach is not None
    top = number * ROW + 4
    length = min((REACH - LABEL) * figure.ratio / figure.reach, END - LABEL)
    verdict = "met" if figure.met else "missed"
    beside = f"beside {figure.beside}, {reach_of(figure)}"
    return (
        f'<text x="{LABEL - 10}" y="{top + 12}" text-anchor="end">{escape(figure.what)}</text>'
        f'<text class="peer" x="{LABEL - 10}" y="{top + 26}" text-anchor="end">'
        f"{escape(beside)}</text>"
        f'<rect class="{verdict}" x="{LABEL}" y="{top + 5}" width="{length:.0f}" '
        f'height="{BAR}" rx="2"/>'
        f'<path d="M{REACH} {top + 1}v{ROW - 8}"/>'
        f'<text x="{END + 8}" y="{top + 18}">{figure.ratio:.2f}'
        f"{'' if figure.met else ' missed'}</text>"
    )
