"""Run the benchmarks: ``python -m tests.benchmarks [PART …] [--write]``; all parts without a name.

``--write`` puts the figures into RESULTS.md, results.json and results.svg beside this file.
"""

from __future__ import annotations

import json
import os
import platform
import sys
import time
from datetime import UTC, datetime
from importlib import import_module
from itertools import groupby
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.benchmarks.figures import Figure, table
from tests.benchmarks.plot import plot

PARTS = (
    "decoding", "starting", "memory", "classroom", "stopping", "many", "rows", "storing",
    "painting",
)  # fmt: skip
HERE = Path(__file__).parent
HEAD = """# What glm_magic costs on top of the model

Each figure stands beside a peer or a floor that was measured in the same run. The ratio is the
figure over the peer's; "reach" is what is hoped for, and a missed one says so. Written by
`make bench`; `results.json` has the same figures.
"""


def main(arguments: list[str]) -> None:
    """Measure the parts that are named, and print each group as it is done."""
    with TemporaryDirectory() as home:  # of a user who has no conversation yet
        os.environ["GLM_HOME"] = home
        figures = _measured(arguments)
    if "--write" in arguments:
        _write(figures)


def _measured(arguments: list[str]) -> list[Figure]:
    figures: list[Figure] = []
    for part in [name for name in arguments if not name.startswith("-")] or PARTS:
        began = time.monotonic()
        results = list(import_module(f"tests.benchmarks.{part}").run())
        print(f"\n{_tables(results)}\n\n({part}: {time.monotonic() - began:.0f} s)", flush=True)
        figures += results
    return figures


def _tables(figures: list[Figure]) -> str:
    groups = groupby(figures, key=lambda figure: figure.group)
    return "\n\n".join(f"## {name}\n\n{table(list(group))}" for name, group in groups)


def _machine() -> str:
    """Describe the machine by its shape, without its name."""
    memory_gb = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9
    system, python = platform.system(), platform.python_version()
    return f"{os.cpu_count()} cores, {memory_gb:.0f} GB, {system}, Python {python}"


def _write(figures: list[Figure]) -> None:
    today = f"{datetime.now(UTC):%Y-%m-%d}"
    run = f"{today}, {_machine()}, `make bench`"
    page = f"{HEAD}\n{run}.\n\n![ratios](results.svg)\n\n{_tables(figures)}\n"
    (HERE / "RESULTS.md").write_text(page, encoding="utf-8")
    (HERE / "results.svg").write_text(plot(figures), encoding="utf-8")
    results = {"run": run, "figures": [figure.to_dict() for figure in figures]}
    (HERE / "results.json").write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
