"""Turns and calls as pandas DataFrames: what the rooms above use of `engine.frame`."""

from ..engine.frame import frame, turns_frame

__all__ = ["frame", "turns_frame"]
