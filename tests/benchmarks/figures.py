"""Figures of one run: measured beside their floor or peer, and told against what is hoped for."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Figure:
    """One measured figure."""

    group: str
    what: str
    value: float
    unit: str
    beside: str = ""
    """What else was measured in the same run."""
    beside_value: float | None = None
    reach: float | None = None
    """Most that is hoped for: of the ratio where something stands beside, else of the value."""
    at_least: bool = False
    """True where more is better."""

    @property
    def ratio(self) -> float | None:
        """Value over what stands beside it."""
        return self.value / self.beside_value if self.beside_value else None

    @property
    def met(self) -> bool | None:
        """Whether the reach was met; ``None`` without one."""
        if self.reach is None:
            return None
        reached = self.value if self.ratio is None else self.ratio
        return reached >= self.reach if self.at_least else reached <= self.reach

    def to_dict(self) -> dict[str, Any]:
        """Return the figure for a JSON file."""
        return {**asdict(self), "ratio": self.ratio, "met": self.met}


def cpu_s(work: Callable[[], object]) -> float:
    """Return the CPU time that this process, with all its threads, spends on `work`."""
    began = time.process_time()
    work()
    return time.process_time() - began


def in_turn(
    works: dict[str, Callable[[], object]],
    measure: Callable[[Callable[[], object]], float],
    rounds: int,
) -> dict[str, float]:
    """Measure each work once a round, after one round that is not counted; return the medians."""
    seconds: dict[str, list[float]] = {name: [] for name in works}
    for number in range(rounds + 1):
        for name, work in works.items():
            figure = measure(work)
            if number:
                seconds[name].append(figure)
    return {name: statistics.median(figures) for name, figures in seconds.items()}


def table(figures: Sequence[Figure]) -> str:
    """Return figures as a Markdown table."""
    head = "| what | measured | peer or floor | its figure | ratio | reach | |"
    rule = "|---|---:|---|---:|---:|---:|---|"
    return "\n".join([head, rule, *(_row(figure) for figure in figures)])


def reach_of(figure: Figure) -> str:
    """Return what is hoped for in words; empty where nothing is."""
    if figure.reach is None:
        return ""
    part = f"1/{1 / figure.reach:g}" if 0 < figure.reach < 1 else f"{figure.reach:g}"
    return f"{'≥' if figure.at_least else '≤'} {part}"


def _row(figure: Figure) -> str:
    its = _with_unit(figure.beside_value, figure.unit) if figure.beside_value is not None else ""
    ratio = "" if figure.ratio is None else f"{figure.ratio:.2f}"
    verdict = {None: "", True: "met", False: "**missed**"}[figure.met]
    value = _with_unit(figure.value, figure.unit)
    cells = (figure.what, value, figure.beside, its, ratio, reach_of(figure), verdict)
    return f"| {' | '.join(cells)} |"


def _with_unit(value: float, unit: str) -> str:
    """Return three digits at least, with the unit."""
    return f"{value:,.0f} {unit}".rstrip() if abs(value) >= 100 else f"{value:.3g} {unit}".rstrip()
