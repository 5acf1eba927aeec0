"""Whether work takes linear time, however busy the computer is.

Two sizes are measured in turn, in the processor's own seconds, and the best of several looks counts
for each: other work only ever adds. What is quadratic takes too long in every look.
"""

from __future__ import annotations

import gc
import math
import time
from collections.abc import Callable

LOOKS = 6
TOO_MUCH = 2.5
"""So many times more than in proportion; quadratic work takes at least four times as much, since
no two sizes here are closer than that."""


def cpu_seconds(work: Callable[[], object]) -> float:
    """Return what some work takes of the processor, in all threads; nothing is collected in it."""
    gc.collect()
    gc.disable()
    try:
        began = time.process_time()
        work()
        return time.process_time() - began
    finally:
        gc.enable()


def is_linear(
    work: Callable[[int], object], short: int, long: int, *, quick_s: float = 0.0
) -> bool:
    """Whether work of a long size takes about as much more as the size is longer.

    Parameters
    ----------
    work : Callable[[int], object]
        What is measured, given the size.
    short, long : int
        The sizes, the longer at least four times the shorter.
    quick_s : float
        Seconds of the processor in which the longer may be done without a comparison.
    """
    assert long >= 4 * short
    short_s = long_s = math.inf
    for _ in range(LOOKS):
        long_s = min(long_s, cpu_seconds(lambda: work(long)))
        if long_s < quick_s:
            return True
        short_s = min(short_s, cpu_seconds(lambda: work(short)))
        if long_s < TOO_MUCH * long / short * short_s:
            return True
    return False
