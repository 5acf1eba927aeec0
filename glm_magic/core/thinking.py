"""Whether a model is to think, and how much: what a caller may write."""

from __future__ import annotations

Thinking = bool | str | None
"""``None`` or ``"auto"``: the provider's default; True; False; or an effort level (``"high"``)."""

EFFORT_LEVELS = ("minimal", "low", "medium", "high", "xhigh", "max")
"""Every effort level that any of the providers knows, weakest first."""

THINKING_WORDS = ("on", "off", "auto", *EFFORT_LEVELS)
"""What may be written where thinking is asked for."""


def thinking_of(word: Thinking) -> Thinking:
    """Return the request for thinking that a word means: ``"on"`` is True, ``"off"`` False."""
    return {"on": True, "off": False}.get(word, word) if isinstance(word, str) else word
