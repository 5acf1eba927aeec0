"""Conversations: slots, variants and context."""
