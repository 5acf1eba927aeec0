"""Whether work takes linear time, however busy the computer is.

Two sizes are measured in turn, in the processor's own seconds, and the best of several looks counts
for each: other work only ever adds. What is quadratic takes too long in every look.
"""

from __future__ import annotations

import gc
import math
import time
from collections.abc import Callable
from typing import Any

LOOKS = 6
TOO_MUCH = 2.5
"""So many times more than in proportion; quadratic work takes at least four times as much, since
no two sizes here are closer than that."""


def cpu_seconds(work: Callable[[Any], object], given: Any) -> float:
    """Return what some work takes of the processor, in all threads; nothing is collected in it."""
    gc.collect()
    gc.disable()
    try:
        began = time.process_time()
        work(given)
        return time.process_time() - began
    finally:
        gc.enable()


def is_linear(
    work: Callable[[Any], object],
    short: int,
    long: int,
    *,
    given: Callable[[int], Any] = int,
    quick_s: float = 0.0,
) -> bool:
    """Whether work of a long size takes about as much more as the size is longer.

    Parameters
    ----------
    work : Callable[[Any], object]
        What is measured.
    short, long : int
        The sizes, the longer at least four times the shorter.
    given : Callable[[int], Any]
        Makes what the work gets of a size, anew for each look, which is not measured; else it gets
        the size.
    quick_s : float
        Seconds of the processor in which the longer may be done without a comparison.
    """
    assert long >= 4 * short
    short_s = long_s = math.inf
    for _ in range(LOOKS):
        long_s = min(long_s, cpu_seconds(work, given(long)))
        if long_s < quick_s:
            return True
        short_s = min(short_s, cpu_seconds(work, given(short)))
        if long_s < TOO_MUCH * long / short * short_s:
            return True
    return False
