"""The ratios of a run as a small picture: a bar for each figure, a line where its reach is."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from tests.benchmarks.figures import Figure

WIDTH, LABEL, ROW = 760, 370, 22
STYLE = "font: 12px sans-serif; fill: #555"


def plot(figures: Sequence[Figure]) -> str:
    """Return an SVG of all figures that stand beside something and have a reach."""
    shown = [figure for figure in figures if figure.ratio is not None and figure.reach]
    rows = "\n".join(_row(figure, number) for number, figure in enumerate(shown))
    height = ROW * len(shown) + 8
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{height}" '
        f'viewBox="0 0 {WIDTH} {height}" style="{STYLE}">\n{rows}\n</svg>\n'
    )


def _row(figure: Figure, number: int) -> str:
    """Draw one bar; the reach of every row stands at the same place."""
    assert figure.ratio is not None
    assert figure.reach is not None
    top, middle = number * ROW + 4, number * ROW + 18
    reach_px = (WIDTH - LABEL) * 0.55
    length = min(reach_px * figure.ratio / figure.reach, WIDTH - LABEL - 44)
    colour = "#3b8f5a" if figure.met else "#c2683a"
    sign = "≥" if figure.at_least else "≤"
    at = LABEL + reach_px
    return (
        f'<text x="{LABEL - 8}" y="{middle}" text-anchor="end">'
        f"{escape(figure.what)} ({sign} {figure.reach:g})</text>"
        f'<rect x="{LABEL}" y="{top}" width="{length:.0f}" height="{ROW - 6}" rx="2" '
        f'fill="{colour}"/>'
        f'<text x="{LABEL + length + 5:.0f}" y="{middle}">{figure.ratio:.2f}</text>'
        f'<path d="M{at:.0f} {top - 2}v{ROW - 2}" stroke="#888" stroke-dasharray="2 2"/>'
    )
