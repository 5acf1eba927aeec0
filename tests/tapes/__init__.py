"""Tapes, comparisons, the player, and the lessons that use them."""
