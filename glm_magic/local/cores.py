"""How many threads the model may use."""

from __future__ import annotations

import os
from pathlib import Path

_QUOTA = Path("/sys/fs/cgroup/cpu.max")


_MOST = 8


def threads() -> int:
    """Return a sensible number of threads: half of the processors this process may use.

    That is the number of real cores on most computers. It also leaves room for the notebook: the
    threads wait for each other after every layer, so that one busy processor slows all of them
    (measured on two: 10 tokens a second with two threads, 43 with one).
    """
    return min(_MOST, max(1, min(_processors(), _quota()) // 2))


def _processors() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _quota() -> int:
    """Return the container's share in whole processors; without a limit, all there are."""
    try:
        quota_us, period_us = _QUOTA.read_text(encoding="ascii").split()
        return max(1, int(quota_us) // int(period_us))
    except (OSError, ValueError):
        return os.cpu_count() or 1
