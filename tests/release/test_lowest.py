"""What is said to be enough is enough: replies with the lowest version of each requirement."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.hosts.seen import installed

ROOT = Path(__file__).parents[2]
PARTS = (
    "tests/api/test_replies.py",
    "tests/faults/test_pool.py",
    "tests/laws/test_gathering.py",
    "tests/laws/test_sockets.py",
    "tests/magic/test_outputs.py",
)


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_replies_arrive_with_the_lowest_requirements() -> None:
    lowest = installed("lowest")
    outside = {name: text for name, text in os.environ.items() if not name.startswith("PYTEST_")}
    # Some plugins of pytest that are installed want newer packages.
    changed = {"PYTHONPATH": str(lowest), "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    pytest_ = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"]
    run = subprocess.run(
        [*pytest_, "-p", "pytest_timeout", *PARTS],
        env={**outside, **changed},
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stdout[-5000:] + run.stderr[-1000:]
    assert " passed" in run.stdout
