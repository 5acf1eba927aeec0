"""Token counts, as a provider reported them."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens of one reply, or a sum over replies.

    Buckets are inclusive: `cached` is part of `input`, `reasoning` is part of `output`. ``None``
    means that the provider did not report the figure; zero means it reported zero.
    """

    input: int | None = None
    """Prompt tokens, cached ones included."""
    output: int | None = None
    """Generated tokens, reasoning included."""
    cached: int | None = None
    """Prompt tokens that the provider read from its context cache."""
    reasoning: int | None = None
    """Generated tokens that were reasoning."""

    @property
    def total(self) -> int | None:
        """`input` plus `output`, or ``None`` where either is unknown."""
        if self.input is None or self.output is None:
            return None
        return self.input + self.output

    def __add__(self, other: Usage) -> Usage:
        """Add two replies' usage; a figure that neither reported stays ``None``."""
        return Usage(
            _plus(self.input, other.input),
            _plus(self.output, other.output),
            _plus(self.cached, other.cached),
            _plus(self.reasoning, other.reasoning),
        )


def _plus(a: int | None, b: int | None) -> int | None:
    if a is None:
        return b
    return a if b is None else a + b
