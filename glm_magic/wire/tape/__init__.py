"""Tapes: what a model said, byte for byte with its times, in a text file that replays it."""
