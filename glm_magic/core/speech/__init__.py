"""Sentences of ours in another language than English."""
