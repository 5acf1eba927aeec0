"""How much memory a process of its own takes."""

from __future__ import annotations

PEAK = """
def peak_mb():
    with open("/proc/self/status") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("VmHWM")) / 1024
"""
"""Code of a function that returns the most memory so far. What `resource` reports begins, in a
process that was started, with that of the one which started it, and hides what is smaller."""
