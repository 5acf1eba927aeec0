"""The output that stays in the file."""
