"""How many threads the model may use."""

from __future__ import annotations

import os
from pathlib import Path

_QUOTA = Path("/sys/fs/cgroup/cpu.max")


def threads() -> int:
    """Return a sensible number of threads: real cores, and no more than this process may use.

    With more than a few logical processors, half of them stand for the real cores: a second thread
    on one core only slows the first.
    """
    usable = min(_processors(), _quota())
    return usable if usable <= 4 else max(4, usable // 2)


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
