"""A turn in a terminal."""
